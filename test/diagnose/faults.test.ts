import { describe, expect, it, test } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import type { ForwardingEntry, HostState, NamespaceState, PortVlan } from '../../src/host/state.ts';
import { forwardingEntry, host, link, loopback, namespace, neighbour, port } from '../model/hosts.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplink, veth0, veth1, web } from '../model/two-boxes.ts';
import { fixesOf, ipRules, judged, predicted, type Sighting, verdictOf } from './on-host.ts';

const webMac = '02:00:00:00:00:20';
const strangeMac = '02:00:00:00:00:99';

/** The containers and the host, of which one is changed. */
const all = (changes: { box?: Told; web?: Told; host?: Told } = {}): HostState =>
  host(box(changes.box), web(changes.web), bridgeHost(changes.host));

/** `web` with so many connections in its listener's queue. */
function queued(waiting: number, limit: number): NamespaceState {
  const server = web();
  return { ...server, listeners: server.listeners.map((one) => ({ ...one, queue: { waiting, limit } })) };
}

/** The host's two ports, with one changed. */
const ports = (veth0Told: Parameters<typeof port>[3], veth1Told: Parameters<typeof port>[3]): Told => ({
  bridgePorts: [port('veth0', 'br0', 'forwarding', veth0Told), port('veth1', 'br0', 'forwarding', veth1Told)],
});

const webWithMac = { links: [loopback(), link('eth0', { addresses: ['10.88.0.20'], peer: 'host:6', mac: webMac })] };
const knows = (mac: string): Told => ({ neighbours: [neighbour('10.88.0.20', 'eth0', mac)] });

function learnt(mac: string, device: string): ForwardingEntry {
  const source = { netns: 'host', command: 'bridge -j fdb', text: `${mac} dev ${device}` };
  return forwardingEntry(mac, device, { bridge: 'br0', fixed: true, source });
}

function vlan(device: string, number: number): PortVlan {
  const source = { netns: 'host', command: 'bridge -j vlan', text: `${device} ${number}` };
  return { device, vlan: number, pvid: true, untagged: true, source };
}

const filtering = (...portVlans: readonly PortVlan[]): Told => ({
  links: [loopback(), uplink, { ...bridge, vlanFiltering: true }, veth0, veth1],
  portVlans,
});

const dnat = (chain: string, to: string): readonly RuleTable[] =>
  ipRules(
    'iptables',
    'nat',
    `:${chain} ACCEPT [0:0]`,
    `-A ${chain} -p tcp -m tcp --dport 80 -j DNAT --to-destination ${to}`,
  );

const localnet = { ...forwarding, 'net.ipv4.conf.br0.route_localnet': '0' };

