/**
 * Writes pcapng blocks, little-endian, one call a block (draft-ietf-opsawg-pcapng). The caller puts them in order: a
 * section header, then interfaces, then packets.
 */

import {
  blockHead,
  blockTail,
  blockType,
  byteOrderMagic,
  enhancedBody,
  interfaceBody,
  optionCode,
  optionLayout,
  padded,
  sectionBody,
} from './pcapng-format.ts';

/** "Not known", for a section that is written as it comes. */
const unknownSectionLength = 0xffffffffffffffffn;
const nanosecondResolution = 9;
const longestOption = 0xffff;

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

function optionsLength(options: readonly Option[]): number {
  if (options.length === 0) return 0;
  // The end-of-options option has a code and a length alone.
  let length: number = optionLayout.value;
  for (const { value } of options) length += optionLayout.value + padded(value.length);
  return length;
}

function putOptions(block: Uint8Array, start: number, options: readonly Option[]): void {
  const data = new DataView(block.buffer);
  let place = start;
  for (const { code, value } of options) {
    data.setUint16(place + optionLayout.code, code, true);
    data.setUint16(place + optionLayout.length, value.length, true);
    block.set(value, place + optionLayout.value);
    place += optionLayout.value + padded(value.length);
  }
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

/** Text as an option, cut to what an option holds. */
function textOption(code: number, text: string): Option {
  return { code, value: new TextEncoder().encode(text).subarray(0, longestOption) };
}

/** A section header that names the program that wrote the file: `nettrace 0.1.0`. */
export function sectionHeaderBlock(userApplication: string): Uint8Array {
  const options = [textOption(optionCode.userApplication, userApplication)];
  const { block, data } = newBlock(blockType.section, sectionBody.options + optionsLength(options));
  data.setUint32(blockHead + sectionBody.byteOrder, byteOrderMagic, true);
  data.setUint16(blockHead + sectionBody.major, 1, true);
  data.setUint16(blockHead + sectionBody.minor, 0, true);
  data.setBigUint64(blockHead + sectionBody.sectionLength, unknownSectionLength, true);
  putOptions(block, blockHead + sectionBody.options, options);
  return block;
}

/**
 * An interface whose packets have nanosecond time stamps and no snap length.
 *
 * @param name Left out of the file when empty, cut at 65,535 bytes.
 * @param linkType libpcap's number: 1 is Ethernet.
 */
export function interfaceBlock(name: string, linkType: number): Uint8Array {
  const options: Option[] = name === '' ? [] : [textOption(optionCode.interfaceName, name)];
  options.push({ code: optionCode.timeResolution, value: Uint8Array.of(nanosecondResolution) });
  const { block, data } = newBlock(blockType.interface, interfaceBody.options + optionsLength(options));
  data.setUint16(blockHead + interfaceBody.linkType, linkType, true);
  putOptions(block, blockHead + interfaceBody.options, options);
  return block;
}

/**
 * One frame; its bytes are copied.
 *
 * @param interfaceIndex Which of the section's interfaces, from 0.
 * @param timeNs Nanoseconds since 1970, UTC; the format holds 0 to 2^64 - 1.
 * @param originalLength Bytes on the wire.
 */
export function enhancedPacketBlock(
  interfaceIndex: number,
  timeNs: bigint,
  originalLength: number,
  bytes: Uint8Array,
): Uint8Array {
  const { block, data } = newBlock(blockType.enhancedPacket, enhancedBody.bytes + bytes.length);
  data.setUint32(blockHead + enhancedBody.interface, interfaceIndex, true);
  data.setUint32(blockHead + enhancedBody.timeHigh, Number(BigInt.asUintN(32, timeNs >> 32n)), true);
  data.setUint32(blockHead + enhancedBody.timeLow, Number(BigInt.asUintN(32, timeNs)), true);
  data.setUint32(blockHead + enhancedBody.capturedLength, bytes.length, true);
  data.setUint32(blockHead + enhancedBody.originalLength, originalLength, true);
  block.set(bytes, blockHead + enhancedBody.bytes);
  return block;
}

/** A block of any type; the body is padded with zeros to a multiple of 4 bytes. */
export function rawBlock(type: number, body: Uint8Array): Uint8Array {
  const { block } = newBlock(type, body.length);
  block.set(body, blockHead);
  return block;
}
