import { describe, expect, it, test } from 'vitest';
import type { NamespaceState } from '../../src/host/state.ts';
import { journey, outsideReply, replyJourney } from '../../src/model/journey.ts';
import { host, link, loopback, namespace, neighbour, packetTo, port, told } from './hosts.ts';
import { saved } from './netfilter/tables.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplink, veth0, web } from './two-boxes.ts';

type LinkTold = NonNullable<Parameters<typeof link>[1]>;

/** The end of the way of an answer that comes back. */
const home = [
  'host:veth0 egress passed',
  'box:eth0 ingress passed',
  'box:eth0 route delivered',
  'box:eth0 input passed',
  'box:eth0 socket delivered',
  'returned',
];

/** The answer's way as text, null when there is none. */
function answer(destination: string, ...namespaces: readonly NamespaceState[]): string[] | null {
  const all = host(...namespaces);
  const reply = replyJourney(all, journey(all, packetTo(destination), 'box'));
  return reply === null ? null : told(reply);
}

test('a SYN-ACK goes back as it came, to a host that is known from its question', () => {
  expect(answer('10.88.0.20', box(), web(), bridgeHost())).toEqual([
    'web:eth0 route passed',
    'web:eth0 egress passed',
    'host:veth1 bridge passed',
    ...home,
  ]);
});

test('a RST likewise', () => {
  expect(answer('10.88.0.20', box(), web({ listeners: [] }), bridgeHost())?.at(-1)).toBe('returned');
});

test('no way back is a result', () => {
  expect(answer('10.88.0.20', box(), web({ routes: [] }), bridgeHost())).toEqual([
    'web:- route failed',
    'unroutable: no route to 10.88.0.10',
  ]);
});

test('the way back by another device is filtered as early as its ARP request', () => {
  const links = [
    loopback(),
    link('eth0', { addresses: ['10.88.0.10'], mac: '02:00:00:00:00:10', peer: 'host:5' }),
    link('eth1', { index: 3, addresses: ['10.99.0.10'], peer: 'host:9' }),
  ];
  const routes = ['10.88.0.0/16 dev eth0', '10.99.0.0/16 dev eth1', '192.0.2.7/32 via 10.99.0.1 dev eth1'];
  const wire = link('veth9', { index: 9, addresses: ['10.99.0.1'], peer: 'box:3' });
  const own = bridgeHost().links;
  const strict = { 'net.ipv4.conf.all.rp_filter': '1' };
  const ends = (sysctls: Told['sysctls']) =>
    answer(
      '192.0.2.7',
      box({ links, routes, sysctls: sysctls ?? {} }),
      web(),
      bridgeHost({ links: [...own, wire], listeners: ['tcp 192.0.2.7:80'] }),
    )?.at(-1);
  expect(ends({})).toBe('returned');
  expect(ends(strict)).toBe(
    'unanswered: box has the address 10.88.0.10 and does not answer: the way back to 192.0.2.7 is not by eth0, and eth0 filters by the reverse path (rp_filter 1)',
  );
});

describe('an ICMP error', () => {
  const gateway = (more: Told) => bridgeHost({ sysctls: forwarding, ...more });

  test.each<[string, Told, string | null]>([
    ['of a router without a route', { routes: ['10.88.0.0/16 dev br0'] }, 'ENETUNREACH'],
    ['of one that says no', { routes: ['10.88.0.0/16 dev br0', 'prohibit 203.0.113.0/24'] }, 'EHOSTUNREACH'],
    [
      'of one whose next hop does not answer',
      { routes: ['10.88.0.0/16 dev br0', '203.0.113.0/24 dev br0'] },
      'EHOSTUNREACH',
    ],
    ['of no one that swallows it', { routes: ['10.88.0.0/16 dev br0', 'blackhole 203.0.113.0/24'] }, null],
  ])('%s', (_name, more, errno) => {
    const all = host(box(), web(), gateway(more));
    const there = journey(all, packetTo('203.0.113.5'), 'box');
    expect('answer' in there.end ? (there.end.answer?.errno ?? null) : 'no end').toBe(errno);
    const reply = replyJourney(all, there);
    expect(reply?.end.kind).toBe(errno === null ? undefined : 'returned');
    if (reply !== null) expect(reply.packet).toMatchObject({ protocol: 'icmp', source: '10.88.0.1' });
  });

  test("the sender's own kernel needs no packet for it", () => {
    expect(answer('203.0.113.5', box({ routes: [] }))).toBeNull();
  });
});