describe('what stops a packet, by the state of the host', () => {
  it.each<[string, HostState, string, string[]]>([
    [
      'a full queue of connections that wait to be accepted',
      host(box(), queued(6, 5), bridgeHost()),
      'timeout accept-queue-full inferred, web:eth0 socket',
      [],
    ],
    [
      'a port that the spanning tree protocol keeps back',
      all({ host: { bridgePorts: [port('veth0', 'br0'), port('veth1', 'br0', 'listening')] } }),
      'unreachable bridge-port-blocked inferred, host:veth1 bridge',
      ['host# ip link set br0 type bridge stp_state 0', 'host# bridge link set dev veth1 state 3', 'verified'],
    ],
    [
      'a locked port: its answer is not let in',
      all({ web: webWithMac, host: ports({}, { locked: true }) }),
      'unreachable bridge-port-blocked inferred, host:veth1 bridge',
      [`host# bridge fdb replace ${webMac} dev veth1 master static`, 'verified'],
    ],
    [
      'two isolated ports',
      all({ host: ports({ isolated: true }, { isolated: true }) }),
      'unreachable bridge-port-isolated inferred, host:veth1 bridge',
      ['host# bridge link set dev veth1 isolated off', 'verified'],
    ],
    [
      'a question that is not flooded',
      all({ host: ports({}, { broadcastFlood: false }) }),
      'unreachable bridge-flood-off inferred, host:veth1 bridge',
      ['host# bridge link set dev veth1 bcast_flood on', 'verified'],
    ],
    [
      'a frame to an address that the bridge has not learnt, and does not flood',
      all({ box: knows(webMac), web: webWithMac, host: ports({}, { flood: false }) }),
      'timeout bridge-flood-off inferred, host:veth1 bridge',
      ['host# bridge link set dev veth1 flood on', 'verified'],
    ],
    [
      'a frame that would leave where it came in; the table of the bridge is wrong, and hairpin would not mend that',
      all({ box: knows(webMac), web: webWithMac, host: { forwardingEntries: [learnt(webMac, 'veth0')] } }),
      'timeout bridge-hairpin-off inferred, host:veth0 bridge',
      ['host# bridge link set dev veth0 hairpin on', 'not verified'],
    ],
    [
      'ports of different VLANs',
      all({ host: filtering(vlan('veth0', 10), vlan('veth1', 20)) }),
      'unreachable bridge-vlan-filtered inferred, host:veth1 bridge',
      [],
    ],
    [
      'a port that is in no VLAN',
      all({ host: filtering(vlan('veth1', 20)) }),
      'unreachable bridge-vlan-filtered inferred, host:veth0 bridge',
      [],
    ],
    [
      'a neighbour table that is wrong',
      all({ box: knows(strangeMac), web: webWithMac }),
      'timeout stale-neighbour inferred, box:eth0 neighbour',
      ['box# ip neigh del 10.88.0.20 dev eth0', 'verified'],
    ],
  ])('%s', (_name, state, what, fixes) => {
    const connection = predicted(state, '10.88.0.20');
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(what);
    expect(fixesOf(connection)).toEqual(fixes);
  });

  it.each<[string, NamespaceState, string, string]>([
    ['does not get', bridgeHost(filtering(vlan('veth0', 10), vlan('br0', 1))), 'box', '10.88.0.1'],
    ['cannot send', bridgeHost(filtering(vlan('veth1', 10))), 'host', '10.88.0.20'],
  ])("what a bridge's own host %s by its VLANs", (_name, server, from, to) => {
    const connection = predicted(host(box(), web(), server), to, {}, from);
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(
      'unreachable bridge-vlan-filtered inferred, host:br0 bridge',
    );
  });

  it('a packet that comes from nowhere but the host that it comes to', () => {
    const publish = '-A PREROUTING -d 192.0.2.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.88.0.20:80';
    const ruleTables = ipRules('iptables', 'nat', ':PREROUTING ACCEPT [0:0]', publish);
    const connection = predicted(all({ host: { ruleTables } }), '192.0.2.7', {}, 'web');
    expect(verdictOf(connection)).toBe('source-is-local inferred, web:eth0 route');
    expect(fixesOf(connection)).toEqual([]);
  });

  it('a loopback address that came in from a container', () => {
    const ruleTables = dnat('PREROUTING', '127.0.0.1:80');
    const server = bridgeHost({ ruleTables, listeners: ['tcp 127.0.0.1:80'], sysctls: localnet });
    const connection = predicted(host(box(), server), '10.88.0.1');
    expect(verdictOf(connection)).toBe('localnet-not-routable inferred, host:br0 route');
    expect(fixesOf(connection)).toEqual(['host# sysctl -w net.ipv4.conf.br0.route_localnet=1', 'verified']);
  });

  it('a loopback address that would leave, to which nobody could answer', () => {
    const server = bridgeHost({ ruleTables: dnat('OUTPUT', '10.88.0.20:80'), sysctls: localnet });
    const connection = predicted(host(web(), server), '127.0.0.1', {}, 'host');
    expect(verdictOf(connection)).toBe('localnet-not-routable inferred, host:lo output');
    expect(fixesOf(connection)).toEqual([
      'host# sysctl -w net.ipv4.conf.br0.route_localnet=1',
      'host# iptables -t nat -A POSTROUTING -s 127.0.0.0/8 -o br0 -j MASQUERADE',
      'verified',
    ]);
    expect(connection.explanation.at(-1)).toMatch(/^Routed again as the rules have changed it, it has no way: /);
  });

  it('a loopback address sent where no route leads lacks the route, whatever the switch says', () => {
    const server = bridgeHost({ ruleTables: dnat('OUTPUT', '198.51.100.9:80'), routes: [], sysctls: localnet });
    expect(predicted(host(web(), server), '127.0.0.1', {}, 'host').cause).not.toBe('localnet-not-routable');
  });

  it('a device with a dot in its name: sysctl(8) writes a slash for it, and the model has its setting', () => {
    const source = { netns: 'host', command: 'sysctl', text: 'net.ipv4.conf.br0/5.route_localnet = 0' };
    const server = bridgeHost({
      links: [loopback(), { ...bridge, name: 'br0.5' }, { ...veth0, master: 'br0.5' }],
      routes: ['10.88.0.0/16 dev br0.5'],
      bridgePorts: [port('veth0', 'br0.5')],
      ruleTables: dnat('PREROUTING', '127.0.0.1:80'),
      listeners: ['tcp 127.0.0.1:80'],
    });
    const sysctls = new Map([
      ['net.ipv4.conf.br0.5.route_localnet', { value: '0', name: 'net.ipv4.conf.br0/5.route_localnet', source }],
    ]);
    expect(fixesOf(predicted(host(box(), { ...server, sysctls }), '10.88.0.1'))).toEqual([
      'host# sysctl -w net.ipv4.conf.br0/5.route_localnet=1',
      'verified',
    ]);
  });

  it('a time to live that is used up', () => {
    const connection = predicted(all(), '192.0.2.77', { timeToLive: 1 });
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(
      'unreachable ttl-exceeded inferred, host:br0 forward',
    );
  });
});

