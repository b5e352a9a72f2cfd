import { expect, test } from 'vitest';
import type { UnjoinedLink, UnjoinedNamespace } from '../../../src/host/parse/links.ts';
import { joinPeers } from '../../../src/host/parse/veth.ts';

function veth(index: number, farIndex: number, netnsId: number | null): UnjoinedLink {
  return {
    index,
    name: `v${index}`,
    kind: 'veth',
    mac: null,
    mtu: 1500,
    up: true,
    carrier: true,
    arp: true,
    master: null,
    mode: null,
    vrfTable: null,
    vlanFiltering: false,
    programs: [],
    far: { index: farIndex, netnsId },
    below: null,
    vxlan: null,
    addresses: [],
    source: { netns: '', command: '', text: '' },
  };
}

function namespace(
  links: UnjoinedLink[],
  own: string[] = [],
  byNumber: ReadonlyMap<number, string | null> = new Map(),
): UnjoinedNamespace {
  return { links, names: { own, byNumber }, forwardingEntries: [] };
}

function peers(namespaces: Record<string, UnjoinedNamespace>): Record<string, string[]> {
  const joined = joinPeers(new Map(Object.entries(namespaces)));
  return Object.fromEntries(
    [...joined].map(([name, links]) => [name, links.map(({ peer }) => `${peer?.netns}:${peer?.device}`)]),
  );
}

test('two containers on one host', () => {
  expect(
    peers({
      host: namespace([veth(5, 2, 0), veth(6, 2, 1)]),
      one: namespace([veth(2, 5, 0)]),
      two: namespace([veth(2, 6, 0)]),
    }),
  ).toEqual({ host: ['one:v2', 'two:v2'], one: ['host:v5'], two: ['host:v6'] });
});

test('both ends in one namespace', () => {
  expect(peers({ host: namespace([veth(2, 3, null), veth(3, 2, null)]) })).toEqual({ host: ['host:v3', 'host:v2'] });
});

test('a peer out of sight, and one whose namespace has no number', () => {
  expect(peers({ host: namespace([veth(5, 9, 0), veth(6, 2, -1)]), other: namespace([veth(2, 7, 0)]) })).toEqual({
    host: ['null:null', 'null:null'],
    other: ['null:null'],
  });
});

// Two labs, each a host and a container: by their numbers alone either container could hang on either host.
const twins = {
  hostA: namespace([veth(3, 2, 0)]),
  boxA: namespace([veth(2, 3, 0)]),
  hostB: namespace([veth(3, 2, 0)]),
  boxB: namespace([veth(2, 3, 0)]),
};

test('twins are not guessed at', () => {
  expect(new Set(Object.values(peers(twins)).flat())).toEqual(new Set(['null:null']));
});

test('twins are told apart by one name that ip netns knows', () => {
  const named = {
    ...twins,
    hostA: namespace([veth(3, 2, 0)], [], new Map([[0, 'netns-a']])),
    boxA: namespace([veth(2, 3, 0)], ['netns-a']),
  };
  expect(peers(named)).toMatchObject({ hostA: ['boxA:v2'], hostB: ['boxB:v2'], boxB: ['hostB:v3'] });
});

test('twins are told apart by a second pair that shares the number', () => {
  const wider = {
    ...twins,
    hostA: namespace([veth(3, 2, 0), veth(4, 9, 0)]),
    boxA: namespace([veth(2, 3, 0), veth(9, 4, 0)]),
  };
  expect(peers(wider)).toMatchObject({ hostA: ['boxA:v2', 'boxA:v9'], boxA: ['hostA:v3', 'hostA:v4'] });
});

test('twins of which each has lost one are not joined, where ip netns names the lost one', () => {
  const lost = {
    hostA: namespace([veth(3, 2, 0)], ['host-a'], new Map([[0, 'box-a']])),
    boxB: namespace([veth(2, 3, 0)], ['box-b'], new Map([[0, 'host-b']])),
  };
  expect(peers(lost)).toEqual({ hostA: ['null:null'], boxB: ['null:null'] });
});

// As where `ip netns` knows all that are open: one that it has no name for is in nobody's sight.
test('a number without a name is of no namespace that has one', () => {
  const namesake = {
    hostA: namespace([veth(3, 2, 0)], ['host-a'], new Map([[0, null]])),
    boxB: namespace([veth(2, 3, 0)], ['box-b'], new Map([[0, null]])),
  };
  expect(peers(namesake)).toEqual({ hostA: ['null:null'], boxB: ['null:null'] });
  expect(peers({ ...namesake, boxB: namespace([veth(2, 3, 0)]) })).toEqual({ hostA: ['boxB:v2'], boxB: ['hostA:v3'] });
});

test('a number that had no name yet means the namespace that names its other end', () => {
  const earlier = namespace([veth(3, 2, 0)], ['host'], new Map([[0, null]]));
  const later = namespace([veth(2, 3, 0)], ['box'], new Map([[0, 'host']]));
  expect(peers({ host: earlier, box: later })).toEqual({ host: ['box:v2'], box: ['host:v3'] });
});

test.each([
  ['first', (ends: Record<string, UnjoinedNamespace>) => ends],
  ['last', (ends: Record<string, UnjoinedNamespace>) => Object.fromEntries(Object.entries(ends).reverse())],
])('a name in one end gives way to that of the other end (the stale one %s)', (_when, ordered) => {
  const ends = {
    stale: namespace([veth(3, 2, 0)], ['stale'], new Map([[0, 'box']])),
    box: namespace([veth(2, 3, 0)], ['box'], new Map([[0, 'host']])),
    host: namespace([veth(3, 2, 0)], ['host'], new Map([[0, 'box']])),
  };
  expect(peers(ordered(ends))).toEqual({ stale: ['null:null'], box: ['host:v3'], host: ['box:v2'] });
});

test('two ends that claim the same third are not joined', () => {
  const one = { a: namespace([veth(3, 2, 0)]), b: namespace([veth(3, 2, 0)]), box: namespace([veth(2, 3, 0)]) };
  expect(new Set(Object.values(peers(one)).flat())).toEqual(new Set(['null:null']));
});

test('an end that claims a pair which its other end denies is not joined', () => {
  expect(peers({ host: namespace([veth(5, 2, 0)]), liar: namespace([veth(2, 6, 0)]) })).toEqual({
    host: ['null:null'],
    liar: ['null:null'],
  });
});
