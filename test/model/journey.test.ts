import { describe, expect, test } from 'vitest';
import type { Link, LinkProgram, NamespaceState } from '../../src/host/state.ts';
import { journey } from '../../src/model/journey.ts';
import type { Journey } from '../../src/model/step.ts';
import { host, link, loopback, namespace, neighbour, packetTo, port, rule, told } from './hosts.ts';
import { saved } from './netfilter/tables.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplink, veth0, veth1, web } from './two-boxes.ts';

const toBridge = ['box:eth0 route passed', 'box:eth0 egress passed', 'host:veth0 bridge passed'];
const toHost = [...toBridge, 'host:br0 ingress passed'];

describe('a container and the host', () => {
  const delivered = [...toHost, 'host:br0 route delivered', 'host:br0 input passed'];

  test('asks for the bridge address, where the service listens on loopback alone', () => {
    const result = journey(
      host(box(), bridgeHost({ listeners: ['tcp 127.0.0.1:19001'] })),
      packetTo('10.88.0.1', 19001),
      'box',
    );
    expect(told(result)).toEqual([...delivered, 'host:br0 socket refused', 'refused']);
    expect(result.end).toMatchObject({ kind: 'refused', samePort: [{ address: '127.0.0.1', port: 19001 }] });
    expect(result.assumptions).toEqual([]);
  });

  test('asks for a service that listens', () => {
    const result = journey(host(box(), bridgeHost({ listeners: ['tcp *:80'] })), packetTo('10.88.0.1'), 'box');
    expect(told(result)).toEqual([...delivered, 'host:br0 socket delivered', 'accepted by tcp *:80']);
  });

  test('asks for another address of the host: delivered all the same, by its default route', () => {
    const result = journey(host(box(), bridgeHost({ listeners: ['tcp 192.0.2.7:80'] })), packetTo('192.0.2.7'), 'box');
    expect(told(result)).toEqual([...delivered, 'host:br0 socket delivered', 'accepted by tcp 192.0.2.7:80']);
  });

  test('asks over IPv6', () => {
    const result = journey(host(box(), bridgeHost({ listeners: ['tcp [::]:80'] })), packetTo('fd00:88::1'), 'box');
    expect(told(result)).toEqual([...delivered, 'host:br0 socket delivered', 'accepted by tcp [::]:80']);
  });

  test('sockets that could not be read', () => {
    const result = journey(host(box(), bridgeHost({ listenersKnown: false })), packetTo('10.88.0.1'), 'box');
    expect(told(result).slice(-2)).toEqual([
      'host:br0 socket unknown',
      'undetermined: the sockets of host could not be read',
    ]);
  });

  test('the host asks the container', () => {
    expect(told(journey(host(web(), bridgeHost()), packetTo('10.88.0.20'), 'host'))).toEqual([
      'host:br0 route passed',
      'host:br0 egress passed',
      'host:veth1 egress passed',
      'web:eth0 ingress passed',
      'web:eth0 route delivered',
      'web:eth0 input passed',
      'web:eth0 socket delivered',
      'accepted by tcp 0.0.0.0:80',
    ]);
  });
});

