/** What the agents of a routing lab are told, and what they tell. */

/** A socket that an agent opens before anything is sent. */
export interface ListenerSpec {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

/** One connection attempt or datagram. */
export interface Probe {
  /** Unique in the lab: the payload of a datagram. */
  readonly id: string;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

/** What became of a probe, as its sender saw it: `timeout`, an errno, or `connected NAME` of the host that accepted. */
export interface ProbeResult {
  readonly id: string;
  readonly result: string;
}

/** A datagram that an agent received. */
export interface Receipt {
  readonly id: string;
  readonly source: string;
}

/** What an agent prints at its end. */
export interface AgentReport {
  readonly results: readonly ProbeResult[];
  readonly received: readonly Receipt[];
}
