/**
 * The host's state, parsed: what the forwarding model reads. Each record keeps the snapshot text that it came from, so
 * that a hop can quote it.
 */

import type { ConnectionEntry, RuleTable } from './netfilter.ts';

/** Where a record came from: the command, and its one line or element in the tool's own words. */
export interface Quote {
  readonly netns: string;
  readonly command: string;
  readonly text: string;
}

/** An address on a link. */
export interface LinkAddress {
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefixLength: number;
  readonly source: Quote;
}

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** The kernel's `info_kind` (`veth`, `bridge`, `tun`, …), `loopback` for lo, `device` for hardware. */
  readonly kind: string;
  readonly mac: string | null;
  readonly mtu: number;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** Has a carrier (IFF_LOWER_UP). */
  readonly carrier: boolean;
  /** Name of the bridge, bond or VRF that it is a port of. */
  readonly master: string | null;
  /** The other end of a veth pair; netns null when that namespace is not in the snapshot. */
  readonly peer: { readonly netns: string | null; readonly index: number; readonly device: string | null } | null;
  readonly addresses: readonly LinkAddress[];
  readonly source: Quote;
}

/** One routing table entry. */
export interface Route {
  readonly family: 4 | 6;
  /** Table number: 255 local, 254 main, 253 default. */
  readonly table: number;
  readonly type:
    | 'unicast'
    | 'local'
    | 'broadcast'
    | 'multicast'
    | 'anycast'
    | 'blackhole'
    | 'unreachable'
    | 'prohibit'
    | 'throw'
    | 'unknown';
  /** `default` is 0.0.0.0/0 or ::/0. */
  readonly prefix: string;
  readonly prefixLength: number;
  readonly metric: number;
  readonly device: string | null;
  readonly gateway: string | null;
  /** Preferred source address. */
  readonly preferredSource: string | null;
  /** Several next hops, or a nexthop object: device and gateway above are then null. */
  readonly multipath: boolean;
  readonly source: Quote;
}

/** One `ip rule`. */
export interface RoutingRule {
  readonly family: 4 | 6;
  readonly priority: number;
  /** Table number it looks up, null for another action. */
  readonly table: number | null;
  /** True for the plain `from all lookup TABLE`; any other selector is named in `source.text` and not evaluated yet. */
  readonly matchesAll: boolean;
  readonly source: Quote;
}

/** One neighbour table entry. */
export interface Neighbour {
  readonly address: string;
  readonly device: string;
  readonly mac: string | null;
  /** NUD states, as printed: `REACHABLE`, `STALE`, `FAILED`, `PERMANENT`, … */
  readonly states: readonly string[];
  readonly source: Quote;
}

/** One bridge forwarding database entry. */
export interface ForwardingEntry {
  readonly mac: string;
  /** The port, or the bridge itself. */
  readonly device: string;
  readonly bridge: string | null;
  readonly permanent: boolean;
  readonly source: Quote;
}

/** One bridge port. */
export interface BridgePort {
  readonly device: string;
  readonly bridge: string;
  /** `forwarding`, `learning`, `listening`, `blocking`, `disabled`. */
  readonly state: string;
  readonly source: Quote;
}

/** One listening (TCP) or unconnected (UDP) socket. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 4 | 6;
  /** `0.0.0.0` or `::` for any. */
  readonly address: string;
  readonly port: number;
  /** An IPv6 wildcard that takes no IPv4. */
  readonly v6Only: boolean;
  /** SO_BINDTODEVICE. */
  readonly device: string | null;
  readonly process: { readonly name: string; readonly pid: number } | null;
  readonly source: Quote;
}

/** What one netfilter hook may do, by its rules; an over-approximation until rules are evaluated. */
export interface FirewallHook {
  /** `ip`, `ip6`, `inet`, `bridge`, `netdev`, `arp`. */
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly hook: string;
  readonly priority: number;
  /** Bound to one device (netdev and ingress hooks). */
  readonly device: string | null;
  readonly policy: 'accept' | 'drop';
  /** Everything a packet could meet here, jumps followed. */
  readonly mayDrop: boolean;
  readonly mayReject: boolean;
  readonly mayTranslate: boolean;
  /** A rule that nobody could read. */
  readonly mayDoUnknown: boolean;
  /** The rules that could drop, reject or translate, and a dropping policy, for quoting. */
  readonly decisiveRules: readonly Quote[];
  readonly source: Quote;
}

/** One network namespace. */
export interface NamespaceState {
  readonly name: string;
  readonly inode: number;
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  readonly rules: readonly RoutingRule[];
  readonly neighbours: readonly Neighbour[];
  readonly forwardingEntries: readonly ForwardingEntry[];
  readonly bridgePorts: readonly BridgePort[];
  readonly listeners: readonly Listener[];
  /** Sockets were readable; without, "nothing listens" may not be said. */
  readonly listenersKnown: boolean;
  readonly firewallHooks: readonly FirewallHook[];
  /** Every table of rules, to be evaluated; `firewallKnown` says whether these are all. */
  readonly ruleTables: readonly RuleTable[];
  /** The connection tracking table, as far as it was collected. */
  readonly connections: readonly ConnectionEntry[];
  /** All rule sets were readable; the command whose output shows that there are no others. */
  readonly firewallKnown: boolean;
  readonly firewallSource: Quote | null;
  /** Values by sysctl name (`net.ipv4.ip_forward`), with the source to quote. */
  readonly sysctls: ReadonlyMap<string, { readonly value: string; readonly source: Quote }>;
  /** Names by address, from /etc/hosts as that namespace sees it. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
}

/** The whole host, namespaces by name. */
export interface HostState {
  readonly namespaces: ReadonlyMap<string, NamespaceState>;
  readonly processes: ReadonlyMap<number, readonly string[]>;
  /** One sentence each: what was collected and could not be parsed, or could not be collected. */
  readonly problems: readonly string[];
}
