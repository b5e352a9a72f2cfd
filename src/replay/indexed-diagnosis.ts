/**
 * The diagnosis of a capture that is too large to be held: by its index, the connections that failed are looked into, one
 * by one and by the very same code as those of a small capture; of the others the headers have said all.
 */

import type { Case } from '../case/evidence.ts';
import type { FrameSet } from '../case/frame-set.ts';
import { Diagnoser } from '../diagnose/diagnose.ts';
import type { ConnectionDiagnosis, DiagnosisHead } from '../diagnose/diagnosis.ts';
import { none } from '../flow/connection-row.ts';
import { glanceAt } from '../flow/summary.ts';
import { ConnectionRows } from '../index/connection-rows.ts';
import { settleEarlyErrors } from '../index/early-errors.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';
import { DiagnosisOrder } from './diagnosis-order.ts';
import { afterFirstSecond, connectionOfRow, lookInto, type Surroundings, type Told } from './look-into.ts';
import { type Bounds, type Job, type Plan, plan } from './plan.ts';
import { type Chosen, WantedConnections } from './wanted.ts';

/** A few seconds' work, and some ten megabytes. */
const usualBounds: Bounds = { connections: 5000, frames: 500_000, framesEach: 50_000 };

/** How far it is, in parcels of work. */
export interface Step {
  readonly done: number;
  readonly total: number;
}

/** Connections and frame numbers that are gathered in one sweep over the index, when all are told with theirs. */
const toldAtOnce = 10_000;
const numbersAtOnce = 250_000;

/** What was not looked into, in sentences. */
function boundSentences({ left, read, long }: Plan, { framesEach }: Bounds): string[] {
  const sentences: string[] = [];
  const unread = left.failed + left.silent + left.well;
  if (unread > 0) {
    sentences.push(
      `This capture is large: ${read} of its connections were looked into. ${unread} more were not, of which ${left.failed} failed or may have failed: the headers of their packets are all that is told of them. A filter (--filter) chooses which are looked into.`,
    );
  }
  if (long > 0) {
    sentences.push(
      `${long === 1 ? 'One connection has' : `${long} connections have`} more than ${framesEach} frames each: the first and the last ${Math.floor(framesEach / 2)} were looked at.`,
    );
  }
  return sentences;
}

/** A connection as it is told, and the number in the table by which its frames are found; null when it has them. */
type Entry = Pick<Told, 'diagnosis' | 'id'>;

function numbersOf(rows: Uint32Array | undefined): readonly number[] {
  return Array.from(rows ?? [], (row) => row + 1);
}

/** The connections of a document while it is made. Those of the table are taken in its order, which is nearly that of time. */
class Listing {
  readonly told: Told[] = [];
  readonly order = new DiagnosisOrder();
  readonly #capture: IndexedCapture;
  readonly #rows: ConnectionRows;
  readonly #wanted: WantedConnections;
  /** 1 for a connection that is looked into, by the table's numbers. */
  readonly #read: Uint8Array;
  /** Connections of the table before this one are listed. */
  #next = 0;

  constructor(capture: IndexedCapture, rows: ConnectionRows, wanted: WantedConnections, jobs: readonly Job[]) {
    const { count } = capture.index.connections.rows;
    this.#capture = capture;
    this.#rows = rows;
    this.#wanted = wanted;
    this.#read = new Uint8Array(count);
    for (const { ids } of jobs) for (const id of ids) this.#read[id] = 1;
  }

  /** Adds a connection that was looked into. */
  add(told: Told): void {
    this.told.push(told);
    this.order.add(-this.told.length, told.diagnosis.outcome, told.beganNs, told.firstFrame);
  }

