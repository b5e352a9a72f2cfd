/** What the model says of an experiment, beside what the kernel did. */
import type { ForwardingEntry, HostState, NamespaceState } from '../../../src/host/state.ts';
import { isUnspecified, sameAddress } from '../../../src/inet/address.ts';
import { type Exchange, exchange } from '../../../src/model/journey.ts';
import { chooseOrigins, routeQuery } from '../../../src/model/output.ts';
import { lookUpRoute } from '../../../src/model/routing.ts';
import type { Journey, ModelPacket } from '../../../src/model/step.ts';
import { type Experiment, experiment, type Observation, type RouteGet } from './observe.ts';
import { predict } from './prediction.ts';
import type { Probe } from './probe.ts';

/** How a comparison came out. */
interface Comparison {
  /**
   * `one-of-several`: the model leaves it open, and what happened is among what it allows; `unsteady`: it differed among
   * other packets, and agreed when it was sent by itself.
   */
  readonly verdict: 'agrees' | 'one-of-several' | 'unsteady' | 'differs' | 'not-said';
  /** For a reader of a disagreement: the packet, both sides, and the model's way. */
  readonly text: string;
}

function packetOf({ protocol, address, port, sourcePort }: Omit<Probe, 'id'>): ModelPacket {
  const family = address.includes(':') ? 6 : 4;
  return {
    protocol,
    family,
    source: family === 4 ? '0.0.0.0' : '::',
    destination: address,
    destinationPort: port,
    ...(protocol === 'icmp' ? {} : { sourcePort }),
    user: 0,
  };
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

function endpoint(address: string, port: number): string {
  return `${address} ${port}`;
}

function observationText({ probe, netns, result, arrived }: Observation): string {
  const { protocol, address, port, sourcePort } = probe;
  const receipt =
    arrived === null
      ? ''
      : `, arrived in ${arrived.netns} at ${arrived.port} from ${endpoint(arrived.source, arrived.sourcePort)}`;
  return `${netns}: ${protocol} ${sourcePort} to ${endpoint(address, port)}: ${result}${receipt}`;
}

/** True when the datagram arrived where and as the model says, or nowhere, as it says too. */
function arrivedAs({ end, arrived: said }: Journey, receipt: Observation['arrived']): boolean {
  if (end.kind !== 'accepted' || receipt === null) return end.kind !== 'accepted' && receipt === null;
  const { netns, source, sourcePort, port } = receipt;
  return (
    netns === end.netns &&
    sameAddress(source, said.source) &&
    // Undefined: one that the kernel chooses.
    (said.sourcePort === undefined || sourcePort === said.sourcePort) &&
    port === said.destinationPort
  );
}

/**
 * True when the SYN-ACK came, and rules that let the first segments pass stop the later ones: nothing more is heard, or
 * the error of the next segment, which connect() tells for its own (SO_ERROR).
 */
function isOpened(host: HostState, { back, after }: Exchange, result: string): boolean {
  const hasRules = [...host.namespaces.values()].some(({ ruleTables }) => ruleTables.length > 0);
  if (!hasRules || back?.end.kind !== 'returned') return false;
  if (result === 'connected') return true;
  return after?.end.kind === 'rejected' && after.end.answer.errno === result;
}

/** Compares one packet. */
function comparePacket(host: HostState, observation: Observation): Comparison {
  const { probe, netns, result, arrived } = observation;
  const exchanged = exchange(host, packetOf(probe), netns);
  const { there: way, back: reply } = exchanged;
  const { results, ways, isOpen: hasAlternatives } = predict(host, way);
  const { source, sourcePort, destination, destinationPort } = way.arrived;
  const text = [
    `${observationText(observation)}; the model: ${results?.join(' or ') ?? 'not said'}, as ${endpoint(source, sourcePort ?? 0)} to ${endpoint(destination, destinationPort)}`,
    ...wayText(way),
    ...(reply === null ? [] : ['   reply:', ...wayText(reply)]),
  ].join('\n');
  if (results === null && ways.every(({ end }) => end.kind !== 'accepted')) return { verdict: 'not-said', text };
  if (probe.protocol === 'udp' && !ways.some((one) => arrivedAs(one, arrived))) return { verdict: 'differs', text };
  if (results === null) return { verdict: 'not-said', text };
  const isOpen = results.some((one) => one.startsWith('connected ')) && isOpened(host, exchanged, result);
  const agrees = results.includes(result) || isOpen;
  return { verdict: agrees ? (hasAlternatives ? 'one-of-several' : 'agrees') : 'differs', text };
}

const errorTexts: Readonly<Record<string, string>> = {
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  EADDRNOTAVAIL: 'Cannot assign requested address',
};

function lookUpText(namespace: NamespaceState, address: string): string | null {
  const packet: ModelPacket = { ...packetOf({ protocol: 'icmp', address, port: 0, sourcePort: 0 }) };
  const query = routeQuery(packet, null);
  const found = lookUpRoute(namespace, query);
  if (found.kind === 'unknown') return null;
  const [{ source }] = chooseOrigins(namespace, packet);
  if (found.kind === 'none') return errorTexts['ENETUNREACH'] ?? '';
  if (found.kind === 'refused') return errorTexts[found.errno] ?? '';
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

const isLearntByTunnel = ({ remote, fixed }: ForwardingEntry): boolean => remote !== null && !fixed;

/** The state, with what the hosts of another have learnt: neighbours, and behind whom tunnels have an address. */
function withLearnt(state: HostState, other: HostState): HostState {
  const namespaces = [...state.namespaces].map(([name, namespace]) => {
    const { neighbours, forwardingEntries: later } = other.namespaces.get(name) ?? namespace;
    const others = namespace.forwardingEntries.filter((entry) => !isLearntByTunnel(entry));
    const forwardingEntries = [...others, ...later.filter(isLearntByTunnel)];
    return [name, { ...namespace, neighbours, forwardingEntries }] as const;
  });
  return { ...state, namespaces: new Map(namespaces) };
}

interface Told extends Comparison {
  /** Names what was compared, in every attempt of the seed. */
  readonly key: string;
}

/** All of an experiment's. */
function compareAll({ state, after, observations, lookUps }: Experiment): Told[] {
  return [
    ...observations.map((observation) => {
      const before = comparePacket(state, observation);
      // All packets are sent at once: one may profit from what a neighbour learnt from another.
      const later = before.verdict === 'differs' ? comparePacket(withLearnt(state, after), observation) : before;
      return { key: observation.probe.id, ...(later.verdict === 'differs' ? before : later) };
    }),
    ...lookUps.map((lookUp, at) => ({ key: `look-up ${at}`, ...compareLookUp(state, lookUp) })),
  ];
}

/** What differs is tried again by itself: what a busy machine or another packet did is not there then, a fault is. */
async function compareSeed(seed: number): Promise<readonly Comparison[] | null> {
  const tried = await experiment(seed);
  if (tried === null) return null;
  const first = compareAll(tried);
  const differing = first.filter(({ verdict }) => verdict === 'differs').map(({ key }) => key);
  if (differing.length === 0) return first;
  const again = await experiment(seed, new Set(differing));
  if (again === null) return null;
  const second = new Map(compareAll(again).map((one) => [one.key, one]));
  return first.map((one) => {
    const alone = second.get(one.key)?.verdict;
    const agreed = alone === 'agrees' || alone === 'one-of-several';
    return one.verdict === 'differs' && agreed ? { ...one, verdict: 'unsteady' } : one;
  });
}

/** What a series of cases came to. */
export interface Series {
  /** `7791 agree, 20 are one of several, 1 differed among others alone, 0 differ, of 10 the model says nothing`. */
  readonly summary: string;
  /** A text each, with the case's seed. */
  readonly differing: readonly string[];
  /** Cases that a busy machine disturbed every time. */
  readonly disturbed: number;
  /** The part of all comparisons in which the model says nothing. */
  readonly unsaid: number;
}

/** How a series is run. */
export interface SeriesOptions {
  /** Labs at a time: most of a case is waiting for the kernel to give up on a neighbour. */
  readonly parallel: number;
  /** Called as each case is done. */
  readonly tell?: (seed: number, comparisons: readonly Comparison[]) => void;
}

/** Runs as many cases as asked for, from a seed on. Of thousands of cases only the counts are kept, and what differs. */
export async function compareSeeds(
  firstSeed: number,
  cases: number,
  { parallel, tell = () => {} }: SeriesOptions,
): Promise<Series> {
  const seeds = Array.from({ length: cases }, (_, at) => firstSeed + at).values();
  const counts = { agrees: 0, 'one-of-several': 0, unsteady: 0, differs: 0, 'not-said': 0 };
  const differing: string[] = [];
  const disturbed: number[] = [];
  const work = async (): Promise<void> => {
    for (const seed of seeds) {
      const comparisons = await compareSeed(seed);
      if (comparisons === null) {
        disturbed.push(seed);
        continue;
      }
      for (const { verdict, text } of comparisons) {
        counts[verdict] += 1;
        if (verdict === 'differs') differing.push(`seed ${seed}: ${text}`);
      }
      tell(seed, comparisons);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const notTried = disturbed.length === 0 ? '' : `; too busy for the cases ${disturbed.join(', ')}`;
  return {
    disturbed: disturbed.length,
    summary: `${counts.agrees} agree, ${counts['one-of-several']} are one of several, ${counts.unsteady} differed among others alone, ${counts.differs} differ, of ${counts['not-said']} the model says nothing${notTried}`,
    differing,
    unsaid: counts['not-said'] / all,
  };
}
