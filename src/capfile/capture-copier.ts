/**
 * Copies a capture as it is read, with some of its frames left out: a pcapng whose sections, interfaces, names and
 * comments are those of the original. Of a case it copies the capture alone, as `selectFrames` does: host state and
 * kernel events beside a part of the frames would be diagnosed wrongly.
 */

import type { Frame } from '../case/evidence.ts';
import type { CaptureItem } from './capture-item.ts';
import { caseBlockType, encodeSection, sectionKind } from './case-section.ts';
import { InterfacePlaces } from './interface-places.ts';
import { blockType } from './pcapng-format.ts';
import { readAddressNames, readInterfaceCounts, readInterfaceNotes, readSectionNotes } from './pcapng-notes.ts';
import {
  enhancedPacketBlock,
  interfaceBlock,
  interfaceStatisticsBlock,
  nameResolutionBlock,
  sectionHeaderBlock,
} from './pcapng-writer.ts';

/** Turns what was read into the blocks to write. Times before 1970 are written as 1970. */
export class CaptureCopier {
  readonly #application: string;
  readonly #places = new InterfacePlaces();
  #hasSection = false;
  #isCase = false;
  #interfaces = 0;
  /** How many interfaces stand before the present section's. */
  #sectionStart = 0;

  /** @param application What writes the file, with its version: `nettrace 0.1.0`. */
  constructor(application: string) {
    this.#application = application;
  }

  /**
   * What items become; all of a capture's are to be told.
   *
   * @param wanted Gives an item's frame when that is to be kept, null for any other frame and for what is none.
   */
  *copy(items: readonly CaptureItem[], wanted: (item: CaptureItem) => Frame | null): Generator<Uint8Array> {
    for (const item of items) {
      const frame = wanted(item);
      if (frame !== null) yield this.#frame(frame);
      else yield* this.#around(item);
    }
  }

  /** What an item becomes, unless it is a frame. */
  *#around(item: CaptureItem): Generator<Uint8Array> {
    switch (item.kind) {
      case 'section': {
        const notes = readSectionNotes(item.options);
        this.#places.section(item.options);
        this.#hasSection = true;
        this.#sectionStart = this.#interfaces;
        yield sectionHeaderBlock(this.#application, notes ?? undefined);
        return;
      }
      case 'interface': {
        // A pcap has no sections.
        if (!this.#hasSection) yield sectionHeaderBlock(this.#application);
        this.#hasSection = true;
        this.#interfaces += 1;
        const notes = item.options && readInterfaceNotes(item.options);
        yield interfaceBlock(this.#places.placeOf(item.name, item.options), item.linkType, 0n, notes ?? undefined);
        return;
      }
      case 'block':
        yield* this.#block(item.type, item.body, item.littleEndian);
        return;
      case 'frame':
    }
  }

  /** A frame of the present section that is to be kept. */
  #frame(frame: Frame): Uint8Array {
    return enhancedPacketBlock({ ...frame, interfaceIndex: frame.interfaceIndex - this.#sectionStart });
  }

  /** What stands at the end. */
  *end(): Generator<Uint8Array> {
    // It marks a case.
    if (this.#isCase) yield* encodeSection(sectionKind.session, null);
  }

  *#block(type: number, body: Uint8Array, littleEndian: boolean): Generator<Uint8Array> {
    if (type === caseBlockType) this.#isCase = true;
    else if (type === blockType.nameResolution) yield nameResolutionBlock([...readAddressNames(body, littleEndian)]);
    else if (type === blockType.interfaceStatistics) {
      const counts = readInterfaceCounts(body, littleEndian);
      if (counts !== null && counts.interfaceNumber < this.#interfaces - this.#sectionStart) {
        yield interfaceStatisticsBlock(counts.interfaceNumber, counts);
      }
    }
  }
}
