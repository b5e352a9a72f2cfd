/** What the agents of a routing lab are told, and what they tell. */

/** A socket that an agent opens before anything is sent. */
export interface ListenerSpec {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

/** One connection attempt, datagram or echo request. */
export interface Probe {
  /** Unique in the lab: the payload of a datagram. */
  readonly id: string;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly address: string;
  /** 0 for ICMP, likewise the next. */
  readonly port: number;
  /** Unique in the lab, so that NAT gives no two connections the same ends. */
  readonly sourcePort: number;
}

/**
 * What became of a probe, as its sender saw it: `timeout`, an errno, `answered` (an echo request), `connected NAME` of the
 * host that accepted, or `connected` when nothing came after the SYN-ACK.
 */
export interface ProbeResult {
  readonly id: string;
  readonly result: string;
}

/** A datagram that an agent received. */
export interface Receipt {
  readonly id: string;
  /** As it was when it arrived. */
  readonly source: string;
  readonly sourcePort: number;
  /** The listener's. */
  readonly port: number;
}

/** What an agent prints at its end. */
export interface AgentReport {
  readonly results: readonly ProbeResult[];
  readonly received: readonly Receipt[];
  /** By how much it came too late, at worst: on a busy machine what it tells may have come of a second attempt. */
  readonly lateMs: number;
}
