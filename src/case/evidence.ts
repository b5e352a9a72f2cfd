/**
 * The words of evidence: what any source (live capture, snapshot, kernel, file) yields and what a case keeps.
 *
 * Everything here is plain data. Text is verbatim, as the packet, tool or kernel gave it; whoever shows it escapes it.
 */

import type { Snapshot } from '../host/snapshot.ts';
import type { CaptureNotes, FrameNotes, InterfaceNotes } from './notes.ts';

/** An interface in a network namespace at which frames were captured: `portainer:eth0`. */
export interface CaptureInterface {
  /** The namespace's name, or null in a capture made by another tool. */
  readonly netns: string | null;
  readonly device: string;
  /** libpcap's link type: 1 is Ethernet. */
  readonly linkType: number;
  /** What a capture file says of it beyond this; absent when nothing. */
  readonly notes?: InterfaceNotes;
}

/** One frame, seen once at one capture point. */
export interface Frame {
  /** Counts from 1 in the order of the case; Wireshark numbers the saved file alike. */
  readonly number: number;
  /** Nanoseconds since 1970, UTC. */
  readonly timeNs: bigint;
  /** Index into the case's `interfaces`. */
  readonly interfaceIndex: number;
  /** Bytes on the wire, before the capture cut anything. */
  readonly originalLength: number;
  /** The captured bytes, borrowed from the case: do not write. */
  readonly bytes: Uint8Array;
  /** What a capture file says of it beyond this; absent when nothing. */
  readonly notes?: FrameNotes;
}

/** One line of the kernel's trace, verbatim, with the wall-clock time that its clock means. */
export interface KernelLine {
  /** Nanoseconds since 1970, UTC, to the microsecond that the trace prints. */
  readonly timeNs: bigint;
  /** `packets`: any process's; `command`: in the context of the traced command or its children. */
  readonly scope: 'packets' | 'command';
  readonly text: string;
}

/** One event of a rule trace, as `nft -a monitor trace` printed it, in one line. */
export interface RuleTraceLine {
  /** When it was read, nanoseconds since 1970, UTC: the kernel stamps none. */
  readonly timeNs: bigint;
  readonly text: string;
}

/** What the rules of one namespace did to marked packets. */
export interface RuleTrace {
  readonly netns: string;
  readonly lines: readonly RuleTraceLine[];
}

/** Whom a process runs as: its effective user and group, see credentials(7). */
export interface Credentials {
  readonly user: number;
  readonly group: number;
}

/** A variable of an environment by which programs ask a proxy in place of a server. */
export interface ProxyVariable {
  /** As it is spelled: `https_proxy`. */
  readonly variable: string;
  /** An address, or a name. */
  readonly host: string;
  /** Null where it names none. */
  readonly port: number | null;
}

/** The command that was traced. */
export interface TracedCommand {
  /** As the user typed it, secrets masked. */
  readonly argv: readonly string[];
  /** Null while it runs, or when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly netns: string;
  /** Whose it was when it began; null where that is not known, or it was to run another as somebody else. */
  readonly credentials: Credentials | null;
  /** Null in a case that was recorded earlier. */
  readonly proxies: readonly ProxyVariable[] | null;
  readonly startedNs: bigint;
  readonly endedNs: bigint;
}

/** A capture point whose link was down: `toNs` is null when it had not come back by the end. */
export interface LinkOutage {
  readonly netns: string;
  readonly device: string;
  readonly fromNs: bigint;
  readonly toNs: bigint | null;
}

/** How the evidence was gathered, and what could not be. */
export interface Session {
  readonly engine: 'tcpdump' | 'cap';
  /** What a frame's time is worth: the kernel's own stamp, or the moment a program took it from a queue. */
  readonly clock: 'kernel' | 'user-space';
  readonly promiscuous: boolean;
  readonly command: TracedCommand | null;
  /** Kernel events were collected (even if none came). */
  readonly kernelEvents: boolean;
  /** Trace lines that the kernel's buffer or our bound lost. */
  readonly kernelEventsLost: number;
  readonly linkOutages: readonly LinkOutage[];
  /** Per capture point (index as in `interfaces`): frames that the engine or kernel dropped; null when it cannot tell. */
  readonly framesDropped: readonly (number | null)[];
  /** One sentence each: evidence that was wanted and is not there, and why. */
  readonly missing: readonly string[];
}

/** All evidence of one investigation. */
export interface Case {
  /** Null for a capture that nettrace did not record. */
  readonly session: Session | null;
  readonly interfaces: readonly CaptureInterface[];
  readonly frames: readonly Frame[];
  readonly snapshot: Snapshot | null;
  readonly kernelLines: readonly KernelLine[];
  /** By namespace; absent where no rules were traced. */
  readonly ruleTraces?: readonly RuleTrace[];
  /** What a capture file says of itself; absent when nothing. */
  readonly notes?: CaptureNotes;
}
