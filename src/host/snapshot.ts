/**
 * The host's state at a moment, unparsed: what each command printed, verbatim, per namespace. Parsing happens after
 * (`parse/`), so evidence can be quoted and a better parser improves old cases.
 */

/** What one read-only command printed. */
export interface CommandOutput {
  /** The command line, or `cat PATH` for a file that was read. */
  readonly command: string;
  /** Null when the command is not installed. */
  readonly exitCode: number | null;
  readonly text: string;
  /** Its standard error, when it failed. */
  readonly error: string;
}

/** One network namespace. */
export interface NamespaceSnapshot {
  /** Its container's name, else as `ip netns` names it, else `pid:N`; `host` for the one nettrace ran in. */
  readonly name: string;
  /** The namespace's inode number in nsfs: its identity while it lives. */
  readonly inode: number;
  readonly container: { readonly id: string; readonly name: string; readonly runtime: string } | null;
  readonly outputs: readonly CommandOutput[];
}

/** A process that owns a listening socket. */
export interface ProcessRecord {
  readonly pid: number;
  /** Its arguments, secrets masked. */
  readonly argv: readonly string[];
}

/** The whole host. */
export interface Snapshot {
  /** Nanoseconds since 1970, UTC, at its start. */
  readonly takenNs: bigint;
  readonly namespaces: readonly NamespaceSnapshot[];
  readonly processes: readonly ProcessRecord[];
  /** One sentence each: what could not be collected, and why. */
  readonly missing: readonly string[];
}
