/** What the model says of an experiment, beside what the kernel did. */
import type { HostState } from '../../../src/host/state.ts';
import { isUnspecified, sameAddress } from '../../../src/model/address.ts';
import { journey, replyJourney } from '../../../src/model/journey.ts';
import type { Journey, ModelPacket } from '../../../src/model/step.ts';
import type { Experiment, Observation, RouteGet } from './observe.ts';
import type { Probe } from './probe.ts';

/** How a comparison came out. */
export interface Comparison {
  readonly verdict: 'agrees' | 'differs' | 'not-said';
  /** For a reader of a disagreement: the packet, both sides, and the model's way. */
  readonly text: string;
}

function packetOf({ protocol, address, port }: Probe): ModelPacket {
  const family = address.includes(':') ? 6 : 4;
  return {
    protocol,
    family,
    source: family === 4 ? '0.0.0.0' : '::',
    destination: address,
    destinationPort: port,
    user: 0,
  };
}

const silence = 'timeout';

/** The results that the model allows; null when it does not say. */
function expectedResults(host: HostState, way: Journey): readonly string[] | null {
  const { end, packet, start } = way;
  if (end.kind === 'undetermined' || end.kind === 'leaves-view' || end.kind === 'returned') return null;
  const udp = packet.protocol === 'udp';
  const reply = replyJourney(host, way);
  if (reply?.end.kind === 'undetermined' || reply?.end.kind === 'leaves-view') return null;
  const comesBack = reply?.end.kind === 'returned';
  if (end.kind === 'accepted') return !udp && comesBack ? [`connected ${end.netns}`] : [silence];
  if (end.kind === 'refused') return comesBack ? ['ECONNREFUSED'] : [silence];
  if (end.kind === 'looped') return [silence, 'EHOSTUNREACH'];
  if (end.answer === null) return [silence];
  const own = end.answer.netns === start;
  // A connected UDP socket takes no notice of an unreachable net or host (path.md, D2).
  if (udp && !(own && end.kind === 'unroutable')) {
    return packet.family === 6 && end.answer.errno === 'EACCES' ? [silence, 'EACCES'] : [silence];
  }
  if (own) return [end.answer.errno];
  // The kernel limits how often it says so, by receiver.
  return comesBack ? [end.answer.errno, silence] : [silence];
}

function wayText(way: Journey): string[] {
  const { end } = way;
  const last = 'reason' in end ? end.reason : end.netns;
  return [
    ...way.steps.map(
      ({ netns, device, stage, verdict, detail }) => `    ${netns}:${device} ${stage} ${verdict}: ${detail}`,
    ),
    `    ${end.kind}: ${last}${'answer' in end && end.answer !== null ? ` (${end.answer.errno} by ${end.answer.netns})` : ''}`,
  ];
}

/** Compares one packet. */
export function comparePacket(host: HostState, { probe, netns, result, arrived }: Observation): Comparison {
  const way = journey(host, packetOf(probe), netns);
  const expected = expectedResults(host, way);
  const accepted = way.end.kind === 'accepted' ? way.end.netns : null;
  const reply = replyJourney(host, way);
  const said = expected?.join(' or ') ?? 'not said';
  const text = [
    `${netns}: ${probe.protocol} to ${probe.address} ${probe.port}: ${result}${arrived === null ? '' : `, arrived in ${arrived.netns} from ${arrived.source}`}; the model: ${said}, from ${way.packet.source}`,
    ...wayText(way),
    ...(reply === null ? [] : ['   reply:', ...wayText(reply)]),
  ].join('\n');
  const sourceDiffers = arrived !== null && !sameAddress(arrived.source, way.packet.source);
  const doubtful = way.end.kind === 'undetermined' || way.end.kind === 'leaves-view';
  if (doubtful) return { verdict: 'not-said', text };
  if (probe.protocol === 'udp' && ((arrived?.netns ?? null) !== accepted || sourceDiffers)) {
    return { verdict: 'differs', text };
  }
  if (expected === null) return { verdict: 'not-said', text };
  return { verdict: expected.includes(result) ? 'agrees' : 'differs', text };
}

const errorTexts: Readonly<Record<string, string>> = {
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  EADDRNOTAVAIL: 'Cannot assign requested address',
};

/** Compares one look-up with `ip route get`, which asks for a packet without protocol or ports. */
export function compareLookUp(host: HostState, { netns, address, answer }: RouteGet): Comparison {
  const way = journey(host, { ...packetOf({ id: '', protocol: 'tcp', address, port: 0 }), protocol: 'icmp' }, netns);
  const step = way.steps.find(({ stage }) => stage === 'route' || stage === 'send');
  const text = `${netns}: ip route get ${address}: ${answer}; the model, from ${way.packet.source}:\n${wayText(way).join('\n')}`;
  if (way.end.kind === 'undetermined') return { verdict: 'not-said', text };
  const { end } = way;
  const source = isUnspecified(way.packet.source) ? '' : way.packet.source;
  const agrees =
    step?.verdict === 'failed'
      ? end.kind === 'unroutable' &&
        (answer === errorTexts[end.answer?.errno ?? ''] || answer === 'broadcast' || answer === 'multicast')
      : step?.verdict === 'delivered'
        ? answer === `local src ${way.packet.source}`
        : answer.startsWith(`dev ${step?.device} `) && answer.endsWith(` src ${source}`);
  return { verdict: agrees ? 'agrees' : 'differs', text };
}

/** The state, with the neighbours of another. */
function withNeighbours(state: HostState, other: HostState): HostState {
  const namespaces = [...state.namespaces].map(([name, namespace]) => {
    const neighbours = other.namespaces.get(name)?.neighbours ?? namespace.neighbours;
    return [name, { ...namespace, neighbours }] as const;
  });
  return { ...state, namespaces: new Map(namespaces) };
}

/** All of an experiment's. */
export function compareAll({ state, after, observations, lookUps }: Experiment): Comparison[] {
  return [
    ...observations.map((observation) => {
      const before = comparePacket(state, observation);
      // All packets are sent at once: one may profit from what a neighbour learnt from another.
      const later = before.verdict === 'differs' ? comparePacket(withNeighbours(state, after), observation) : before;
      return later.verdict === 'differs' ? before : later;
    }),
    ...lookUps.map((lookUp) => compareLookUp(state, lookUp)),
  ];
}
