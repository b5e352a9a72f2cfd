/**
 * The door of the netfilter model: `evaluateHook` says what the rules at one hook do to a packet.
 *
 * As the kernel does: every base chain of the hook in the order of priorities, over all tables and both engines; an accept
 * ends its own base chain, a drop ends the packet; nat chains are asked for the first packet of a connection alone, all of
 * them at the priority of the NAT core, whatever their own.
 */

import {
  type ChainHook,
  type ConnectionEntry,
  connectionStatusBit,
  hookPriority,
  natDoneBit,
  natHooks,
  type RuleChain,
  type RuleTable,
} from '../../host/netfilter.ts';
import { ipProtocol } from '../../inet/protocol.ts';
import { Budget, outcomeOf, walkBaseChain } from './chain.ts';
import { type Passing, runStations, type Station } from './order.ts';
import type { HookPlace, HostView, NetfilterPacket } from './packet.ts';
import { mergeOutcomes, mergeStates, type Outcome, type RuleReference, referTo, type State } from './state.ts';
import { tracksConnections } from './tracking.ts';
import { translatedByEntry } from './translate.ts';

/** Where the NAT core hangs. */
const natCore: Partial<Record<HookPlace['hook'], (typeof natHooks)[keyof typeof natHooks]>> = natHooks;

interface BaseChain {
  readonly table: RuleTable;
  readonly chain: RuleChain;
  readonly base: ChainHook;
}

/** What an evaluation works with. */
interface Evaluation {
  readonly place: HookPlace;
  readonly host: HostView;
  readonly budget: Budget;
}

function isOfLayer({ family }: RuleTable, { hook, layer }: HookPlace, version: 4 | 6): boolean {
  if (layer === 'bridge' || layer === 'arp') return family === layer;
  if (layer === 'netdev') return family === 'netdev' || (family === 'inet' && hook === 'ingress');
  return family === 'inet' || family === (version === 4 ? 'ip' : 'ip6');
}

/** Chains of devices are bound to some by name, or (since Linux 6.16) to all whose names begin so: `eth*`. */
function isOnDevice({ devices }: ChainHook, { hook, layer, input, output }: HookPlace): boolean {
  const device = hook === 'egress' ? output : input;
  const isMeant = (name: string): boolean =>
    name.endsWith('*') ? device.startsWith(name.slice(0, -1)) : device === name;
  return layer !== 'netdev' || devices.some(isMeant);
}

/** The base chains at a place, in the order of the listing. */
function baseChains(tables: readonly RuleTable[], place: HookPlace): BaseChain[] {
  return tables.flatMap((table) =>
    [...table.chains.values()].flatMap((chain) =>
      chain.base?.hook === place.hook && isOnDevice(chain.base, place) ? [{ table, chain, base: chain.base }] : [],
    ),
  );
}

function ownerOf({ engine, family, name }: RuleTable): string {
  return `${engine === 'nft' ? 'nft' : engine} table ${family} ${name}`;
}

function chainStation(
  { table, chain, base }: BaseChain,
  { place, host, budget }: Evaluation,
  translates: 'source' | 'destination' | null,
): Station {
  const tracks = place.hook === 'prerouting' || place.hook === 'output';
  const tracked = !tracks || translates !== null || base.priority > hookPriority.conntrack;
  return {
    priority: base.priority,
    owner: ownerOf(table),
    run: (states) => walkBaseChain({ table, place, host, tracked, translates }, chain, states, budget),
  };
}

/** What `ip_route_me_harder` is asked about a packet of this host: `ipt_mangle_out`, `nf_route_table_hook4`. */
function isMarkedAnew(before: NetfilterPacket, after: NetfilterPacket): boolean {
  return before.mark !== after.mark || before.dscp !== after.dscp || isSentElsewhere(before, after);
}

/** `nf_nat_ipv4_local_fn`. */
function isSentElsewhere(before: NetfilterPacket, after: NetfilterPacket): boolean {
  return before.source !== after.source || before.destination !== after.destination;
}

/** A station behind which the packet is routed again when it has changed so. */
function rerouting(station: Station, hasChanged: typeof isMarkedAnew): Station {
  return {
    ...station,
    run(states) {
      const passings = states.map((state) => {
        const { accepted, ended } = station.run([state]);
        const routed = accepted.map((after) =>
          hasChanged(state.packet, after.packet) ? { ...after, rerouted: [...after.rerouted, after.packet] } : after,
        );
        return { accepted: routed, ended };
      });
      return {
        accepted: mergeStates(passings.flatMap(({ accepted }) => accepted)),
        ended: mergeOutcomes(passings.flatMap(({ ended }) => ended)),
      };
    },
  };
}

function withStatus(state: State, bits: bigint): State {
  const { connection } = state.packet;
  return {
    ...state,
    packet: { ...state.packet, connection: { ...connection, status: connection.status | bits } },
  };
}

/** A packet is given its connection, and the connection the packet's addresses as they are before any translation. */
function track(state: State): State {
  const { packet } = state;
  const { connection, source, destination, sourcePort, destinationPort } = packet;
  if (connection.state === 'untracked') return state;
  const original = connection.original ?? { source, destination, sourcePort, destinationPort };
  return { ...state, packet: { ...packet, connection: { ...connection, original, tracked: true } } };
}