describe('two containers on one bridge', () => {
  const arrived = [
    'host:veth1 egress passed',
    'web:eth0 ingress passed',
    'web:eth0 route delivered',
    'web:eth0 input passed',
    'web:eth0 socket delivered',
    'accepted by tcp 0.0.0.0:80',
  ];

  test('the host only switches: its addresses and routes have no part', () => {
    const result = journey(host(box(), web(), bridgeHost({ routes: [], sysctls: {} })), packetTo('10.88.0.20'), 'box');
    expect(told(result)).toEqual([...toBridge, ...arrived]);
    expect(result.assumptions).toEqual([]);
  });

  test('with br_netfilter switched on, its IP firewall has one', () => {
    const ruleTables = saved('*filter\n:FORWARD DROP [0:0]\nCOMMIT\n');
    const sysctls = { 'net.bridge.bridge-nf-call-iptables': '1' };
    const on = journey(host(box(), web(), bridgeHost({ ruleTables, sysctls })), packetTo('10.88.0.20'), 'box');
    const policy = 'the policy of chain FORWARD in table ip filter drops what no rule takes';
    expect(told(on)).toEqual([...toBridge, 'host:br0 forward dropped', `dropped: ${policy}`]);
    const off = journey(host(box(), web(), bridgeHost({ ruleTables })), packetTo('10.88.0.20'), 'box');
    expect(told(off)).toEqual([...toBridge, ...arrived]);
  });

  test.each(['blocking', 'listening', 'learning', 'disabled'])(
    'a port that is %s swallows it, coming or going',
    (state) => {
      const asked = (bridgePorts: Told['bridgePorts']): string[] =>
        told(
          journey(host(box(), web(), bridgeHost({ bridgePorts: bridgePorts ?? [] })), packetTo('10.88.0.20'), 'box'),
        );
      expect(asked([port('veth0', 'br0', state), port('veth1', 'br0')])).toEqual([
        ...toBridge.slice(0, 2),
        'host:veth0 bridge dropped',
        `dropped: veth0 is ${state}`,
      ]);
      expect(asked([port('veth0', 'br0'), port('veth1', 'br0', state)])).toEqual([
        ...toBridge,
        'host:veth1 bridge dropped',
        `dropped: veth1 is ${state}`,
      ]);
    },
  );

  test('the far container is down', () => {
    const links = [uplink, bridge, veth0, { ...veth1, carrier: false }];
    const result = journey(host(box(), web(), bridgeHost({ links })), packetTo('10.88.0.20'), 'box');
    expect(told(result)).toEqual([...toBridge, 'host:veth1 egress dropped', 'dropped: veth1 is down']);
    expect(result.steps.at(-1)?.detail).toBe('veth1 has no carrier: its other end is down');
  });

  test('nobody on the bridge has the address', () => {
    expect(told(journey(host(box(), web(), bridgeHost()), packetTo('10.88.0.99'), 'box'))).toEqual([
      ...toBridge,
      'host:br0 neighbour failed',
      'unanswered: nobody on br0 has the address 10.88.0.99',
    ]);
  });

  test('somebody out of sight may have it', () => {
    const hidden = link('veth1', { index: 6, master: 'br0', peer: 'null:2' });
    const links = [uplink, bridge, veth0, hidden];
    expect(told(journey(host(box(), bridgeHost({ links })), packetTo('10.88.0.20'), 'box'))).toEqual([
      ...toBridge,
      'leaves-view: 10.88.0.20 may be behind a port of br0 whose other end the snapshot has not',
    ]);
  });
});

describe('through the host', () => {
  const onHost = [...toHost, 'host:br0 route passed'];
  const away = ['host:br0 forward passed', 'host:eth0 egress passed', 'leaves-view: it leaves by host:eth0'];

  test.each(['203.0.113.5', 'fd00:9::5'])('to %s, which is elsewhere', (destination) => {
    const result = journey(host(box(), bridgeHost()), packetTo(destination), 'box');
    expect(told(result)).toEqual([...onHost, ...away]);
    expect(result.assumptions).toEqual([]);
  });

  // IPv4 has a switch for each device; in IPv6 `all` decides for every one (seen on Linux 6.18).
  test.each([
    ['203.0.113.5', { ...forwarding, 'net.ipv4.conf.br0.forwarding': '0' }, 'net.ipv4.conf.br0.forwarding'],
    ['fd00:9::5', { ...forwarding, 'net.ipv6.conf.all.forwarding': '0' }, 'net.ipv6.conf.all.forwarding'],
  ])('to %s, and the host does not forward', (destination, sysctls, name) => {
    expect(told(journey(host(box(), bridgeHost({ sysctls })), packetTo(destination), 'box'))).toEqual([
      ...onHost,
      'host:br0 forward dropped',
      `dropped: host does not forward: ${name} is 0`,
    ]);
  });

  test('a switch for one device says nothing about IPv6', () => {
    const sysctls = { ...forwarding, 'net.ipv6.conf.br0.forwarding': '0' };
    expect(told(journey(host(box(), bridgeHost({ sysctls })), packetTo('fd00:9::5'), 'box'))).toEqual([
      ...onHost,
      ...away,
    ]);
  });

  test('forwarding that is not known is assumed, and said', () => {
    const result = journey(host(box(), bridgeHost({ sysctls: {} })), packetTo('203.0.113.5'), 'box');
    expect(told(result)).toEqual([...onHost, ...away]);
    expect(result.assumptions).toEqual(['host, forward: the snapshot has no net.ipv4.conf.br0.forwarding']);
  });

  test('every hook that has rules is a stage', () => {
    const ruleTables = saved(
      [
        '*nat',
        ':PREROUTING ACCEPT [0:0]',
        ':POSTROUTING ACCEPT [0:0]',
        '-A POSTROUTING -o eth0 -j MASQUERADE',
        'COMMIT',
        '*filter',
        ':INPUT DROP [0:0]',
        ':FORWARD ACCEPT [0:0]',
        'COMMIT',
      ].join('\n'),
    );
    const result = journey(host(box(), bridgeHost({ ruleTables })), packetTo('203.0.113.5'), 'box');
    expect(told(result)).toEqual([
      ...toHost,
      'host:br0 prerouting passed',
      'host:br0 route passed',
      'host:br0 forward passed',
      'host:eth0 postrouting translated',
      'host:eth0 egress passed',
      'leaves-view: it leaves by host:eth0',
    ]);
    expect(result.assumptions).toEqual([]);
    expect(result.arrived.source).toBe('192.0.2.7');
  });

  test.each([
    ['no route', [], 'no route to 203.0.113.5'],
    ['a route that refuses', ['unreachable 203.0.113.0/24'], 'the route to 203.0.113.5 is of type unreachable'],
    ['a route that swallows', ['blackhole default'], 'the route to 203.0.113.5 is of type blackhole'],
  ])('%s', (_name, routes, reason) => {
    expect(told(journey(host(box(), bridgeHost({ routes })), packetTo('203.0.113.5'), 'box'))).toEqual([
      ...toHost,
      'host:br0 route failed',
      `unroutable: ${reason}`,
    ]);
  });
});

