/** VXLAN: a network of its own in the packets of another, from host to host over a router. */
import { describe, expect, test } from 'vitest';
import type { NamespaceState, Vxlan } from '../../src/host/state.ts';
import { journey, replyJourney } from '../../src/model/journey.ts';
import { forwardingEntry, host, link, loopback, namespace, neighbour, packetTo, port, told } from './hosts.ts';
import { saved } from './netfilter/tables.ts';
import { anyone, behind, type End, macOf, router, type Told, vtep, vxlan } from './vteps.ts';

const asks = { ...packetTo('10.1.0.2'), source: '0.0.0.0' };

/** The packet from `a` to `b` by the tunnel, and its answer. */
function exchanged(a: End = {}, b: End = {}, on: Told = {}) {
  const all = host(vtep('a', a), router(on), vtep('b', b));
  const there = journey(all, asks, 'a');
  return { there, back: replyJourney(all, there) };
}

/** `accepted, returned`, or why it ends before. */
function outcome(...told: Parameters<typeof exchanged>): string {
  const { there, back } = exchanged(...told);
  const { end } = there;
  return 'reason' in end ? `${end.kind}: ${end.reason}` : `${end.kind}, ${back?.end.kind}`;
}

const rules = (...lines: readonly string[]) => saved([...lines, 'COMMIT', ''].join('\n'));

describe('a frame in VXLAN', () => {
  test('goes with a packet of its own through the hosts between', () => {
    const { there } = exchanged();
    expect(told(there)).toEqual([
      'a:vx0 route passed',
      'a:vx0 egress passed',
      'a:eth0 route passed',
      'a:eth0 egress passed',
      'router:e0 ingress passed',
      'router:e0 route passed',
      'router:e0 forward passed',
      'router:e1 egress passed',
      'b:eth0 ingress passed',
      'b:eth0 route delivered',
      'b:eth0 input passed',
      'b:eth0 socket delivered',
      'b:vx0 ingress passed',
      'b:vx0 route delivered',
      'b:vx0 input passed',
      'b:vx0 socket delivered',
      'accepted by tcp 0.0.0.0:80',
    ]);
    expect(there.steps[1]?.detail).toBe('sent by vx0, in a packet to 198.51.100.2:4789 (VXLAN 42)');
    expect(outcome()).toBe('accepted, returned');
  });

  test('is lost with its packet', () => {
    const drops = rules('*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -p udp -m udp --dport 4789 -j DROP');
    expect(outcome({}, {}, { ruleTables: drops })).toBe(
      'dropped: the packet of vx0 that carries it is lost: rule 1 of chain FORWARD in table ip filter drops it',
    );
    expect(exchanged({}, {}, { ruleTables: drops }).there.end).toMatchObject({ answer: { errno: 'EHOSTUNREACH' } });
  });

  test('is told of by nothing that tells its packet of an error', () => {
    const known = { neighbours: [neighbour('10.1.0.2', 'vx0', macOf(2))] };
    const rejects = rules('*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -j REJECT');
    const { there } = exchanged({ more: known }, {}, { ruleTables: rejects });
    expect(there.end).toMatchObject({ kind: 'dropped', answer: null });
  });
});

