/**
 * `diagnose(case)`: evidence → diagnosis. Pure: the same evidence gives the same document, byte for byte, live and in
 * replay.
 */

import type { Case, Credentials } from '../case/evidence.ts';
import { type Connection, findConnections } from '../flow/connection.ts';
import { withSights } from '../flow/translated.ts';
import { parseSnapshot } from '../host/parse/parse-snapshot.ts';
import type { HostState } from '../host/state.ts';
import { askedConnections, askedSentence } from './asked.ts';
import { commandConnections } from './command-connections.ts';
import { diagnoseConnection, glanceAtConnection } from './connection-diagnosis.ts';
import { type Context, gatherContext } from './context.ts';
import type { ConnectionDiagnosis, Diagnosis, DiagnosisHead, Outcome } from './diagnosis.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import { type KernelRecord, readKernelLines } from './kernel-reading.ts';
import { missingSentences } from './missing.ts';
import { asEffect, upstreamsOf } from './proxy.ts';
import { RuleRecords } from './rule-trace.ts';
import { formatTime } from './time.ts';
import { findTranslatedSights } from './translated.ts';
import { asMetByProgram } from './unheard.ts';

/** Failed connections come first, then those of which nothing can be said, then those that are well. */
const places: Partial<Record<Outcome, number>> = { unknown: 1, ok: 2 };

/** Where connections of an outcome stand in a document, from 0; those of one place stand in the order of time. */
export function placeOf(outcome: Outcome): number {
  return places[outcome] ?? 0;
}

/** What was found out about a connection, or about another one that it led to. */
interface Found {
  readonly connection: Connection;
  readonly diagnosis: ConnectionDiagnosis;
}

/** A connection as it was found, and what is known of it. */
interface Subject {
  readonly connection: Connection;
  readonly context: Context;
}

/** Diagnoses the connections of a case, some at a time: they need not all be held at once. */
export class Diagnoser {
  readonly #evidence: Evidence;
  readonly #host: HostState | null;
  readonly #records: readonly KernelRecord[];
  readonly #rules: RuleRecords | null;
  /** Namespaces on the way of the connections so far. */
  readonly #passed = new Set<string>();

  constructor(evidence: Evidence) {
    // What is left of a recording that was killed: a snapshot of nothing is none.
    const snapshot = evidence.snapshot?.namespaces.length === 0 ? null : evidence.snapshot;
    this.#evidence = { ...evidence, snapshot };
    this.#host = snapshot === null ? null : parseSnapshot(snapshot);
    this.#records = readKernelLines(evidence.kernelLines);
    const { ruleTraces } = evidence;
    this.#rules = ruleTraces === undefined || this.#host === null ? null : new RuleRecords(ruleTraces, this.#host);
  }

