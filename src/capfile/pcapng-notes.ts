/** What pcapng's options and its blocks of names and counts say, as a case keeps it. Nothing here fails: what is malformed is left out. */

import type { Frame } from '../case/evidence.ts';
import type { AddressNames, FrameNotes, InterfaceNotes, SectionNotes } from '../case/notes.ts';
import { ipv4Length, ipv6Length, macLength, readIpv4, readIpv6, readMac } from '../wire/address.ts';
import type { CaptureItem, OptionBytes } from './capture-item.ts';
import { optionLayout, padded, statisticsBody } from './pcapng-format.ts';
import {
  commonOption,
  interfaceOption,
  type Option,
  packetOption,
  readOptions,
  sectionOption,
  statisticsOption,
} from './pcapng-options.ts';

function textOf(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

/** A counter of 4 or 8 bytes, by its length; null for any other, and above what a double holds exactly. */
function counterOf(value: Uint8Array, littleEndian: boolean): number | null {
  const data = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length === Uint32Array.BYTES_PER_ELEMENT) return data.getUint32(0, littleEndian);
  if (value.length !== BigUint64Array.BYTES_PER_ELEMENT) return null;
  const count = Number(data.getBigUint64(0, littleEndian));
  return Number.isSafeInteger(count) ? count : null;
}

function commentsOf(options: readonly Option[]): string[] {
  return options.filter(({ code }) => code === commonOption.comment).map(({ value }) => textOf(value));
}

function firstOf(options: readonly Option[], wanted: number): Uint8Array | null {
  return options.find(({ code }) => code === wanted)?.value ?? null;
}

function firstText(options: readonly Option[], wanted: number): string | null {
  const value = firstOf(options, wanted);
  return value === null ? null : textOf(value);
}

function firstCounter(options: readonly Option[], wanted: number, littleEndian: boolean): number | null {
  const value = firstOf(options, wanted);
  return value === null ? null : counterOf(value, littleEndian);
}

function saysNothing(notes: object): boolean {
  return Object.values(notes).every((value) => value === null || (Array.isArray(value) && value.length === 0));
}

/** The name under which nettrace writes files; its version may follow. */
export const ownName = 'nettrace';

/** True for the name of a writer that was nettrace. */
export function isOwnName(application: string | null): boolean {
  return application === ownName || application?.startsWith(`${ownName} `) === true;
}

/** What a section header says of its section; null when nothing. */
export function readSectionNotes(bytes: OptionBytes): SectionNotes | null {
  const options = [...readOptions(bytes)];
  const notes: SectionNotes = {
    hardware: firstText(options, sectionOption.hardware),
    operatingSystem: firstText(options, sectionOption.operatingSystem),
    application: firstText(options, sectionOption.application),
    comments: commentsOf(options),
  };
  return saysNothing(notes) ? null : notes;
}

/** if_filter begins with its kind: 0 is text, 1 a program for a virtual machine. */
const textFilter = 0;

/** What an interface description says beyond name and times; null when nothing. */
export function readInterfaceNotes(bytes: OptionBytes): InterfaceNotes | null {
  const options = [...readOptions(bytes)];
  const filter = firstOf(options, interfaceOption.filter);
  const hardwareAddress = firstOf(options, interfaceOption.hardwareAddress);
  const notes: InterfaceNotes = {
    description: firstText(options, interfaceOption.description),
    filter: filter?.at(0) === textFilter ? textOf(filter.subarray(1)) : null,
    hardwareAddress: hardwareAddress?.length === macLength ? readMac(hardwareAddress, 0) : null,
    bitsPerSecond: firstCounter(options, interfaceOption.speed, bytes.littleEndian),
    comments: commentsOf(options),
    received: null,
    dropped: null,
  };
  return saysNothing(notes) ? null : notes;
}

/** What an enhanced packet says beyond its frame; null when nothing. */
function readFrameNotes(bytes: OptionBytes): FrameNotes | null {
  const options = [...readOptions(bytes)];
  const notes: FrameNotes = {
    comments: commentsOf(options),
    flags: firstCounter(options, packetOption.flags, bytes.littleEndian),
    dropped: firstCounter(options, packetOption.dropped, bytes.littleEndian),
  };
  return saysNothing(notes) ? null : notes;
}

/** The frame that an item of a capture is, with a number. */
export function frameOf(item: CaptureItem & { readonly kind: 'frame' }, number: number): Frame {
  const { interfaceIndex, timeNs, originalLength, bytes, options } = item;
  const notes = options && readFrameNotes(options);
  return { number, timeNs, interfaceIndex, originalLength, bytes, ...(notes && { notes }) };
}

/** An interface's counts, from the beginning of the capture on. */
export interface InterfaceCounts {
  /** Which of the section's interfaces, from 0. */
  readonly interfaceNumber: number;
  readonly received: number | null;
  readonly dropped: number | null;
}

/** Reads an interface statistics block; null when it is too short. */
export function readInterfaceCounts(body: Uint8Array, littleEndian: boolean): InterfaceCounts | null {
  if (body.length < statisticsBody.options) return null;
  const data = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const options = [...readOptions({ bytes: body.subarray(statisticsBody.options), littleEndian })];
  const byInterface = firstCounter(options, statisticsOption.droppedByInterface, littleEndian);
  const bySystem = firstCounter(options, statisticsOption.droppedBySystem, littleEndian);
  return {
    interfaceNumber: data.getUint32(statisticsBody.interface, littleEndian),
    received: firstCounter(options, statisticsOption.received, littleEndian),
    dropped: byInterface === null && bySystem === null ? null : (byInterface ?? 0) + (bySystem ?? 0),
  };
}

/** Kinds of records in a name resolution block, and the length and text of their addresses. */
const nameRecords: ReadonlyMap<number, { length: number; read: (bytes: Uint8Array, offset: number) => string }> =
  new Map([
    [1, { length: ipv4Length, read: readIpv4 }],
    [2, { length: ipv6Length, read: readIpv6 }],
  ]);
const endOfNames = 0;

/** Reads a name resolution block, up to the first record that does not fit. */
export function readAddressNames(body: Uint8Array, littleEndian: boolean): AddressNames[] {
  const data = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const found: AddressNames[] = [];
  let place = 0;
  while (place + optionLayout.value <= body.length) {
    const code = data.getUint16(place + optionLayout.code, littleEndian);
    const length = data.getUint16(place + optionLayout.length, littleEndian);
    const value = body.subarray(place + optionLayout.value, place + optionLayout.value + length);
    if (code === endOfNames || value.length < length) return found;
    const record = nameRecords.get(code);
    if (record !== undefined && length >= record.length) {
      const names = textOf(value.subarray(record.length)).split('\0');
      found.push({ address: record.read(value, 0), names: names.filter((name) => name !== '') });
    }
    place += optionLayout.value + padded(length);
  }
  return found;
}