describe('who gets a frame', () => {
  test('nobody, where the table is empty', () => {
    expect(outcome({ entries: [] })).toMatch(/^dropped: vx0 has no entry in its table for the frame/);
  });

  test('whoever the entry of the address names, else all', () => {
    const more = { neighbours: [neighbour('10.1.0.2', 'vx0', macOf(2))] };
    const entries = [behind('198.51.100.2', macOf(2)), behind('192.0.2.99')];
    expect(outcome({ more, entries })).toBe('accepted, returned');
    expect(outcome({ more, entries: entries.slice(1) })).toMatch(
      /^dropped: .* nobody on e0 has the address 192.0.2.99/,
    );
    expect(outcome({ more, entries: [behind('192.0.2.99'), behind('198.51.100.2')] })).toBe('accepted, returned');
  });

  test('another port and network, where the entry has them', () => {
    const remote = { address: '198.51.100.2', port: 8472, network: 7, by: null };
    const more = { listeners: ['tcp 0.0.0.0:80', 'udp 0.0.0.0:8472'] };
    const entries = [forwardingEntry(anyone, 'vx0', { permanent: true, fixed: true, remote })];
    expect(outcome({ entries }, { vxlan: { network: 7, port: 8472 }, more })).toBe(
      'dropped: b has the address 10.1.0.2, and its answer does not come to a:vx0: the packet of vx0 that carries it is lost: nothing takes UDP port 8472 of a',
    );
  });

  test('of several hosts behind a group of next hops: not known', () => {
    const entries = [forwardingEntry(anyone, 'vx0', { permanent: true, fixed: true })];
    expect(outcome({ entries })).toMatch(/^undetermined: .* names a group of next hops/);
  });

  test('whom the device has heard the address from, if it learns', () => {
    // Answers come from another address than was asked.
    const local = '198.51.100.3';
    const ownLinks = vtep('b', { vxlan: { local } }).links.map((one) =>
      one.name === 'eth0'
        ? link('eth0', { index: 2, mac: one.mac, addresses: ['198.51.100.2/24', `${local}/24`], peer: 'router:3' })
        : one,
    );
    const b = vtep('b', { more: { links: ownLinks } });
    const way = (learning: boolean): string[] => {
      const there = journey(host(vtep('a', { vxlan: { learning } }), router(), b), asks, 'a');
      return there.steps.flatMap(({ detail }) => /packet to (\S+) /.exec(detail)?.[1] ?? []);
    };
    expect(way(true)).toEqual([`${local}:4789`]);
    expect(way(false)).toEqual(['198.51.100.2:4789']);
  });
});

describe('the answer to the question for a neighbour', () => {
  test('finds its way by what the other end has learnt of the question', () => {
    expect(outcome({}, { entries: [] })).toBe('accepted, returned');
    expect(outcome({}, { entries: [], vxlan: { learning: false } })).toMatch(
      /^dropped: b has the address 10.1.0.2, and its answer does not come to a:vx0: vx0 has no entry/,
    );
  });

  test('teaches both devices, once', () => {
    const learnt = exchanged().there.learnt.filter(({ kind }) => kind === 'remote');
    expect(learnt).toEqual([
      { kind: 'remote', netns: 'b', device: 'vx0', mac: macOf(1), behind: '192.0.2.2' },
      { kind: 'remote', netns: 'a', device: 'vx0', mac: macOf(2), behind: '198.51.100.2' },
    ]);
    expect(exchanged().back?.learnt.filter(({ kind }) => kind === 'remote')).toEqual([]);
  });

  test('is dropped by a device that has its sender elsewhere', () => {
    const entries = [behind('198.51.100.2'), behind('198.51.100.99', macOf(2))];
    expect(outcome({ entries })).toMatch(/the table of vx0 has 02:00:00:00:00:02 elsewhere than behind 198.51.100.2/);
    expect(outcome({ entries, vxlan: { learning: false } })).toMatch(
      /^dropped: .*nobody on e1 has the address 198.51.100.99/,
    );
  });
});

/** The routers and programs of `b` as they are, with another device beside `vx0`. */
const beside = (name: string, more: Partial<Vxlan>, told: NonNullable<Parameters<typeof link>[1]> = {}): End => {
  const { links } = vtep('b');
  const other = link(name, { index: 7, kind: 'vxlan', mac: macOf(9), vxlan: vxlan('b', more), ...told });
  return { more: { links: [other, ...links] } };
};
const program = { name: 'socat', pid: 7 };