  /** The case is of a traced command. */
  get hasCommand(): boolean {
    return (this.#evidence.session?.command ?? null) !== null;
  }

  /** The state of the host is known: connections may be told by others that NAT or a proxy made of them. */
  get hasHost(): boolean {
    return this.#host !== null;
  }

  /**
   * Those of the case's connections that are the traced command's, and what is not sure of that; where none is, what its
   * arguments ask for. All without a command.
   */
  own(connections: readonly Connection[]): ReturnType<typeof commandConnections> {
    const own = commandConnections(this.#evidence, connections, this.#host, this.#records);
    if (own.connections.length > 0) return own;
    const asked = askedConnections(this.#evidence, this.#host, this.#records);
    return asked.length > 0 ? { connections: asked, missing: askedSentence } : own;
  }

  /**
   * What was found out about some connections, in their order: those of the traced command, where there is one. What
   * another turns out to be, seen behind NAT, is not told by itself.
   *
   * @param all Among these such sights are looked for, and what a proxy asked.
   */
  connections(some: readonly Connection[], all: readonly Connection[]): Found[] {
    const found = this.#withUpstreams(this.#subjects(some, all), all);
    for (const { diagnosis } of found) {
      for (const { netns } of diagnosis.hops) if (netns !== null) this.#passed.add(netns);
    }
    return found;
  }

  /**
   * What is told of a connection whose packets are not looked into. Of one that is well it is all that there is to tell,
   * unless the evidence `tellsWays`.
   */
  glance(connection: Connection): ConnectionDiagnosis {
    return glanceAtConnection(gatherContext(this.#evidence, connection, null, [], null));
  }

  /** True when the evidence says more of a connection that is well than its headers do: its way through the host. */
  get tellsWays(): boolean {
    return this.#host !== null || this.#evidence.session?.kernelEvents === true;
  }

  /**
   * What a document says beside its connections, once they are diagnosed.
   *
   * @param lacking Sentences: what else is missing.
   */
  head(lacking: readonly string[]): DiagnosisHead {
    const { session, snapshot, kernelLines, ruleTraces, frameCount } = this.#evidence;
    const command = session?.command ?? null;
    return {
      schema: 'nettrace.diagnosis/1',
      command: command === null ? null : { argv: command.argv, exitCode: command.exitCode, netns: command.netns },
      evidence: {
        frames: frameCount,
        engine: session?.engine ?? null,
        clock: session?.clock ?? null,
        promiscuous: session?.promiscuous ?? null,
        snapshot: snapshot !== null,
        kernelEvents: kernelLines.length,
        ruleTrace: ruleTraces !== undefined,
        linkOutages: (session?.linkOutages ?? []).map(({ netns, device, fromNs, toNs }) => ({
          netns,
          device,
          from: formatTime(fromNs),
          to: toNs === null ? null : formatTime(toNs),
        })),
        missing: [...missingSentences(this.#evidence, this.#host, this.#passed), ...lacking],
      },
    };
  }

  #gather(connection: Connection, sender: Credentials | null): Context {
    return asMetByProgram(gatherContext(this.#evidence, connection, this.#host, this.#records, this.#rules, sender));
  }

  /** A context each; what is a connection's sight behind NAT has none of its own. */
  #subjects(some: readonly Connection[], all: readonly Connection[]): Subject[] {
    const sights = new Set<Connection>();
    const sender = this.#evidence.session?.command?.credentials ?? null;
    const subjects = some.map((connection) => {
      const context = this.#gather(connection, sender);
      const found = context.journey === null ? [] : findTranslatedSights(connection, context.journey, all);
      if (found.length === 0) return { connection, context };
      for (const one of found) sights.add(one);
      return { connection, context: this.#gather(withSights(connection, found), sender) };
    });
    return subjects.filter(({ context }) => !sights.has(context.connection));
  }

  /** Each one's diagnosis, and behind a proxy's that of the connection which made it hang up. */
  #withUpstreams(subjects: readonly Subject[], all: readonly Connection[]): Found[] {
    const own = new Set(subjects.map(({ context }) => context.connection));
    const host = this.#host;
    return subjects.flatMap(({ connection, context }) => {
      const diagnosis = diagnoseConnection(context);
      const [upstream] = host === null ? [] : upstreamsOf({ diagnosis, connection: context.connection }, all, host);
      if (upstream === undefined) return { connection, diagnosis };
      const behind = diagnoseConnection(this.#gather(upstream, null));
      const front = { connection, diagnosis: asEffect(diagnosis, behind) };
      return own.has(upstream) ? [front] : [front, { connection, diagnosis: behind }];
    });
  }
}

/** See the file's head. */
export function diagnose(evidence: Case): Diagnosis {
  const diagnoser = new Diagnoser(evidenceOf(evidence));
  const all = findConnections(evidence);
  const own = diagnoser.own(all);
  const connections = diagnoser.connections(own.connections, all).map(({ diagnosis }) => diagnosis);
  return {
    ...diagnoser.head(own.missing === null ? [] : [own.missing]),
    connections: connections.toSorted((a, b) => placeOf(a.outcome) - placeOf(b.outcome)),
  };
}
