/**
 * `nettrace frames FILE`: the frames of a capture, as lines or as a capture of their own, written as they are read,
 * whatever the size of the file.
 */

import { CaptureCopier } from '../capfile/capture-copier.ts';
import type { CaptureItem } from '../capfile/capture-item.ts';
import { CaptureReader } from '../capfile/capture-reader.ts';
import { InterfacePlaces } from '../capfile/interface-places.ts';
import { frameOf, readInterfaceNotes } from '../capfile/pcapng-notes.ts';
import type { CaptureInterface, Frame } from '../case/evidence.ts';
import type { FrameTest } from '../filter/bind.ts';
import type { Filter } from '../filter/filter.ts';
import { type ConnectionFacts, frameFields } from '../filter/frame-fields.ts';
import { formatFrameJson, formatFrameLine } from '../report/frame-lines.ts';
import { dissect } from '../wire/dissect.ts';
import { UserError } from './errors.ts';
import { asksForConnections, connectionFacts, readFilter } from './filter.ts';
import { writeAll } from './output.ts';
import { application, NewFile } from './save.ts';
import { nameOf, openInput, remark, whatStopped } from './saved/captures.ts';
import { OpenedIndex } from './saved/opened-index.ts';

/** Which frames, and what becomes of them. */
export interface FramesOptions {
  readonly json?: true;
  /** How many, from the first on; all when absent. */
  readonly count?: number;
  readonly filter?: string;
  /** The file that they are written to, instead of being printed. */
  readonly write?: string;
}

/** A longer name of an interface pushes what follows to the right. */
const widestInterface = 24;

/** An interface of the capture; the name is the file's. */
interface Point extends CaptureInterface {
  readonly name: string | null;
}

/** The frames of a capture's items, numbered, and those of them that are wanted. */
class WantedFrames {
  readonly points: Point[] = [];
  readonly #filter: Filter | null;
  readonly #factsOf: (frameNumber: number) => ConnectionFacts | null;
  readonly #most: number;
  #test: FrameTest<Frame> | null = null;
  readonly #places = new InterfacePlaces();
  #count = 0;
  #wanted = 0;
  /** When the first frame was captured. */
  firstNs = 0n;

  constructor(filter: Filter | null, factsOf: (frameNumber: number) => ConnectionFacts | null, most: number) {
    this.#filter = filter;
    this.#factsOf = factsOf;
    this.#most = most;
  }

  /** As many were found as were asked for. */
  get done(): boolean {
    return this.#wanted >= this.#most;
  }

  /** How many were found. */
  get wanted(): number {
    return this.#wanted;
  }