describe('the other end', () => {
  test.each<[string, End, string]>([
    ['has another network', { vxlan: { network: 43 } }, 'dropped: no device of b has the VXLAN network 42: vx0 has 43'],
    [
      'is down',
      { link: { up: false }, more: { listeners: ['tcp 0.0.0.0:80'] } },
      'dropped: the packet of vx0 that carries it is lost: nothing takes UDP port 4789 of b',
    ],
    [
      'is nowhere to be seen, and its socket is there',
      { link: { up: false } },
      'undetermined: what takes UDP port 4789 of b is not in the snapshot',
    ],
    [
      'may be in a namespace that has no name',
      { vxlan: { underlay: null } },
      'undetermined: what takes UDP port 4789 of b is not in the snapshot',
    ],
    [
      'does what is not known',
      { vxlan: { unmodelled: 'proxy' } },
      'undetermined: b:vx0 is a VXLAN device with the option proxy, which the model does not follow',
    ],
    [
      'takes all networks, as programs tell it',
      { vxlan: { network: 0, unmodelled: 'external' } },
      'undetermined: b:vx0 is a VXLAN device with the option external, which the model does not follow',
    ],
    [
      'has the address of the sender',
      { link: { mac: macOf(1) } },
      `dropped: vx0 has the address ${macOf(1)} itself, and takes nothing from it`,
    ],
    ['has a device of the same network for IPv6', beside('v6', { family: 6 }), 'accepted, returned'],
  ])('%s', (_name, b, expected) => {
    expect(outcome({}, b)).toBe(expected);
  });

  test("ends the tunnel's packet, not the one in it", () => {
    const last = exchanged({}, { vxlan: { network: 43 } }).there.steps.at(-1);
    expect(last).toMatchObject({ stage: 'socket', carrier: { network: 42, carries: 'question' } });
  });

  test('is a program', () => {
    const b = vtep('b', { link: { up: false } });
    const listeners = b.listeners.map((one) => (one.protocol === 'udp' ? { ...one, process: program } : one));
    const { end } = journey(host(vtep('a'), router(), { ...b, listeners }), asks, 'a');
    expect(end).toMatchObject({ reason: 'socat has UDP port 4789 of b, which is no VXLAN device' });
  });

  test('may be in a namespace that it was moved to', () => {
    const b = vtep('b');
    const moved = namespace('moved', {
      links: [loopback(), ...b.links.filter(({ name }) => name === 'vx0')],
      routes: ['10.1.0.0/24 dev vx0'],
      listeners: ['tcp 0.0.0.0:80'],
      forwardingEntries: [behind('192.0.2.2')],
    });
    const rest = { ...b, links: b.links.filter(({ name }) => name !== 'vx0'), forwardingEntries: [] };
    const all = host(vtep('a'), router(), rest, moved);
    const there = journey(all, asks, 'a');
    expect(there.end).toMatchObject({ kind: 'accepted', netns: 'moved' });
    expect(replyJourney(all, there)?.end.kind).toBe('returned');
  });
});

describe('where the view ends', () => {
  test.each<[string, End, RegExp]>([
    [
      'the device sends in another namespace',
      { vxlan: { underlay: null } },
      /^leaves-view: the snapshot does not say in which namespace vx0 sends/,
    ],
    [
      'it has an option that is not known',
      { vxlan: { unmodelled: 'external' } },
      /^undetermined: a:vx0 .* option external/,
    ],
    ['it sends to a group', { entries: [behind('239.1.1.1')] }, /^undetermined: vx0 sends to the group 239.1.1.1/],
  ])('%s', (_name, a, expected) => {
    expect(outcome(a)).toMatch(expected);
  });

  test.each([
    ['asked for', []],
    ['known', [neighbour('10.1.0.2', 'vx0', macOf(2))]],
  ])('the packet has to be cut, to a neighbour that is %s', (_name, neighbours) => {
    const all = host(vtep('a', { more: { neighbours } }), router(), vtep('b'));
    const end = (length: number): string => journey(all, { ...asks, length }, 'a').end.kind;
    expect(end(1450)).toBe('accepted');
    expect(end(1451)).toBe('undetermined');
  });
});

