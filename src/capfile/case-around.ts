/** Everything that a capture file holds beside its frames: interfaces, remarks, and nettrace's own blocks of a case. */

import type { Case } from '../case/evidence.ts';
import type { InterfacePlace } from '../case/interface-name.ts';
import type { AddressNames, CaptureNotes, InterfaceNotes, SectionNotes } from '../case/notes.ts';
import type { OptionBytes } from './capture-item.ts';
import { caseBlockType } from './case-section.ts';
import { CaseSections } from './case-sections.ts';
import { InterfacePlaces } from './interface-places.ts';
import { blockType } from './pcapng-format.ts';
import {
  isOwnName,
  readAddressNames,
  readInterfaceCounts,
  readInterfaceNotes,
  readSectionNotes,
} from './pcapng-notes.ts';

/** An interface while the file is read: its counts come later. */
interface ReadInterface extends InterfacePlace {
  readonly linkType: number;
  notes: InterfaceNotes | null;
}

const noNotes: InterfaceNotes = {
  description: null,
  filter: null,
  hardwareAddress: null,
  bitsPerSecond: null,
  comments: [],
  received: null,
  dropped: null,
};

/** A section's notes without the name of its writer where that was nettrace, which says nothing about the capture. */
function withoutOurselves(notes: SectionNotes): SectionNotes | null {
  if (!isOwnName(notes.application)) return notes;
  const { hardware, operatingSystem, comments } = notes;
  const empty = hardware === null && operatingSystem === null && comments.length === 0;
  return empty ? null : { ...notes, application: null };
}

/** Takes what a reader of captures tells beside frames, all of it borrowed until the call returns. Never throws. */
export class CaseAround {
  readonly #sections = new CaseSections();
  readonly #places = new InterfacePlaces();
  readonly #interfaces: ReadInterface[] = [];
  readonly #sectionNotes: SectionNotes[] = [];
  readonly #addressNames: AddressNames[] = [];
  /** How many interfaces stand before the present section's. */
  #sectionStart = 0;

  /** One sentence each: evidence in the file that could not be read, and why. Complete after `end`. */
  get problems(): readonly string[] {
    return this.#sections.problems;
  }

  section(options: OptionBytes): void {
    this.#sectionStart = this.#interfaces.length;
    this.#places.section(options);
    const read = readSectionNotes(options);
    const notes = read && withoutOurselves(read);
    if (notes !== null) this.#sectionNotes.push(notes);
  }

  interface(name: string | null, linkType: number, options: OptionBytes | null): void {
    const place = this.#places.placeOf(name, options);
    this.#interfaces.push({ ...place, linkType, notes: options && readInterfaceNotes(options) });
  }

  block(type: number, body: Uint8Array, littleEndian: boolean): void {
    if (type === caseBlockType) this.#sections.take(body.slice());
    else if (type === blockType.nameResolution) {
      for (const names of readAddressNames(body, littleEndian)) this.#addressNames.push(names);
    } else if (type === blockType.interfaceStatistics) {
      const counts = readInterfaceCounts(body, littleEndian);
      const counted = counts && this.#interfaces[this.#sectionStart + counts.interfaceNumber];
      if (!counted) return;
      const { received, dropped } = counts;
      if (received !== null || dropped !== null) counted.notes = { ...(counted.notes ?? noNotes), received, dropped };
    }
  }

  /** All that was told, when the file has ended. */
  end(): Omit<Case, 'frames'> {
    const { session, ...told } = this.#sections.end();
    const notes = this.#notes();
    return {
      session,
      interfaces: this.#interfaces.map(({ notes: said, ...one }) => ({ ...one, ...(said && { notes: said }) })),
      ...told,
      ...(notes && { notes }),
    };
  }

  #notes(): CaptureNotes | null {
    const [sections, addressNames] = [this.#sectionNotes, this.#addressNames];
    return sections.length === 0 && addressNames.length === 0 ? null : { sections, addressNames };
  }
}
