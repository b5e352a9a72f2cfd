/**
 * The host's state, parsed: what the forwarding model reads. Each record keeps the snapshot text that it came from, so
 * that a hop can quote it.
 */

import type { ConnectionEntry, RuleTable } from './netfilter.ts';
import type { ContainerRecord } from './snapshot.ts';

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
  /** The other end of a point-to-point link; the prefix length is then that of this address. */
  readonly peer: string | null;
  readonly prefixLength: number;
  /** RT_SCOPE_*: 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** As printed: `secondary`, `tentative`, `dadfailed`, `deprecated`. */
  readonly flags: readonly string[];
  readonly source: Quote;
}

/** How a VXLAN device carries frames (RFC 7348, drivers/net/vxlan). */
export interface Vxlan {
  /** The VXLAN network identifier (VNI). */
  readonly network: number;
  /** The UDP port that it takes packets at, and sends them to. */
  readonly port: number;
  /** The IP version of its packets. */
  readonly family: 4 | 6;
  /** The address that it sends from; null where the route chooses. */
  readonly local: string | null;
  /** Of its packets; null for what the host gives to others. */
  readonly timeToLive: number | null;
  /** It learns behind whom an address is from what comes. */
  readonly learning: boolean;
  /** The namespace that its packets are sent and received in: that where it was made; null when the snapshot has it not. */
  readonly underlay: string | null;
  /** An option by which it does what the model does not know; null for none. */
  readonly unmodelled: string | null;
}

/** What is asked of each packet at a device, and may drop it, change it or send it elsewhere. */
export interface LinkProgram {
  readonly direction: 'ingress' | 'egress';
  /** `an XDP program`, `a filter of traffic control (tc)`. */
  readonly what: string;
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
  /** Asks for link-layer addresses and answers for its own; false: IFF_NOARP. */
  readonly arp: boolean;
  /** Name of the bridge, bond or VRF that it is a port of. */
  readonly master: string | null;
  /** How a macvlan or ipvlan treats its siblings: `bridge`, `private`, `vepa`, `passthru`. Null for other links. */
  readonly mode: string | null;
  /** The routing table of a VRF, null for other links. */
  readonly vrfTable: number | null;
  /** A bridge that filters by VLAN. */
  readonly vlanFiltering: boolean;
  readonly programs: readonly LinkProgram[];
  /** The other end of a veth pair; netns null when that namespace is not in the snapshot. */
  readonly peer: { readonly netns: string | null; readonly index: number; readonly device: string | null } | null;
  /** The device that a macvlan stands on; null for other links, and where it was not found. */
  readonly lower: { readonly netns: string; readonly device: string } | null;
  /** Null for other links. */
  readonly vxlan: Vxlan | null;
  readonly addresses: readonly LinkAddress[];
  readonly source: Quote;
}

/** One way of a route. */
export interface NextHop {
  readonly device: string;
  /** Null when the destination itself is on the link. */
  readonly gateway: string | null;
  /** The kernel's marks of a device that is down or has no carrier: it may pass over such a next hop. */
  readonly dead: boolean;
  readonly linkDown: boolean;
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
  /** RT_SCOPE_*: 0 global, 253 link, 254 host. IPv6 has none: 0. */
  readonly scope: number;
  /** The type of service that a packet must carry, 0 for any. */
  readonly tos: number;
  /** IPv6: the sources that it serves; null for all. */
  readonly from: { readonly prefix: string; readonly prefixLength: number } | null;
  /** Preferred source address. */
  readonly preferredSource: string | null;
  /** Empty for types that lead nowhere, and where the next hops could not be read. */
  readonly nextHops: readonly NextHop[];
  readonly source: Quote;
}

/** From and to, both included. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** What an `ip rule` asks of a packet; null where it does not ask. */
export interface RuleSelector {
  readonly from: { readonly prefix: string; readonly prefixLength: number } | null;
  readonly to: { readonly prefix: string; readonly prefixLength: number } | null;
  /** The device that it came in by; `lo` for packets of this host. */
  readonly inputDevice: string | null;
  /** The device that the sending socket is bound to. */
  readonly outputDevice: string | null;
  readonly mark: { readonly value: number; readonly mask: number } | null;
  readonly tos: number | null;
  /** By the host's name for it (`tcp`, `icmp`, `ipv6-icmp`), or a number where it has none. */
  readonly protocol: string | null;
  readonly sourcePorts: NumberRange | null;
  readonly destinationPorts: NumberRange | null;
  readonly users: NumberRange | null;
  /** Takes packets of a VRF alone, and looks up the VRF's table. */
  readonly vrf: boolean;
}

/** One `ip rule`. */
export interface RoutingRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly action: 'lookup' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit' | 'unknown';
  /** The table that `lookup` looks up; null when its number is not known, and with `vrf`. */
  readonly table: number | null;
  /** The priority that `goto` goes on with. */
  readonly target: number | null;
  /** `not`: takes the packets that the selector does not. */
  readonly inverted: boolean;
  readonly selector: RuleSelector;
  /** Routes of this prefix length and shorter do not count (`suppress_prefixlength`). */
  readonly suppressPrefixLength: number | null;
  /** It has a selector that was not understood, named in `source.text`. */
  readonly unread: boolean;
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

/** An address that a device answers for on behalf of others (`ip neigh add proxy`). */
export interface ProxyNeighbour {
  readonly address: string;
  readonly device: string;
}

/** Whom a VXLAN device sends frames to; null for what is as the device has it. */
export interface VxlanRemote {
  readonly address: string;
  readonly port: number | null;
  readonly network: number | null;
  /** The device that its packets leave by, by name, or by index where its namespace is another; null for any. */
  readonly by: string | number | null;
}

