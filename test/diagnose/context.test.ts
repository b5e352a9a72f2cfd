/**
 * What is gathered of a connection: whose it is, whether an answer that was seen on its way came to its client, and where
 * rules that choose among destinations sent it.
 */

import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../src/case/evidence.ts';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { findConnections } from '../../src/flow/connection.ts';
import { echo, reverse, udp } from '../flow/frames.ts';
import { host, link, loopback, port } from '../model/hosts.ts';
import { saved } from '../model/netfilter/tables.ts';
import { box, bridge, bridgeHost, veth0, veth1, web } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';
import { ipRules, judged as judgedOn } from './on-host.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.20:53' };
const ping = [echo('10.88.0.10', '10.88.0.20', 'request'), echo('10.88.0.20', '10.88.0.10', 'reply')] as const;
const datagrams = [udp(ends), udp(reverse(ends))] as const;

/** What is said of a question and its answer, seen at these places each. */
function judged(
  [question, answer]: readonly [string, string],
  asked: readonly string[],
  answered: readonly string[],
  client = box(),
): ConnectionDiagnosis {
  const places = ['box:eth0', 'host:veth0', 'web:eth0'];
  const at = (packet: string, points: readonly string[], afterNs: bigint) =>
    points.map((point) => ({ packet, at: places.indexOf(point), afterNs }));
  const evidence = {
    ...caseOf({ sights: [...at(question, asked, 0n), ...at(answer, answered, 9_000n)], netns: 'box', argv: ['ask'] }),
    interfaces: places.map((place) => {
      const [netns = '', device = ''] = place.split(':');
      return { netns, device, linkType: 1 };
    }),
  };
  const [connection] = findConnections(evidence);
  if (connection === undefined) throw new Error('the connection was not found');
  return diagnoseConnection(
    gatherContext(evidenceOf(evidence), connection, host(client, web(), bridgeHost()), [], null),
  );
}

