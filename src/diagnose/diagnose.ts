/**
 * `diagnose(case)`: evidence → diagnosis. Pure: the same evidence gives the same document, byte for byte, live and in
 * replay.
 */

import type { Case } from '../case/evidence.ts';
import { type Connection, findConnections, wasAnswered } from '../flow/connection.ts';
import { parseSnapshot } from '../host/parse/parse-snapshot.ts';
import type { HostState } from '../host/state.ts';
import { closedByApplication, noResponseFromApplication, resetByApplication } from './application.ts';
import { commandConnections } from './command-connections.ts';
import { type Context, gatherContext, ownerOf } from './context.ts';
import type { Certainty, ConnectionDiagnosis, Diagnosis, DiagnosisHead, Endpoint, Hop, Outcome } from './diagnosis.ts';
import { dnsError, dnsTimeout } from './dns.ts';
import { errnoName } from './errno.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import type { Cause, Finding } from './finding.ts';
import { firewallDropped, firewallReject } from './firewall.ts';
import { requestHops } from './hops.ts';
import { type KernelRecord, readKernelLines } from './kernel-reading.ts';
import { missingSentences } from './missing.ts';
import { noReplyFromRemote, refusedByRemote, rejectedByRemote } from './remote.ts';
import {
  interfaceDown,
  ipForwardOff,
  neighbourUnresolved,
  noReturnRoute,
  noRoute,
  reversePathFilter,
} from './routing.ts';
import { silenceTells } from './silence.ts';
import { listenerOnOtherAddress, listenerOnOtherDevice, listenerOtherFamily, noListener } from './socket.ts';
import { formatTime } from './time.ts';
import { plaintextToTls, tlsToPlaintext } from './tls.ts';
import { unnamedText, unreadText } from './unnamed.ts';

/** Every cause; the first that fits is taken. They exclude each other by what they ask for. */
const causes: readonly Cause[] = [
  listenerOnOtherAddress,
  listenerOtherFamily,
  listenerOnOtherDevice,
  noListener,
  firewallReject,
  firewallDropped,
  noRoute,
  neighbourUnresolved,
  interfaceDown,
  ipForwardOff,
  reversePathFilter,
  noReturnRoute,
  dnsError,
  tlsToPlaintext,
  plaintextToTls,
  resetByApplication,
  closedByApplication,
  noResponseFromApplication,
  // What follows speaks where nothing above knows what stopped the packet.
  rejectedByRemote,
  refusedByRemote,
  dnsTimeout,
  noReplyFromRemote,
];

function errnoOf({ kernel, connection }: Context): string | null {
  const event = kernel?.socketError?.event;
  const told = event?.kind === 'socket-error' ? errnoName(event.error) : null;
  return told ?? connection.errno;
}

function isPlace(hop: Hop, { where }: Finding): boolean {
  return hop.netns === where.netns && hop.stage === where.stage && hop.device === where.device;
}

/** The hops up to where it ended, and that one as the finding tells it; a place beyond the model's is a hop of its own. */
function hopsOf(context: Context, finding: Finding | null): Hop[] {
  const hops = requestHops(context);
  if (finding === null) return hops;
  const { direction = 'request' } = finding;
  const end = direction === 'reply' ? -1 : hops.findIndex((hop) => isPlace(hop, finding));
  const last = hops[end];
  if (last === undefined) {
    const { where, verdict, detail, evidence } = finding;
    return [...hops, { index: hops.length + 1, direction, ...where, verdict, detail, evidence }];
  }
  const told: Hop = {
    ...last,
    verdict: finding.verdict,
    detail: finding.detail,
    evidence: [...last.evidence, ...finding.evidence],
  };
  return [...hops.slice(0, end), told];
}

function certaintyOf(context: Context, finding: Finding | null): Certainty {
  if (finding !== null) return finding.certainty;
  if (context.connection.outcome !== 'ok') return 'inferred';
  return (context.kernel?.established ?? null) === null ? 'observed' : 'proven';
}

/** The namespace of the server: where the journey ends at a socket; without one, the sole owner of the address. */
function serverNetns({ connection, host, journey }: Context): string | null {
  const last = journey?.steps.at(-1);
  // Answered where nothing listens, it was answered from where rules sent it.
  const elsewhere = journey?.mayBeRedirected === true && journey.end.kind === 'refused' && wasAnswered(connection);
  if (elsewhere) return null;
  if (last?.stage === 'socket') return last.netns;
  // What leaves the host's view may meet another machine of the same address.
  return host === null || journey?.end.kind === 'leaves-view' ? null : ownerOf(host, connection.server.address);
}

/** A silence that nobody is known to have waited out. */
function meansNothing(context: Context): boolean {
  return context.connection.outcome === 'timeout' && !silenceTells(context);
}

