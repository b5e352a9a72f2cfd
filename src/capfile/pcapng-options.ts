/** The options of pcapng blocks (draft-ietf-opsawg-pcapng, section 3.5): their codes, and how they are read. */

import type { OptionBytes } from './capture-item.ts';
import { optionLayout, padded } from './pcapng-format.ts';

/** Codes of options that any block may have. */
export const commonOption = { end: 0, comment: 1 } as const;

/** Codes of a section header's options. */
export const sectionOption = { hardware: 2, operatingSystem: 3, application: 4 } as const;

/** Codes of an interface description's options. */
export const interfaceOption = {
  name: 2,
  description: 3,
  hardwareAddress: 6,
  speed: 8,
  timeResolution: 9,
  filter: 11,
  timeOffset: 14,
  /** nettrace's own, one of those that pcapng reserves for local use: the colon in the name is the device's. No value. */
  wholeName: 0x8e74,
} as const;

/** Codes of an enhanced packet's options; the obsolete packet block has `flags` alike. */
export const packetOption = { flags: 2, dropped: 4 } as const;

/** Codes of an interface statistics block's options. */
export const statisticsOption = { received: 4, droppedByInterface: 5, droppedBySystem: 7 } as const;

/** One option; its value is borrowed from the block's bytes. */
export interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

/** Options up to the first that does not fit: a damaged option costs no packets. */
export function* readOptions({ bytes, littleEndian }: OptionBytes): Generator<Option> {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let place = 0;
  while (place + optionLayout.value <= bytes.length) {
    const code = data.getUint16(place + optionLayout.code, littleEndian);
    const length = data.getUint16(place + optionLayout.length, littleEndian);
    const from = place + optionLayout.value;
    if (code === commonOption.end || from + length > bytes.length) return;
    yield { code, value: bytes.subarray(from, from + length) };
    place = from + padded(length);
  }
}
