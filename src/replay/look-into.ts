/** Looks into single connections of an index: their frames are read again, and diagnosed as those of a small capture. */

import type { Case } from '../case/evidence.ts';
import type { Diagnoser } from '../diagnose/diagnose.ts';
import type { ConnectionDiagnosis } from '../diagnose/diagnosis.ts';
import { type Connection, findConnections } from '../flow/connection.ts';
import { none } from '../flow/connection-row.ts';
import { summarizeConnection } from '../flow/summary.ts';
import type { ConnectionRows } from '../index/connection-rows.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';
import type { Job } from './plan.ts';

const nsPerSecond = 1_000_000_000n;

/** Connections whose rows are found in one sweep over the index. */
const gatheredAtOnce = 1024;
/** Frames that are looked at together: tables are made for them anew. */
const framesAtOnce = 256;

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
  const summary = summarizeConnection(capture.index.connections, id);
  const { protocol, client, server, firstNs, lastNs, outcome, errno } = summary;
  return {
    protocol: protocol === 'tcp' ? 'tcp' : 'udp',
    family: client.address.includes(':') ? 6 : 4,
    client,
    server,
    packets: [],
    errors: [],
    frames: [],
    beganNs: baseNs(capture) + BigInt(firstNs),
    endedNs: baseNs(capture) + BigInt(lastNs),
    outcome,
    errno,
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
}

/** Diagnoses a connection; `id` is the table's number of one of which only some frames are here. */
export function tell({ capture, diagnoser }: Surroundings, connection: Connection, id: number | null = null): Told {
  const { beganNs, frames } = connection;
  return {
    diagnosis: diagnoser.connection(connection),
    id,
    beganNs: afterFirstSecond(capture, beganNs),
    firstFrame: frames[0]?.number ?? 0,
  };
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
  return findConnections({ interfaces, frames });
}

/** Looks at both ends of a connection that is too long to be looked at as a whole. */
function lookAtEnds(around: Surroundings, id: number, rows: Uint32Array): Told[] {
  const half = Math.floor(around.framesEach / 2);
  const [connection] = read(around, [...rows.subarray(0, half), ...rows.subarray(rows.length - half)]);
  if (connection === undefined) return [];
  // What became of it all packets tell; who said what, and how it ended, these.
  const { outcome, errno } = connectionOfRow(around.capture, id);
  return [tell(around, { ...connection, outcome, errno }, id)];
}

/** What was found in some jobs, the first connection of which has this number in the table. */
export interface Found {
  readonly firstId: number;
  readonly jobs: number;
  readonly told: readonly Told[];
}

/** Does the jobs, some at a time: what they need is gone before the next ones. */
export function* lookInto(around: Surroundings, jobs: readonly Job[]): Generator<Found> {
  let parcel = { firstId: none as number, jobs: 0, rows: new Array<number>() };
  function* finish(): Generator<Found> {
    const { firstId, rows } = parcel;
    if (parcel.jobs === 0) return;
    yield { firstId, jobs: parcel.jobs, told: read(around, rows).map((connection) => tell(around, connection)) };
    parcel = { firstId: none, jobs: 0, rows: [] };
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
    if (parcel.rows.length >= framesAtOnce) yield* finish();
  }
  yield* finish();
}
