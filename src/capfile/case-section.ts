/**
 * The blocks of nettrace's own in a case file: a header, then JSON. A section too large for one block is cut into parts
 * that follow one another. docs/case-file.md is the reference.
 */

import { rawBlock } from './pcapng-writer.ts';
import { openedBrackets } from './shape.ts';

/** A pcapng block type reserved for local use (most significant bit set): other programs skip it. "nt" in its low half. */
export const caseBlockType = 0x80006e74;

/** The version that is written, and the newest that is read. */
export const formatVersion = 1;

/** What a section holds. */
export const sectionKind = { session: 1, snapshot: 2, namespace: 3, kernelLines: 4, ruleTrace: 5 } as const;

/** Local-use types are anybody's: this tells our blocks from others'. */
const magic = new TextEncoder().encode('nettrace');
const at = { version: magic.length, kind: 10, part: 12, parts: 14, length: 16, json: 20 };

/** Bytes of JSON in one block, well below what readers take for damage. */
const largestPart = 4 * 1024 * 1024;

/** Bytes of JSON in one section: the longest is a namespace with huge firewall tables, some MB. */
export const largestSection = 64 * 1024 * 1024;

/** Each bracket becomes an object; a section full of them would cost many times its size. */
const mostBrackets = 1_000_000;

/** One part of a section, as a block holds it. */
export interface SectionPart {
  readonly version: number;
  readonly kind: number;
  /** From 0. */
  readonly part: number;
  readonly parts: number;
  /** Borrowed from the block's body. */
  readonly json: Uint8Array;
}

/** Nanoseconds are written as decimal text: JSON's numbers are doubles, too short for them. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
}

/**
 * The blocks of one section.
 *
 * @throws RangeError when the JSON is larger than readers take (64 MiB).
 */
export function* encodeSection(kind: number, value: unknown): Generator<Uint8Array> {
  const json = new TextEncoder().encode(toJson(value));
  if (json.length > largestSection) {
    throw new RangeError(`a section of a case file holds at most ${largestSection} bytes, this one has ${json.length}`);
  }
  const parts = Math.max(1, Math.ceil(json.length / largestPart));
  for (let part = 0; part < parts; part++) {
    const piece = json.subarray(part * largestPart, (part + 1) * largestPart);
    const body = new Uint8Array(at.json + piece.length);
    const data = new DataView(body.buffer);
    body.set(magic);
    data.setUint16(at.version, formatVersion, true);
    data.setUint16(at.kind, kind, true);
    data.setUint16(at.part, part, true);
    data.setUint16(at.parts, parts, true);
    data.setUint32(at.length, piece.length, true);
    body.set(piece, at.json);
    yield rawBlock(caseBlockType, body);
  }
}

/** Reads a block's body; null when it is not nettrace's. A length beyond the body is cut to it. */
export function decodeSectionPart(body: Uint8Array): SectionPart | null {
  if (body.length < at.version + 2 || !magic.every((byte, index) => body[index] === byte)) return null;
  const data = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const version = data.getUint16(at.version, true);
  // A newer version may lay out the rest differently.
  if (version > formatVersion || body.length < at.json) {
    return { version, kind: 0, part: 0, parts: 0, json: new Uint8Array(0) };
  }
  return {
    version,
    kind: data.getUint16(at.kind, true),
    part: data.getUint16(at.part, true),
    parts: data.getUint16(at.parts, true),
    json: body.subarray(at.json, at.json + data.getUint32(at.length, true)),
  };
}

/** JSON within bounds, parsed; or a clause that says what is wrong with it. */
export function parseBoundedJson(bytes: Uint8Array): { readonly value: unknown } | { readonly problem: string } {
  // Each one is closed again: shorter text cannot hold so many.
  const brackets = bytes.length > 2 * mostBrackets ? openedBrackets(bytes) : 0;
  if (brackets > mostBrackets) return { problem: `its JSON has ${brackets} parts, at most ${mostBrackets} are read` };
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch {
    return { problem: 'it is not JSON' };
  }
}
