/** Why a capture file could not be read (to its end), and the sentence for it. */

/** What is wrong with a capture file. Everything before the damage has been handed out. */
export type CaptureFileError =
  | {
      readonly kind: 'not-a-capture';
      /** What the bytes look like, with an article: "a PDF document"; null when they look like nothing known. */
      readonly looksLike: string | null;
      /** The first bytes, at most a few, in hex: `89 50 4e 47`. */
      readonly begins: string;
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

/**
 * One line for people, without a full stop.
 *
 * @param compression What the capture was wrapped in (`gzip`): its offsets then count decompressed bytes, and the line
 *   says so.
 */
export function describeCaptureError(error: CaptureFileError, compression: string | null = null): string {
  const inside = compression === null ? '' : ` inside the ${compression} compression`;
  if (error.kind === 'unsupported') return `this is ${error.what}${inside}, which nettrace does not read`;
  if (error.kind === 'damaged') {
    const where = compression === null ? '' : ' of the decompressed data';
    return `damaged at byte ${error.offset}${where}: expected ${error.expected}, found ${error.found}`;
  }
  if (error.begins === '') return `not a pcap or pcapng capture${inside}: it is empty`;
  const { looksLike, begins } = error;
  const looks = looksLike === null ? `: it begins with bytes ${begins}` : `, it looks like ${looksLike}`;
  return `not a pcap or pcapng capture${inside}${looks}`;
}
