/** Names what is no capture for what it is, by its first bytes: the extension of a file tells nothing. */

import type { CaptureFileError } from './capture-error.ts';

/** Bytes from the start of a file that tell every kind that is known here; a tar's signature is the farthest. */
export const headLength = 512;

/** A file format: what stands where, and what it is. */
interface Signature {
  readonly name: string;
  /** Bytes, as Latin-1 text. */
  readonly bytes: string;
  readonly offset?: number;
}

const signatures: readonly Signature[] = [
  { bytes: '\x1f\x8b', name: 'a gzip file' },
  { bytes: '\x28\xb5\x2f\xfd', name: 'a zstd file' },
  { bytes: '\xfd7zXZ\0', name: 'an xz file (decompress it first)' },
  { bytes: 'BZh', name: 'a bzip2 file (decompress it first)' },
  { bytes: '\x04\x22\x4d\x18', name: 'an lz4 file (decompress it first)' },
  { bytes: 'PK\x03\x04', name: 'a zip file (unpack it first)' },
  { bytes: '7z\xbc\xaf\x27\x1c', name: 'a 7z file (unpack it first)' },
  { bytes: 'ustar', offset: 257, name: 'a tar file (unpack it first)' },
  { bytes: '\x7fELF', name: 'an ELF program' },
  { bytes: '%PDF', name: 'a PDF document' },
  { bytes: '\x89PNG\r\n\x1a\n', name: 'a PNG image' },
  { bytes: '\xff\xd8\xff', name: 'a JPEG image' },
  { bytes: 'snoop\0\0\0', name: 'a snoop capture (convert it with editcap)' },
  { bytes: 'btsnoop\0', name: 'a Bluetooth snoop capture' },
  { bytes: 'iptrace ', name: 'an AIX iptrace capture (convert it with editcap)' },
  { bytes: 'GMBU', name: 'a Microsoft Network Monitor 2 capture (convert it with editcap)' },
  { bytes: 'RTSS', name: 'a Microsoft Network Monitor 1 capture (convert it with editcap)' },
  { bytes: 'TRSNIFF data', name: 'a Sniffer capture (convert it with editcap)' },
  { bytes: 'XCP\0', name: 'a NetXRay or Sniffer capture (convert it with editcap)' },
  { bytes: 'version https://git-lfs.github.com/spec/', name: 'a Git LFS pointer, not the file itself (git lfs pull)' },
  { bytes: '/annex/objects/', name: 'a git-annex pointer, not the file itself (git annex get)' },
  { bytes: '../.git/annex/objects/', name: 'a git-annex pointer, not the file itself (git annex get)' },
];

function hasSignature(head: Uint8Array, { bytes, offset = 0 }: Signature): boolean {
  if (head.length < offset + bytes.length) return false;
  for (let index = 0; index < bytes.length; index++) {
    if (head[offset + index] !== bytes.charCodeAt(index)) return false;
  }
  return true;
}

function view(head: Uint8Array): DataView {
  return new DataView(head.buffer, head.byteOffset, head.byteLength);
}

/** An ERF record header (Endace): the time's seconds, type, length of the record, length on the wire. */
const erf = { seconds: 4, type: 8, recordLength: 10, wireLength: 14, length: 16 };
const erfTypeMask = 0x7f;
const erfLargestType = 48;
/** Padding and extension headers that a record may have beyond its packet. */
const erfSlack = 64;
const year2000 = 946_684_800;

/** An ERF record has no signature: a plausible type, time, record length and wire length are all there is to go by. */
function looksLikeErf(head: Uint8Array): boolean {
  if (head.length < erf.length) return false;
  const data = view(head);
  const type = data.getUint8(erf.type) & erfTypeMask;
  const recordLength = data.getUint16(erf.recordLength);
  return (
    type > 0 &&
    type <= erfLargestType &&
    recordLength >= erf.length &&
    recordLength <= data.getUint16(erf.wireLength) + erfSlack &&
    data.getUint32(erf.seconds, true) > year2000
  );
}

/**
 * An event trace log of Windows: a WMI_BUFFER_HEADER, then a SYSTEM_TRACE_HEADER (of 32 or 64 bits) whose last byte has
 * TRACE_HEADER_FLAG and TRACE_HEADER_EVENT_TRACE.
 */
const etl = { bufferSize: 0, savedOffset: 4, headerType: 74, headerFlags: 75, length: 76 };
const etlFlags = 0xc0;
const etlHeaderTypes: ReadonlySet<number> = new Set([1, 2]);
const etlLargestBuffer = 1024 * 1024 * 16;

function looksLikeEtl(head: Uint8Array): boolean {
  if (head.length < etl.length) return false;
  const data = view(head);
  const bufferSize = data.getUint32(etl.bufferSize, true);
  return (
    bufferSize >= etl.length &&
    bufferSize <= etlLargestBuffer &&
    data.getUint32(etl.savedOffset, true) <= bufferSize &&
    etlHeaderTypes.has(data.getUint8(etl.headerType)) &&
    data.getUint8(etl.headerFlags) === etlFlags
  );
}

const blanks: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d]);

/** UTF-8 (the last character may be cut) without control characters other than blanks and line ends; null when it is none. */
function textOf(head: Uint8Array): string | null {
  if (head.some((byte) => byte === 0x7f || (byte < 0x20 && !blanks.has(byte)))) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
  } catch {
    return null;
  }
}

function nameText(text: string): string {
  const start = text.trimStart();
  if (/^<(?:!doctype html|html|head)\b/i.test(start)) return 'an HTML page';
  if (start.startsWith('<?xml')) return 'an XML document';
  if (!/^(?:\{\s*["}]|\[\s*["[{\]\d-])/.test(start)) return 'text';
  if (start.includes('"takenNs"')) return "a snapshot of a host's state by nettrace, not a capture (JSON)";
  if (/"schema"\s*:\s*"nettrace\.diagnosis\//.test(start)) return 'a diagnosis by nettrace, not a capture (JSON)';
  return 'JSON';
}

function recognise(head: Uint8Array): string | null {
  const known = signatures.find((signature) => hasSignature(head, signature));
  if (known !== undefined) return known.name;
  const text = textOf(head);
  if (text !== null) return nameText(text);
  if (looksLikeErf(head)) return 'an ERF capture (convert it with editcap)';
  return looksLikeEtl(head) ? 'an event trace log of Windows (convert it with etl2pcapng)' : null;
}

const shownBytes = 8;

/** Says what the first bytes of a file (`headLength`, or all) look like, when they are no capture's. */
export function notACapture(head: Uint8Array): CaptureFileError {
  const shown = Array.from(head.subarray(0, shownBytes), (byte) => byte.toString(16).padStart(2, '0'));
  return { kind: 'not-a-capture', looksLike: recognise(head), begins: shown.join(' ') };
}
