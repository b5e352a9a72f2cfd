/** Writes a live capture through to a case file as it comes: frames at once, the other evidence behind them at the end. */

import { encodeEvidence } from '../../capfile/case-file.ts';
import { enhancedPacketBlock, interfaceBlock, sectionHeaderBlock } from '../../capfile/pcapng-writer.ts';
import type { CaptureInterface, Case, Session } from '../../case/evidence.ts';
import type { ToldFrame } from '../../live/frame-store.ts';
import { errorText } from '../errors.ts';
import { application, CannotSave, NewFile } from '../save.ts';

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
    this.#write(sectionHeaderBlock(application));
  }

  /** Frames that are in it, or wait for the next flush. */
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
    const known = this.#numbers[point];
    const interfaceIndex = known ?? this.#interfaceCount;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, capturedLength);
    const sinceEpochNs = BigInt(second) * nsPerSecond + BigInt(timeNs);
    const packet = enhancedPacketBlock({ interfaceIndex, timeNs: sinceEpochNs, originalLength, bytes });
    // One part a frame: so the parts that are in the file tell how many frames are.
    const part = known === undefined ? Buffer.concat([interfaceBlock(place, place.linkType), packet]) : packet;
    if (!this.#write(part)) return;
    this.#frames += 1;
    if (known !== undefined) return;
    this.#numbers[point] = interfaceIndex;
    this.#interfaceCount += 1;
  }

  /** Once a second: what was added until now is in the file, however nettrace ends. */
  flush(): void {
    if (this.#isOpen) this.#attempt(() => this.#file.flush());
  }

  /**
   * Writes the rest of the evidence behind the frames; the file is complete, and takes no more.
   *
   * @throws CannotSave when that fails; frames that are in the file stay.
   */
  finish({ session, snapshot, kernelLines }: Omit<Case, 'frames' | 'interfaces'>): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    using file = this.#file;
    this.#keepFrames();
    const { framesDropped, missing } = session ?? { framesDropped: [], missing: [] };
    // Points without a frame have no interface in the file, and a hole in the list.
    const points = this.#numbers.flatMap((number, point) => ({ number, point }));
    const dropped = points.sort((a, b) => a.number - b.number).map(({ point }) => framesDropped[point] ?? null);
    const told: Session | null = session && {
      ...session,
      framesDropped: dropped,
      missing: this.#ended === null ? missing : [...missing, this.#ended],
    };
    try {
      // Lost with the first frames.
      if (file.parts === 0) file.write([sectionHeaderBlock(application)]);
      file.write(encodeEvidence({ session: told, snapshot, kernelLines }));
      file.finish();
    } catch (error) {
      if (this.#frames === 0 || !(error instanceof CannotSave)) throw error;
      throw new CannotSave(
        this.#path,
        `${error.reason}. Its frames (${this.#frames}) are there, and not all of the other evidence; nettrace replay opens it as it is.`,
      );
    }
  }

  /** Hands over what waits; from then on what is in the file stays, if a frame is. */
  #keepFrames(): void {
    this.#attempt(() => this.#file.flush());
    if (this.#frames > 0) this.#file.keep();
  }

  /** False when it could not be written, or not any more. */
  #write(part: Uint8Array): boolean {
    const { length } = part;
    if (this.#bytes + length > this.#limitBytes) {
      this.#end(`${this.#path} has reached its size limit (--save-limit): later frames are not in it.`);
      return false;
    }
    if (!this.#attempt(() => this.#file.write([part]))) return false;
    this.#bytes += length;
    return true;
  }

  /** False when it failed; that ends the file. */
  #attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      // What waited is lost. The first part is the section's header.
      this.#frames = Math.max(0, this.#file.parts - 1);
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
    using _file = this.#file;
    this.#keepFrames();
  }
}