/** One forwarding database entry: of a bridge, or of a device itself. */
export interface ForwardingEntry {
  readonly mac: string;
  /** The port, or the bridge itself. */
  readonly device: string;
  readonly bridge: string | null;
  /** The bridge's own address: frames to it go up to the host. */
  readonly permanent: boolean;
  /** The bridge's own, or put in by hand as `sticky`; a device's own put in by hand: what is heard does not change it. */
  readonly fixed: boolean;
  /** Made for an address that a locked port has heard: what comes from it is not let in. */
  readonly locked: boolean;
  readonly vlan: number | null;
  /** Seconds from when the bridge last heard the address at that port to when the table was read; null where not told. */
  readonly heardAgo: number | null;
  /** Of a VXLAN device's own entry; null for others, and where the entry names a group of next hops. */
  readonly remote: VxlanRemote | null;
  readonly source: Quote;
}

/** One bridge port. */
export interface BridgePort {
  readonly device: string;
  readonly bridge: string;
  /** `forwarding`, `learning`, `listening`, `blocking`, `disabled`. */
  readonly state: string;
  /** May send a frame back out of itself. */
  readonly hairpin: boolean;
  /** Exchanges no frames with other isolated ports. */
  readonly isolated: boolean;
  /** Gets frames to addresses that the bridge has not learnt. */
  readonly flood: boolean;
  /** Gets broadcasts; multicasts. */
  readonly broadcastFlood: boolean;
  readonly multicastFlood: boolean;
  /** The bridge learns from what comes in there. */
  readonly learning: boolean;
  /** Takes frames only from addresses that the table has at this port. */
  readonly locked: boolean;
  readonly source: Quote;
}

/** A VLAN of a bridge port, or of the bridge itself. */
export interface PortVlan {
  readonly device: string;
  readonly vlan: number;
  /** Untagged frames that come in belong to it. */
  readonly pvid: boolean;
  /** Its frames leave without a tag. */
  readonly untagged: boolean;
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
  /** Connections that wait to be accepted, and how many may; 0 and 0 for UDP. */
  readonly queue: { readonly waiting: number; readonly limit: number };
  readonly process: { readonly name: string; readonly pid: number } | null;
  readonly source: Quote;
}

/** A socket with both ends. */
export interface ConnectedSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** As `ss` prints it: `ESTAB`, `TIME-WAIT`, … */
  readonly state: string;
  readonly device: string | null;
  readonly source: Quote;
}

/** What IPVS takes of what comes to the host, to send it on to one of its servers: an address and port (0: any), or a mark. */
export type VirtualService = { readonly source: Quote } & (
  | { readonly kind: 'end'; readonly protocol: 'tcp' | 'udp'; readonly address: string; readonly port: number }
  | { readonly kind: 'mark'; readonly mark: number }
);

/** What a rule's counter gained while somebody watched. */
export interface RuleIncrease {
  readonly packets: number;
  /** The second reading. */
  readonly source: Quote;
}

/** A kernel setting. */
interface Sysctl {
  readonly value: string;
  /** As sysctl(8) writes it, with `/` for the dot of a device's name: `net.ipv4.conf.eth0/100.rp_filter`. */
  readonly name: string;
  readonly source: Quote;
}

/** One network namespace. */
export interface NamespaceState {
  readonly name: string;
  readonly inode: number;
  /** The container, or the pod, whose network it is. */
  readonly container: ContainerRecord | null;
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  readonly rules: readonly RoutingRule[];
  readonly neighbours: readonly Neighbour[];
  readonly proxyNeighbours: readonly ProxyNeighbour[];
  readonly forwardingEntries: readonly ForwardingEntry[];
  readonly bridgePorts: readonly BridgePort[];
  readonly portVlans: readonly PortVlan[];
  readonly listeners: readonly Listener[];
  /** Sockets were readable; without, "nothing listens" may not be said. */
  readonly listenersKnown: boolean;
  /** Empty in cases that were recorded without them. */
  readonly connectedSockets: readonly ConnectedSocket[];
  readonly virtualServices: readonly VirtualService[];
  /** Every table of rules, to be evaluated; `firewallKnown` says whether these are all. */
  readonly ruleTables: readonly RuleTable[];
  /** Of legacy rules, by `increaseKey`; null where the counters were not read twice. */
  readonly ruleIncreases: ReadonlyMap<string, RuleIncrease> | null;
  /** The connection tracking table, as far as it was collected. */
  readonly connections: readonly ConnectionEntry[];
  /** All rule sets were readable; the command whose output shows that there are no others. */
  readonly firewallKnown: boolean;
  readonly firewallSource: Quote | null;
  /** By sysctl name (`net.ipv4.ip_forward`); a device in it is named as it is. */
  readonly sysctls: Pick<ReadonlyMap<string, Sysctl>, 'get'>;
  /** Names by address, from /etc/hosts as that namespace sees it. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  /** Addresses of the resolvers that its programs ask for names, in their order, from /etc/resolv.conf as it sees that. */
  readonly resolvers: readonly string[];
}

/** What was collected and could not be parsed, or could not be collected. */
export interface Problem {
  /** Null where it concerns no namespace of its own. */
  readonly netns: string | null;
  /** One clause; names of tools and commands stand in backquotes. */
  readonly clause: string;
}

/** The whole host, namespaces by name. */
export interface HostState {
  readonly namespaces: ReadonlyMap<string, NamespaceState>;
  readonly processes: ReadonlyMap<number, readonly string[]>;
  readonly problems: readonly Problem[];
}
