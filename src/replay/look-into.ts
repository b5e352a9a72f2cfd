/** Looks into single connections of an index: their frames are read again, and diagnosed as those of a small capture. */

import type { Case, Frame } from '../case/evidence.ts';
import type { Diagnoser } from '../diagnose/diagnose.ts';
import type { ConnectionDiagnosis } from '../diagnose/diagnosis.ts';
import { type Connection, findConnections } from '../flow/connection.ts';
import { none } from '../flow/connection-row.ts';
import { glanceAt, summarizeConnection } from '../flow/summary.ts';
import type { ConnectionRows } from '../index/connection-rows.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';
import { familyOf } from '../inet/address.ts';
import type { Job } from './plan.ts';
import type { WantedConnections } from './wanted.ts';

const nsPerSecond = 1_000_000_000n;

/** Connections whose rows are found in one sweep over the index. */
const gatheredAtOnce = 1024;
/** Frames that are looked at together: tables are made for them anew. */
const framesAtOnce = 256;
/** The same where connections may be told by others: what NAT and proxies make of one is not far from it. */
const framesAtOnceWithHost = 50_000;

/** A connection that was looked into. */
export interface Told {
  readonly diagnosis: ConnectionDiagnosis;
  /** The table's number of one of which not all frames were looked at; null when the diagnosis has all of them. */
  readonly id: number | null;
  /** When it began, nanoseconds from the capture's first second. */
  readonly beganNs: number;
  /** 0 for one without frames. */
  readonly firstFrame: number;
}

function baseNs({ index }: IndexedCapture): bigint {
  return BigInt(index.firstSecond) * nsPerSecond;
}

/** A moment in nanoseconds from the capture's first second; exact within 104 days of it. */
export function afterFirstSecond(capture: IndexedCapture, timeNs: bigint): number {
  return Number(timeNs - baseNs(capture));
}

/** A connection as its row in the table tells it, without its packets. */
export function connectionOfRow(capture: IndexedCapture, id: number): Connection {
  const { connections } = capture.index;
  const summary = summarizeConnection(connections, id, capture.numbers.translationsOf(id));
  const { protocol, client, server, firstNs, lastNs, translated } = summary;
  // What the client met is told by its own ends.
  const { outcome, errno } = glanceAt(connections, id);
  return {
    protocol: protocol === 'icmpv6' ? 'icmp' : protocol,
    family: familyOf(client.address),
    client,
    server,
    packets: [],
    errors: [],
    frames: [],
    beganNs: baseNs(capture) + BigInt(firstNs),
    endedNs: baseNs(capture) + BigInt(lastNs),
    outcome,
    errno,
    translated,
  };
}

/** What looking into connections needs. */
export interface Surroundings {
  readonly capture: IndexedCapture;
  readonly rows: ConnectionRows;
  readonly interfaces: Case['interfaces'];
  readonly diagnoser: Diagnoser;
  /** Frames of a connection that are looked at, the first and the last ones of a longer one. */
  readonly framesEach: number;
  readonly wanted: Pick<WantedConnections, 'suspicion' | 'unseen'>;
}

/**
 * Diagnoses connections that were read together; what one of them led to stands behind it.
 *
 * @param id The table's number where it is one of which only some frames are here.
 */
function tell(
  { capture, diagnoser }: Surroundings,
  some: readonly Connection[],
  all: readonly Connection[],
  id: number | null = null,
): Told[] {
  return diagnoser.connections(some, all).map(({ connection: { beganNs, frames }, diagnosis }) => ({
    diagnosis,
    id,
    beganNs: afterFirstSecond(capture, beganNs),
    firstFrame: frames[0]?.number ?? 0,
  }));
}

/** A job and the rows of its connections. */
interface Gathered {
  readonly job: Job;
  readonly rows: readonly Uint32Array[];
}

function* gatherAll({ rows }: Surroundings, jobs: readonly Job[]): Generator<Gathered> {
  for (let from = 0; from < jobs.length; from += gatheredAtOnce) {
    const some = jobs.slice(from, from + gatheredAtOnce);
    const lists = rows.gather(some.flatMap(({ ids }) => ids));
    let next = 0;
    for (const job of some) {
      yield { job, rows: lists.slice(next, next + job.ids.length) };
      next += job.ids.length;
    }
  }
}

function read({ capture, interfaces }: Surroundings, rows: readonly number[]): Connection[] {
  const frames = rows.toSorted((a, b) => a - b).map((row) => capture.borrowed(row));
  // Out of order, all that may be one are read together, and their moments tell.
  if (!capture.index.inOrder) return findConnections({ interfaces, frames });
  const numberOf = (frame: Frame | undefined): number => capture.clientIdOf((frame?.number ?? 0) - 1);
  return findConnections({ interfaces, frames }, (a, b) => numberOf(a) === numberOf(b));
}

/** Looks at both ends of a connection that is too long to be looked at as a whole. */
function lookAtEnds(around: Surroundings, id: number, rows: Uint32Array): Told[] {
  const half = Math.floor(around.framesEach / 2);
  const [connection] = read(around, [...rows.subarray(0, half), ...rows.subarray(rows.length - half)]);
  if (connection === undefined || around.wanted.suspicion(id) === null) return [];
  // What became of it all packets tell; who said what, and how it ended, these.
  const { outcome, errno } = connectionOfRow(around.capture, id);
  const whole = { ...connection, outcome, errno };
  return tell(around, [whole], [whole], id);
}

/** What was found in some jobs, the first connection of which has this number in the table. */
export interface Found {
  readonly firstId: number;
  readonly jobs: number;
  readonly told: readonly Told[];
}

/**
 * Does the jobs, some at a time: what they need is gone before the next ones. Connections that never became a packet are
 * told with the first of them.
 */
export function* lookInto(around: Surroundings, jobs: readonly Job[]): Generator<Found> {
  const { capture, diagnoser, wanted } = around;
  const most = diagnoser.hasHost ? framesAtOnceWithHost : framesAtOnce;
  const isTold = ({ frames }: Connection): boolean =>
    frames.some(({ number }) => wanted.suspicion(capture.clientIdOf(number - 1)) !== null);
  let { unseen } = wanted;
  let parcel = { firstId: none as number, jobs: 0, rows: new Array<number>() };
  function* finish(): Generator<Found> {
    if (parcel.jobs === 0) return;
    const all = read(around, parcel.rows);
    const told = tell(around, [...all.filter(isTold), ...unseen], all);
    yield { firstId: parcel.firstId, jobs: parcel.jobs, told };
    parcel = { firstId: none, jobs: 0, rows: [] };
    unseen = [];
  }
  for (const { job, rows } of gatherAll(around, jobs)) {
    const firstId = job.ids[0] ?? 0;
    if (job.isLong) {
      yield* finish();
      yield { firstId, jobs: 1, told: lookAtEnds(around, firstId, rows[0] ?? new Uint32Array(0)) };
      continue;
    }
    if (parcel.jobs === 0) parcel.firstId = firstId;
    parcel.jobs += 1;
    for (const list of rows) for (const row of list) parcel.rows.push(row);
    if (parcel.rows.length >= most) yield* finish();
  }
  yield* finish();
  if (unseen.length > 0) yield { firstId: none, jobs: 0, told: tell(around, unseen, []) };
}
