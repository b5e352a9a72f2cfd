/** Writes a live capture through to a case file as it comes: frames at once, the other evidence behind them at the end. */

import { encodeEvidence } from '../../capfile/case-file.ts';
import { enhancedPacketBlock, interfaceBlock, sectionHeaderBlock } from '../../capfile/pcapng-writer.ts';
import type { CaptureInterface, Case, Session } from '../../case/evidence.ts';
import type { ToldFrame } from '../../live/frame-store.ts';
import { errorText } from '../errors.ts';
import { application, NewFile } from '../save.ts';

const nsPerSecond = 1_000_000_000n;

/**
 * A case file that is being written. What ends it early is told, and what is in it by then stays; without a frame it is
 * removed when it is disposed of unfinished.
 */
export class LiveSave implements Disposable {
  readonly #path: string;
  readonly #file: NewFile;
  readonly #limitBytes: number;
  readonly #tell: (sentence: string) => void;
  /** By capture point: its number among the file's interfaces, which are written with their first frame. */
  readonly #numbers: number[] = [];
  #interfaceCount = 0;
  #bytes = 0;
  #frames = 0;
  #isOpen = true;
  /** Why frames are missing at its end; null when none are. */
  #ended: string | null = null;

  /**
   * Creates the file.
   *
   * @param tell Hears why it ends early, in one sentence.
   * @throws UserError when it is there already, or cannot be made.
   */
  constructor(path: string, limitBytes: number, tell: (sentence: string) => void) {
    this.#path = path;
    this.#limitBytes = limitBytes;
    this.#tell = tell;
    this.#file = new NewFile(path);
    this.#write([sectionHeaderBlock(application)]);
  }

  /** Frames that are in it. */
  get frames(): number {
    return this.#frames;
  }

  /** Adds a frame; those of a session come in the order in which they are numbered. */
  add(
    { view, start, capturedLength, originalLength, point, timeNs }: ToldFrame,
    place: CaptureInterface,
    second: number,
  ) {
    if (!this.#isOpen || this.#ended !== null) return;
    const parts: Uint8Array[] = [];
    let interfaceIndex = this.#numbers[point];
    if (interfaceIndex === undefined) {
      interfaceIndex = this.#interfaceCount;
      this.#interfaceCount += 1;
      this.#numbers[point] = interfaceIndex;
      parts.push(interfaceBlock(place, place.linkType));
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, capturedLength);
    const sinceEpochNs = BigInt(second) * nsPerSecond + BigInt(timeNs);
    parts.push(enhancedPacketBlock({ interfaceIndex, timeNs: sinceEpochNs, originalLength, bytes }));
    if (this.#write(parts)) this.#frames += 1;
  }

  /** Once a second: what was added until now is in the file, however nettrace ends. */
  flush(): void {
    if (this.#isOpen) this.#attempt(() => this.#file.flush());
  }

  /** Writes the rest of the evidence behind the frames; the file is complete, and takes no more. */
  finish({ session, snapshot, kernelLines }: Omit<Case, 'frames' | 'interfaces'>): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    using file = this.#file;
    const { framesDropped, missing } = session ?? { framesDropped: [], missing: [] };
    // Points without a frame have no interface in the file, and a hole in the list.
    const points = this.#numbers.flatMap((number, point) => ({ number, point }));
    const dropped = points.sort((a, b) => a.number - b.number).map(({ point }) => framesDropped[point] ?? null);
    const told: Session | null = session && {
      ...session,
      framesDropped: dropped,
      missing: this.#ended === null ? missing : [...missing, this.#ended],
    };
    file.write(encodeEvidence({ session: told, snapshot, kernelLines }));
    file.finish();
  }

  /** False when it could not be written, or not any more. */
  #write(parts: readonly Uint8Array[]): boolean {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.#bytes + length > this.#limitBytes) {
      this.#end(`${this.#path} has reached its size limit (--save-limit): later frames are not in it.`);
      return false;
    }
    if (!this.#attempt(() => this.#file.write(parts))) return false;
    this.#bytes += length;
    return true;
  }

  /** False when it failed; that ends the file. */
  #attempt(action: () => void): boolean {
    if (this.#ended !== null) return false;
    try {
      action();
      return true;
    } catch (error) {
      this.#end(`${errorText(error)}: later frames are not in it.`);
      return false;
    }
  }

  #end(sentence: string): void {
    this.#ended = sentence;
    this.#tell(sentence);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    using file = this.#file;
    if (this.#frames > 0) file.finish();
  }
}
