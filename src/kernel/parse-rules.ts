/**
 * What `nft -a monitor trace` prints → what rules did to packets. Pure.
 *
 * An event begins with the packet's number in the kernel, the family, the table and the chain. The first one of each
 * evaluation shows the packet; those behind it with the same number are of that packet. The number does not last: it
 * changes on the way, and is used again.
 */

import type { SocketAddress } from './parse.ts';

/** A packet as a chain sees it. */
export interface TracedPacket {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  /** Ports are 0 where the protocol has none. */
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
  /** The identification of its IPv4 header, which it keeps on its way; null where it is 0, and in IPv6. */
  readonly id: number | null;
  readonly input: string | null;
  readonly output: string | null;
}

/** What a rule, or the policy of a chain, said of a packet. */
export interface RuleEvent {
  readonly packet: TracedPacket;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** The chain that the packet came by into the table: where `chain` was jumped to, the one that jumps. */
  readonly baseChain: string;
  /** Null for a policy. */
  readonly handle: number | null;
  /** `accept`, `drop`, `jump CHAIN` …; a rule that rejects drops. */
  readonly verdict: string;
  /** The rule as nft prints it; null for a policy, and where nft did not know the rule. */
  readonly rule: string | null;
}

const eventPattern = /^trace id ([0-9a-f]+) (\S+) (\S+) (\S+) (.*)$/s;
const knownRule = /^rule (.*) # handle (\d+) \(verdict ([^()]*)\)\s*$/s;
const unknownRule = /^unknown rule handle (\d+) \(verdict ([^()]*)\)\s*$/;
const policyPattern = /^policy (\w+)\s*$/;

function field(text: string, pattern: RegExp): string | null {
  return pattern.exec(text)?.[1] ?? null;
}

/** A number of at most 16 bits; nft prints them in decimal. */
function number(text: string | null): number {
  return text === null ? 0 : Number(text);
}

/** The packet of a `packet:` event; null for one whose protocol diagnosis does not know. */
function readPacket(text: string): TracedPacket | null {
  const source = field(text, / ip6? saddr (\S+)/);
  const destination = field(text, / ip6? daddr (\S+)/);
  const protocol = field(text, / (tcp|udp) sport /) ?? (/ icmp(?:v6)? type /.test(text) ? 'icmp' : null);
  if (source === null || destination === null) return null;
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'icmp') return null;
  const port = (side: 'sport' | 'dport'): number =>
    number(field(text, new RegExp(` (?:tcp|udp) ${side} (\\d{1,5})\\b`)));
  const id = number(field(text, / ip id (\d{1,5})\b/));
  return {
    protocol,
    source: { address: source, port: port('sport') },
    destination: { address: destination, port: port('dport') },
    id: id === 0 ? null : id,
    input: field(text, /^packet: (?:.* )?iif "([^"]*)"/),
    output: field(text, /^packet: (?:.* )?oif "([^"]*)"/),
  };
}

function readVerdict(text: string): Pick<RuleEvent, 'handle' | 'verdict' | 'rule'> | null {
  const [, rule, handle, verdict] = knownRule.exec(text) ?? [];
  if (rule !== undefined) return { rule, handle: Number(handle), verdict: verdict ?? '' };
  const [, unknownHandle, unknownVerdict] = unknownRule.exec(text) ?? [];
  if (unknownHandle !== undefined) return { rule: null, handle: Number(unknownHandle), verdict: unknownVerdict ?? '' };
  const [, policy] = policyPattern.exec(text) ?? [];
  return policy === undefined ? null : { rule: null, handle: null, verdict: policy };
}

/** An event of `nft monitor trace` and where it stands among those that were given. */
export interface PlacedRuleEvent extends RuleEvent {
  readonly index: number;
}

/** True for a line that begins an event; others go on with the one before (nft wraps long sets). */
export function beginsRuleEvent(line: string): boolean {
  return line.startsWith('trace id ');
}

/** Reads the events of one namespace, in their order; never throws. What says nothing of a rule is left out. */
export function parseRuleEvents(texts: readonly string[]): PlacedRuleEvent[] {
  const events: PlacedRuleEvent[] = [];
  const packets = new Map<string, { readonly packet: TracedPacket; readonly table: string; readonly chain: string }>();
  for (const [index, text] of texts.entries()) {
    const [, number = '', family = '', table = '', chain = '', said = ''] = eventPattern.exec(text) ?? [];
    if (said.startsWith('packet: ')) {
      const packet = readPacket(said);
      if (packet === null) packets.delete(number);
      else packets.set(number, { packet, table: `${family} ${table}`, chain });
      continue;
    }
    const seen = packets.get(number);
    const verdict = seen === undefined ? null : readVerdict(said);
    if (seen === undefined || verdict === null || seen.table !== `${family} ${table}`) continue;
    events.push({ packet: seen.packet, family, table, chain, baseChain: seen.chain, ...verdict, index });
  }
  return events;
}