function diagnoseConnection(context: Context): ConnectionDiagnosis {
  const { connection, clientNetns, serverName } = context;
  const finding = causes.map((cause) => cause(context)).find((found) => found !== null) ?? null;
  const hops = hopsOf(context, finding);
  const source: Endpoint = { ...connection.client, netns: clientNetns, name: null };
  const destination: Endpoint = { ...connection.server, netns: serverNetns(context), name: serverName };
  const unnamed = unnamedText(context);
  return {
    protocol: connection.protocol,
    source,
    destination,
    translated: null,
    outcome: finding?.outcome ?? (finding === null && meansNothing(context) ? 'unknown' : connection.outcome),
    errno: connection.outcome === 'ok' ? null : errnoOf(context),
    cause: finding?.cause ?? null,
    certainty: certaintyOf(context, finding),
    where:
      finding === null
        ? null
        : { ...finding.where, hop: hops.findLast((hop) => isPlace(hop, finding))?.index ?? null, rule: null },
    summary: finding?.summary ?? unnamed.summary,
    explanation: finding?.explanation ?? unnamed.explanation,
    hops,
    fixes: finding?.fixes ?? [],
    alternatives: finding?.alternatives ?? [],
    frames: connection.frames.map(({ number }) => number),
  };
}

/** What the headers of a connection's packets say, and no more. */
function glanceAtConnection(context: Context): ConnectionDiagnosis {
  const { connection } = context;
  const { protocol, client, server, errno } = connection;
  // A datagram may want no answer.
  const silent = connection.outcome === 'timeout' && protocol === 'udp';
  return {
    protocol,
    source: { ...client, netns: null, name: null },
    destination: { ...server, netns: null, name: null },
    translated: null,
    outcome: silent ? 'unknown' : connection.outcome,
    errno,
    cause: null,
    certainty: connection.outcome === 'ok' ? 'observed' : 'inferred',
    where: null,
    summary: unreadText(context),
    explanation: [],
    hops: [],
    fixes: [],
    alternatives: [],
    frames: connection.frames.map(({ number }) => number),
  };
}

/** Failed connections come first, then those of which nothing can be said, then those that are well. */
const places: Partial<Record<Outcome, number>> = { unknown: 1, ok: 2 };

/** Where connections of an outcome stand in a document, from 0; those of one place stand in the order of time. */
export function placeOf(outcome: Outcome): number {
  return places[outcome] ?? 0;
}

/** Diagnoses the connections of a case one by one: they need not be held all at a time. */
export class Diagnoser {
  readonly #evidence: Evidence;
  readonly #host: HostState | null;
  readonly #records: readonly KernelRecord[];
  /** Namespaces on the way of the connections so far. */
  readonly #passed = new Set<string>();

  constructor(evidence: Evidence) {
    // What is left of a recording that was killed: a snapshot of nothing is none.
    const snapshot = evidence.snapshot?.namespaces.length === 0 ? null : evidence.snapshot;
    this.#evidence = { ...evidence, snapshot };
    this.#host = snapshot === null ? null : parseSnapshot(snapshot);
    this.#records = readKernelLines(evidence.kernelLines);
  }

  /** The case is of a traced command. */
  get hasCommand(): boolean {
    return (this.#evidence.session?.command ?? null) !== null;
  }

  /** Those of the case's connections that are the traced command's, and what is not sure of that. All without a command. */
  own(connections: readonly Connection[]): ReturnType<typeof commandConnections> {
    return commandConnections(this.#evidence, connections, this.#host, this.#records);
  }

  /** What was found out about a connection. */
  connection(connection: Connection): ConnectionDiagnosis {
    const found = diagnoseConnection(gatherContext(this.#evidence, connection, this.#host, this.#records));
    for (const { netns } of found.hops) if (netns !== null) this.#passed.add(netns);
    return found;
  }

  /**
   * What is told of a connection whose packets are not looked into. Of one that is well it is all that there is to tell,
   * unless the evidence `tellsWays`.
   */
  glance(connection: Connection): ConnectionDiagnosis {
    return glanceAtConnection(gatherContext(this.#evidence, connection, null, []));
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
    const { session, snapshot, kernelLines, frameCount } = this.#evidence;
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
        ruleTrace: false,
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
}

/** See the file's head. */
export function diagnose(evidence: Case): Diagnosis {
  const diagnoser = new Diagnoser(evidenceOf(evidence));
  const own = diagnoser.own(findConnections(evidence));
  const connections = own.connections.map((connection) => diagnoser.connection(connection));
  return {
    ...diagnoser.head(own.missing === null ? [] : [own.missing]),
    connections: connections.toSorted((a, b) => placeOf(a.outcome) - placeOf(b.outcome)),
  };
}
