/**
 * Whether the interfaces of a capture file name their namespaces: in a section that nettrace wrote, unless the interface
 * says that its name is a whole one; nowhere else. Known as soon as the interface is read.
 */

import { type InterfacePlace, placeOfInterface } from '../case/interface-name.ts';
import type { OptionBytes } from './capture-item.ts';
import { isOwnName, readSectionNotes } from './pcapng-notes.ts';
import { interfaceOption, readOptions } from './pcapng-options.ts';

/** True for a name that a reader would take apart, although no namespace is in it. */
export function needsWholeName({ netns, device }: InterfacePlace): boolean {
  return netns === null && device.includes(':');
}

function isWhole(options: OptionBytes | null): boolean {
  return options !== null && [...readOptions(options)].some(({ code }) => code === interfaceOption.wholeName);
}

/** Told of a file's sections and interfaces in their order. */
export class InterfacePlaces {
  /** The present section is nettrace's. */
  #isOwn = false;

  section(options: OptionBytes): void {
    this.#isOwn = isOwnName(readSectionNotes(options)?.application ?? null);
  }

  /** Where an interface of the present section is. */
  placeOf(name: string | null, options: OptionBytes | null): InterfacePlace {
    const whole = { netns: null, device: name ?? '' };
    return this.#isOwn && !isWhole(options) ? placeOfInterface(whole.device) : whole;
  }
}