it('follows rules that ask who sends by whose the command was', () => {
  const mesh = ['*nat', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -m owner --uid-owner 1337 -j RETURN'];
  const ruleTables = saved(
    [...mesh, '-A OUTPUT -m owner --gid-owner 1337 -j RETURN', '-A OUTPUT -j REDIRECT', 'COMMIT', ''].join('\n'),
  );
  const evidence = {
    ...caseOf({ sights: [{ packet: ping[0], at: 0, afterNs: 0n }], netns: 'box', argv: ['ask'] }),
    interfaces: [{ netns: 'box', device: 'eth0', linkType: 1 }],
  };
  const [connection] = findConnections(evidence);
  if (connection === undefined) throw new Error('the connection was not found');
  const all = host(box({ ruleTables }), web(), bridgeHost());
  const endFor = (sender: Credentials | null) =>
    gatherContext(evidenceOf(evidence), connection, all, [], null, sender).journey?.end;
  expect(endFor({ user: 0, group: 0 })).toMatchObject({ kind: 'accepted', netns: 'box' });
  expect(endFor({ user: 0, group: 1337 })).toMatchObject({ kind: 'accepted', netns: 'web' });
  expect(endFor(null)).toMatchObject({ kind: 'undetermined' });
});

describe('a client whose address several namespaces have', () => {
  const apart = link('eth0', { addresses: ['10.88.0.10'], peer: 'null:5' });
  const beside = link('eth0', { addresses: ['10.88.0.10'], peer: 'host:7' });
  const twin = (eth0: typeof apart) => ({ ...box({ links: [loopback(), eth0] }), name: 'twin' });
  const ofTwin = bridgeHost({
    links: [loopback(), bridge, veth0, veth1, link('veth2', { index: 7, master: 'br0', peer: 'twin:2' })],
    bridgePorts: ['veth0', 'veth1', 'veth2'].map((name) => port(name, 'br0')),
  });

  function clientSeenAt(place: string, all: ReturnType<typeof host>): string | null {
    const [netns = '', device = ''] = place.split(':');
    const seen = caseOf({ sights: [{ packet: datagrams[0], at: 0, afterNs: 0n }] });
    const evidence = { ...seen, interfaces: [{ netns, device, linkType: 1 }] };
    const [connection] = findConnections(evidence);
    if (connection === undefined) throw new Error('the connection was not found');
    return gatherContext(evidenceOf(evidence), connection, all, [], null).clientNetns;
  }

  it.each([
    ['is where its request was seen', 'twin:eth0', 'twin', host(box(), twin(apart), web(), bridgeHost())],
    ['is at the other end of that cable', 'host:veth0', 'box', host(box(), twin(apart), web(), bridgeHost())],
    [
      'is where the request comes from, far from there',
      'web:eth0',
      'box',
      host(box(), twin(apart), web(), bridgeHost()),
    ],
    ['is the one at that port of the bridge', 'host:veth2', 'twin', host(box(), twin(beside), web(), ofTwin)],
    ['is not known where both would come by', 'web:eth0', null, host(box(), twin(beside), web(), ofTwin)],
    ['is not known where none would come by', 'host:lo', null, host(box(), twin(apart), web(), bridgeHost())],
  ])('%s: at %s', (_name, place, client, all) => {
    expect(clientSeenAt(place, all)).toBe(client);
  });
});

describe('an answer that was seen on its way', () => {
  it.each([
    ['a ping', ping],
    ['a datagram', datagrams],
  ])('and not at the devices of its client, is none to %s', (_name, packets) => {
    const { outcome, summary, explanation } = judged(packets, ['box:eth0', 'web:eth0'], ['web:eth0', 'host:veth0']);
    expect(outcome).toBe('timeout');
    expect(summary).toMatch(/^10\.88\.0\.20(:53)? answered, and its answer was not heard; why is not settled/);
    expect(explanation.join(' ')).toMatch(/The last sight of the answer is: .* \(seen at host:veth0\)/);
  });

  it.each<[string, ReturnType<typeof judged>]>([
    ['it was seen there as well', judged(ping, ['box:eth0', 'web:eth0'], ['web:eth0', 'box:eth0'])],
    ['nothing of it was seen there, not even the question', judged(ping, ['web:eth0'], ['web:eth0'])],
    [
      'its client has another device, which was not captured',
      judged(
        ping,
        ['box:eth0', 'web:eth0'],
        ['web:eth0'],
        box({
          links: [
            loopback(),
            link('eth0', { addresses: ['10.88.0.10'], peer: 'host:5' }),
            link('eth1', { index: 3, addresses: ['10.99.0.10'] }),
          ],
        }),
      ),
    ],
  ])('is an answer where %s', (_name, { outcome }) => {
    expect(outcome).toBe('ok');
  });
});

describe('where rules that choose by chance sent the request', () => {
  const sent = (...lines: readonly string[]) =>
    host(
      box(),
      web(),
      bridgeHost({
        routes: ['10.88.0.0/16 dev br0'],
        ruleTables: ipRules('iptables', 'nat', ':PREROUTING ACCEPT [0:0]', ...lines),
      }),
    );
  const half = '-A PREROUTING -d 10.96.0.10/32 -p tcp -m statistic --mode random --probability 0.5';
  const first = `${half} -j DNAT --to-destination 10.88.0.20:80`;
  const service = sent(first, '-A PREROUTING -d 10.96.0.10/32 -p tcp -j DNAT --to-destination 10.88.0.1:8080');
  const to = '10.96.0.10:80';
  const seen = { to, at: ['box:eth0', 'host:veth0'] } as const;
  const refused = { flags: 'RST ACK', at: 'host:veth0' } as const;

  it('is said by the reset of the kernel', () => {
    const connection = judgedOn(service, { ...seen, answer: refused, reset: '10.88.0.1:8080' });
    expect(connection).toMatchObject({ cause: 'no-listener', certainty: 'proven', where: { netns: 'host' } });
    expect(connection.explanation.join(' ')).toContain('and sent this attempt to 10.88.0.1:8080');
  });

  it('is said by the only route that was looked up', () => {
    const told = (...lookedUp: readonly string[]) => {
      const { destination, hops } = judgedOn(service, { ...seen, lookedUp });
      return [destination.netns, hops.some(({ detail }) => detail.includes('one of 2 destinations'))];
    };
    expect(told('10.88.0.20')).toEqual(['web', true]);
    expect(told('10.88.0.1')).toEqual(['host', true]);
    expect(told('10.88.0.1', '10.88.0.20')).toEqual([null, false]);
    expect(told()).toEqual([null, false]);
  });

  it('is said where all ways end alike, too, and else that it is open', () => {
    const tables = ipRules('iptables', 'filter', ':INPUT ACCEPT [0:0]', ':FORWARD DROP [0:0]');
    const nat = ipRules(
      'iptables',
      'nat',
      ':PREROUTING ACCEPT [0:0]',
      first,
      '-A PREROUTING -d 10.96.0.10/32 -p tcp -j DNAT --to-destination 10.88.0.30:80',
    );
    const routes = ['10.88.0.0/16 dev br0'];
    const state = host(box(), web(), bridgeHost({ routes, ruleTables: [...tables, ...nat] }));
    const translated = (...lookedUp: readonly string[]) =>
      judgedOn(state, { ...seen, drop: 'NETFILTER_DROP', lookedUp }).hops.find(({ stage }) => stage === 'prerouting')
        ?.detail;
    expect(translated('10.88.0.30')).toMatch(/becomes 10\.88\.0\.30:80.*\(one of 2 destinations, as it was seen\)$/);
    expect(translated()).toMatch(/becomes 10\.88\.0\.20:80.*\(or to another of 2 destinations\)$/);
  });

  it('is not said by a route, where it may not have come that far', () => {
    const open = sent(first);
    const { destination } = judgedOn(open, { ...seen, lookedUp: ['10.88.0.20'] });
    expect(destination.netns).toBeNull();
  });
});
