import { describe, expect, test } from 'vitest';
import { enginesHere, pickContainer } from '../../src/host/containers.ts';
import type { Container } from '../../src/host/parse/containers.ts';

describe('enginesHere', () => {
  const looked = (files: readonly string[], programs: readonly string[]) => {
    const { asked, missing } = enginesHere({
      fileIsThere: (path) => files.includes(path),
      programIsThere: (program) => programs.includes(program),
    });
    return { asked: asked.map(({ program }) => program), missing: [...missing.values()] };
  };

  test.each([
    ['that have run', ['/run/libpod', '/run/docker.sock'], ['podman', 'docker'], ['podman', 'docker']],
    ['none that is there and has not run', [], ['podman', 'docker'], []],
    ['one that others share a folder with', ['/run/containers/storage'], ['podman'], ['podman']],
    [
      'those that few hosts have',
      ['/var/lib/nerdctl', '/var/lib/kubelet'],
      ['nerdctl', 'crictl'],
      ['crictl', 'nerdctl'],
    ],
    ['none that only the others have run of', ['/run/containers/storage'], ['docker'], []],
  ])('asks those %s', (_title, files, programs, asked) => {
    expect(looked(files, programs)).toEqual({ asked, missing: [] });
  });

  test('says of one that runs that its program was not found', () => {
    const { asked, missing } = looked(['/run/libpod', '/run/docker.sock'], ['podman']);
    expect(asked).toEqual(['podman']);
    expect(missing).toEqual([
      expect.stringMatching(
        /^Containers of docker are not known: \/run\/docker\.sock is there, but no program docker is in \/usr\/sbin, .*, \/snap\/bin\.$/,
      ),
    ]);
  });
});

describe('pickContainer', () => {
  const container = (name: string, id: string): Container => ({
    name,
    id,
    runtime: 'podman',
    networks: null,
    ports: null,
    pid: 1,
    netnsPath: null,
    hostsPath: null,
    resolvConfPath: null,
    hostNetwork: false,
    joins: false,
    infrastructure: false,
  });
  const one = container('web', 'abcdef012345'.padEnd(64, '0'));
  const two = container('db', 'abcdef012345'.padEnd(64, '1'));

  test.each<[string, Container | null]>([
    ['web', one],
    [two.id, two],
    ['abcdef0123450000', one],
    ['abcdef012345', null],
    ['ab', null],
    ['cache', null],
  ])('%s', (asked, expected) => {
    expect(pickContainer([one, two], asked)).toBe(expected);
  });
});
