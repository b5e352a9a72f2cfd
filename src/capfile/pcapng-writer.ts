/**
 * Writes pcapng blocks, little-endian, one call a block (draft-ietf-opsawg-pcapng). The caller puts them in order: a
 * section header, then interfaces, then packets.
 */

import type { Frame } from '../case/evidence.ts';
import { type InterfacePlace, interfaceName } from '../case/interface-name.ts';
import type { AddressNames, InterfaceNotes, SectionNotes } from '../case/notes.ts';
import { parseAddress } from '../inet/address.ts';
import { ipv4Length, ipv6Length } from '../wire/address.ts';
import { needsWholeName } from './interface-places.ts';
import {
  blockHead,
  blockTail,
  blockType,
  byteOrderMagic,
  enhancedBody,
  interfaceBody,
  optionLayout,
  padded,
  sectionBody,
  statisticsBody,
} from './pcapng-format.ts';
import {
  commonOption,
  interfaceOption,
  type Option,
  packetOption,
  sectionOption,
  statisticsOption,
} from './pcapng-options.ts';

/** "Not known", for a section that is written as it comes. */
const unknownSectionLength = 0xffffffffffffffffn;
const nanosecondResolution = 9;
const longestOption = 0xffff;

/** Bytes of options in one block: beyond any real remark, far below what readers take for damage. */
const mostOptionBytes = 1024 * 1024;

/** The options that fit into one block, in their order. */
function fitting(options: readonly Option[]): Option[] {
  let room = mostOptionBytes;
  return options.filter(({ value }) => {
    const length = optionLayout.value + padded(value.length);
    if (length > room) return false;
    room -= length;
    return true;
  });
}

/** Options as bytes, with the end-of-options option; no bytes without an option. */
function encodeOptions(options: readonly Option[]): Uint8Array {
  const chosen = fitting(options);
  if (chosen.length === 0) return new Uint8Array(0);
  const length = chosen.reduce((sum, { value }) => sum + optionLayout.value + padded(value.length), 0);
  const bytes = new Uint8Array(length + optionLayout.value);
  const data = new DataView(bytes.buffer);
  let place = 0;
  for (const { code, value } of chosen) {
    data.setUint16(place + optionLayout.code, code, true);
    data.setUint16(place + optionLayout.length, value.length, true);
    bytes.set(value, place + optionLayout.value);
    place += optionLayout.value + padded(value.length);
  }
  return bytes;
}

/** An empty block with its type and lengths in place. */
function newBlock(type: number, bodyLength: number): { block: Uint8Array; data: DataView } {
  const length = blockHead + padded(bodyLength) + blockTail;
  const block = new Uint8Array(length);
  const data = new DataView(block.buffer);
  data.setUint32(0, type, true);
  data.setUint32(blockHead / 2, length, true);
  data.setUint32(length - blockTail, length, true);
  return { block, data };
}

/** Text in UTF-8, cut before the character that would not fit. */
function encodeText(text: string, room = longestOption): Uint8Array {
  // A UTF-16 unit takes three bytes at most.
  const bytes = new Uint8Array(Math.min(room, text.length * 3));
  return bytes.subarray(0, new TextEncoder().encodeInto(text, bytes).written);
}

/** No option where there is no text. */
function textOption(code: number, text: string | null): Option[] {
  return text === null ? [] : [{ code, value: encodeText(text) }];
}

function commentOptions(comments: readonly string[]): Option[] {
  return comments.flatMap((comment) => textOption(commonOption.comment, comment));
}

/** A number as an option of 8 bytes; no option where it is not known. */
function counterOption(code: number, count: number | null): Option[] {
  if (count === null) return [];
  const value = new Uint8Array(BigUint64Array.BYTES_PER_ELEMENT);
  new DataView(value.buffer).setBigUint64(0, BigInt(count), true);
  return [{ code, value }];
}

const noNotes = { hardware: null, operatingSystem: null, comments: [] };

