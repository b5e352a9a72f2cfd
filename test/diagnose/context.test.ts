/** What is gathered of a connection: whose it is, and whether an answer that was seen on its way came to its client. */

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
