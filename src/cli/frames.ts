/** `nettrace frames FILE`: the frames of a capture as lines, written as they are read, whatever the size of the file. */

import { once } from 'node:events';
import type { CaptureItem } from '../capfile/capture-item.ts';
import { CaptureReader } from '../capfile/capture-reader.ts';
import { readFrameNotes, readInterfaceNotes } from '../capfile/pcapng-notes.ts';
import { formatFrameJson, formatFrameLine } from '../report/frame-lines.ts';
import { dissect } from '../wire/dissect.ts';
import { nameOf, openInput, whatStopped } from './captures.ts';
import { UserError } from './errors.ts';

/** How frames are printed. */
export interface FramesOptions {
  readonly json?: true;
  /** How many, from the first on; all when absent. */
  readonly count?: number;
}

/** Text that is written at once: enough for few system calls, little beside what a frame may become. */
const batchLength = 64 * 1024;
/** A longer name of an interface pushes what follows to the right. */
const widestInterface = 24;

/** Turns the items of one capture into lines. */
class FrameLines {
  readonly #json: boolean;
  readonly #most: number;
  readonly #interfaces: { name: string | null; linkType: number }[] = [];
  #interfaceWidth = 0;
  #count = 0;
  #firstNs = 0n;

  constructor({ json = false, count = Number.POSITIVE_INFINITY }: { json?: boolean; count?: number }) {
    this.#json = json;
    this.#most = count;
  }

  /** As many lines as were asked for have been given. */
  get done(): boolean {
    return this.#count >= this.#most;
  }

  /** The line of a frame; null for what is no frame, and when no more are wanted. */
  line(item: CaptureItem): string | null {
    if (item.kind === 'interface') {
      const name = item.name ?? (item.options && (readInterfaceNotes(item.options)?.description ?? null));
      this.#interfaces.push({ name, linkType: item.linkType });
      this.#interfaceWidth = Math.max(this.#interfaceWidth, Math.min(name?.length ?? 1, widestInterface));
    }
    if (item.kind !== 'frame' || this.done) return null;
    this.#count += 1;
    if (this.#count === 1) this.#firstNs = item.timeNs;
    const { interfaceIndex, timeNs, originalLength, bytes, options } = item;
    const notes = options && readFrameNotes(options);
    const point = this.#interfaces[interfaceIndex];
    const reading = {
      frame: { number: this.#count, timeNs, interfaceIndex, originalLength, bytes, ...(notes && { notes }) },
      dissection: dissect(bytes, point?.linkType ?? 1, originalLength),
      interfaceName: point?.name ?? null,
    };
    if (this.#json) return formatFrameJson(reading);
    return formatFrameLine(reading, this.#firstNs, this.#interfaces.length > 1 ? this.#interfaceWidth : null);
  }
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** `frames`. Throws a UserError, after the frames before it, when the capture cannot be read to its end. */
export async function printFrames(path: string, options: FramesOptions): Promise<void> {
  await using input = await openInput(path);
  const reader = new CaptureReader();
  const lines = new FrameLines(options);
  const print = async (items: readonly CaptureItem[]): Promise<void> => {
    let batch = '';
    for (const item of items) {
      batch += lines.line(item) ?? '';
      if (batch.length < batchLength) continue;
      await write(batch);
      batch = '';
    }
    if (batch !== '') await write(batch);
  };

  for await (const chunk of input.chunks()) {
    await print(reader.push(chunk));
    if (lines.done) return;
    if (reader.error !== null) break;
  }
  await print(reader.end());
  const stopped = whatStopped(input, reader.error);
  if (stopped === null || lines.done) return;
  const readable = reader.error === null || reader.error.kind === 'damaged';
  throw new UserError(readable ? `${nameOf(path)}: ${stopped}` : `cannot read ${nameOf(path)}: ${stopped}`);
}