describe('out of a namespace', () => {
  test('loopback', () => {
    expect(told(journey(host(box({ listeners: ['tcp 127.0.0.1:80'] })), packetTo('127.0.0.1'), 'box'))).toEqual([
      'box:lo route delivered',
      'box:lo egress passed',
      'box:lo input passed',
      'box:lo socket delivered',
      'accepted by tcp 127.0.0.1:80',
    ]);
  });

  test("a namespace's own address goes over loopback too, and needs it up", () => {
    const down = box({ links: [loopback({ up: false }), link('eth0', { addresses: ['10.88.0.10'] })] });
    expect(told(journey(host(down), packetTo('10.88.0.10'), 'box'))).toEqual([
      'box:lo route delivered',
      'box:lo egress dropped',
      'dropped: lo is down',
    ]);
  });

  test.each([
    [{ up: false, carrier: false }, 'eth0 is down'],
    [{ carrier: false }, 'eth0 has no carrier: its other end is down'],
  ])('the device is not usable: %j', (state, detail) => {
    const links = [loopback(), link('eth0', { addresses: ['10.88.0.10'], peer: 'host:5', ...state })];
    const result = journey(host(box({ links }), bridgeHost()), packetTo('10.88.0.1'), 'box');
    expect(told(result)).toEqual(['box:eth0 route passed', 'box:eth0 egress dropped', 'dropped: box:eth0 is down']);
    expect(result.steps.at(-1)?.detail).toBe(detail);
  });

  test('a bridge without a usable port has no other end to blame', () => {
    const links = [{ ...bridge, carrier: false }];
    const result = journey(host(bridgeHost({ links })), packetTo('10.88.0.20'), 'host');
    expect(result.steps.at(-1)?.detail).toBe('br0 has no carrier');
  });

  describe('that asks a program', () => {
    const program = (direction: 'ingress' | 'egress', what: string): LinkProgram => ({
      direction,
      what,
      source: { netns: '', command: '', text: what },
    });
    const asked = (one: Partial<Record<'box' | 'veth0', LinkProgram>>): Journey => {
      const doubtful = (of: Link, told?: LinkProgram): Link => (told === undefined ? of : { ...of, programs: [told] });
      const links = { box: box().links.map((own) => doubtful(own, own.name === 'eth0' ? one.box : undefined)) };
      const ports = bridgeHost().links.map((own) => doubtful(own, own.name === 'veth0' ? one.veth0 : undefined));
      return journey(
        host(box({ links: links.box }), web(), bridgeHost({ links: ports })),
        packetTo('10.88.0.20'),
        'box',
      );
    };
    const doubts = ({ steps }: Journey): string[] =>
      steps.flatMap(({ netns, device, verdict }) => (verdict === 'unknown' ? [`${netns}:${device}`] : []));

    test.each<[string, Journey, string[], string[]]>([
      [
        'out of it: what follows is no more than likely',
        asked({ box: program('egress', 'a filter of traffic control (tc)') }),
        ['box:eth0'],
        [
          'box, egress: sent by eth0; a filter of traffic control (tc) at eth0 may drop it, change it or send it elsewhere',
        ],
      ],
      [
        'into a port of a bridge',
        asked({ veth0: program('ingress', 'an XDP program') }),
        ['host:veth0'],
        [expect.stringMatching(/^host, bridge: veth0 is a port of br0.*; an XDP program at veth0 may drop it/)],
      ],
      ['the other way', asked({ box: program('ingress', 'an XDP program') }), [], []],
    ])('%s', (_name, result, places, assumptions) => {
      expect(result.end.kind).toBe('accepted');
      expect(doubts(result)).toEqual(places);
      expect(result.assumptions).toEqual(assumptions);
      expect(result.mayBeRedirected).toBe(places.length > 0);
    });
  });

  test('its other end is in a namespace that nobody saw', () => {
    const links = [link('eth0', { addresses: ['10.88.0.10'], peer: 'null:5' })];
    expect(told(journey(host(box({ links })), packetTo('10.88.0.1'), 'box'))).toEqual([
      'box:eth0 route passed',
      'box:eth0 egress passed',
      'leaves-view: the other end of box:eth0 is in a namespace that is not known',
    ]);
  });

  test('no route, a device that is not there, and a namespace that is not', () => {
    const to = (more: Told, start = 'box'): string[] => told(journey(host(box(more)), packetTo('203.0.113.5'), start));
    expect(to({ routes: [] })).toEqual(['box:- route failed', 'unroutable: no route to 203.0.113.5']);
    expect(to({ routes: ['default dev gone0'] })).toEqual([
      'box:gone0 route passed',
      'undetermined: gone0 is not in the snapshot of box',
    ]);
    expect(to({}, 'elsewhere')).toEqual(['undetermined: the namespace elsewhere is not in the snapshot']);
  });
});

