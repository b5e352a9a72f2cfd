import { describe, expect, it } from 'vitest';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { findConnections } from '../../src/flow/connection.ts';
import type { RuleTable } from '../../src/host/netfilter.ts';
import type { HostState, NamespaceState } from '../../src/host/state.ts';
import { reverse, type Sight, tcp } from '../flow/frames.ts';
import { host, link, loopback, namespace } from '../model/hosts.ts';
import { box, bridge, bridgeHost, veth0, veth1, web } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';
import { fixesOf, ipRules, verdictOf } from './on-host.ts';

const ms = 1_000_000n;

/** What was seen: a segment of one end, over and over, and perhaps a word of the other since. */
interface Seen {
  readonly by?: 'client' | 'server';
  readonly to?: string;
  readonly acknowledgedSince?: true;
  /** Bytes of an earlier segment that was acknowledged. */
  readonly before?: number;
  readonly length?: number;
  readonly traced?: false;
}

function sightsOf({
  by = 'client',
  to = '10.88.0.20:80',
  acknowledgedSince,
  before = 0,
  length = 1460,
}: Seen): Sight[] {
  const ends = { from: '10.88.0.10:51054', to };
  const [own, other] = by === 'client' ? [ends, reverse(ends)] : [reverse(ends), ends];
  const [ownFirst, otherFirst] = by === 'client' ? [101, 901] : [901, 101];
  const stuckAt = ownFirst + before;
  const at = (time: number, packet: string): Sight => ({ at: 0, packet, afterNs: BigInt(time) * ms });
  const dataAt = (sequence: number, size: number, id: number): string =>
    tcp(own, { flags: 'ACK', sequence, acknowledgement: otherFirst, length: size, id });
  const ack = tcp(other, { flags: 'ACK', sequence: otherFirst, acknowledgement: stuckAt, id: 50 });
  return [
    at(0, tcp(ends, { flags: 'SYN', sequence: 100, id: 1 })),
    at(1, tcp(reverse(ends), { flags: 'SYN ACK', sequence: 900, acknowledgement: 101, id: 2 })),
    at(2, tcp(ends, { flags: 'ACK', sequence: 101, acknowledgement: 901, id: 3 })),
    ...(before > 0 ? [at(3, dataAt(ownFirst, before, 4)), at(4, ack)] : []),
    ...[5, 205, 605].map((time, index) => at(time, dataAt(stuckAt, length, 10 + index))),
    ...(acknowledgedSince === true ? [at(300, ack)] : []),
  ];
}

function judged(state: HostState | null, seen: Seen = {}): ConnectionDiagnosis {
  const evidence = caseOf({ sights: sightsOf(seen), netns: 'box' });
  const interfaces = [{ netns: state === null ? null : 'box', device: 'eth0', linkType: 1 }];
  const session = seen.traced === false ? null : evidence.session;
  const [connection] = findConnections({ ...evidence, interfaces });
  if (connection === undefined) throw new Error('the connection was not found');
  return diagnoseConnection(
    gatherContext(evidenceOf({ ...evidence, session, interfaces }), connection, state, [], null),
  );
}

const far = (more: Partial<NamespaceState> = {}): NamespaceState => ({
  ...namespace('far', {
    links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
    routes: ['192.0.2.0/24 dev eth0', 'default via 192.0.2.7 dev eth0'],
    listeners: ['tcp 0.0.0.0:80'],
  }),
  ...more,
});

/** The host routes to `far` by a device of this MTU; `narrow` is the bridge's instead. */
function router(ruleTables: readonly RuleTable[] = [], mtu = 1400, bridgeMtu = 1500): NamespaceState {
  return bridgeHost({
    links: [
      loopback(),
      link('eth0', { index: 2, addresses: ['192.0.2.7/24'], peer: 'far:2', mtu }),
      { ...bridge, mtu: bridgeMtu },
      veth0,
      veth1,
    ],
    routes: ['10.88.0.0/16 dev br0', '192.0.2.0/24 dev eth0'],
    sysctls: { 'net.ipv4.conf.br0.forwarding': '1', 'net.ipv4.conf.eth0.forwarding': '1' },
    ruleTables,
  });
}