describe('how sure it is', () => {
  const full = host(box(), queued(6, 5), bridgeHost());
  const stale = all({ box: knows(strangeMac), web: webWithMac });
  const isolated = all({ box: knows(webMac), web: webWithMac, host: ports({ isolated: true }, { isolated: true }) });

  it.each<[string, HostState, Sighting, string]>([
    ['the kernel names the full queue', full, { drop: 'TCP_LISTEN_OVERFLOW' }, 'accept-queue-full proven'],
    ['the packet was seen where it waits', full, { at: ['box:eth0', 'web:eth0'] }, 'accept-queue-full observed'],
    ['it was seen nowhere near', full, { at: ['box:eth0'] }, 'accept-queue-full inferred'],
    ['the kernel gave another reason', full, { drop: 'NOT_SPECIFIED' }, 'accept-queue-full inferred'],
    ['the frame was for another host', stale, { drop: 'OTHERHOST' }, 'stale-neighbour proven'],
    ['a frame to a wrong address left', stale, { at: ['box:eth0'] }, 'stale-neighbour observed'],
    ['the kernel has no word of its own for it', isolated, { drop: 'NOT_SPECIFIED' }, 'bridge-port-isolated inferred'],
  ])('%s', (_name, state, sighting, expected) => {
    const { cause, certainty } = judged(state, sighting);
    expect(`${cause} ${certainty}`).toBe(expected);
  });

  it('what proves or shows it stands with the hop where it ended', () => {
    const proof = judged(full, { drop: 'TCP_LISTEN_OVERFLOW' })
      .hops.at(-1)
      ?.evidence.map(({ kind }) => kind);
    expect(proof).toContain('kernel');
    const sight = judged(full, { at: ['box:eth0', 'web:eth0'] })
      .hops.at(-1)
      ?.evidence.map(({ kind }) => kind);
    expect(sight).toContain('frame');
  });
});