describe('a veth pair without a bridge', () => {
  const routed = link('cali0', { index: 5, mac: 'ee:ee:ee:ee:ee:ee', peer: 'box:2' });
  const onWire = ['box:eth0 route passed', 'box:eth0 egress passed', 'host:cali0 ingress passed'];
  const router = (more: Told = {}): NamespaceState =>
    namespace('host', {
      links: [loopback(), uplink, routed],
      routes: ['10.88.0.10 dev cali0', 'default via 192.0.2.1 dev eth0'],
      ...more,
    });
  const start = (more: Told = {}): NamespaceState => box({ routes: ['default via 169.254.1.1 dev eth0'], ...more });
  const nobody = [...onWire, 'box:eth0 neighbour failed', 'unanswered: nobody on eth0 has the address 169.254.1.1'];
  const through = [
    ...onWire,
    'host:cali0 route passed',
    'host:cali0 forward passed',
    'host:eth0 egress passed',
    'leaves-view: it leaves by host:eth0',
  ];
  const asked = (from: NamespaceState, by: NamespaceState): string[] =>
    told(journey(host(from, by), packetTo('203.0.113.5'), 'box'));
  const proxying = { 'net.ipv4.conf.cali0.proxy_arp': '1', 'net.ipv4.conf.cali0.forwarding': '1' };

  test('nobody has the next hop', () => {
    expect(asked(start(), router())).toEqual(nobody);
  });

  // Seen on Linux 6.18: it answers only while it forwards and its own way to the address is by another device.
  test('the host answers in its stead (proxy_arp)', () => {
    expect(asked(start(), router({ sysctls: proxying }))).toEqual(through);
    expect(asked(start(), router({ sysctls: { ...proxying, 'net.ipv4.conf.cali0.forwarding': '0' } }))).toEqual(nobody);
    expect(asked(start(), router({ sysctls: proxying, routes: ['10.88.0.10 dev cali0'] }))).toEqual(nobody);
    expect(asked(start(), router({ sysctls: proxying, routes: ['default dev cali0'] }))).toEqual(nobody);
  });

  test('the neighbour table has the MAC address of the other end', () => {
    const sysctls = { 'net.ipv4.conf.cali0.forwarding': '1' };
    const known = (mac: string | null): NamespaceState =>
      start({ neighbours: [neighbour('169.254.1.1', 'eth0', mac)] });
    expect(asked(known('ee:ee:ee:ee:ee:ee'), router({ sysctls }))).toEqual(through);
    expect(asked(known('02:00:00:00:00:01'), router({ sysctls }))).toEqual([
      ...onWire.slice(0, 2),
      'box:eth0 neighbour failed',
      'dropped: the neighbour table of box has 169.254.1.1 at 02:00:00:00:00:01, and nobody on eth0 has that address',
    ]);
    expect(asked(known(null), router({ sysctls }))).toEqual(nobody);
  });

  test('the other end is a port of something that is no bridge', () => {
    expect(asked(start(), router({ links: [{ ...routed, master: 'ovs-system' }] }))).toEqual([
      ...onWire,
      'undetermined: host:cali0 is a port of ovs-system, which is no bridge that the model knows',
    ]);
  });

  test('two namespaces that send it to and fro', () => {
    const sysctls = { 'net.ipv4.conf.eth0.forwarding': '1' };
    const side = (name: string, own: string, peer: string, gateway: string): NamespaceState =>
      namespace(name, {
        links: [link('eth0', { addresses: [own], peer: `${peer}:2` })],
        routes: [`default via ${gateway} dev eth0`],
        sysctls,
      });
    const result = journey(
      host(side('left', '10.0.0.1', 'right', '10.0.0.2'), side('right', '10.0.0.2', 'left', '10.0.0.1')),
      packetTo('203.0.113.5'),
      'left',
    );
    const reason = 'right:eth0 sees it again: it goes round until its time to live is used up';
    expect(result.end).toEqual({ kind: 'looped', reason, answer: null });
  });
});

