/** Routes, rules, next hops, neighbours and bridges as iproute2 6.1 prints them on Linux 6.18. */

import { expect, test } from 'vitest';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import type { NamespaceState } from '../../../src/host/state.ts';
import { printed, snapshotOf } from '../sample.ts';

function parsed(command: string, records: readonly unknown[], ...others: readonly (readonly [string, unknown])[]) {
  const outputs = [[command, records] as const, ...others].map(([name, value]) => printed(name, JSON.stringify(value)));
  const namespace = parseSnapshot(snapshotOf(outputs)).namespaces.get('host');
  if (namespace === undefined) throw new Error('no namespace');
  return namespace;
}

const rules = (record: Readonly<Record<string, unknown>>): NamespaceState['rules'] =>
  parsed('ip -j -4 rule', [{ priority: 5, src: 'all', ...record }]).rules;

test.each([
  [
    { table: 'main', suppress_prefixlen: 0 },
    { action: 'lookup', table: 254, suppressPrefixLength: 0 },
  ],
  [
    { src: '10.0.0.0', srclen: 8, table: '5' },
    { table: 5, selector: { from: { prefix: '10.0.0.0', prefixLength: 8 } } },
  ],
  [
    { dst: '1.1.1.1', goto: 32_766 },
    { action: 'goto', target: 32_766, selector: { to: { prefix: '1.1.1.1', prefixLength: 32 } } },
  ],
  [{ nop: null }, { action: 'nop' }],
  [{ action: 'unreachable' }, { action: 'unreachable' }],
  [
    { not: null, fwmark: '0xca6c', table: '51820' },
    { inverted: true, selector: { mark: { value: 0xca6c, mask: 0xffff_ffff } } },
  ],
  [{ fwmark: '0', fwmask: '0x1', table: '100' }, { selector: { mark: { value: 0, mask: 1 } } }],
  [
    { iif: 'eth0', iif_detached: null, table: 'main' },
    { unread: false, selector: { inputDevice: 'eth0' } },
  ],
  [
    { sport_start: 1, sport_end: 5, dport: 80, ipproto: 'tcp', table: '5' },
    { selector: { sourcePorts: { first: 1, last: 5 }, destinationPorts: { first: 80, last: 80 }, protocol: 'tcp' } },
  ],
  [{ uid_start: 0, uid_end: 5, tos: '0x10', table: '5' }, { selector: { users: { first: 0, last: 5 }, tos: 16 } }],
  [{ ipproto: 'ipproto-6', table: '100' }, { selector: { protocol: '6' } }],
  [{ l3mdev: null }, { action: 'lookup', table: null, selector: { vrf: true } }],
  [{ suppress_ifgroup: '5', table: 'main' }, { unread: true }],
  [
    { tos: 'lowdelay', table: 'main' },
    { unread: true, selector: { tos: null } },
  ],
])('the rule %j', (record, expected) => {
  expect(rules(record)).toMatchObject([expected]);
});

const routeCommand = 'ip -j -4 route show table all';
const nexthops = [
  'ip -j nexthop',
  [
    { id: 1, gateway: '10.1.0.2', dev: 'eth0', flags: [] },
    { id: 2, gateway: '10.1.0.3', dev: 'eth0', flags: ['linkdown'] },
    { id: 10, group: [{ id: 1 }, { id: 2 }] },
  ],
] as const;

