/** Collections of connections whose numbers have changed; those of before are the indices of `numbers`. */

import { none } from '../flow/connection-row.ts';

/** The same entries under their new numbers, in their order, without those that are gone. */
export function renumberedMap<T>(map: ReadonlyMap<number, T>, numbers: Int32Array): Map<number, T> {
  const renumbered = new Map<number, T>();
  for (const [before, value] of map) {
    const number = numbers[before] ?? none;
    if (number !== none) renumbered.set(number, value);
  }
  return renumbered;
}

/** The same connections under their new numbers, in their order, without those that are gone. */
export function renumberedList(ids: Iterable<number>, numbers: Int32Array): number[] {
  return [...ids].map((before) => numbers[before] ?? none).filter((number) => number !== none);
}

/** The same members under their new numbers, in their order, without those that are gone. */
export function renumberedSet(set: ReadonlySet<number>, numbers: Int32Array): Set<number> {
  return new Set(renumberedList(set, numbers));
}
