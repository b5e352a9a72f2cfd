/** What the model says of a probe in the netfilter lab: where it arrives, what connect() says, which rules count it. */
import type { ConnectionEntry, ConnectionTuple, Rule, RuleTable } from '../../src/host/netfilter.ts';
import { formatAddress, parseAddress } from '../../src/inet/address.ts';
import { evaluateHook } from '../../src/model/netfilter/hook.ts';
import {
  type Connection,
  firstPacket,
  type HookPlace,
  type HostView,
  type NetfilterPacket,
  type TupleEnds,
} from '../../src/model/netfilter/packet.ts';
import type { Outcome } from '../../src/model/netfilter/state.ts';
import type { Probe } from './probes.ts';
import { loopback, routers } from './random-rules.ts';

const numbers = { tcp: 6, udp: 17 } as const;

/** The router as nettrace reads it. */
export interface Knowledge {
  readonly tables: readonly RuleTable[];
  readonly host: HostView;
}

/** What the model says becomes of a packet: an end, with every rule that it matched on the way. */
export interface Way {
  readonly end: 'delivered' | 'drop' | 'timeout' | 'reject' | 'unknown';
  readonly packet: NetfilterPacket;
  readonly outcomes: readonly Outcome[];
}

function endpoint(text: string): { address: bigint; port: number } {
  const [address = '', port] = text.split(':');
  return { address: parseAddress(address)?.value ?? 0n, port: Number(port) };
}

function text(address: bigint | null, port: number | null): string {
  return `${address === null ? '?' : formatAddress({ family: 4, value: address })}:${port ?? '?'}`;
}

function packetOf({ source, destination }: Probe, protocol: 'tcp' | 'udp'): NetfilterPacket {
  const [from, to] = [endpoint(source), endpoint(destination)];
  return firstPacket({
    family: 4,
    protocol: numbers[protocol],
    source: from.address,
    sourcePort: from.port,
    destination: to.address,
    destinationPort: to.port,
    frameType: 'host',
  });
}

function place(hook: HookPlace['hook'], input: string, exit: string): HookPlace {
  return { hook, layer: 'ip', input, output: exit, inputPort: '', outputPort: '' };
}

function isRouter({ destination }: NetfilterPacket): boolean {
  return [...routers, loopback].some((address) => parseAddress(address)?.value === destination);
}

/** Every way of a packet through hooks, of which the later depend on what the earlier made of it. */
function ways(
  known: Knowledge,
  packet: NetfilterPacket,
  next: (packet: NetfilterPacket, at: number) => HookPlace | null,
): Way[] {
  const follow = (current: NetfilterPacket, at: number, outcomes: readonly Outcome[]): Way[] => {
    const hook = next(current, at);
    if (hook === null) return [{ end: 'delivered', packet: current, outcomes }];
    return evaluateHook(known.tables, hook, current, known.host).flatMap((outcome): Way[] => {
      const passed = [...outcomes, outcome];
      const { kind } = outcome.ending;
      if (kind === 'accept') return follow(outcome.packet, at + 1, passed);
      return [{ end: kind === 'queue' ? 'unknown' : kind, packet: outcome.packet, outcomes: passed }];
    });
  };
  return follow(packet, 0, []);
}

/** From the client to whoever has the destination. */
function forth(known: Knowledge, packet: NetfilterPacket): Way[] {
  return ways(known, packet, (current, at) => {
    if (at === 0) return place('prerouting', 'c0', '');
    if (isRouter(current)) return at === 1 ? place('input', 'c0', '') : null;
    return [place('forward', 'c0', 's0'), place('postrouting', 'c0', 's0')][at - 1] ?? null;
  });
}

/** From the router itself to whoever has the destination; over loopback when that is the router. */
function out(known: Knowledge, packet: NetfilterPacket): Way[] {
  const exit = isRouter(packet) ? 'lo' : 's0';
  return ways(known, packet, (current, at) => {
    // After a translation the packet is routed anew, and the rest of the output chains still see the first device.
    if (at === 0) return place('output', '', exit);
    if (!isRouter(current)) return at === 1 ? place('postrouting', '', 's0') : null;
    return [place('postrouting', '', 'lo'), place('prerouting', 'lo', ''), place('input', 'lo', '')][at - 1] ?? null;
  });
}

/** The SYN-ACK that answers a delivered SYN, back to the client. */
function back(known: Knowledge, { packet }: Way): Way[] {
  const { connection } = packet;
  const answer: NetfilterPacket = {
    ...packet,
    source: packet.destination,
    sourcePort: packet.destinationPort,
    destination: packet.source,
    destinationPort: packet.sourcePort,
    tcpFlags: 0x12,
    mark: 0n,
    connection: answered(connection, packet),
  };
  if (isRouter(packet)) {
    return ways(
      known,
      answer,
      (_current, at) => [place('output', '', 'c0'), place('postrouting', '', 'c0')][at] ?? null,
    );
  }
  const hooks = [place('prerouting', 's0', ''), place('forward', 's0', 'c0'), place('postrouting', 's0', 'c0')];
  return ways(known, answer, (_current, at) => hooks[at] ?? null);
}