test.each([
  [
    'one that is down',
    { dst: '10.0.0.0/8', dev: 'eth0', flags: ['dead', 'linkdown'] },
    [{ device: 'eth0', gateway: null, dead: true, linkDown: true }],
  ],
  [
    'an IPv6 gateway',
    { dst: '10.0.0.0/8', via: { family: 'inet6', host: 'fe80::1' }, dev: 'eth0', flags: ['onlink'] },
    [{ device: 'eth0', gateway: 'fe80::1', dead: false, linkDown: false }],
  ],
  [
    'several',
    {
      dst: '10.0.0.0/8',
      flags: [],
      nexthops: [
        { gateway: '10.1.0.2', dev: 'eth0', flags: [] },
        { gateway: '10.1.0.9', dev: 'eth1', flags: ['dead'] },
      ],
    },
    [
      { device: 'eth0', gateway: '10.1.0.2' },
      { device: 'eth1', dead: true },
    ],
  ],
  [
    'a nexthop object whose hops are printed elsewhere',
    { dst: '10.0.0.0/8', nhid: 10, flags: [] },
    [
      { gateway: '10.1.0.2', linkDown: false },
      { gateway: '10.1.0.3', linkDown: true },
    ],
  ],
  ['a nexthop object that is not there', { dst: '10.0.0.0/8', nhid: 11, flags: [] }, []],
])('next hops: %s', (_name, record, expected) => {
  const [route] = parsed(routeCommand, [record], nexthops).routes;
  expect(route?.nextHops).toMatchObject(expected);
  expect(route?.nextHops).toHaveLength(expected.length);
});

test('a route by source, by type of service, of a scope', () => {
  const namespace = parsed(
    'ip -j -6 route show table all',
    [{ dst: 'fd00::/8', from: 'fd00:1::/64', dev: 'eth0', flags: [] }],
    [
      routeCommand,
      [
        { dst: '10.0.0.0/8', tos: '0x10', dev: 'eth0', scope: 'link', flags: [] },
        { dst: '10.0.0.0/8', tos: 'strange', dev: 'eth0', flags: [] },
      ],
    ],
  );
  expect(namespace.routes).toMatchObject([
    { family: 4, tos: 16, scope: 253 },
    { family: 4, tos: -1, scope: 0 },
    { family: 6, from: { prefix: 'fd00:1::', prefixLength: 64 } },
  ]);
});

test('addresses that a device answers for on behalf of others', () => {
  const { proxyNeighbours } = parsed('ip -j neigh show proxy', [{ dst: '10.1.0.77', dev: 'eth0', proxy: null }]);
  expect(proxyNeighbours).toEqual([{ address: '10.1.0.77', device: 'eth0' }]);
});

test("a port's switches; what an older kernel does not print is as it always was", () => {
  const port = { ifname: 'veth0', master: 'br0', state: 'forwarding', flags: [] };
  const { bridgePorts } = parsed('bridge -j -d link', [
    { ...port, isolated: true, hairpin: true, flood: false, bcast_flood: false, mcast_flood: false },
    { ...port, learning: false, locked: true },
    port,
  ]);
  expect(bridgePorts).toMatchObject([
    { isolated: true, hairpin: true, flood: false, broadcastFlood: false, multicastFlood: false, locked: false },
    { learning: false, locked: true },
    { isolated: false, hairpin: false, flood: true, broadcastFlood: true, multicastFlood: true, learning: true },
  ]);
});

test('VLANs of ports, ranges counted out, nonsense left out', () => {
  const vlans = [
    { vlan: 1, flags: ['PVID', 'Egress Untagged'] },
    { vlan: 10, vlanEnd: 12 },
    { vlan: 20, vlanEnd: 9_000_000 },
    { vlan: 9, vlanEnd: 8 },
  ];
  const { portVlans } = parsed('bridge -j vlan', [{ ifname: 'veth0', vlans }]);
  expect(portVlans.map(({ vlan, pvid, untagged }) => [vlan, pvid, untagged])).toEqual([
    [1, true, true],
    [10, false, false],
    [11, false, false],
    [12, false, false],
  ]);
});

