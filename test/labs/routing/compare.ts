/** What the model says of an experiment, beside what the kernel did. */
import type { HostState, NamespaceState } from '../../../src/host/state.ts';
import { isUnspecified, sameAddress } from '../../../src/model/address.ts';
import { journey, replyJourney } from '../../../src/model/journey.ts';
import { chooseSource, routeQuery } from '../../../src/model/output.ts';
import { lookUpRoute } from '../../../src/model/routing.ts';
import type { Journey, ModelPacket } from '../../../src/model/step.ts';
import { type Experiment, experiment, type Observation, type RouteGet } from './observe.ts';
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
    // A prohibited one it does take notice of: code 13, which IPv4 makes EHOSTUNREACH like code 1.
    return end.kind === 'unroutable' ? [silence, end.answer.errno] : [silence];
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
function comparePacket(host: HostState, { probe, netns, result, arrived }: Observation): Comparison {
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

function lookUpText(namespace: NamespaceState, address: string): string | null {
  const packet: ModelPacket = { ...packetOf({ id: '', protocol: 'udp', address, port: 0 }), protocol: 'icmp' };
  const query = routeQuery(packet, null);
  const found = lookUpRoute(namespace, query);
  if (found.kind === 'unknown') return null;
  const { source } = chooseSource(namespace, packet);
  if (found.kind === 'none') return errorTexts['ENETUNREACH'] ?? '';
  if (found.kind === 'refused') return errorTexts[found.errno] ?? '';
  if (packet.family === 6 && isUnspecified(source)) return errorTexts['EADDRNOTAVAIL'] ?? '';
  const { route, nextHops } = found;
  if (nextHops.length > 1) return null;
  const told = isUnspecified(source) ? '' : source;
  if (route.type === 'local') return `local src ${told}`;
  const [hop] = nextHops;
  return route.type === 'unicast' ? `dev ${hop?.device ?? ''} via ${hop?.gateway ?? '-'} src ${told}` : route.type;
}

/** Compares one look-up with `ip route get`, which asks for a packet without source, protocol or ports, and once. */
function compareLookUp({ namespaces }: HostState, { netns, address, answer }: RouteGet): Comparison {
  const namespace = namespaces.get(netns);
  const said = namespace === undefined ? null : lookUpText(namespace, address);
  const text = `${netns}: ip route get ${address}: ${answer}; the model: ${said}`;
  if (said === null) return { verdict: 'not-said', text };
  return { verdict: said === answer ? 'agrees' : 'differs', text };
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
function compareAll({ state, after, observations, lookUps }: Experiment): Comparison[] {
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

/** What a series of cases came to. */
export interface Series {
  /** `7791 agree, 0 differ, of 10 the model says nothing`. */
  readonly summary: string;
  /** A text each, with the case's seed. */
  readonly differing: readonly string[];
  /** The part of all comparisons in which the model says nothing. */
  readonly unsaid: number;
}

/** Labs at a time: most of a case is waiting for the kernel to give up on a neighbour. */
const parallel = 3;

/** Runs as many cases as asked for, from a seed on. */
export async function compareSeeds(
  firstSeed: number,
  cases: number,
  tell: (seed: number, comparisons: readonly Comparison[]) => void = () => {},
): Promise<Series> {
  const seeds = Array.from({ length: cases }, (_, at) => firstSeed + at).values();
  const told = new Map<number, readonly Comparison[]>();
  const work = async (): Promise<void> => {
    for (const seed of seeds) {
      const comparisons = compareAll(await experiment(seed));
      told.set(seed, comparisons);
      tell(seed, comparisons);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const all = [...told].flatMap(([seed, comparisons]) => comparisons.map((one) => ({ seed, ...one })));
  const count = (verdict: Comparison['verdict']): number => all.filter((one) => one.verdict === verdict).length;
  return {
    summary: `${count('agrees')} agree, ${count('differs')} differ, of ${count('not-said')} the model says nothing`,
    differing: all.filter(({ verdict }) => verdict === 'differs').map(({ seed, text }) => `seed ${seed}: ${text}`),
    unsaid: count('not-said') / all.length,
  };
}
