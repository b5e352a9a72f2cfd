/**
 * The diagnosis document, `nettrace.diagnosis/1`: the one result that every view renders. Names are fixed by
 * `docs/json.md`; fields may be added, never renamed.
 */

import type { Stage, StepVerdict } from '../model/step.ts';

export type { Stage, StepVerdict, StepVerdict as HopVerdict } from '../model/step.ts';

/** What the program met. `unknown` when the evidence does not say. */
export type Outcome =
  | 'ok'
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'reset'
  | 'closed'
  | 'stalled'
  | 'dns-failed'
  | 'tls-failed'
  | 'unknown';

/** True for an outcome that is a failure; what is not known to have failed counts as none. */
export function isFailure(outcome: Outcome): boolean {
  return outcome !== 'ok' && outcome !== 'unknown';
}

/** How well the diagnosis is supported: the kernel said so, frames show it, or it follows from state or frames alone. */
export type Certainty = 'proven' | 'observed' | 'inferred';

/** One thing that supports a hop. Text is verbatim evidence or a sentence about it; views escape it. */
export type EvidenceItem =
  | { readonly kind: 'frame'; readonly frame: number; readonly text: string }
  | { readonly kind: 'snapshot'; readonly netns: string; readonly command: string; readonly text: string }
  | { readonly kind: 'kernel'; readonly event: string; readonly text: string }
  | { readonly kind: 'model'; readonly text: string };

/** The `event` of evidence that is the kernel's rule trace. */
export const ruleTraceEvent = 'nft:trace';

/** A firewall rule, or (with `policy`) what a chain does to a packet that none of its rules takes. */
export interface RuleName {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** nftables' handle; legacy iptables has none. */
  readonly handle?: number;
  /** The place in the chain, from 1 on, where there is no handle. */
  readonly position?: number;
  readonly policy?: string;
  /** As the tool prints it. */
  readonly text: string;
  /** The rule's own comment, where it has one. */
  readonly comment?: string;
  /** What it had counted when the snapshot was taken, where it counts. */
  readonly counter?: { readonly packets: number; readonly bytes: number };
  /**
   * The kernel traced the packet to it; or the model of the host says so; or, of those that can have done it, its counter
   * alone rose.
   */
  readonly namedBy: 'rule-trace' | 'model' | 'counter';
}

/** One stage at one place, in the order in which the packet meets them. */
export interface Hop {
  /** Counts from 1. */
  readonly index: number;
  readonly direction: 'request' | 'reply';
  /** Null where no snapshot tells: a place that frames alone speak of. */
  readonly netns: string | null;
  readonly device: string | null;
  readonly stage: Stage;
  readonly verdict: StepVerdict;
  /** One clause: "10.88.0.0/16 is on eth0". */
  readonly detail: string;
  /**
   * When the packet was first seen there, in seconds since 1970 (nine decimals). Null where no frame shows it, and where the
   * frames' clock is not the kernel's: a program's cannot tell one hop from the next.
   */
  readonly time: string | null;
  readonly evidence: readonly EvidenceItem[];
}

/** One end of a connection. */
export interface Endpoint {
  readonly address: string;
  /** Null for protocols without ports, and where no port was chosen. */
  readonly port: number | null;
  /** The namespace that owns the address, when a snapshot tells. */
  readonly netns: string | null;
  /** The name that the command asked for, when it is known. */
  readonly name: string | null;
}

/** A change that would mend it, printed and never applied. */
export interface Fix {
  readonly summary: string;
  /** Ready to paste into a shell in `netns`, every argument quoted. */
  readonly commands: readonly string[];
  readonly netns: string;
  /** True only when the model's journey on the changed snapshot ends where the user wanted. */
  readonly verified: boolean;
  /** Its commands show what there is to decide about, and change nothing. */
  readonly onlyShows?: true;
}

/** What a prediction rests on: one of a packet that nobody sent. */
export interface Prediction {
  /** One sentence each: what the model could not know and took as given. */
  readonly assumptions: readonly string[];
  /** The kernel's own route look-up; null where it was not asked. */
  readonly kernelRoute: {
    readonly command: string;
    /** What it printed, or its error. */
    readonly text: string;
    /** One clause each: where the model says otherwise. The kernel is right. */
    readonly disagreements: readonly string[];
  } | null;
}

/** What was found out about one connection. */
export interface ConnectionDiagnosis {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly translated: { readonly source: Endpoint; readonly destination: Endpoint } | null;
  readonly outcome: Outcome;
  /** The errno that the program's call met ("ECONNREFUSED"), null when not known. */
  readonly errno: string | null;
  /** An id of `docs/causes/`; null when the outcome is ok, or when no cause fits the evidence. */
  readonly cause: string | null;
  readonly certainty: Certainty;
  readonly where: {
    readonly netns: string | null;
    readonly device: string | null;
    readonly stage: Stage;
    /** Index of the hop where it ended. */
    readonly hop: number | null;
    /** The rule or policy that stopped it, where that is known. */
    readonly rule: RuleName | null;
  } | null;
  /** One sentence. */
  readonly summary: string;
  /** Paragraphs for someone who never heard of a bridge. */
  readonly explanation: readonly string[];
  readonly hops: readonly Hop[];
  readonly fixes: readonly Fix[];
  readonly alternatives: readonly { readonly cause: string; readonly tellApart: string }[];
  /** Numbers of this connection's frames, in the order of the case. */
  readonly frames: readonly number[];
  /** Of `nettrace path` alone: absent where packets were seen, or a program asked. */
  readonly prediction?: Prediction;
}

/** The whole document. */
export interface Diagnosis {
  readonly schema: 'nettrace.diagnosis/1';
  readonly command: {
    readonly argv: readonly string[];
    readonly exitCode: number | null;
    readonly netns: string;
  } | null;
  readonly evidence: {
    readonly frames: number;
    readonly engine: 'tcpdump' | 'cap' | null;
    readonly clock: 'kernel' | 'user-space' | null;
    readonly promiscuous: boolean | null;
    readonly snapshot: boolean;
    readonly kernelEvents: number;
    readonly ruleTrace: boolean;
    /** Capture points whose link was down, with times in seconds since 1970 (nine decimals); `to` null: not back yet. */
    readonly linkOutages: readonly {
      readonly netns: string;
      readonly device: string;
      readonly from: string;
      readonly to: string | null;
    }[];
    readonly missing: readonly string[];
  };
  /** The command's connections (all, without a command); failed ones first, unclear ones next; each by time. */
  readonly connections: readonly ConnectionDiagnosis[];
}

/** The document without its connections, of which there may be more than fit into memory. */
export type DiagnosisHead = Omit<Diagnosis, 'connections'>;
