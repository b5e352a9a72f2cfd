import { expect, test } from 'vitest';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';

function resolversOf(text: string, command = 'cat /etc/resolv.conf'): readonly string[] {
  const outputs = [{ command, exitCode: 0, text, error: '' }];
  const namespaces = [{ name: 'box', inode: 1, container: null, outputs }];
  const { namespaces: parsed } = parseSnapshot({ takenNs: 0n, namespaces, processes: [], missing: [] });
  return parsed.get('box')?.resolvers ?? [];
}

test.each<[string, string, string[]]>([
  ['in their order', 'nameserver 10.0.0.2\nnameserver fd00::53\n', ['10.0.0.2', 'fd00::53']],
  [
    'three at most',
    ['1', '2', '3', '4'].map((last) => `nameserver 10.0.0.${last}`).join('\n'),
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  ],
  [
    'no other lines',
    '# nameserver 10.0.0.1\nsearch example\noptions timeout:1\nnameserver\t10.0.0.2 # first\n',
    ['10.0.0.2'],
  ],
  ['nothing that is no address', 'nameserver dns.example\nnameserver \u001b[2J\n', []],
  ['none of an empty file', '', []],
])('resolvers: %s', (_name, text, expected) => {
  expect(resolversOf(text)).toEqual(expected);
});

test("resolvers of a namespace's own file", () => {
  expect(resolversOf('nameserver 10.0.0.2\n', 'cat /etc/netns/box/resolv.conf')).toEqual(['10.0.0.2']);
  expect(resolversOf('nameserver 10.0.0.2\n', 'cat /etc/hosts')).toEqual([]);
});