  /** Adds those that are not looked into, up to one of the table. */
  addUnreadTo(end: number): void {
    const { connections } = this.#capture.index;
    for (; this.#next < end; this.#next += 1) {
      const id = this.#next;
      const suspicion = this.#wanted.suspicion(id);
      if (suspicion === null || this.#read[id] === 1) continue;
      const outcome = suspicion === 'silent' ? 'unknown' : glanceAt(connections, id).outcome;
      const first = this.#rows.first(id);
      const beganNs = afterFirstSecond(this.#capture, this.#capture.frame(first).timeNs);
      this.order.add(id, outcome, beganNs, first + 1);
    }
  }
}

/** Connections that were diagnosed, in the order of the document; those that are well are told when they are asked for. */
export class IndexedDiagnosis {
  readonly head: DiagnosisHead;
  readonly #around: Surroundings;
  readonly #told: readonly Told[];
  /** A connection of the table, or -1 less an index of `#told`. */
  readonly #codes: Int32Array;

  private constructor(head: DiagnosisHead, around: Surroundings, told: readonly Told[], codes: Int32Array) {
    this.head = head;
    this.#around = around;
    this.#told = told;
    this.#codes = codes;
  }

  /**
   * Makes it in steps, so that whoever drives it can tell how far it is, and leave it.
   *
   * @param around Everything of the case but its frames.
   */
  static *make(
    capture: IndexedCapture,
    around: Omit<Case, 'frames'>,
    chosen: Chosen = null,
    bounds: Bounds = usualBounds,
  ): Generator<Step, IndexedDiagnosis> {
    settleEarlyErrors(capture);
    const rows = new ConnectionRows(capture);
    const { packets, connections } = capture.index;
    const diagnoser = new Diagnoser({ ...around, frameCount: packets.count, lastNs: rows.latestNs });
    const wanted = new WantedConnections(capture, diagnoser, chosen);
    const planned = plan(capture, wanted, rows, { wells: diagnoser.tellsWays, company: diagnoser.hasHost }, bounds);
    const listing = new Listing(capture, rows, wanted, planned.jobs);
    const { interfaces } = around;
    const surroundings = { capture, rows, interfaces, diagnoser, wanted, framesEach: bounds.framesEach };
    let done = 0;
    for (const { firstId, jobs, told } of lookInto(surroundings, planned.jobs)) {
      listing.addUnreadTo(firstId);
      for (const one of told) listing.add(one);
      done += jobs;
      yield { done, total: planned.jobs.length };
    }
    listing.addUnreadTo(connections.rows.count);
    const head = diagnoser.head([...wanted.missing, ...boundSentences(planned, bounds)]);
    return new IndexedDiagnosis(head, surroundings, listing.told, listing.order.sorted());
  }

  /** The same of those connections alone that have one of these frames. */
  withFrames(frames: FrameSet): IndexedDiagnosis {
    const { capture } = this.#around;
    const wanted = new Uint8Array(capture.index.connections.rows.count);
    for (const number of frames) {
      const id = capture.clientIdOf(number - 1);
      if (id !== none) wanted[id] = 1;
    }
    const has = (code: number): boolean => {
      if (code >= 0) return wanted[code] === 1;
      const told = this.#told[-1 - code];
      if (told === undefined) return false;
      return told.id === null ? told.diagnosis.frames.some((one) => frames.includes(one)) : wanted[told.id] === 1;
    };
    return new IndexedDiagnosis(this.head, this.#around, this.#told, this.#codes.filter(has));
  }

  /** What is told of the connection of a frame, by the frame's number; undefined where nothing is. */
  outcomes(): (frameNumber: number) => Pick<ConnectionDiagnosis, 'outcome' | 'cause'> | undefined {
    const { capture } = this.#around;
    const ofFrame = new Map<number, ConnectionDiagnosis>();
    const ofConnection: (ConnectionDiagnosis | null)[] = [];
    for (const code of this.#codes) {
      const told = this.#told[-1 - code];
      if (told === undefined) ofConnection[code] = null;
      else if (told.id !== null) ofConnection[told.id] = told.diagnosis;
      else for (const number of told.diagnosis.frames) ofFrame.set(number, told.diagnosis);
    }
    return (frameNumber) => {
      const told = ofFrame.get(frameNumber);
      const id = capture.clientIdOf(frameNumber - 1);
      if (told !== undefined || id === none) return told;
      // What is told of a connection that is well is the same for each: it is made once.
      if (ofConnection[id] === null) ofConnection[id] = this.#tellUnread(id);
      return ofConnection[id];
    };
  }

  /** How many connections there are. */
  get length(): number {
    return this.#codes.length;
  }

  /** A connection, by its place in the document from 0; `framesAt` has its frames. */
  at(index: number): ConnectionDiagnosis {
    return this.#entry(index).diagnosis;
  }

  /** The numbers of a connection's frames, by its place in the document. */
  framesAt(index: number): readonly number[] {
    const { diagnosis, id } = this.#entry(index);
    return id === null ? diagnosis.frames : numbersOf(this.#around.rows.gather([id])[0]);
  }

  /** All connections in order, without their frames. */
  *told(): Generator<ConnectionDiagnosis> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index);
  }

  /** All connections in order, their frames gathered for many at a time. */
  *all(): Generator<ConnectionDiagnosis> {
    const { rows } = this.#around;
    for (let from = 0; from < this.length; ) {
      const ids: number[] = [];
      const entries: Entry[] = [];
      for (let numbers = 0; from < this.length && numbers < numbersAtOnce && entries.length < toldAtOnce; from += 1) {
        const entry = this.#entry(from);
        entries.push(entry);
        if (entry.id === null) continue;
        ids.push(entry.id);
        numbers += rows.count(entry.id);
      }
      const lists = rows.gather(ids);
      let next = 0;
      for (const { diagnosis, id } of entries) {
        yield id === null ? diagnosis : { ...diagnosis, frames: numbersOf(lists[next]) };
        if (id !== null) next += 1;
      }
    }
  }

  #entry(index: number): Entry {
    const code = this.#codes[index];
    if (code === undefined) throw new RangeError(`there is no connection ${index}`);
    return this.#told[-1 - code] ?? { diagnosis: this.#tellUnread(code), id: code };
  }

  #tellUnread(id: number): ConnectionDiagnosis {
    const { capture, diagnoser } = this.#around;
    return diagnoser.glance(connectionOfRow(capture, id));
  }
}