describe('what becomes of it at the sender', () => {
  test.each<[string, Told, string, string, string]>([
    ['no route', { routes: [] }, '203.0.113.5', 'no route to 203.0.113.5', 'ENETUNREACH'],
    [
      'a route that refuses',
      { routes: ['unreachable 203.0.113.0/24'] },
      '203.0.113.5',
      'the route to 203.0.113.5 is of type unreachable',
      'EHOSTUNREACH',
    ],
    [
      'a broadcast address',
      { routes: ['broadcast 10.88.255.255 dev eth0'] },
      '10.88.255.255',
      'the route to 10.88.255.255 is of type broadcast',
      'ENETUNREACH',
    ],
    [
      'IPv6 without an address of its own',
      { links: [link('eth0', { peer: 'host:5' })], routes: ['default via fd00:88::1 dev eth0'] },
      'fd00:9::5',
      'box has no source address for fd00:9::5',
      'EADDRNOTAVAIL',
    ],
  ])('%s', (_name, more, destination, reason, errno) => {
    const packet = { ...packetTo(destination), source: destination.includes(':') ? '::' : '0.0.0.0' };
    const { end } = journey(host(box(more), web(), bridgeHost()), packet, 'box');
    expect(end).toEqual({ kind: 'unroutable', reason, answer: { errno, netns: 'box', icmp: null } });
  });

  test('the source is chosen where the program chose none, and rules then see it', () => {
    const rules = ['0: from all lookup 255', '5: from 10.88.0.10 lookup 100', '32766: from all lookup 254'].map(
      (text) => rule(text),
    );
    const routes = ['10.88.0.0/16 dev eth0', 'default via 10.88.0.1 dev eth0', 'prohibit default table 100'];
    const result = journey(
      host(box({ routes, rules }), web(), bridgeHost()),
      { ...packetTo('203.0.113.5'), source: '0.0.0.0' },
      'box',
    );
    expect(result.packet.source).toBe('10.88.0.10');
    expect(result.end).toMatchObject({ kind: 'unroutable', answer: { errno: 'EACCES' } });
  });
});