/** A nat chain: those whose connection a rule has bound go past it. */
function natStation(chain: BaseChain, evaluation: Evaluation, end: 'source' | 'destination'): Station {
  const station = chainStation(chain, evaluation, end);
  const done = natDoneBit[end];
  const isBound = ({ packet }: State): boolean => (packet.connection.status & done) !== 0n;
  return {
    ...station,
    run(states) {
      const asked = states.filter((state) => !isBound(state)).map((state) => ({ ...state, translatedBy: null }));
      const { accepted, ended } = station.run(asked);
      const gone = accepted.map((state) => (state.translatedBy === null ? state : withStatus(state, done)));
      return { accepted: [...states.filter(isBound), ...gone], ended };
    },
  };
}

/** The NAT core: asks the nat chains for a new connection, and does for others what is settled. */
function natCoreStation(chains: readonly BaseChain[], evaluation: Evaluation): Station | null {
  const core = natCore[evaluation.place.hook];
  if (core === undefined || evaluation.place.layer !== 'ip') return null;
  const { priority, end } = core;
  const stations = chains.map((chain) => natStation(chain, evaluation, end));
  const done = natDoneBit[end];
  // An RST that a rule made out of a first packet is asked in its place, and stays as it is (`nf_nat_inet_fn`).
  const bindByReset = (state: State, entry: ConnectionEntry): Passing => {
    const { accepted, ended } = runStations(stations, [state]);
    const bound = accepted.map((after) => {
      const { packet } = state;
      const { original } = packet.connection;
      const isTranslated = after.translatedBy !== null && after.packet.source !== original?.source;
      const status = packet.connection.status | done | (isTranslated ? connectionStatusBit.snat : 0n);
      const connection = { ...packet.connection, status };
      const translated = translatedByEntry({ ...packet, connection }, entry, end);
      return { ...after, translatedBy: state.translatedBy, packet: translated };
    });
    return { accepted: bound, ended };
  };
  return {
    priority,
    owner: 'the NAT core',
    run(states) {
      const asked: State[] = [];
      const settled: State[] = [];
      const stopped: Outcome[] = [];
      for (const state of states) {
        const { connection, protocol } = state.packet;
        const hasConnection = connection.state !== 'untracked' && connection.state !== 'invalid';
        if (!hasConnection) settled.push(state);
        else if (connection.entry !== null && protocol === ipProtocol.tcp && (connection.status & done) === 0n) {
          const passing = bindByReset(state, connection.entry);
          settled.push(...passing.accepted);
          stopped.push(...passing.ended);
        } else if (connection.entry !== null) {
          settled.push({ ...state, packet: translatedByEntry(state.packet, connection.entry, end) });
        } else if (connection.state === 'new' && (connection.status & done) === 0n) asked.push(state);
        else settled.push(state);
      }
      const { accepted, ended } = runStations(stations, asked);
      return {
        accepted: [...settled, ...accepted.map((state) => withStatus(state, done))],
        ended: [...stopped, ...ended],
      };
    },
  };
}

function stationsOf(chains: readonly BaseChain[], isTracked: boolean, evaluation: Evaluation): Station[] {
  const { hook, layer } = evaluation.place;
  const isNat = ({ base }: BaseChain): boolean => base.type === 'nat' && layer === 'ip';
  const isOut = hook === 'output' && layer === 'ip';
  const stations = chains
    .filter((chain) => !isNat(chain))
    .map((chain) => {
      const station = chainStation(chain, evaluation, null);
      return isOut && chain.base.type === 'route' ? rerouting(station, isMarkedAnew) : station;
    });
  const nat = natCoreStation(isTracked ? chains.filter(isNat) : [], evaluation);
  if (nat !== null) stations.push(isOut ? rerouting(nat, isSentElsewhere) : nat);
  if (layer === 'ip' && (hook === 'prerouting' || hook === 'output')) {
    const run = (states: readonly State[]): Passing => ({ accepted: states.map(track), ended: [] });
    stations.push({ priority: hookPriority.conntrack, owner: 'conntrack', run });
  }
  return stations;
}

function tablesAt(tables: readonly RuleTable[], place: HookPlace, version: 4 | 6): RuleTable[] {
  return tables.filter((table) => isOfLayer(table, place, version));
}

/** The base chains that stand at a place, in the order of the listing: empty where no rule can stop a packet. */
export function chainsAt(tables: readonly RuleTable[], place: HookPlace, version: 4 | 6): RuleReference[] {
  return baseChains(tablesAt(tables, place, version), place).map(({ table, chain }) => referTo(table, chain, null));
}

/** True when the rules make the namespace track the connections of an IP version. */
export function tracks(tables: readonly RuleTable[], version: 4 | 6): boolean {
  return tracksConnections(
    tables.filter(({ family }) => family === 'inet' || family === (version === 4 ? 'ip' : 'ip6')),
  );
}

/**
 * What the rules of a namespace do to a packet at a hook: every end that it may meet, one when all is known. The packet
 * of an accepted end goes on to the next hook as it is; in another namespace it has no mark and no connection yet.
 */
export function evaluateHook(
  tables: readonly RuleTable[],
  place: HookPlace,
  packet: NetfilterPacket,
  host: HostView,
): Outcome[] {
  const evaluation: Evaluation = { place, host, budget: new Budget() };
  const start: State = { packet, trail: [], assumptions: [], translatedBy: null, rerouted: [], passed: [] };
  const own = tablesAt(tables, place, packet.family);
  const stations = stationsOf(baseChains(own, place), tracksConnections(own), evaluation);
  const { accepted, ended } = runStations(stations, [start]);
  return mergeOutcomes([...ended, ...accepted.map((state) => outcomeOf(state, { kind: 'accept' }))]);
}