describe('an answer from beyond the host', () => {
  const rules = (...lines: readonly string[]) => saved(['*filter', ...lines, 'COMMIT', ''].join('\n'));
  const asked = (start: string, ...namespaces: readonly NamespaceState[]) => {
    const all = host(...namespaces);
    return outsideReply(all, journey(all, { ...packetTo('203.0.113.5'), source: '0.0.0.0' }, start));
  };

  it('comes in by the device by which the packet left, and back to who asked', () => {
    const reply = asked('box', box(), bridgeHost());
    expect(reply === null ? null : told(reply)).toEqual([
      'host:eth0 ingress passed',
      'host:eth0 route passed',
      'host:eth0 forward passed',
      'host:br0 egress passed',
      ...home,
    ]);
  });

  it('is translated back', () => {
    const masquerade = saved('*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n');
    const reply = asked('box', box(), bridgeHost({ ruleTables: masquerade }));
    expect(reply?.steps.find(({ verdict }) => verdict === 'translated')?.detail).toBe(
      'the destination 192.0.2.7 becomes 10.88.0.10, as its connection is translated',
    );
    expect(reply?.packet.destination).toBe('192.0.2.7');
    expect(reply?.arrived.destination).toBe('10.88.0.10');
    expect(reply?.end.kind).toBe('returned');
  });

  it.each<[string, string, string]>([
    ['host', ':INPUT DROP [0:0]', 'dropped'],
    ['host', ':FORWARD DROP [0:0]', 'returned'],
    ['box', ':INPUT DROP [0:0]', 'returned'],
    ['box', ':FORWARD ACCEPT [0:0]\n-A FORWARD -i eth0 -j DROP', 'dropped'],
  ])('of what %s asked meets %s: %s', (start, line, expected) => {
    expect(asked(start, box(), bridgeHost({ ruleTables: rules(line) }))?.end.kind).toBe(expected);
  });

  it('is not told of a packet that is answered in view', () => {
    const all = host(box(), web(), bridgeHost());
    expect(outsideReply(all, journey(all, packetTo('10.88.0.20'), 'box'))).toBeNull();
  });

  const leaving = (name: string, told: LinkTold, lower: LinkTold = {}, more: Told = {}) => {
    const links = [
      loopback(),
      link('up0', { index: 7, addresses: [], ...lower }),
      link(name, { index: 8, addresses: ['192.0.2.9'], ...told }),
    ];
    const all = host(
      namespace('host', {
        links,
        routes: [`default via 192.0.2.1 dev ${name}`],
        neighbours: [neighbour('192.0.2.1', name, '02:00:00:00:00:01')],
        ...more,
      }),
    );
    const way = journey(all, { ...packetTo('203.0.113.5'), source: '0.0.0.0' }, 'host');
    expect(way.end.kind).toBe('leaves-view');
    return outsideReply(all, way);
  };
  const bridged = { bridgePorts: [port('up0', 'br9')] };

  it('is not told of a packet that leaves by a macvlan', () => {
    expect(leaving('mv0', { kind: 'macvlan', mode: 'bridge', lower: { netns: 'host', device: 'up0' } })).toBeNull();
  });

  it("comes in by the bridge whose port the packet left by, where it was the host's own way", () => {
    const reply = leaving('br9', { kind: 'bridge' }, { master: 'br9' }, bridged);
    expect(reply === null ? null : told(reply).slice(0, 2)).toEqual([
      'host:br9 ingress passed',
      'host:br9 route delivered',
    ]);
  });

  it('is not told where the rules of the bridge may ask for the port', () => {
    const sysctls = { 'net.bridge.bridge-nf-call-iptables': '1' };
    expect(leaving('br9', { kind: 'bridge' }, { master: 'br9' }, { ...bridged, sysctls })).toBeNull();
  });

  it.each(['0', '1'])('is not told of a packet that only crosses a bridge (br_netfilter: %s)', (value) => {
    const hidden = link('veth1', { index: 6, master: 'br0', peer: 'null:2' });
    const sysctls = { 'net.bridge.bridge-nf-call-iptables': value };
    const known = { neighbours: [neighbour('10.88.0.20', 'eth0', '02:00:00:00:00:01')] };
    const all = host(box(known), bridgeHost({ links: [uplink, bridge, veth0, hidden], sysctls }));
    const way = journey(all, packetTo('10.88.0.20'), 'box');
    expect(way.end.kind).toBe('leaves-view');
    expect(outsideReply(all, way)).toBeNull();
  });
});
