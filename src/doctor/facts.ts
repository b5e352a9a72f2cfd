/** What was found out about this host, before anybody judges it. Texts are as the tools and the kernel gave them. */

/** A program that nettrace may start. */
export interface ToolFact {
  readonly name: string;
  /** It could be started, or is there and was not asked. */
  readonly installed: boolean;
  /** `4.99.3`; null when it is not there, was not asked, or named none. */
  readonly version: string | null;
  /** It is an `ip` that prints no JSON, such as BusyBox's. */
  readonly lacksJson: boolean;
}

/** The kernel's trace events. */
export interface TracefsFact {
  /** Null when tracefs is to be had; else a clause that says why not. */
  readonly unavailable: string | null;
  /** It is mounted; else a run mounts it for itself. */
  readonly mounted: boolean;
  /** The `format` file of each event that nettrace uses; empty for one that the kernel does not have. */
  readonly formats: ReadonlyMap<string, string>;
}

/** What a host gives. */
export interface HostFacts {
  /** `6.18.44`, as uname(1) has it. */
  readonly kernelRelease: string;
  readonly root: boolean;
  /** The effective capabilities, a bit each: capabilities(7). */
  readonly capabilities: bigint;
  /** Packages are installed by apt-get here. */
  readonly aptGet: boolean;
  readonly tools: readonly ToolFact[];
  /** The native module of the cap engine is built for this Node. */
  readonly capBuilt: boolean;
  /** Of this Node: `24.21.0`. */
  readonly nodeVersion: string;
  /** nf_tables is in the kernel already. */
  readonly nftables: boolean;
  readonly tracefs: TracefsFact;
  /**
   * Whether nft can make a table that vanishes with it: null when it can, else a clause that says why not. Undefined where
   * it was not tried: by another user than root, and where nf_tables or nft is not there.
   */
  readonly ownerTables: string | null | undefined;
  /** How many network namespaces were found, and one sentence each about those that were not. */
  readonly namespaces: { readonly found: number; readonly missing: readonly string[] };
  /** Running containers by engine, and a sentence about each engine that did not answer, or could not; null when not asked. */
  readonly containers: {
    readonly running: ReadonlyMap<string, number>;
    readonly missing: ReadonlyMap<string, string>;
  } | null;
}
