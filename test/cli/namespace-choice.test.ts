import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/cli/errors.ts';
import { namespaceCalled, namespacesInSight } from '../../src/cli/namespace-choice.ts';

const namespaces = [
  { name: 'host', netnsName: null, container: null },
  { name: 'web', netnsName: 'podman-1', container: { name: 'web' } },
  { name: 'pid:12', netnsName: null, container: { name: 'db' } },
  { name: 'podman-1', netnsName: 'podman-2', container: null },
];

describe('the namespace of a name', () => {
  it.each([
    ['its own', 'web', 'web'],
    ['its own before one of ip netns', 'podman-1', 'podman-1'],
    ['of ip netns', 'podman-2', 'podman-1'],
    ['of a container that is not called so', 'db', 'pid:12'],
  ])('%s', (_name, wanted, found) => {
    expect(namespaceCalled(namespaces, wanted).name).toBe(found);
  });

  it('that is none: which there are', () => {
    expect(() => namespaceCalled(namespaces, 'we')).toThrow(UserError);
    expect(() => namespaceCalled(namespaces, 'we')).toThrow(
      'there is no network namespace we. There are: host, web, pid:12, podman-1.',
    );
  });
});

describe('namespaces in sight', () => {
  const [host, web] = [{ name: 'host' }, { name: 'web' }];
  it.each([
    ['none is ignored', [], ['web', 'host', 'a.b', 'axb']],
    ['by a glob', ['a*'], ['web', 'host']],
    ['by one character', ['a?b'], ['web', 'host']],
    ['a dot is a dot', ['a.b'], ['web', 'host', 'axb']],
    ['whole names', ['ho'], ['web', 'host', 'a.b', 'axb']],
    ['never the one to start from', ['*'], ['web']],
  ])('%s', (_name, ignored, names) => {
    const all = [host, web, { name: 'a.b' }, { name: 'axb' }];
    expect(namespacesInSight(all, web, ignored).map(({ name }) => name)).toEqual(names);
  });
});