test('a tunnel that would go through itself carries nothing', () => {
  const more = { routes: ['192.0.2.1/32 dev eth0', '198.51.100.0/24 via 10.1.0.2 dev vx0', '10.1.0.0/24 dev vx0'] };
  expect(outcome({ more })).toMatch(/the packets of vx0 would go by vx0 itself/);
});

test('a device whose remote is its own host reaches nobody', () => {
  expect(outcome({ entries: [behind('192.0.2.2')] })).toMatch(/^dropped: vx0 sends to 192.0.2.2, .* its own host$/);
});

test('nothing is sent from an address that the host has not', () => {
  expect(outcome({ vxlan: { local: '192.0.2.2' } })).toBe('accepted, returned');
  expect(outcome({ vxlan: { local: '192.0.2.9' } })).toBe(
    'dropped: vx0 sends from 192.0.2.9, which is no address of a',
  );
});

test.each([
  ['is bound to it: what refuses is of another', null, 'a:eth0 egress passed'],
  ['with an address of its own only prefers it: not known', 'fd00:1::2', 'undetermined'],
])('a tunnel over IPv6 by a device %s', (_name, local, expected) => {
  const remote = { address: 'fd00:6::5', port: null, network: null, by: 'eth0' };
  const options = { family: 6, local } as const;
  const links = vtep('a', { vxlan: options }).links.map((one) =>
    one.name === 'eth0' ? link('eth0', { mac: one.mac, addresses: ['fd00:1::2'], peer: 'router:2' }) : one,
  );
  const refuses = 'blackhole fd00:6::/64 dev lo metric 5';
  const routes = [refuses, 'fd00:6::/64 via fd00:1::1 dev eth0 metric 1024', '10.1.0.0/24 dev vx0'];
  const entries = [forwardingEntry(anyone, 'vx0', { permanent: true, fixed: true, remote })];
  const a = vtep('a', { vxlan: options, entries, more: { links, routes } });
  const way = journey(host(a, router()), asks, 'a');
  expect([...told(way), way.end.kind]).toContain(expected);
});

describe('who is to blame where nobody answers', () => {
  /** A bridge of `a` with its VXLAN device, whose only remote is not there, and `guest` on a cable. */
  const bridged = (owner: NamespaceState) => {
    const links = [
      loopback(),
      link('br0', { index: 4, kind: 'bridge', mac: macOf(7), addresses: ['10.1.0.1/24'] }),
      link('veth0', { index: 5, master: 'br0', peer: 'guest:2' }),
      ...vtep('a', { link: { master: 'br0', addresses: [] }, more: {} }).links.slice(1),
    ];
    const guest = namespace('guest', {
      links: [loopback(), link('eth0', { addresses: ['10.1.0.3/24'], mac: macOf(8), peer: 'a:5' })],
      routes: ['10.1.0.0/24 dev eth0'],
    });
    const more = {
      links,
      routes: ['192.0.2.1/32 dev eth0', 'default via 192.0.2.1 dev eth0', '10.1.0.0/24 dev br0'],
      bridgePorts: [port('vx0', 'br0'), port('veth0', 'br0')],
    };
    return journey(host(vtep('a', { entries: [behind('192.0.2.99')], more }), guest, router(), owner), asks, 'a').end;
  };

  test('nobody, where the address is nobody’s', () => {
    const other = vtep('b', { link: { addresses: ['10.1.0.9/24'] } });
    expect(bridged(other)).toMatchObject({ kind: 'unanswered', reason: 'nobody on br0 has the address 10.1.0.2' });
  });

  test('the tunnel, where somebody has it', () => {
    expect(bridged(vtep('b'))).toMatchObject({
      kind: 'dropped',
      reason: 'the packet of vx0 that carries it is lost: nobody on e0 has the address 192.0.2.99',
    });
  });
});