test("forwarding entries: learnt, put in by hand, the bridge's own, a device's own", () => {
  const entry = { mac: '02:00:00:00:00:01', ifname: 'veth0', master: 'br0', flags: [] };
  const states = ['', 'static', 'permanent'].map((state) => ({ ...entry, state }));
  const { master: _master, ...own } = entry;
  const { forwardingEntries } = parsed('bridge -j fdb', [
    ...states,
    { ...entry, state: 'static', flags: ['sticky'] },
    { ...entry, state: '', flags: ['locked'] },
    { ...own, state: 'static' },
  ]);
  expect(forwardingEntries.map(({ fixed, permanent, locked }) => [fixed, permanent, locked])).toEqual([
    [false, false, false],
    // It moves to where the address is heard (Linux 6.18).
    [false, false, false],
    [true, true, false],
    [true, false, false],
    [false, false, true],
    [true, false, false],
  ]);
  expect(forwardingEntries[0]?.source.command).toBe('bridge -j fdb');
});

test('a forwarding entry that was learnt tells when its address was last heard', () => {
  const entry = { mac: '02:00:00:00:00:01', ifname: 'veth0', used: 4, updated: 2, flags: [], master: 'br0' };
  const states = ['', 'static', 'permanent'].map((state) => ({ ...entry, state }));
  const { forwardingEntries } = parsed('bridge -s -j fdb', states);
  expect(forwardingEntries.map(({ heardAgo }) => heardAgo)).toEqual([2, null, null]);
  expect(forwardingEntries[0]?.source).toMatchObject({
    command: 'bridge -s -j fdb',
    text: '02:00:00:00:00:01 dev veth0 used 4/2 master br0',
  });
});

test('the options of links', () => {
  const link = (ifname: string, info_kind: string, info_data: object) => ({
    ifindex: 1,
    ifname,
    flags: [],
    linkinfo: { info_kind, info_data },
  });
  const { links } = parsed('ip -j -d -s link', [
    link('mv0', 'macvlan', { mode: 'bridge' }),
    { ...link('red', 'vrf', { table: 10 }), flags: ['NOARP', 'MASTER', 'UP', 'LOWER_UP'] },
    link('br0', 'bridge', { vlan_filtering: 1 }),
  ]);
  expect(links.map(({ arp }) => arp)).toEqual([true, false, true]);
  expect(links.map(({ mode, vrfTable, vlanFiltering }) => [mode, vrfTable, vlanFiltering])).toEqual([
    ['bridge', null, false],
    [null, 10, false],
    [null, null, true],
  ]);
});

test('connected sockets: both ends, the state, the device; what is no socket is left out', () => {
  const text = [
    'udp ESTAB 0 0 10.1.0.1%eth0:68 10.1.0.2:67 ino:5 sk:1',
    'tcp TIME-WAIT 0 0 [fd00::1]:80 [fd00::2]:4000',
    'tcp ESTAB 0 0 10.1.0.1:99999 10.1.0.2:67',
    'nonsense',
  ].join('\n');
  const { namespaces } = parseSnapshot(snapshotOf([printed('ss -HOtune state connected', text)]));
  expect(namespaces.get('host')?.connectedSockets).toMatchObject([
    { protocol: 'udp', address: '10.1.0.1', port: 68, remoteAddress: '10.1.0.2', remotePort: 67, device: 'eth0' },
    { protocol: 'tcp', family: 6, address: 'fd00::1', remotePort: 4000, state: 'TIME-WAIT', device: null },
  ]);
});

test('a full accept queue is read from a listening line; the queues of UDP are bytes', () => {
  const outputs = [
    printed('ss -HOtlnpe', 'LISTEN 2 1 0.0.0.0:80 0.0.0.0:* ino:5\n'),
    printed('ss -HOulnpe', 'UNCONN 512 0 0.0.0.0:53 0.0.0.0:* ino:6\n'),
  ];
  const queues = parseSnapshot(snapshotOf(outputs))
    .namespaces.get('host')
    ?.listeners.map(({ queue }) => queue);
  expect(queues).toEqual([
    { waiting: 2, limit: 1 },
    { waiting: 0, limit: 0 },
  ]);
});
