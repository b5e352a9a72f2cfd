import { describe, expect, it } from 'vitest';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { findTranslatedSights } from '../../src/diagnose/translated.ts';
import { findConnections } from '../../src/flow/connection.ts';
import { journey } from '../../src/model/journey.ts';
import { reverse, tcp, udp } from '../flow/frames.ts';
import { host, packetTo } from '../model/hosts.ts';
import { saved } from '../model/netfilter/tables.ts';
import { box, bridgeHost, forwarding, web } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';

const interfaces = ['box:eth0', 'web:eth0'].map((place) => {
  const [netns = '', device = ''] = place.split(':');
  return { netns, device, linkType: 1 };
});

/** A Service of two endpoints, of which the one on port 81 does not listen. */
const service = (protocol: string) =>
  saved(
    [
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      `-A PREROUTING -d 10.96.0.1/32 -p ${protocol} -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.88.0.20:80`,
      `-A PREROUTING -d 10.96.0.1/32 -p ${protocol} -j DNAT --to-destination 10.88.0.20:81`,
      'COMMIT',
      '',
    ].join('\n'),
  );
const hostOf = (protocol: string) =>
  host(box(), web(), bridgeHost({ ruleTables: service(protocol), sysctls: forwarding }));

describe('a Service one of whose endpoints does not listen', () => {
  it('is explained by the endpoint to which frames show the attempt, and says that others may fare otherwise', () => {
    const asked = { from: '10.88.0.10:40000', to: '10.96.0.1:80' };
    const sent = { from: '10.88.0.10:40000', to: '10.88.0.20:81' };
    const syn = (ends: typeof asked): string => tcp(ends, { flags: 'SYN', sequence: 100, id: 9 });
    const reset = (ends: typeof asked): string => tcp(reverse(ends), { flags: 'RST ACK', acknowledgement: 101 });
    const sights = [
      { packet: syn(asked), at: 0, afterNs: 0n },
      { packet: syn(sent), at: 1, afterNs: 20_000n },
      { packet: reset(sent), at: 1, afterNs: 30_000n },
      { packet: reset(asked), at: 0, afterNs: 50_000n },
    ];
    const evidence = { ...caseOf({ sights, netns: 'box', argv: ['curl'] }), interfaces };
    const [connection] = findConnections(evidence);
    if (connection === undefined) throw new Error('the connection was not found');
    const said = diagnoseConnection(gatherContext(evidenceOf(evidence), connection, hostOf('tcp'), [], null));
    expect(said).toMatchObject({ cause: 'no-listener', where: { netns: 'web', device: 'eth0', stage: 'socket' } });
    expect(said.explanation.at(-1)).toBe(
      'The rules of the host choose among 2 destinations, and sent this attempt to 10.88.0.20:81. Another attempt may be sent elsewhere, and end otherwise.',
    );
  });
});

describe('sights of a datagram under other ends', () => {
  const asked = { from: '10.88.0.10:40000', to: '10.96.0.1:53' };
  const sent = { from: '10.88.0.10:40000', to: '10.88.0.20:81' };
  const elsewhere = { from: '10.88.0.10:40000', to: '10.88.0.20:82' };
  const sights = [asked, sent, elsewhere].map((ends, index) => ({
    packet: udp(ends, 4, index),
    at: 0,
    afterNs: BigInt(index) * 1000n,
  }));
  const all = findConnections({ ...caseOf({ sights }), interfaces });
  const [first] = all;
  if (first === undefined) throw new Error('the connection was not found');
  const packet = { ...packetTo('10.96.0.1', 53, 'udp'), source: '10.88.0.10', sourcePort: 40_000 };

  it('are those that the rules may give it', () => {
    const way = journey(hostOf('udp'), packet, 'box');
    expect(findTranslatedSights(first, way, all).map(({ server }) => server.port)).toEqual([81]);
  });

  it('are no other attempt under the very ends', () => {
    const perhaps = '-A PREROUTING -p udp -m statistic --mode random --probability 0.5 -j DROP';
    const ruleTables = saved(['*mangle', ':PREROUTING ACCEPT [0:0]', perhaps, 'COMMIT', ''].join('\n'));
    const way = journey(host(box(), web(), bridgeHost({ ruleTables, sysctls: forwarding })), packet, 'box');
    expect(way.alternatives.length).toBeGreaterThan(0);
    expect(findTranslatedSights(first, way, [first, { ...first }])).toEqual([]);
  });
});