test('tunnels in tunnels are followed to a depth, and not further', () => {
  // Each device's remote is reached by the next one.
  const depth = 12;
  const devices = Array.from({ length: depth }, (_, at) =>
    link(`t${at}`, {
      index: 10 + at,
      kind: 'vxlan',
      mac: `02:00:00:00:01:${String(10 + at)}`,
      addresses: [`10.${50 + at}.0.1/24`],
      vxlan: vxlan('a', { network: 100 + at }),
    }),
  );
  const forwardingEntries = devices.flatMap(({ name }, at) =>
    [2, 3].map((last) => {
      const remote = { address: `10.${51 + at}.0.${last}`, port: null, network: null, by: null };
      return forwardingEntry(anyone, name, { permanent: true, fixed: true, remote });
    }),
  );
  const routes = devices.map(({ name }, at) => `10.${50 + at}.0.0/24 dev ${name}`);
  const a = namespace('a', { links: [loopback(), ...devices], routes, forwardingEntries });
  expect(journey(host(a), { ...packetTo('10.50.0.9'), source: '0.0.0.0' }, 'a').end).toMatchObject({
    kind: 'undetermined',
    reason: expect.stringContaining('there are more tunnels on the way than the model follows'),
  });
});

describe('a mark', () => {
  const marked = (chain: string, rule: string) => rules('*mangle', `:${chain} ACCEPT [0:0]`, `-A ${chain} ${rule}`);

  test('goes over from what is in the frame to its packet', () => {
    const ruleTables = [
      ...marked('OUTPUT', '-p tcp -j MARK --set-xmark 0x1/0xffffffff'),
      ...rules(
        '*filter',
        ':POSTROUTING ACCEPT [0:0]',
        ':OUTPUT ACCEPT [0:0]',
        '-A OUTPUT -p udp -m mark --mark 0x1 -j DROP',
      ),
    ];
    const more = { ruleTables, neighbours: [neighbour('10.1.0.2', 'vx0', macOf(2))] };
    expect(outcome({ more })).toMatch(/^dropped: the packet of vx0 that carries it is lost: rule 1 of chain OUTPUT/);
  });

  test('goes over from a packet to what is taken out of it', () => {
    const ruleTables = [
      ...marked('PREROUTING', '-p udp -j MARK --set-xmark 0x1/0xffffffff'),
      ...rules('*filter', ':INPUT ACCEPT [0:0]', '-A INPUT -p tcp -m mark --mark 0x1 -j DROP'),
    ];
    expect(outcome({}, { more: { ruleTables } })).toBe('dropped: rule 1 of chain INPUT in table ip filter drops it');
  });
});

test('what a host forwards by a device whose remotes are others and its own host is not certain', () => {
  const inner = namespace('inner', {
    links: [loopback(), link('eth0', { addresses: ['10.9.0.2/24'], mac: macOf(9), peer: 'a:9' })],
    routes: ['10.9.0.0/24 dev eth0', 'default via 10.9.0.1 dev eth0'],
  });
  const twoWays = { entries: [behind('192.0.2.2'), behind('198.51.100.2')], vxlan: { learning: false } };
  const cable = link('veth0', { index: 9, addresses: ['10.9.0.1/24'], peer: 'inner:2' });
  const links = [...vtep('a', twoWays).links, cable];
  const gateway = vtep('a', { ...twoWays, more: { links, sysctls: { 'net.ipv4.conf.veth0.forwarding': '1' } } });
  const all = host(inner, gateway, router(), vtep('b'));
  expect(journey(all, asks, 'a').end.kind).toBe('accepted');
  expect(journey(all, { ...asks, source: '10.9.0.2' }, 'inner').end).toMatchObject({
    kind: 'undetermined',
    reason: 'vx0 sends to 192.0.2.2, which is an address of its own host',
  });
});

