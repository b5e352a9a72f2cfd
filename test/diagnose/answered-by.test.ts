/** A machine out of sight behind a bridge, asked for the first time: no table knows it yet, and the frames do. */
import { describe, expect, it } from 'vitest';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { findConnections } from '../../src/flow/connection.ts';
import type { HostState } from '../../src/host/state.ts';
import { reverse, tcp } from '../flow/frames.ts';
import { host, link, loopback, port } from '../model/hosts.ts';
import { saved } from '../model/netfilter/tables.ts';
import { box, bridge, bridgeHost, type Told, uplink, veth0 } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';

const mac = { box: '02:00:00:00:00:0a', host: '02:00:00:00:00:01', far: '02:00:00:00:00:02' } as const;
type Who = keyof typeof mac;
const asker = box({
  links: [loopback(), link('eth0', { addresses: ['10.88.0.10'], peer: 'host:5', mac: mac.box })],
});

const hidden = (name: string, index: number, master = 'br0') => link(name, { index, master, peer: 'null:2' });
/** The host, whose bridge has ports with ends out of sight. */
function bridged(...names: readonly string[]): Told {
  const ports = names.map((name, at) => hidden(name, 20 + at));
  return {
    links: [loopback(), uplink, bridge, veth0, ...ports],
    bridgePorts: ['veth0', ...names].map((name) => port(name, 'br0')),
  };
}

const places = ['box:eth0', 'host:veth0', 'host:br0', 'host:br1', 'host:port1', 'host:port2'];
/** Where a packet was seen, by whom it was sent on there, and to whom. */
type Seen = readonly [place: string, from: Who, to: Who];
const boxAsked = (...at: readonly string[]): Seen[] => at.map((place) => [place, 'box', 'far']);
const boxHeard = (...at: readonly string[]): Seen[] => at.map((place) => [place, 'far', 'box']);

/** A SYN, and the reset that came back, each seen in this order. */
function judged(
  state: HostState,
  sent: readonly Seen[],
  reset: readonly Seen[] = [],
  to = '10.88.0.20:80',
): ConnectionDiagnosis {
  const ends = { from: '10.88.0.10:51054', to };
  const at = (packet: string, seen: readonly Seen[], afterNs: bigint) =>
    seen.map(([place], index) => ({ at: places.indexOf(place), packet, afterNs: afterNs + BigInt(index) }));
  const syn = tcp(ends, { flags: 'SYN', sequence: 100 });
  const answer = tcp(reverse(ends), { flags: 'RST ACK', sequence: 0, acknowledgement: 101 });
  const built = caseOf({ sights: [...at(syn, sent, 0n), ...at(answer, reset, 1000n)], netns: 'box' });
  const interfaces = places.map((place) => {
    const [netns = '', device = ''] = place.split(':');
    return { netns, device, linkType: 1 };
  });
  const frames = built.frames.map((frame, index) => {
    const [, from, whom] = [...sent, ...reset][index] ?? ['', 'box', 'far'];
    const addresses = Buffer.from(`${mac[whom]}${mac[from]}`.replaceAll(':', ''), 'hex');
    return { ...frame, bytes: Uint8Array.from([...addresses, ...frame.bytes.subarray(addresses.length)]) };
  });
  const evidence = { ...built, interfaces, frames };
  const [connection] = findConnections(evidence);
  if (connection === undefined) throw new Error('there is no connection');
  return diagnoseConnection(gatherContext(evidenceOf(evidence), connection, state, [], null));
}

function toldOf({ hops }: ConnectionDiagnosis): string[] {
  return hops.map(({ netns, device, stage, verdict }) => `${netns}:${device} ${stage} ${verdict}`);
}

const toBridge = ['box:eth0 route passed', 'box:eth0 egress passed', 'host:veth0 bridge passed'];
const two = host(asker, bridgeHost(bridged('port1', 'port2')));
const one = host(asker, bridgeHost(bridged('port1')));

it('is behind the port where its answer was seen first', () => {
  const sent = boxAsked('box:eth0', 'host:veth0', 'host:port1', 'host:port2');
  const refused = judged(two, sent, boxHeard('host:port2', 'host:veth0', 'box:eth0'));
  expect(toldOf(refused)).toEqual([...toBridge, 'host:port2 egress passed', 'host:port2 remote refused']);
  expect(refused.hops[2]?.detail).toBe('veth0 is a port of br0, which has learnt from the answer where the frame goes');
  expect(refused.summary).toContain('from beyond host:port2');
});

it.each(['box:eth0', 'host:veth0'])('is behind the only port that leads out of sight (seen at %s)', (place) => {
  expect(toldOf(judged(one, boxAsked(place)))).toEqual([...toBridge, 'host:port1 egress passed']);
});

it.each<[string, Seen[], Seen[]]>([
  ['nothing came back', boxAsked('box:eth0', 'host:port1', 'host:port2'), []],
  ['what came back was seen at no such port', boxAsked('box:eth0'), boxHeard('box:eth0')],
])('may be behind any of several ports where %s', (_name, sent, reset) => {
  const told = judged(two, sent, reset);
  expect(toldOf(told).slice(0, 3)).toEqual(toBridge);
  expect(toldOf(told).join()).not.toContain('host:port');
  expect(told.summary).not.toContain('box:eth0');
  if (reset.length > 0) expect(told.summary).toContain('from beyond host:br0');
});

it('is not followed past a rule that stops what crosses the bridge', () => {
  const rules = ['*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -i br0 -o br0 -j DROP', 'COMMIT', ''].join('\n');
  const sysctls = { 'net.bridge.bridge-nf-call-iptables': '1' };
  const state = host(asker, bridgeHost({ ...bridged('port1'), ruleTables: saved(rules), sysctls }));
  const told = judged(state, boxAsked('box:eth0', 'box:eth0'));
  expect(toldOf(told).at(-1)).toBe('host:br0 forward dropped');
  expect(told.explanation.join()).toContain('what crosses its bridge br0 as well, since br_netfilter shows that');
});

describe('whom a router asks for', () => {
  const ports = ['port1', 'port2'];
  const state = host(
    asker,
    bridgeHost({
      links: [
        loopback(),
        { ...bridge, mac: mac.host },
        veth0,
        link('br1', { index: 9, kind: 'bridge', addresses: ['10.99.0.1/24'], mac: mac.host }),
        ...ports.map((name, at) => hidden(name, 20 + at, 'br1')),
      ],
      routes: ['10.88.0.0/16 dev br0', '10.99.0.0/24 dev br1'],
      bridgePorts: [port('veth0', 'br0'), ...ports.map((name) => port(name, 'br1'))],
    }),
  );

  it('is told by the frame that it sends, not by the one that came to it', () => {
    const came: Seen[] = [
      ['box:eth0', 'box', 'host'],
      ['host:veth0', 'box', 'host'],
      ['host:br0', 'box', 'host'],
    ];
    const left: Seen[] = [
      ['host:br1', 'host', 'far'],
      ['host:port1', 'host', 'far'],
      ['host:port2', 'host', 'far'],
    ];
    const back: Seen[] = [
      ['host:port2', 'far', 'host'],
      ['host:br1', 'far', 'host'],
      ['box:eth0', 'host', 'box'],
    ];
    const told = toldOf(judged(state, [...came, ...left], back, '10.99.0.20:80'));
    expect(told.slice(-3)).toEqual(['host:br1 egress passed', 'host:port2 egress passed', 'host:port2 remote refused']);
  });
});