describe('what looks alike and is another thing', () => {
  const sharing = queued(6, 5);

  it.each<[string, HostState, Sighting, string | null]>([
    ['a queue with its last place taken still takes one', host(box(), queued(5, 5), bridgeHost()), {}, null],
    [
      'of two sockets that share the port the other may have room',
      host(box(), { ...sharing, listeners: [...sharing.listeners, ...sharing.listeners] }, bridgeHost()),
      {},
      null,
    ],
    [
      'a full queue, and the server answered',
      host(box(), sharing, bridgeHost()),
      { answer: { flags: 'SYN ACK' } },
      null,
    ],
    ['one isolated port', all({ host: ports({ isolated: true }, {}) }), {}, null],
    [
      'flooding off, and the bridge has learnt the address',
      all({
        box: knows(webMac),
        web: webWithMac,
        host: { ...ports({}, { flood: false }), forwardingEntries: [learnt(webMac, 'veth1')] },
      }),
      {},
      null,
    ],
    ['VLANs of a bridge that does not filter by them', all({ host: { portVlans: [vlan('veth0', 10)] } }), {}, null],
    ['an address that nobody has, and no table', all(), { to: '10.88.0.77:80' }, 'neighbour-unresolved'],
    [
      'a port without a carrier is disabled by that',
      all({
        host: {
          links: [loopback(), uplink, bridge, veth0, { ...veth1, up: false, carrier: false }],
          bridgePorts: [port('veth0', 'br0'), port('veth1', 'br0', 'disabled')],
        },
      }),
      {},
      'interface-down',
    ],
  ])('%s', (_name, state, sighting, cause) => {
    expect(judged(state, sighting).cause).toBe(cause);
  });

  it('no way after a translation, of a source that is not of loopback', () => {
    const ruleTables = dnat('OUTPUT', '198.51.100.1:80');
    const server = bridgeHost({ ruleTables, routes: ['10.88.0.0/16 dev br0'], sysctls: localnet });
    expect(predicted(host(box(), server), '10.88.0.1', {}, 'host').cause).not.toBe('localnet-not-routable');
  });
});

describe('routing-loop', () => {
  const router = (name: string, index: number, own: Told): NamespaceState =>
    namespace(name, {
      sysctls: { 'net.ipv4.conf.mid.forwarding': '1', 'net.ipv4.conf.in0.forwarding': '1' },
      ...own,
      inode: index,
    });
  const one = router('one', 1, {
    links: [
      loopback(),
      link('in0', { index: 2, addresses: ['10.88.0.1/24'], peer: 'box:2' }),
      link('mid', { index: 3, addresses: ['10.77.0.1/24'], peer: 'two:2' }),
    ],
    routes: ['10.88.0.0/24 dev in0', '10.77.0.0/24 dev mid', 'default via 10.77.0.2 dev mid'],
  });
  const two = (routes: readonly string[]): NamespaceState =>
    router('two', 2, {
      links: [loopback(), link('mid', { index: 2, addresses: ['10.77.0.2/24'], peer: 'one:3' })],
      routes: ['10.77.0.0/24 dev mid', ...routes],
    });
  const sender = namespace('box', {
    links: [loopback(), link('eth0', { addresses: ['10.88.0.10/24'], peer: 'one:2' })],
    routes: ['10.88.0.0/24 dev eth0', 'default via 10.88.0.1 dev eth0'],
  });
  const ring = host(sender, one, two(['default via 10.77.0.1 dev mid']));

  test('is told with who passes it to whom', () => {
    const connection = judged(ring, { to: '198.51.100.7:80' });
    expect(verdictOf(connection)).toBe('routing-loop inferred, one:mid forward');
    expect(connection.summary).toBe(
      '198.51.100.7:80 could not be reached: the packet goes in a circle between one and two.',
    );
    expect(connection.fixes).toEqual([]);
  });

  test('is proven by the kernel that had nothing left of its time to live', () => {
    expect(judged(ring, { to: '198.51.100.7:80', drop: 'IP_INHDR' }).certainty).toBe('proven');
    expect(judged(ring, { to: '198.51.100.7:80', drop: 'NOT_SPECIFIED' }).certainty).toBe('inferred');
  });

  test('is no detour: a way that ends elsewhere', () => {
    const connection = judged(host(sender, one, two([])), { to: '198.51.100.7:80' });
    expect(connection.cause).not.toBe('routing-loop');
  });
});