test.each([
  ['1', 'undetermined'],
  ['0', 'accepted'],
])('a host of IPv6 whose remotes are others and itself: forwarding %s, %s', (forwarding, end) => {
  const told = { entries: [behind('192.0.2.2'), behind('198.51.100.2')], vxlan: { learning: false } };
  const six = (last: number) => ({ addresses: [`fd00:a::${last}/64`] });
  const [routes, sysctls] = [
    ['198.51.100.0/24 via 192.0.2.1 dev eth0', '192.0.2.1/32 dev eth0', 'fd00:a::/64 dev vx0'],
    { 'net.ipv6.conf.all.forwarding': forwarding },
  ];
  const a = vtep('a', { ...told, link: six(1), more: { routes, sysctls } });
  const back = ['192.0.2.0/24 via 198.51.100.1 dev eth0', '198.51.100.1/32 dev eth0', 'fd00:a::/64 dev vx0'];
  const b = vtep('b', { link: six(2), more: { routes: back, listeners: ['tcp [::]:80', 'udp 0.0.0.0:4789'] } });
  const { end: met } = journey(host(a, router(), b), { ...packetTo('fd00:a::2'), source: '::' }, 'a');
  expect(met.kind).toBe(end);
});

test('a device in a bridge that sends to its own host makes all uncertain that comes by it', () => {
  const bridged = { master: 'br0', addresses: [] };
  const [loop, twoWays] = [[behind('198.51.100.2')], [behind('192.0.2.2'), behind('198.51.100.2')]];
  expect(outcome({}, { link: bridged, entries: loop })).toMatch(
    /^undetermined: b:vx0 is a port of br0 and sends to its own/,
  );
  expect(outcome({}, { entries: [...loop, ...twoWays] })).toBe('accepted, returned');
});

/** `guest` is behind a bridge of `b` that has its VXLAN device as another port. */
function withGuest(more: Told = {}) {
  const bridged = vtep('b', {
    link: { master: 'br0', addresses: [] },
    more: { bridgePorts: [port('vx0', 'br0'), port('veth0', 'br0')], ...more },
  });
  const links = [
    ...bridged.links,
    link('br0', { index: 4, kind: 'bridge', mac: macOf(7) }),
    link('veth0', { index: 5, master: 'br0', peer: 'guest:2' }),
  ];
  const guest = namespace('guest', {
    links: [loopback(), link('eth0', { addresses: ['10.1.0.2/24'], mac: macOf(8), peer: 'b:5' })],
    routes: ['10.1.0.0/24 dev eth0'],
    listeners: ['tcp 0.0.0.0:80'],
  });
  return host(vtep('a'), router(), { ...bridged, links }, guest);
}

test('a bridge hands the frames of those behind it to the tunnel, and back', () => {
  const all = withGuest();
  const there = journey(all, asks, 'a');
  expect(there.end).toMatchObject({ kind: 'accepted', netns: 'guest' });
  expect(replyJourney(all, there)?.end.kind).toBe('returned');
});

describe('a mark goes over, where br_netfilter shows the rules what crosses the bridge', () => {
  const marked = (...lines: readonly string[]) =>
    withGuest({ ruleTables: rules(...lines), sysctls: { 'net.bridge.bridge-nf-call-iptables': '1' } });

  test('from what is bridged to the packet of the tunnel', () => {
    const mark = ['*mangle', ':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -p tcp -j MARK --set-mark 1', 'COMMIT'];
    const all = marked(...mark, '*filter', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -m mark --mark 1 -j DROP');
    const { end } = journey(all, { ...packetTo('10.1.0.1'), source: '10.1.0.2' }, 'guest');
    expect(end).toMatchObject({ kind: 'dropped', reason: expect.stringContaining('rule 1 of chain OUTPUT') });
  });

  test('from the packet of the tunnel to what is bridged', () => {
    const mark = ['*mangle', ':INPUT ACCEPT [0:0]', '-A INPUT -p udp -j MARK --set-mark 2', 'COMMIT'];
    const all = marked(...mark, '*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -m mark --mark 2 -j DROP');
    const { end } = journey(all, asks, 'a');
    expect(end).toMatchObject({ kind: 'dropped', reason: expect.stringContaining('rule 1 of chain FORWARD') });
  });
});
