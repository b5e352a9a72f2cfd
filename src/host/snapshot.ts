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

/** A port of a container that is to be reached at the host's addresses. */
export interface PublishedPort {
  /** `tcp`, `udp`, `sctp`. */
  readonly protocol: string;
  /** The host's address, `0.0.0.0` or `::` for all of that family; null for all of both. */
  readonly hostAddress: string | null;
  readonly hostPort: number;
  /** The container's own. */
  readonly port: number;
}

/** What an engine says of a container, or of a pod; else what its control group's name tells. Raw text. */
export interface ContainerRecord {
  /** Of several in one network, that of the one whose network it is. */
  readonly id: string;
  /** Its own name; a pod's is NAMESPACE/NAME. Where no engine tells it, how the id begins. */
  readonly name: string;
  /** `podman`, `docker`, `containerd`, `cri-o`, `kubernetes` for a pod, or `unknown engine`. */
  readonly runtime: string;
  /** Names of the engine's networks that it is in, null where that is not told (and in earlier cases). */
  readonly networks: readonly string[] | null;
  /** Null where that is not told (and in earlier cases). */
  readonly ports: readonly PublishedPort[] | null;
}

/** One network namespace. */
export interface NamespaceSnapshot {
  /** Its container's name, else as `ip netns` names it, else `pid:N`; `host` for the one nettrace ran in. */
  readonly name: string;
  /** The namespace's inode number in nsfs: its identity while it lives. */
  readonly inode: number;
  readonly container: ContainerRecord | null;
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
