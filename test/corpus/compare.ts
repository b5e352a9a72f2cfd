/** Holds what nettrace reads from a capture against tshark's reading, field by field. */
import type { Case, Frame } from '../../src/case/evidence.ts';
import { dissect } from '../../src/wire/dissect.ts';
import type { Dissection, Field } from '../../src/wire/layer.ts';
import type { Truth, TruthRow } from './truth.ts';

/** A value that differs. */
export interface Difference {
  /** Counts from 1, as nettrace numbers frames. */
  readonly frame: number;
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** What the comparison of a capture gave. */
export interface Comparison {
  readonly differences: readonly Difference[];
  /** Fields that both sides could read, and those of them with equal values. */
  readonly compared: number;
  readonly equal: number;
  /** Protocols at which nettrace's reading ended while tshark's went on, with the number of fields beyond them. */
  readonly notDecoded: ReadonlyMap<string, number>;
  /** Names of the fields that nettrace read in these frames. */
  readonly read: ReadonlySet<string>;
}

/** Fields that tshark prints in hex, with their digits. */
const hexDigits: ReadonlyMap<string, number> = new Map([
  ['ip.id', 4],
  ['tcp.flags', 4],
  ['dns.id', 4],
]);

function printed({ name, value }: Field): string {
  const digits = hexDigits.get(name);
  return digits === undefined ? String(value) : `0x${value.toString(16).padStart(digits, '0')}`;
}

function valuesOf(dissection: Dissection): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const field of dissection.layers.flatMap(({ fields }) => fields)) {
    const found = values.get(field.name);
    if (found === undefined) values.set(field.name, [printed(field)]);
    else found.push(printed(field));
  }
  return values;
}

function startsWith(whole: readonly string[], start: readonly string[]): boolean {
  return start.length <= whole.length && start.every((value, index) => value === whole[index]);
}

/** The first protocol of tshark's stack that nettrace did not read; null when it read them all. */
function firstNotDecoded({ protocols }: TruthRow, { layers }: Dissection): string | null {
  // tshark counts EtherTypes, and each IPv6 extension header, as a protocol of its own.
  const stack = protocols.filter((name) => name !== 'ethertype' && !name.startsWith('ipv6.'));
  const ours = layers.filter(({ protocol }) => protocol !== 'data').map(({ protocol }) => protocol);
  return stack.find((name, index) => name !== ours[index]) ?? null;
}

function dissectFrame({ interfaces }: Case, { bytes, interfaceIndex, originalLength }: Frame): Dissection {
  return dissect(bytes, interfaces[interfaceIndex]?.linkType ?? -1, originalLength);
}

/**
 * Compares the frames of a case with the truth, as far as the truth goes.
 *
 * @param notDecoded Protocols that nettrace does not decode: fields beyond them are counted apart.
 */
export function compare(evidence: Case, truth: Truth, notDecoded: ReadonlySet<string>): Comparison {
  const differences: Difference[] = [];
  const beyond = new Map<string, number>();
  const read = new Set<string>();
  let compared = 0;
  let equal = 0;

  const check = (frame: number, field: string, expected: string, found: string): void => {
    compared += 1;
    if (expected === found) equal += 1;
    else differences.push({ frame, field, expected, found });
  };

  for (const [index, row] of truth.rows.entries()) {
    const frame = evidence.frames[index];
    if (frame === undefined) break;
    check(frame.number, 'frame.len', String(row.length), String(frame.originalLength));
    check(frame.number, 'frame.cap_len', String(row.capturedLength), String(frame.bytes.length));
    check(frame.number, 'frame.time_epoch', String(row.timeNs), String(frame.timeNs));

    const dissection = dissectFrame(evidence, frame);
    const found = valuesOf(dissection);
    for (const name of found.keys()) read.add(name);
    const culprit = firstNotDecoded(row, dissection);
    for (const name of truth.columns) {
      const [theirs, ours] = [row.values.get(name) ?? [], found.get(name) ?? []];
      if (theirs.length === 0 && ours.length === 0) continue;
      const shorter = ours.length < theirs.length && startsWith(theirs, ours);
      if (shorter && culprit !== null && notDecoded.has(culprit)) {
        beyond.set(culprit, (beyond.get(culprit) ?? 0) + theirs.length - ours.length);
        // What was read before the end is equal, or it would be no start of the truth's list.
        if (ours.length > 0) check(frame.number, name, ours.join(','), ours.join(','));
      } else check(frame.number, name, theirs.join(','), ours.join(','));
    }
  }
  return { differences, compared, equal, notDecoded: beyond, read };
}