/** A section header that names the program that writes the file (`nettrace 0.1.0`), and says what is known of the capture. */
export function sectionHeaderBlock(
  application: string,
  { hardware, operatingSystem, comments }: Omit<SectionNotes, 'application'> = noNotes,
): Uint8Array {
  const options = encodeOptions([
    ...textOption(sectionOption.hardware, hardware),
    ...textOption(sectionOption.operatingSystem, operatingSystem),
    ...textOption(sectionOption.application, application),
    ...commentOptions(comments),
  ]);
  const { block, data } = newBlock(blockType.section, sectionBody.options + options.length);
  data.setUint32(blockHead + sectionBody.byteOrder, byteOrderMagic, true);
  data.setUint16(blockHead + sectionBody.major, 1, true);
  data.setUint16(blockHead + sectionBody.minor, 0, true);
  data.setBigUint64(blockHead + sectionBody.sectionLength, unknownSectionLength, true);
  block.set(options, blockHead + sectionBody.options);
  return block;
}

const textFilter = 0;

function interfaceOptions({ description, filter, hardwareAddress, bitsPerSecond, comments }: InterfaceNotes): Option[] {
  const options = textOption(interfaceOption.description, description);
  if (filter !== null) {
    const value = concat(Uint8Array.of(textFilter), encodeText(filter, longestOption - 1));
    options.push({ code: interfaceOption.filter, value });
  }
  if (hardwareAddress !== null) {
    const value = Uint8Array.from(hardwareAddress.split(':'), (pair) => Number.parseInt(pair, 16));
    options.push({ code: interfaceOption.hardwareAddress, value });
  }
  return [...options, ...counterOption(interfaceOption.speed, bitsPerSecond), ...commentOptions(comments)];
}

const nanosecondsPerSecond = 1_000_000_000n;
const largestTime = 2n ** 64n - 1n;

/**
 * Seconds that the time stamps of these frames are to be counted from: 0 (1970) unless a time lies before it, or too far
 * behind it for 64 bits of nanoseconds.
 */
export function timeOffsetFor(frames: Iterable<Pick<Frame, 'timeNs'>>): bigint {
  let [earliest, latest] = [largestTime, 0n];
  for (const { timeNs } of frames) {
    if (timeNs < earliest) earliest = timeNs;
    if (timeNs > latest) latest = timeNs;
  }
  if (earliest >= 0n && latest <= largestTime) return 0n;
  // Division rounds towards zero, and the offset must not be above the earliest.
  return BigInt.asIntN(64, earliest / nanosecondsPerSecond - 1n);
}

/**
 * An interface whose packets have nanosecond time stamps and no snap length.
 *
 * @param place Gives its name, which is left out of the file when empty, and cut at 65,535 bytes.
 * @param linkType libpcap's number: 1 is Ethernet.
 * @param offsetSeconds Its time stamps count from so many seconds after 1970.
 */
export function interfaceBlock(
  place: InterfacePlace,
  linkType: number,
  offsetSeconds = 0n,
  notes?: InterfaceNotes,
): Uint8Array {
  const name = interfaceName(place);
  const resolution = { code: interfaceOption.timeResolution, value: Uint8Array.of(nanosecondResolution) };
  const all = [...textOption(interfaceOption.name, name === '' ? null : name), resolution];
  if (needsWholeName(place)) all.push({ code: interfaceOption.wholeName, value: new Uint8Array() });
  if (offsetSeconds !== 0n) {
    const value = new Uint8Array(BigInt64Array.BYTES_PER_ELEMENT);
    new DataView(value.buffer).setBigInt64(0, offsetSeconds, true);
    all.push({ code: interfaceOption.timeOffset, value });
  }
  const options = encodeOptions([...all, ...(notes === undefined ? [] : interfaceOptions(notes))]);
  const { block, data } = newBlock(blockType.interface, interfaceBody.options + options.length);
  data.setUint16(blockHead + interfaceBody.linkType, linkType, true);
  block.set(options, blockHead + interfaceBody.options);
  return block;
}

