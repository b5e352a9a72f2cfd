/** A machine out of sight behind a bridge, asked for the first time: no table knows it yet, and the frames do. */
import { expect, it } from 'vitest';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { findConnections } from '../../src/flow/connection.ts';
import type { HostState } from '../../src/host/state.ts';
import { reverse, tcp } from '../flow/frames.ts';
import { host, link, loopback, port } from '../model/hosts.ts';
import { box, bridge, bridgeHost, type Told, uplink, veth0 } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';

const hidden = (name: string, index: number) => link(name, { index, master: 'br0', peer: 'null:2' });
/** The host, whose bridge has ports with ends out of sight. */
function bridged(...names: readonly string[]): Told {
  const ports = names.map((name, at) => hidden(name, 20 + at));
  return {
    links: [loopback(), uplink, bridge, veth0, ...ports],
    bridgePorts: ['veth0', ...names].map((name) => port(name, 'br0')),
  };
}

const places = ['box:eth0', 'host:veth0', 'host:br0', 'host:port1', 'host:port2'];
const ends = { from: '10.88.0.10:51054', to: '10.88.0.20:80' };
const macLength = 6;

/** A SYN, and the reset that came back, each seen at these places in order. */
function judged(state: HostState, sent: readonly string[], reset: readonly string[] = []): ConnectionDiagnosis {
  const at = (packet: string, names: readonly string[], afterNs: bigint) =>
    names.map((name, index) => ({ at: places.indexOf(name), packet, afterNs: afterNs + BigInt(index) }));
  const syn = tcp(ends, { flags: 'SYN', sequence: 100 });
  const answer = tcp(reverse(ends), { flags: 'RST ACK', sequence: 0, acknowledgement: 101 });
  const built = caseOf({ sights: [...at(syn, sent, 0n), ...at(answer, reset, 1000n)], netns: 'box' });
  const interfaces = places.map((place) => {
    const [netns = '', device = ''] = place.split(':');
    return { netns, device, linkType: 1 };
  });
  const frames = built.frames.map((frame, index) => {
    const { bytes } = frame;
    if (index < sent.length) return frame;
    const [first, second] = [bytes.subarray(0, macLength), bytes.subarray(macLength, 2 * macLength)];
    return { ...frame, bytes: Uint8Array.from([...second, ...first, ...bytes.subarray(2 * macLength)]) };
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
const two = host(box(), bridgeHost(bridged('port1', 'port2')));

it('is behind the port where its answer was seen first', () => {
  const heard = ['host:port2', 'host:veth0', 'box:eth0'];
  const refused = judged(two, ['box:eth0', 'host:veth0', 'host:port1', 'host:port2'], heard);
  expect(toldOf(refused)).toEqual([...toBridge, 'host:port2 egress passed', 'host:port2 remote refused']);
  expect(refused.hops[2]?.detail).toBe('veth0 is a port of br0, which has learnt from the answer where the frame goes');
  expect(refused.summary).toContain('from beyond host:port2');
});

it('is behind the only port that leads out of sight', () => {
  const one = host(box(), bridgeHost(bridged('port1')));
  expect(toldOf(judged(one, ['box:eth0']))).toEqual([...toBridge, 'host:port1 egress passed']);
  expect(toldOf(judged(one, ['host:veth0']))).toEqual([...toBridge, 'host:port1 egress passed']);
});

it.each<[string, string[], string[]]>([
  ['nothing came back', ['box:eth0', 'host:port1', 'host:port2'], []],
  ['what came back was seen at no such port', ['box:eth0'], ['box:eth0']],
])('may be behind any of several ports where %s', (_name, sent, reset) => {
  const told = toldOf(judged(two, sent, reset));
  expect(told.slice(0, 3)).toEqual(toBridge);
  expect(told.join()).not.toContain('host:port');
});
