/** Why a capture file could not be read (to its end), and the sentence for it. */

/** What is wrong with a capture file. Everything before the damage has been handed out. */
export type CaptureFileError =
  | {
      readonly kind: 'not-a-capture';
      /** What the bytes look like, with an article: "a gzip file"; null when they look like nothing known. */
      readonly looksLike: string | null;
    }
  | {
      readonly kind: 'unsupported';
      /** What it is, to follow "this is": "pcap version 1.0". */
      readonly what: string;
    }
  | {
      readonly kind: 'damaged';
      /** Bytes from the start of the file to the record or block that is damaged. */
      readonly offset: number;
      readonly expected: string;
      readonly found: string;
    };

/** One line for people, without a full stop. */
export function describeCaptureError(error: CaptureFileError): string {
  if (error.kind === 'unsupported') return `this is ${error.what}, which nettrace does not read`;
  if (error.kind === 'damaged') {
    return `damaged at byte ${error.offset}: expected ${error.expected}, found ${error.found}`;
  }
  const looks = error.looksLike === null ? '' : `, it looks like ${error.looksLike}`;
  return `not a pcap or pcapng capture${looks}`;
}

const signatures: readonly (readonly [string, string])[] = [
  ['1f8b', 'a gzip file (decompress it first)'],
  ['28b52ffd', 'a zstd file (decompress it first)'],
  ['fd377a58', 'an xz file (decompress it first)'],
  ['425a68', 'a bzip2 file (decompress it first)'],
  ['504b0304', 'a zip file'],
  ['7f454c46', 'an ELF program'],
  ['25504446', 'a PDF document'],
  ['736e6f6f70000000', 'a snoop capture (convert it with editcap)'],
];

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
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const type = view.getUint8(erf.type) & erfTypeMask;
  const recordLength = view.getUint16(erf.recordLength);
  return (
    type > 0 &&
    type <= erfLargestType &&
    recordLength >= erf.length &&
    recordLength <= view.getUint16(erf.wireLength) + erfSlack &&
    view.getUint32(erf.seconds, true) > year2000
  );
}

const blanks: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d]);

/** UTF-8 (the last character may be cut) without control characters other than blanks and line ends. */
function looksLikeText(head: Uint8Array): boolean {
  if (head.some((byte) => byte === 0x7f || (byte < 0x20 && !blanks.has(byte)))) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Says what the first bytes of a file (some dozens) look like, when they are no capture's. */
export function notACapture(head: Uint8Array): CaptureFileError {
  const hex = [...head].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const [, known = null] = signatures.find(([signature]) => hex.startsWith(signature)) ?? [];
  let looksLike: string | null = null;
  if (head.length === 0) looksLike = 'an empty file';
  else if (known !== null) looksLike = known;
  else if (looksLikeText(head)) looksLike = 'text';
  else if (looksLikeErf(head)) looksLike = 'an ERF capture (convert it with editcap)';
  return { kind: 'not-a-capture', looksLike };
}