function flagsOption(flags: number | null): Option[] {
  if (flags === null) return [];
  const value = new Uint8Array(Uint32Array.BYTES_PER_ELEMENT);
  new DataView(value.buffer).setUint32(0, flags, true);
  return [{ code: packetOption.flags, value }];
}

function clamp(value: bigint, least: bigint, most: bigint): bigint {
  if (value < least) return least;
  return value > most ? most : value;
}

/** One frame; its bytes are copied. Its number is its place among the file's packets, not written. */
export function enhancedPacketBlock(
  { interfaceIndex, timeNs, originalLength, bytes, notes }: Omit<Frame, 'number'>,
  offsetSeconds = 0n,
): Uint8Array {
  const options =
    notes === undefined
      ? new Uint8Array(0)
      : encodeOptions([
          ...flagsOption(notes.flags),
          ...counterOption(packetOption.dropped, notes.dropped),
          ...commentOptions(notes.comments),
        ]);
  const afterBytes = enhancedBody.bytes + padded(bytes.length);
  const { block, data } = newBlock(blockType.enhancedPacket, afterBytes + options.length);
  const units = clamp(timeNs - offsetSeconds * nanosecondsPerSecond, 0n, largestTime);
  data.setUint32(blockHead + enhancedBody.interface, interfaceIndex, true);
  data.setUint32(blockHead + enhancedBody.timeHigh, Number(units >> 32n), true);
  data.setUint32(blockHead + enhancedBody.timeLow, Number(BigInt.asUintN(32, units)), true);
  data.setUint32(blockHead + enhancedBody.capturedLength, bytes.length, true);
  data.setUint32(blockHead + enhancedBody.originalLength, originalLength, true);
  block.set(bytes, blockHead + enhancedBody.bytes);
  block.set(options, blockHead + afterBytes);
  return block;
}

/** An interface's counts, from the beginning of the capture on; without a time, which the block's own field leaves at 0. */
export function interfaceStatisticsBlock(
  interfaceIndex: number,
  { received, dropped }: Pick<InterfaceNotes, 'received' | 'dropped'>,
): Uint8Array {
  const options = encodeOptions([
    ...counterOption(statisticsOption.received, received),
    ...counterOption(statisticsOption.droppedByInterface, dropped),
  ]);
  const { block, data } = newBlock(blockType.interfaceStatistics, statisticsBody.options + options.length);
  data.setUint32(blockHead + statisticsBody.interface, interfaceIndex, true);
  block.set(options, blockHead + statisticsBody.options);
  return block;
}

const nameRecord: Readonly<Record<4 | 6, { code: number; length: number }>> = {
  4: { code: 1, length: ipv4Length },
  6: { code: 2, length: ipv6Length },
};

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** The names of some addresses; what is no address is left out. */
export function nameResolutionBlock(addressNames: readonly AddressNames[]): Uint8Array {
  const records = addressNames.flatMap(({ address, names }): Option[] => {
    const parsed = parseAddress(address);
    if (parsed === null) return [];
    const { code, length } = nameRecord[parsed.family];
    const bytes = Uint8Array.from({ length }, (_item, index) =>
      Number((parsed.value >> BigInt(8 * (length - 1 - index))) & 0xffn),
    );
    const text = encodeText(names.map((name) => `${name}\0`).join(''), longestOption - length);
    return [{ code, value: concat(bytes, text) }];
  });
  // Records are laid out as options are, with the same end.
  return rawBlock(blockType.nameResolution, encodeOptions(records));
}

/** A block of any type; the body is padded with zeros to a multiple of 4 bytes. */
export function rawBlock(type: number, body: Uint8Array): Uint8Array {
  const { block } = newBlock(type, body.length);
  block.set(body, blockHead);
  return block;
}