function tupleOf({ source, destination, sourcePort, destinationPort }: TupleEnds): ConnectionTuple {
  const write = (address: bigint | null): string => formatAddress({ family: 4, value: address ?? 0n });
  return { source: write(source), destination: write(destination), sourcePort, destinationPort };
}

/** The connection of the answer: a SYN-ACK that conntrack knows nothing of is invalid. */
function answered(connection: Connection, delivered: NetfilterPacket): Connection {
  if (connection.state !== 'new' || connection.original === null) {
    return { ...connection, state: 'invalid', tracked: false, entry: null, original: null };
  }
  const { source, destination, sourcePort, destinationPort } = tupleOf(delivered);
  const reply = {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
  const entry: ConnectionEntry = {
    family: 4,
    protocol: delivered.protocol,
    state: 'SYN_RECV',
    original: tupleOf(connection.original),
    reply,
    unreplied: false,
    assured: false,
    mark: Number(connection.mark ?? 0n),
    listed: null,
  };
  return {
    ...connection,
    state: 'established',
    direction: 'reply',
    tracked: false,
    status: connection.status | 10n,
    entry,
  };
}

const icmpErrors = new Map([
  [0, 'ENETUNREACH'],
  [1, 'EHOSTUNREACH'],
  [3, 'ECONNREFUSED'],
  [13, 'EHOSTUNREACH'],
]);

function errorOf(way: Way): string {
  const ending = way.outcomes.at(-1)?.ending;
  if (ending?.kind !== 'reject') return 'timeout';
  if (ending.with === 'tcp-reset') return 'ECONNREFUSED';
  return icmpErrors.get(ending.with.four?.code ?? -1) ?? 'unknown';
}

/** True when the client's next segment goes the way of its SYN; else connect() and its error race. */
function isFollowed(known: Knowledge, probe: Probe, { packet }: Way): boolean {
  const { connection } = packet;
  const isTracked = connection.state === 'new' && connection.original !== null;
  const first = packetOf(probe, 'tcp');
  // A segment of a connection that conntrack does not know begins one there (nf_conntrack_tcp_loose).
  const own = isTracked ? { ...answered(connection, packet), direction: 'original' as const } : first.connection;
  const segments = forth(known, { ...first, tcpFlags: 0x10, connection: own });
  return segments.every((way) => way.end === 'delivered' && ends(way.packet) === ends(packet));
}

function ends({ source, sourcePort, destination, destinationPort }: NetfilterPacket): string {
  return `${text(source, sourcePort)} > ${text(destination, destinationPort)}`;
}

/** What connect() says, every way; null when more than its SYN and the answer decide. */
export function connectResults(known: Knowledge, probe: Probe): string[] | null {
  const results = new Set<string>();
  for (const way of forth(known, packetOf(probe, 'tcp'))) {
    if (way.end === 'unknown') return null;
    if (way.end !== 'delivered') results.add(errorOf(way));
    else {
      for (const answer of back(known, way)) {
        if (answer.end !== 'delivered') results.add('timeout');
        else if (isFollowed(known, probe, way) && isAnswerTo(answer, probe)) results.add('connected');
        else return null;
      }
    }
  }
  return [...results];
}

/** True when the answer comes to the client from where it sent its SYN. */
function isAnswerTo({ packet }: Way, probe: Probe): boolean {
  const { source, destination } = packet;
  return (
    text(source, packet.sourcePort) === probe.destination && text(destination, packet.destinationPort) === probe.source
  );
}

/** Where a datagram arrives and from whom, every way; `nowhere` when it does not. */
export function arrivalsOf(known: Knowledge, probe: Probe): { results: string[]; found: Way[] } {
  const isOwn = routers.some((address) => probe.source.startsWith(`${address}:`));
  const packet = packetOf(probe, 'udp');
  const found = isOwn ? out(known, packet) : forth(known, packet);
  const results = found.map(({ end, packet }) => (end === 'delivered' ? ends(packet) : 'nowhere'));
  return { results: [...new Set(results)], found };
}

/** How often each rule counts, where the model is certain. */
export function countsOf(found: readonly (readonly Way[])[]): Map<Rule, { times: number; certain: boolean }> {
  const counts = new Map<Rule, { times: number; certain: boolean }>();
  for (const every of found) {
    for (const { outcomes } of every) {
      for (const { reference, certain } of outcomes.flatMap(({ trail }) => trail)) {
        if (reference.rule === null) continue;
        const count = counts.get(reference.rule) ?? { times: 0, certain: true };
        counts.set(reference.rule, {
          times: count.times + 1,
          certain: count.certain && certain && every.length === 1,
        });
      }
    }
  }
  return counts;
}
