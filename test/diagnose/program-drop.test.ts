import { expect, it, test } from 'vitest';
import type { LinkProgram, NamespaceState } from '../../src/host/state.ts';
import { host, link, loopback, namespace } from '../model/hosts.ts';
import { box, bridgeHost, uplinkedHost, web } from '../model/two-boxes.ts';
import { fixesOf, judged, verdictOf } from './on-host.ts';

const both = host(box(), web(), bridgeHost());
const ways = ['box:eth0', 'host:veth0', 'host:veth1', 'web:eth0'];

it.each([
  ['XDP', ['box:eth0', 'host:veth0'], 'host:veth0 bridge', 'host# ip -d link show dev veth0'],
  ['TC_INGRESS', ['box:eth0', 'host:veth0'], 'host:veth0 bridge', 'host# tc filter show dev veth0 ingress'],
  ['TC_INGRESS', ways, 'web:eth0 ingress', 'web# tc filter show dev eth0 ingress'],
  ['TC_EGRESS', ['box:eth0', 'host:veth0'], 'host:veth1 egress', 'host# tc filter show dev veth1 egress'],
  ['BPF_CGROUP_EGRESS', ['box:eth0'], 'box:eth0 route', 'box# bpftool cgroup tree'],
  ['SOCKET_FILTER', ways, 'web:eth0 socket', 'web# bpftool cgroup tree'],
])('a program drops it, the kernel says %s, seen last at the end of %j: %s', (drop, at, place, listing) => {
  const connection = judged(both, { at, drop, captured: ways });
  expect(verdictOf(connection)).toBe(`bpf-drop proven, ${place}`);
  expect(fixesOf(connection)).toEqual([listing, 'not verified']);
  expect(connection.explanation.join(' ')).toContain(`The kernel says why it dropped the packet: ${drop}.`);
});

test.each([
  ['the kernel gives another reason', { at: ways, drop: 'NOT_SPECIFIED' }],
  ['the server answered', { at: ways, drop: 'TC_INGRESS', answer: { flags: 'SYN ACK' } }],
  ['it was not seen where it could have been dropped', { at: ['box:eth0'], drop: 'TC_INGRESS' }],
] as const)('no program is named where %s', (_name, sighting) => {
  expect(judged(both, sighting).cause).not.toBe('bpf-drop');
});

const lastSeen = { at: ['box:eth0', 'host:veth0'], drop: 'TC_INGRESS' };
const filtered: LinkProgram = {
  direction: 'ingress',
  what: 'a filter of traffic control (tc)',
  source: { netns: '', command: '', text: '' },
};
const withFilter = (of: NamespaceState, device: string): NamespaceState => ({
  ...of,
  links: of.links.map((one) => (one.name === device ? { ...one, programs: [filtered] } : one)),
});

test.each<[string, NamespaceState[], string | null]>([
  ['neither device has one', [box(), web(), bridgeHost()], null],
  ['the second has', [box(), withFilter(web(), 'eth0'), bridgeHost()], 'web:eth0 ingress'],
  ['the first has', [box(), web(), withFilter(bridgeHost(), 'veth0')], 'host:veth0 bridge'],
  ['both have', [box(), withFilter(web(), 'eth0'), withFilter(bridgeHost(), 'veth0')], null],
])('two devices where nobody looked any more: by the snapshot %s', (_name, namespaces, place) => {
  const connection = judged(host(...namespaces), lastSeen);
  expect(connection.cause === 'bpf-drop' ? verdictOf(connection) : null).toBe(
    place === null ? null : `bpf-drop proven, ${place}`,
  );
});

test('a router that sends it on', () => {
  const outside = namespace('outside', {
    links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
    routes: ['192.0.2.0/24 dev eth0', 'default via 192.0.2.7 dev eth0'],
    listeners: ['tcp 0.0.0.0:80'],
  });
  const sighting = { to: '192.0.2.1:80', at: ['box:eth0', 'host:br0'], drop: 'TC_EGRESS' };
  expect(verdictOf(judged(host(box(), uplinkedHost(), outside), sighting))).toBe('bpf-drop proven, host:eth0 egress');
});

test('a program that a packet was seen behind has let it pass', () => {
  const state = host(box(), web({ listeners: [] }), withFilter(bridgeHost(), 'veth0'));
  const connection = judged(state, { at: ways, answer: { flags: 'RST ACK' }, reset: true });
  expect(verdictOf(connection)).toBe('no-listener proven, web:eth0 socket');
  const hop = connection.hops.find(({ device }) => device === 'veth0');
  expect(hop).toMatchObject({ verdict: 'passed', detail: expect.stringMatching(/; it was seen further on$/) });
});
