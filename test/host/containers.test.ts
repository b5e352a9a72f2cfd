import { describe, expect, test } from 'vitest';
import { type Container, enginesHere, parseInspect, pickContainer } from '../../src/host/containers.ts';

const webId = 'a'.repeat(64);
const podmanInspect = [
  {
    Id: webId,
    Name: 'web',
    IsInfra: false,
    State: { Status: 'running', Pid: 4711 },
    ResolvConfPath: '/run/containers/storage/overlay-containers/web/userdata/resolv.conf',
    HostsPath: '/run/containers/storage/overlay-containers/web/userdata/hosts',
    NetworkSettings: { SandboxKey: '/run/netns/netns-1' },
    HostConfig: { NetworkMode: 'bridge' },
  },
];

describe('parseInspect', () => {
  test('reads what Podman prints', () => {
    expect(parseInspect('podman', JSON.stringify(podmanInspect))).toEqual([
      {
        id: webId,
        name: 'web',
        runtime: 'podman',
        pid: 4711,
        netnsPath: '/run/netns/netns-1',
        hostsPath: '/run/containers/storage/overlay-containers/web/userdata/hosts',
        resolvConfPath: '/run/containers/storage/overlay-containers/web/userdata/resolv.conf',
        hostNetwork: false,
        infrastructure: false,
      },
    ]);
  });

  test('reads what Docker prints: a slash before the name, no pid when it has ended', () => {
    const text = JSON.stringify([
      { Id: webId, Name: '/web', State: { Pid: 0 }, HostConfig: { NetworkMode: 'host' }, HostsPath: '' },
    ]);
    expect(parseInspect('docker', text)).toEqual([
      expect.objectContaining({ name: 'web', pid: null, hostNetwork: true, hostsPath: null, netnsPath: null }),
    ]);
  });

  test.each([
    ['no JSON', 'Error: no such container'],
    ['no array', '{"Id": "x"}'],
  ])('says that it cannot read %s', (_title, text) => {
    expect(parseInspect('podman', text)).toBeNull();
  });

  test('leaves out entries without an id or a name', () => {
    expect(
      parseInspect('podman', JSON.stringify([{ Name: 'x' }, { Id: webId }, { Id: '-x', Name: 'x' }, 5, null])),
    ).toEqual([]);
  });
});

describe('enginesHere', () => {
  const looked = (files: readonly string[], programs: readonly string[]) => {
    const { asked, missing } = enginesHere({
      fileIsThere: (path) => files.includes(path),
      programIsThere: (program) => programs.includes(program),
    });
    return { asked: asked.map(({ runtime }) => runtime), missing: [...missing.values()] };
  };

  test.each([
    ['that have run', ['/run/libpod', '/run/docker.sock'], ['podman', 'docker'], ['podman', 'docker']],
    ['none that is there and has not run', [], ['podman', 'docker'], []],
    ['one that others share a folder with', ['/run/containers/storage'], ['podman'], ['podman']],
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
    pid: 1,
    netnsPath: null,
    hostsPath: null,
    resolvConfPath: null,
    hostNetwork: false,
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
