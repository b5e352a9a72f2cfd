import { describe, expect, test } from 'vitest';
import { reachableRules } from '../../../src/host/parse/effects.ts';
import { parseNftRuleset } from '../../../src/host/parse/nft.ts';
import { parseNftText } from '../../../src/host/parse/nft-text.ts';

const place = { family: 'inet', table: 't' };

function effectsOf(...expr: unknown[]) {
  const items = [
    {
      map: {
        ...place,
        name: 'm',
        type: 'ipv4_addr',
        map: 'verdict',
        elem: [
          ['10.0.0.1', { jump: { target: 'far' } }],
          ['10.0.0.2', { drop: null }],
        ],
      },
    },
    { chain: { ...place, name: 'c', handle: 1, hook: 'input', prio: 0, policy: 'accept' } },
    { rule: { ...place, chain: 'c', handle: 2, expr } },
  ];
  const rule = parseNftRuleset(JSON.stringify({ nftables: items }))?.[0]?.rules[0];
  const words = Object.entries(rule?.effects ?? {}).flatMap(([name, may]) => (may ? [name] : []));
  return [...words, ...(rule?.chains ?? []).map((chain) => `→${chain}`)].join(' ');
}

describe('what a statement may do', () => {
  test.each<[unknown, string]>([
    [{ accept: null }, ''],
    [{ counter: { packets: 0, bytes: 0 } }, ''],
    [{ 'ct count': { val: 3 } }, ''],
    [{ mangle: { key: { meta: { key: 'mark' } }, value: 1 } }, ''],
    [{ mangle: { key: { payload: { protocol: 'ip', field: 'daddr' } }, value: '10.0.0.1' } }, 'translate'],
    [{ drop: null }, 'drop'],
    [{ reject: { type: 'tcp reset' } }, 'reject'],
    [{ dnat: { addr: '10.0.0.1', port: 80 } }, 'translate'],
    [{ masquerade: null }, 'translate'],
    [{ jump: { target: 'next' } }, '→next'],
    [{ goto: { target: 'next' } }, '→next'],
    [
      {
        vmap: {
          key: { ct: { key: 'state' } },
          data: {
            set: [
              ['invalid', { drop: null }],
              ['new', { goto: { target: 'next' } }],
            ],
          },
        },
      },
      'drop →next',
    ],
    [{ vmap: { key: 'k', data: '@m' } }, 'drop →far'],
    [{ vmap: { key: 'k', data: '@absent' } }, 'unknown'],
    [{ xt: { type: 'match', name: 'conntrack' } }, ''],
    [{ xt: { type: 'target', name: 'REJECT' } }, 'reject'],
    [{ xt: { type: 'target', name: 'DNAT' } }, 'translate'],
    [{ xt: { type: 'target', name: 'LOG' } }, ''],
    [{ xt: { type: 'target', name: 'TPROXY' } }, 'unknown'],
    [{ queue: { num: 0 } }, 'unknown'],
    [{ 'a statement of tomorrow': 1 }, 'unknown'],
    ['not even JSON', 'unknown'],
  ])('%j: %s', (expression, expected) => {
    expect(effectsOf({ match: { op: '==', left: 'x', right: 'y' } }, expression)).toBe(expected);
  });
});

test.each([['nothing at all'], ['[]'], ['{"nftables": 5}']])('%s is no rule set', (text) => {
  expect(parseNftRuleset(text)).toBeNull();
});

test('chains that jump in a circle are each met once', () => {
  const rule = (name: string, target: string) => ({
    name,
    effects: { drop: false, reject: false, translate: false, unknown: false },
    chains: [target],
  });
  const chains: Record<string, ReturnType<typeof rule>[]> = {
    a: [rule('1', 'b')],
    b: [rule('2', 'a'), rule('3', 'gone')],
  };
  expect(reachableRules('a', (name) => chains[name] ?? []).map(({ name }) => name)).toEqual(['1', '2', '3']);
});

test('lines of the text are found by handle, wrapped ones too', () => {
  const text = parseNftText(
    [
      'table inet own { # handle 3',
      '\tset s { # handle 4',
      '\t\telements = { 10.0.0.1 }',
      '\t}',
      '\tchain a b { # handle 5',
      '\t\ttype filter hook ingress devices = { "v0", eth0 } priority filter; policy drop;',
      '\t\tip saddr { 10.1.0.1, 10.1.0.2,',
      '\t\t\t     10.1.0.3 } drop comment "x # handle 9" # handle 6',
      '\t}',
      '}',
    ].join('\n'),
  );
  expect([...text.rules]).toEqual([
    ['inet own a b 6', 'ip saddr { 10.1.0.1, 10.1.0.2, 10.1.0.3 } drop comment "x # handle 9" # handle 6'],
  ]);
  expect([...text.devices]).toEqual([['inet own a b', ['v0', 'eth0']]]);
});