const noIcmpOut = ipRules(
  'iptables',
  'filter',
  ':OUTPUT ACCEPT [0:0]',
  '-A OUTPUT -p icmp -m icmp --icmp-type 3/4 -j DROP',
);
const noIcmpIn = ipRules('iptables-legacy', 'filter', ':INPUT ACCEPT [0:0]', '-A INPUT -p icmp -j DROP');
const toFar: Seen = { to: '192.0.2.1:80' };
const clamp = '-t mangle -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu';

describe('mtu-black-hole', () => {
  it('is observed where a router cannot tell the sender, and names the rule', () => {
    const connection = judged(host(box(), far(), router(noIcmpOut)), { ...toFar, before: 300 });
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe('stalled mtu-black-hole observed, host:eth0 egress');
    expect(connection.explanation.join(' ')).toContain('-A OUTPUT -p icmp -m icmp --icmp-type 3/4 -j DROP');
    expect(fixesOf(connection)).toEqual([`host# iptables ${clamp}`, 'verified']);
  });

  it('is a timeout where nothing that it carried came through', () => {
    expect(judged(host(box(), far(), router(noIcmpOut)), toFar).outcome).toBe('timeout');
  });

  it('is told of the answer, too, where the server throws the error away', () => {
    const state = host(box(), far({ ruleTables: noIcmpIn }), router([], 1500, 1400));
    const connection = judged(state, { ...toFar, by: 'server', before: 300 });
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe('stalled mtu-black-hole observed, host:br0 egress');
    expect(connection.hops.at(-1)).toMatchObject({ direction: 'reply', device: 'br0', verdict: 'dropped' });
    expect(fixesOf(connection).slice(-2)).toEqual([
      'host# nft add rule inet nettrace forward tcp flags syn tcp option maxseg size set rt mtu',
      'verified',
    ]);
  });

  it('is told of a bridge, which tells nobody, and mended by one MTU for all', () => {
    const narrow = bridgeHost({ links: [loopback(), bridge, veth0, { ...veth1, mtu: 1400 }] });
    const connection = judged(host(box(), web(), narrow));
    expect(verdictOf(connection)).toBe('mtu-black-hole observed, host:veth1 egress');
    expect(fixesOf(connection)).toEqual(['host# ip link set veth1 mtu 1500', 'verified']);
  });

  it.each<[string, HostState, Seen]>([
    ['the router tells the sender', host(box(), far(), router()), toFar],
    ['the packet fits', host(box(), far(), router(noIcmpOut, 1500)), toFar],
    ['it is no larger than what fits', host(box(), far(), router(noIcmpOut)), { ...toFar, length: 1360 }],
  ])('is not said where %s', (_name, state, seen) => {
    expect(judged(state, seen).cause).not.toBe('mtu-black-hole');
  });

  const outward: Seen = { to: '203.0.113.9:80', acknowledgedSince: true };
  it.each<[string, HostState | null, Seen, string]>([
    ['the request, without a host', null, outward, 'mtu-black-hole inferred, null:null remote'],
    ['the answer, without a host', null, { ...outward, by: 'server' }, 'mtu-black-hole inferred, null:null remote'],
    ['the request, beyond the host', host(box(), bridgeHost()), outward, 'mtu-black-hole inferred, host:eth0 remote'],
  ])('is inferred of %s, where small packets still come through', (_name, state, seen, verdict) => {
    const connection = judged(state, seen);
    expect(verdictOf(connection)).toBe(verdict);
    expect(connection.alternatives.map(({ cause }) => cause)).toEqual(['no-reply-from-remote']);
    const [check] = connection.alternatives;
    const [sender, other] = seen.by === 'server' ? ['server', '10.88.0.10'] : ['client', '203.0.113.9'];
    const wanted = `the machine of the ${sender}, ping -M do -s 1472 ${other}`;
    expect(check?.tellApart).toContain(`on ${wanted} and the same with -s 500`);
  });

  it.each<[string, Seen]>([
    ['the other end was not heard since', { to: '203.0.113.9:80' }],
    ['one as large was acknowledged', { ...outward, before: 1460 }],
  ])('is not inferred where %s', (_name, seen) => {
    expect(judged(null, seen).cause).not.toBe('mtu-black-hole');
  });
});
