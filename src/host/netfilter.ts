/**
 * The rules of netfilter as data: one form for nftables, iptables on nft and legacy iptables. `parse/netfilter` makes it
 * from what the tools print; `model/netfilter` evaluates it.
 *
 * What a parser does not understand stays in its rule as an `unknown` operand, `maybe` match or `unknown` verdict with
 * its text: nothing is left out silently.
 */

import type { IcmpError } from '../inet/icmp.ts';

/** A number (addresses, ports, marks, flags; most significant byte first) or a name (devices, address types). */
export type Value = bigint | string;

/** Numbers from low to high, both included. */
interface Interval {
  readonly low: bigint;
  readonly high: bigint;
}

/** A name, or with `prefix` every name that begins so (`br*`, iptables' `br+`). */
interface NamePattern {
  readonly name: string;
  readonly prefix: boolean;
}

/** What one part of a key is compared with. */
export type Atom = Interval | NamePattern;

/** Every number that a field can hold, one that is not known as well. */
export const anyNumber: Interval = { low: 0n, high: (1n << 128n) - 1n };

/** An element of a set or map: a key of one atom, or several when it is a concatenation. */
export interface SetElement {
  readonly key: readonly Atom[];
  /** What a map gives for it: values, or a verdict; null in a set. */
  readonly data: readonly Operand[] | Verdict | null;
}

/** Elements written in the rule itself, or a set of the table by its name. */
export type Elements =
  | { readonly kind: 'elements'; readonly elements: readonly SetElement[] }
  | { readonly kind: 'named'; readonly name: string };

/** Arithmetic on two operands' numbers. */
export type Operator = 'and' | 'or' | 'xor' | 'shl' | 'shr' | 'add' | 'mod';

/** What a rule reads of a packet, its connection or the host. */
export type Operand =
  | { readonly kind: 'constant'; readonly value: Value }
  /** In nft's words: `ip saddr`, `tcp dport`, `meta mark`, `ct state`, `ct original ip saddr`. */
  | { readonly kind: 'field'; readonly name: string }
  /** A look-up in the routing tables: the type of an address, or the device of the route to it (`''`: no route). */
  | {
      readonly kind: 'fib';
      readonly result: 'type' | 'device';
      readonly address: 'saddr' | 'daddr';
      /** Only what lies on this device of the packet counts. */
      readonly device: 'iif' | 'oif' | null;
      /** It asks with the packet's mark, which may lead to another table. */
      readonly byMark: boolean;
    }
  /** 1 when a route leads back to the packet's source, else 0: iptables' `-m rpfilter`. */
  | {
      readonly kind: 'reverse-path';
      /** By whichever device. */
      readonly loose: boolean;
      /** An address of the host itself counts too. */
      readonly acceptsLocal: boolean;
      readonly byMark: boolean;
    }
  | { readonly kind: 'operation'; readonly operator: Operator; readonly left: Operand; readonly right: Operand }
  /** One of these numbers, which the kernel picks. */
  | { readonly kind: 'one-of'; readonly low: bigint; readonly high: bigint }
  /** What a map gives for a key. */
  | { readonly kind: 'map'; readonly key: readonly Operand[]; readonly among: Elements }
  | { readonly kind: 'unknown'; readonly text: string };

/** How a rule answers what it rejects; null where it rejects nothing of that IP version. */
export type RejectWith = 'tcp-reset' | { readonly four: IcmpError | null; readonly six: IcmpError | null };

/** What ends a rule. */
export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'continue' | 'queue' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'reject'; readonly with: RejectWith }
  /** It takes the packet out of the rules' hands, or nobody knows what it does. */
  | { readonly kind: 'unknown'; readonly text: string };

/** One address translation. */
export interface Translation {
  readonly kind: 'translate';
  readonly end: 'source' | 'destination';
  /** `redirect`: to this host (REDIRECT); `masquerade`: to the address of the device that it leaves by. */
  readonly how: 'to' | 'redirect' | 'masquerade';
  /** The IP version that it is for; null for any. */
  readonly family: 4 | 6 | null;
  /** Null leaves the address; a map may give address and port together. */
  readonly address: Operand | null;
  /** Null leaves the port, if the kernel can. */
  readonly port: Operand | null;
  /** The kernel chooses a source's port anew, and any one from a range (NF_NAT_RANGE_PROTO_RANDOM_ALL). */
  readonly random: boolean;
}

/** Goes on when the key is among the elements, or when `negated` is not; never when the packet has no such field. */
export interface Match {
  readonly kind: 'match';
  readonly key: readonly Operand[];
  readonly negated: boolean;
  readonly among: Elements;
}

/** A part of a rule, in the order in which the kernel meets them. */
export type Expression =
  | Match
  /**
   * Negated matches of which the tool may have made one: the kernel's then goes on unless all fields are as told, and not
   * only where none is. Both are listed alike.
   */
  | { readonly kind: 'merged'; readonly matches: readonly Match[] }
  /** Goes on or not, by something that no snapshot shows: a rate, a counter, chance, or what is not understood. */
  | { readonly kind: 'maybe'; readonly text: string }
  /** Gives a field of the packet or its connection a value: `meta mark`, `ct mark`, or a header's. */
  | { readonly kind: 'set'; readonly field: string; readonly value: Operand }
  | Translation
  | { readonly kind: 'notrack' }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** The verdict that a map gives for a key; the rule ends where it gives none. */
  | { readonly kind: 'verdict-map'; readonly key: readonly Operand[]; readonly among: Elements };