  /** A frame that is wanted; null for any other, and for what is no frame. */
  take(item: CaptureItem): Frame | null {
    if (item.kind === 'section') this.#places.section(item.options);
    if (item.kind === 'interface') {
      const { name, linkType, options } = item;
      const shown = name ?? (options && (readInterfaceNotes(options)?.description ?? null));
      this.points.push({ ...this.#places.placeOf(name, options), linkType, name: shown });
    }
    if (item.kind !== 'frame' || this.done) return null;
    this.#count += 1;
    if (this.#count === 1) this.#begin(item.timeNs);
    const frame = frameOf(item, this.#count);
    if (this.#test !== null && !this.#test(frame)) return null;
    this.#wanted += 1;
    return frame;
  }

  /** Times count from the first frame, so a filter can be asked from it on. */
  #begin(startNs: bigint): void {
    this.firstNs = startNs;
    const surroundings = {
      interfaces: this.points,
      startNs,
      connectionOf: ({ number }: Frame): ConnectionFacts | null => this.#factsOf(number),
    };
    this.#test = this.#filter && this.#filter.bind(frameFields(surroundings));
  }
}

/** Where wanted frames go. */
interface Sink {
  take(items: readonly CaptureItem[], wanted: WantedFrames): Promise<void>;
}

class PrintedFrames implements Sink {
  readonly #json: boolean;
  #interfaceWidth = 0;

  constructor(json: boolean) {
    this.#json = json;
  }

  async take(items: readonly CaptureItem[], wanted: WantedFrames): Promise<void> {
    await writeAll(this.#lines(items, wanted));
  }

  *#lines(items: readonly CaptureItem[], wanted: WantedFrames): Generator<string> {
    for (const item of items) {
      const frame = wanted.take(item);
      if (item.kind === 'interface') this.#widen(wanted.points.at(-1)?.name?.length ?? 1);
      if (frame !== null) yield this.#line(frame, wanted);
    }
  }

  #line(frame: Frame, { points, firstNs }: WantedFrames): string {
    const point = points[frame.interfaceIndex];
    const dissection = dissect(frame.bytes, point?.linkType ?? 1, frame.originalLength);
    const reading = { frame, dissection, interfaceName: point?.name ?? null };
    if (this.#json) return formatFrameJson(reading);
    return formatFrameLine(reading, firstNs, points.length > 1 ? this.#interfaceWidth : null);
  }

  #widen(length: number): void {
    this.#interfaceWidth = Math.max(this.#interfaceWidth, Math.min(length, widestInterface));
  }
}

class WrittenFrames implements Sink {
  readonly #file: NewFile;
  readonly #copier = new CaptureCopier(application);

  constructor(file: NewFile) {
    this.#file = file;
  }

  take(items: readonly CaptureItem[], wanted: WantedFrames): Promise<void> {
    this.#file.write(this.#copier.copy(items, (item) => wanted.take(item)));
    return Promise.resolve();
  }

  finish(): void {
    this.#file.write(this.#copier.end());
    this.#file.finish();
  }
}

/** Where the capture's bytes come from, and why they ended: read for the first time, or again. */
interface Bytes {
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  stopped(reader: CaptureReader): string | null;
}

async function pour(bytes: Bytes, wanted: WantedFrames, sink: Sink, name: string): Promise<void> {
  const reader = new CaptureReader();
  for await (const chunk of bytes.chunks()) {
    await sink.take(reader.push(chunk), wanted);
    if (wanted.done) return;
    if (reader.error !== null) break;
  }
  await sink.take(reader.end(), wanted);
  const why = bytes.stopped(reader);
  if (why === null || wanted.done) return;
  const readable = reader.error === null || reader.error.kind === 'damaged';
  if (!readable) throw new UserError(`cannot read ${name}: ${why}`);
  remark(name, why);
  process.exitCode = 1;
}

async function pourFiltered(path: string, options: FramesOptions, sink: Sink): Promise<WantedFrames> {
  const filter = options.filter === undefined ? null : readFilter(options.filter);
  const most = options.count ?? Number.POSITIVE_INFINITY;
  if (filter !== null && asksForConnections(filter)) {
    await using opened = await OpenedIndex.open(path);
    const wanted = new WantedFrames(filter, await connectionFacts(opened, filter), most);
    const bytes = { chunks: () => opened.again(), stopped: () => opened.stopped };
    await pour(bytes, wanted, sink, opened.name);
    return wanted;
  }
  await using input = await openInput(path);
  const wanted = new WantedFrames(filter, () => null, most);
  const stopped = ({ error }: CaptureReader): string | null => whatStopped(input.problem, input.compression, error);
  await pour({ chunks: () => input.chunks(), stopped }, wanted, sink, nameOf(path));
  return wanted;
}

/** `frames`. What is wrong with the capture is said after the frames before it, and the status is 1. */
export async function printFrames(path: string, options: FramesOptions): Promise<void> {
  if (options.write === undefined) {
    await pourFiltered(path, options, new PrintedFrames(options.json === true));
    return;
  }
  if (options.filter !== undefined) readFilter(options.filter);
  using file = new NewFile(options.write);
  const sink = new WrittenFrames(file);
  const { wanted } = await pourFiltered(path, options, sink);
  sink.finish();
  remark(options.write, `${wanted} frame${wanted === 1 ? '' : 's'} written`);
}
