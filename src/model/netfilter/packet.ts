/** What netfilter sees: a packet as it is at a hook, its connection, and what the rules ask the host. */

import type { ConnectionEntry } from '../../host/netfilter.ts';
import { ipProtocol, tcpFlag } from '../../inet/protocol.ts';

/** nf_conntrack's word for a packet's place in its connection. */
type ConnectionState = 'new' | 'established' | 'related' | 'invalid' | 'untracked';

/** One end of a connection as conntrack keeps it; null for what is not known. */
export interface TupleEnds {
  readonly source: bigint | null;
  readonly destination: bigint | null;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
}

/** The connection that a packet belongs to. */
export interface Connection {
  readonly state: ConnectionState;
  /** Original: the direction of the connection's first packet. */
  readonly direction: 'original' | 'reply';
  /** Conntrack has seen this very packet: over loopback it comes to prerouting with the connection that it got at output. */
  readonly tracked: boolean;
  /** Bits of enum ip_conntrack_status: 16 source translated, 32 destination translated, 2 answered, 4 assured, 8 confirmed. */
  readonly status: bigint;
  /** Null when not known. */
  readonly mark: bigint | null;
  /** The first packet's addresses, before any translation; null until the connection is tracked. */
  readonly original: TupleEnds | null;
  /** The conntrack entry of a connection that is there already: its translation holds, and nat chains are not asked. */
  readonly entry: ConnectionEntry | null;
}

/**
 * A packet as it is at a hook. Null stands for what is not known: a rule that asks for it may or may not match.
 */
export interface NetfilterPacket {
  readonly family: 4 | 6;
  /** It is no IP packet but ARP's, of IPv4: the hooks of ARP, devices and bridges see those. Its ends are those it tells of. */
  readonly isArp: boolean;
  /** ARP's operation (RFC 826): 1 asks, 2 answers; null for others. */
  readonly arpOperation: number | null;
  /** IP protocol number. */
  readonly protocol: number;
  readonly source: bigint | null;
  readonly destination: bigint | null;
  /** Ports, null for protocols without them. */
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  /** ICMP type and code (RFC 792, RFC 4443). */
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  /** The flags byte of the TCP header (RFC 9293, section 3.1). */
  readonly tcpFlags: number | null;
  readonly mark: bigint | null;
  readonly connection: Connection;
  /** Who sent it, in the namespace's users; only at output and postrouting of a packet of this host. */
  readonly user: number | null;
  readonly group: number | null;
  /** MAC addresses as numbers, of the frame that it came in. */
  readonly sourceMac: bigint | null;
  readonly destinationMac: bigint | null;
  /** Whom the frame was for: `host`, `broadcast`, `multicast`, `other`. */
  readonly frameType: string | null;
  readonly ttl: number | null;
  /** Bytes, the IP header among them. */
  readonly length: number | null;
  /** RFC 2474. */
  readonly dscp: number | null;
}

/** What ARP's packets ask for (RFC 826). */
export const arpOperation = { question: 1, answer: 2 } as const;

/** The place of a hook and the devices there; `''` where the packet has none. */
export interface HookPlace {
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress';
  /** `bridge`: the hooks of a bridge itself; `netdev`: those of a device; `arp`: where a host sends and takes in ARP. */
  readonly layer: 'ip' | 'bridge' | 'netdev' | 'arp';
  readonly input: string;
  readonly output: string;
  /** The bridge's ports, for a packet that came in by a bridge, or that br_netfilter shows to the IP hooks. */
  readonly inputPort: string;
  readonly outputPort: string;
}

/** An address that a rule looks up in the routes. */
export interface RouteQuestion {
  readonly family: 4 | 6;
  readonly address: bigint;
  /** The source that the route is asked for with; null: none in particular. */
  readonly from: bigint | null;
  /** IP protocol number. */
  readonly protocol: number;
  /** 0 where the rule does not ask with the packet's mark; null where that is not known. */
  readonly mark: bigint | null;
  /** The device that `ip rule … iif` is compared with; `''` for `lo`. */
  readonly cameBy: string;
  /** The device that has the packet: an IPv6 link-local address is looked for there. */
  readonly on: string;
  /** The only device whose routes count; `''` for any. */
  readonly device: string;
}

/** What rules ask of the host, as numbers and texts; null for what is not known. */
export interface HostView {
  /**
   * The type of an address by the local table, as `fib … type` and `addrtype` say it (`local`, `unicast`, `broadcast`,
   * `multicast`, …); with a device, only what the table has on that device counts. `from` and `mark` are those that a route
   * is asked for with, where one is (IPv6); a source of null: none in particular.
   */
  addressType(
    family: 4 | 6,
    address: bigint,
    from: bigint | null,
    device: string | null,
    mark: bigint | null,
  ): string | null;
  /** The device by which `fib … oif` finds the address, `''` when no route leads there that counts. */
  routeDevice(question: RouteQuestion): string | null;
  /** Whether `-m rpfilter` finds a way back. */
  hasReversePath(question: RouteQuestion, loose: boolean, acceptsLocal: boolean): boolean | null;
  /** True for a loopback device (IFF_LOOPBACK). */
  isLoopback(device: string): boolean;
  /**
   * The address that a packet gets from MASQUERADE when it leaves by a device for a destination (`inet_select_addr`,
   * `ipv6_dev_get_saddr`); `none`: there is none for it, and the kernel drops the packet.
   */
  masqueradeAddress(family: 4 | 6, device: string, destination: bigint | null): bigint | 'none' | null;
  /** The address that REDIRECT sends to what came in by a device: its first; `none` as above. */
  redirectAddress(family: 4 | 6, device: string): bigint | 'none' | null;
}

/** A packet that begins a connection, with nothing known of it but what is given. */
export function firstPacket(
  part: Pick<NetfilterPacket, 'family' | 'protocol'> & Partial<NetfilterPacket>,
): NetfilterPacket {
  return {
    isArp: false,
    arpOperation: null,
    source: null,
    destination: null,
    sourcePort: null,
    destinationPort: null,
    icmpType: null,
    icmpCode: null,
    tcpFlags: part.protocol === ipProtocol.tcp ? tcpFlag.syn : null,
    mark: 0n,
    connection: {
      state: 'new',
      direction: 'original',
      tracked: false,
      status: 0n,
      mark: 0n,
      original: null,
      entry: null,
    },
    user: null,
    group: null,
    sourceMac: null,
    destinationMac: null,
    frameType: null,
    ttl: null,
    length: null,
    dscp: null,
    ...part,
  };
}