/** What a rule's counter shows. */
export interface RuleCounter {
  readonly packets: number;
  readonly bytes: number;
}

/** One rule. */
export interface Rule {
  /** As the tool prints it. */
  readonly text: string;
  /** nftables' handle; null where there is none. */
  readonly handle: number | null;
  /** Its place in the chain, from 1 on; 0 of one that a trace alone tells of, which was added after the snapshot. */
  readonly position: number;
  readonly comment: string | null;
  readonly counter: RuleCounter | null;
  readonly expressions: readonly Expression[];
}

/** Where a base chain hangs. */
export interface ChainHook {
  readonly type: 'filter' | 'nat' | 'route';
  /** `prerouting`, `input`, `forward`, `output`, `postrouting`, `ingress`, `egress`. */
  readonly hook: string;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** The devices that an ingress or egress chain is bound to; `eth*` for all whose names begin so. */
  readonly devices: readonly string[];
}

/** One chain; `base` is null for one that only jumps reach. */
export interface RuleChain {
  readonly name: string;
  readonly base: ChainHook | null;
  readonly rules: readonly Rule[];
  /** Of a chain of nft's in a table of iptables: the command that printed it. Absent of all others. */
  readonly listedBy?: string;
}

/** Which tool a table belongs to. */
export type RuleEngine = 'nft' | 'iptables-nft' | 'iptables-legacy';

type TableName = Pick<RuleTable, 'engine' | 'family' | 'name'>;

/** One table with its chains and sets. */
export interface RuleTable {
  readonly engine: RuleEngine;
  readonly family: 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev' | 'arp';
  readonly name: string;
  /** The command that printed it. */
  readonly command: string;
  readonly chains: ReadonlyMap<string, RuleChain>;
  /** Sets and maps by name; one whose elements are not known is missing. */
  readonly sets: ReadonlyMap<string, readonly SetElement[]>;
}

/** The table as the chain's own tool has it: somebody may have put chains of nft's into a table of iptables. */
export function tableOfChain(table: RuleTable, { listedBy }: RuleChain): RuleTable {
  return listedBy === undefined ? table : { ...table, engine: 'nft', command: listedBy };
}

/** True when both are one table of the kernel's: legacy ones are apart from those of nftables. */
export function isSameTable(a: TableName, b: TableName): boolean {
  const isApart = (a.engine === 'iptables-legacy') !== (b.engine === 'iptables-legacy');
  return !isApart && a.family === b.family && a.name === b.name;
}

/** One direction of a connection. */
export interface ConnectionTuple {
  readonly source: string;
  readonly destination: string;
  /** Null for protocols without ports. */
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
}

/** One entry of the connection tracking table. */
export interface ConnectionEntry {
  readonly family: 4 | 6;
  /** IP protocol number. */
  readonly protocol: number;
  /** TCP's, as printed (`ESTABLISHED`); null for others. */
  readonly state: string | null;
  readonly original: ConnectionTuple;
  /** What answers look like before they are translated back. */
  readonly reply: ConnectionTuple;
  /** Nothing has come back yet. */
  readonly unreplied: boolean;
  readonly assured: boolean;
  /** Null where a rule set what is not known. */
  readonly mark: number | null;
  /** The line, verbatim, and the command that printed it; null for one that no table has yet. */
  readonly listed: { readonly command: string; readonly text: string } | null;
}

/** NF_IP_PRI_* of linux/netfilter_ipv4.h: where the kernel's own parts and iptables' tables hang at a hook. */
export const hookPriority = {
  raw: -300,
  conntrack: -200,
  mangle: -150,
  destinationNat: -100,
  filter: 0,
  security: 50,
  sourceNat: 100,
} as const;

/** Where the NAT core hangs, and which end of the packet it translates there (nf_nat_ipv4_ops). */
export const natHooks = {
  prerouting: { priority: hookPriority.destinationNat, end: 'destination' },
  output: { priority: hookPriority.destinationNat, end: 'destination' },
  input: { priority: hookPriority.sourceNat, end: 'source' },
  postrouting: { priority: hookPriority.sourceNat, end: 'source' },
} as const;

/** NF_CT_STATE_BIT of linux/netfilter/nf_conntrack_common.h, in nft's words. */
export const connectionStateBit = { invalid: 1n, established: 2n, related: 4n, new: 8n, untracked: 64n } as const;

/** Bits of enum ip_conntrack_status of the same file, in nft's words. */
export const connectionStatusBit = {
  expected: 1n,
  'seen-reply': 2n,
  assured: 4n,
  confirmed: 8n,
  snat: 16n,
  dnat: 32n,
  dying: 512n,
} as const;

/** Others of them, which nft has no words for: the connection has been through the nat chains of that end. */
export const natDoneBit = { source: 128n, destination: 256n } as const;

/** How many places above a connection's state its status stands in the field `ct state-and-status`. */
export const statusShift = 16n;
