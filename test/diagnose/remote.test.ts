/** Captures without a snapshot: what came back from outside, or did not. */
import { describe, expect, it } from 'vitest';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { findConnections } from '../../src/flow/connection.ts';
import { captureOf, icmpError, reverse, tcp, udp } from '../flow/frames.ts';
import { host, link, loopback } from '../model/hosts.ts';
import { box, bridgeHost } from '../model/two-boxes.ts';
import { caseOf, ends, onlyConnection, packets, told } from './cases.ts';
import { judged, type Sighting, verdictOf } from './on-host.ts';

describe('an ICMP error from an address of this host', () => {
  const state = host(box(), bridgeHost());
  const from = (sender: string) => {
    const syn = tcp({ from: '10.88.0.10:51054', to: '203.0.113.5:80' }, { flags: 'SYN', sequence: 100 });
    const sights = [
      { at: 0, packet: syn, afterNs: 0n },
      { at: 0, packet: icmpError(sender, '10.88.0.10', 3, 13, syn), afterNs: 1_000n },
    ];
    const evidence = {
      ...caseOf({ sights, netns: 'box' }),
      interfaces: [{ netns: 'box', device: 'eth0', linkType: 1 }],
    };
    const [connection] = findConnections(evidence);
    if (connection === undefined) throw new Error('there is no connection');
    return diagnoseConnection(gatherContext(evidenceOf(evidence), connection, state, [], null)).cause;
  };

  it('is none of a machine on the way, unless it was seen to come from there', () => {
    expect(from('10.88.0.1')).toBeNull();
    expect(from('198.51.100.1')).toBe('rejected-by-remote');
  });
});

describe('a capture that has nothing but frames', () => {
  it.each([
    ['a reset', [packets.syn, packets.reset], 'refused ECONNREFUSED refused-by-remote inferred'],
    [
      'an error of a router',
      [packets.syn, icmpError('10.99.0.1', '10.88.0.10', 3, 1, packets.syn)],
      'unreachable EHOSTUNREACH rejected-by-remote inferred',
    ],
    [
      'an error of the server',
      [packets.datagram, packets.portUnreachable],
      'refused ECONNREFUSED rejected-by-remote inferred',
    ],
    ['silence after a SYN that was sent again', [packets.syn, packets.syn], 'timeout - no-reply-from-remote inferred'],
  ])('%s', (_name, sights, what) => {
    const connection = onlyConnection(captureOf(sights));
    expect(told(connection).what).toBe(what);
    expect(connection.where).toMatchObject({ netns: null, device: null, stage: 'remote', hop: 1 });
    expect(connection.explanation.at(-1)).toContain('a capture without the state of a host');
  });

  it('does not take a datagram without an answer for a failure', () => {
    const connection = onlyConnection(captureOf([packets.datagram]));
    expect(told(connection).what).toBe('unknown - - inferred');
    expect(connection.summary).toContain('whether an answer was due, or came later, cannot be told');
  });

  it('does not take the end of the capture for silence', () => {
    expect(told(onlyConnection(captureOf([packets.syn]))).what).toBe('unknown - - inferred');
    const later = { packet: udp({ from: '10.1.1.1:1', to: '10.1.1.2:2' }), afterNs: 1_100_000_000n };
    const [first] = diagnose(captureOf([packets.syn, later])).connections;
    expect(first).toMatchObject({ outcome: 'timeout', cause: 'no-reply-from-remote' });
  });

  it('does not take a bare acknowledgement for silence, nor a client that took its request back', () => {
    const [ack, own] = [
      tcp(reverse(ends.tcp), { flags: 'ACK', sequence: 900, acknowledgement: 101 }),
      tcp(ends.tcp, { flags: 'RST', sequence: 101 }),
    ];
    for (const sights of [
      [packets.syn, ack, own],
      [packets.syn, own],
    ]) {
      expect(told(onlyConnection(captureOf(sights))).what).toBe('unknown - - inferred');
    }
  });

  it('names who sent an error', () => {
    const router = onlyConnection(captureOf([packets.syn, icmpError('10.99.0.1', '10.88.0.10', 3, 1, packets.syn)]));
    expect(router.summary).toBe(
      '10.88.0.1:19001 could not be reached: 10.99.0.1 answered with the ICMP error "host unreachable".',
    );
    const itself = onlyConnection(captureOf([packets.datagram, packets.portUnreachable]));
    expect(itself.explanation.join(' ')).toContain('in the name of the server itself');
  });

  it('names what it cannot tell apart, with a command for each', () => {
    const { alternatives } = onlyConnection(captureOf([packets.syn, packets.reset]));
    expect(alternatives.map(({ cause }) => cause)).toEqual([
      'no-listener',
      'listener-on-other-address',
      'firewall-reject',
    ]);
  });
});