describe('several next hops', () => {
  const several = 'default nexthop via 10.88.0.1 dev eth0 nexthop via 10.88.0.20 dev eth0';
  const asked = (routes: readonly string[], more: Told) =>
    journey(
      host(box({ routes: ['10.88.0.0/16 dev eth0', ...routes] }), web(more), bridgeHost()),
      packetTo('192.0.2.7'),
      'box',
    );

  test('that end differently: not known which it takes', () => {
    expect(told(asked([several], { sysctls: { 'net.ipv4.conf.eth0.forwarding': '0' } }))).toEqual([
      'box:- route unknown',
      'undetermined: it takes one of 2 ways (the kernel picks one by a hash of the packet), and they end differently: ' +
        'refused in host; or web does not forward: net.ipv4.conf.eth0.forwarding is 0',
    ]);
  });

  test('that end alike: one of them, and it is said', () => {
    const twice = 'default nexthop via 10.88.0.1 dev eth0 nexthop via 10.88.0.1 dev eth0';
    const result = asked([twice], {});
    expect(result.end).toMatchObject({ kind: 'refused', netns: 'host' });
    expect(result.assumptions).toEqual([
      'box, route: one of 2 ways (the kernel picks one by a hash of the packet); all end alike',
    ]);
  });

  test('one of them dead: the other', () => {
    const half = 'default nexthop via 10.88.0.20 dev eth0 dead nexthop via 10.88.0.1 dev eth0';
    expect(asked([half], {}).assumptions).toEqual([]);
    expect(asked([half], {}).end).toMatchObject({ kind: 'refused', netns: 'host' });
  });
});

test('a time to live of one ends at the first router, which says so', () => {
  const packet = { ...packetTo('203.0.113.5'), timeToLive: 1 };
  expect(journey(host(box(), bridgeHost()), packet, 'box').end).toEqual({
    kind: 'dropped',
    reason: 'its time to live is used up',
    answer: { errno: 'EHOSTUNREACH', netns: 'host', icmp: { type: 11, code: 0 } },
  });
});

test('an accept queue that is full swallows it', () => {
  const [listener] = web().listeners;
  if (listener === undefined) throw new Error('no listener');
  const full = { ...web(), listeners: [{ ...listener, queue: { waiting: 2, limit: 1 } }] };
  expect(journey(host(box(), full, bridgeHost()), packetTo('10.88.0.20'), 'box').end).toEqual({
    kind: 'dropped',
    reason: 'the accept queue of a socket on 0.0.0.0:80 is full: 2 wait, and more than 1 may not',
    answer: null,
  });
});

describe('by one device alone, where no route serves', () => {
  const bound = (to: string, device: string | null, more: Parameters<typeof box>[0]) => {
    const asked = { ...packetTo(to), source: to.includes(':') ? '::' : '0.0.0.0' };
    const way = journey(
      host(box({ routes: [], ...more }), web({ routes: ['10.88.0.0/16 dev eth0'] }), bridgeHost()),
      device === null ? asked : { ...asked, boundDevice: device },
      'box',
    );
    return { end: way.end.kind, detail: way.steps[0]?.detail, source: way.packet.source };
  };

  test.each([
    ['the address is looked for on the device', {}, 'accepted'],
    ['a rule that prohibits it does not count', { rules: [rule('5: from all prohibit')] }, 'accepted'],
    ['nor does a route that says no', { routes: ['unreachable 10.88.0.0/16'] }, 'accepted'],
  ])('%s', (_name, more, end) => {
    const detail = 'no route serves, so the address is looked for on eth0 itself, asked for eth0 alone';
    expect(bound('10.88.0.20', 'eth0', more)).toEqual({ end, detail, source: '10.88.0.10' });
  });

  test.each<[string, string, string | null, Parameters<typeof box>[0]]>([
    ['but by any device', '10.88.0.20', null, {}],
    ['but IPv6', 'fd00:88::20', 'eth0', {}],
    [
      'but it is down',
      '10.88.0.20',
      'eth0',
      { links: [loopback(), link('eth0', { addresses: ['10.88.0.10'], up: false })] },
    ],
  ])('%s', (_name, to, device, more) => {
    expect(bound(to, device, more).end).toBe('unroutable');
  });
});