describe("what this host's kernel says of a packet that left its view", () => {
  const routes = ['default via 192.0.2.1 dev eth0'];
  const card = link('eth0', { addresses: ['192.0.2.7'] });
  const veth = link('eth0', { addresses: ['192.0.2.7'], peer: 'null:9' });
  const asked = { netns: 'host', from: '192.0.2.7:51054', to: '203.0.113.1:80', at: ['host:eth0'] } as const;
  const refused: Sighting = { ...asked, answer: { flags: 'RST ACK' }, reset: true };
  const dropped: Sighting = { ...asked, drop: 'NETFILTER_DROP' };
  /** The last sight is later than the drop. */
  const late = [...Array<string>(5).fill('host:lo'), 'host:eth0'];

  it.each<[string, typeof card, Sighting, string]>([
    ['its reset came in from a namespace', veth, refused, 'refused-by-remote observed, host:eth0 remote'],
    ['its reset came in by a network card', card, refused, '- inferred, nowhere'],
    ['its drop was in a namespace', veth, dropped, 'no-reply-from-remote observed, host:eth0 remote'],
    ['its drop was in the driver of a network card', card, dropped, '- inferred, nowhere'],
    [
      'its drop was of a packet that was not seen to leave',
      veth,
      { ...dropped, at: ['host:lo'] },
      '- inferred, nowhere',
    ],
    ['its drop was before the packet was seen to leave', veth, { ...dropped, at: late }, '- inferred, nowhere'],
  ])('%s', (_name, uplink, sighting, verdict) => {
    const connection = judged(host(bridgeHost({ links: [loopback(), uplink], routes, bridgePorts: [] })), sighting);
    expect(verdictOf(connection)).toBe(verdict);
    if (connection.cause === null) return;
    expect(connection.explanation.at(-1)).toContain('a network namespace of this host that was not looked into');
    expect(connection.hops.at(-1)?.evidence.map(({ kind }) => kind)).toEqual(['frame', 'kernel']);
  });
});

describe('a reset after the opening', () => {
  /** The packet as it is where so many hops are left to it. */
  const with63 = (packet: string): string => `${packet.slice(0, 16)}3f${packet.slice(18)}`;
  const back = reverse(ends.tcp);
  const asks = tcp(ends.tcp, { flags: 'PSH ACK', sequence: 101, acknowledgement: 901, text: 'GET /\r\n\r\n' });
  const synAck = tcp(back, { flags: 'SYN ACK', sequence: 900, acknowledgement: 101 });
  const ack = tcp(back, { flags: 'ACK', sequence: 901, acknowledgement: 108 });
  const reset = tcp(back, { flags: 'RST ACK', sequence: 901, acknowledgement: 108 });
  const what = (...sights: readonly string[]) => told(onlyConnection(captureOf([packets.syn, ...sights]))).what;

  it('that came another way than all that the server sent is a machine on the way', () => {
    const sights = [packets.syn, with63(synAck), asks, with63(ack), reset];
    const connection = onlyConnection(captureOf(sights));
    expect(told(connection).what).toBe('reset ECONNRESET reset-by-middlebox inferred');
    expect(connection.where).toMatchObject({ stage: 'remote' });
    expect(connection.explanation.join(' ')).toContain('63 in all that the server sent, and 64 in the reset');
    expect(connection.hops.at(-1)?.evidence).toHaveLength(2);
  });

  it.each([
    ['came as the rest did', [synAck, asks, reset]],
    ['came as the rest did, by the same way', [synAck, asks, reset].map(with63)],
    ['stands beside packets of more than one way', [with63(synAck), asks, ack, reset]],
  ])('that %s is not', (_name, sights) => {
    expect(what(...sights)).toBe('reset ECONNRESET reset-by-application inferred');
  });

  it('is compared with what was seen at the same capture point', () => {
    const sights = [
      { packet: packets.syn, at: 0 },
      { packet: with63(synAck), at: 0 },
      { packet: synAck, at: 1 },
      { packet: asks, at: 0 },
      { packet: reset, at: 1 },
    ].map((sight, index) => ({ ...sight, afterNs: BigInt(index) * 10_000n }));
    expect(told(onlyConnection(captureOf(sights))).what).toBe('reset ECONNRESET reset-by-application inferred');
  });
});
