/** The kernel's IP sets as `ipset save` prints them: ipset(8). */

import { prefixRange } from '../../../inet/address.ts';
import type { SetElement } from '../../netfilter.ts';
import { valueOf } from './values.ts';

/** Types of one part, an address or a network. Of others the elements are not read. */
const addressTypes: ReadonlySet<string> = new Set(['hash:ip', 'hash:net', 'bitmap:ip']);

/** With these an element stands for more addresses than the one that is printed. */
const masks: ReadonlySet<string> = new Set(['netmask', 'bitmask']);

/** `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`. */
function elementOf(text: string): SetElement | null {
  const [address = '', length] = text.split('/');
  if (length !== undefined) {
    const interval = /^\d+$/.test(length) ? prefixRange(address, Number(length)) : null;
    return interval === null ? null : { key: [interval], data: null };
  }
  const [low, high = low] = text.split('-').map((end) => valueOf(end, null));
  return typeof low === 'bigint' && typeof high === 'bigint' ? { key: [{ low, high }], data: null } : null;
}

/**
 * The sets of addresses by name. One that is of another type, masks addresses, or has an element that is not understood, is
 * left out: what it holds is not known.
 */
export function parseIpsets(save: string): Map<string, readonly SetElement[]> {
  const sets = new Map<string, SetElement[]>();
  for (const line of save.split('\n')) {
    const [command, name = '', what = '', ...options] = line.trim().split(' ');
    if (command === 'create' && addressTypes.has(what) && !options.some((option) => masks.has(option))) {
      sets.set(name, []);
    }
    if (command !== 'add') continue;
    // `nomatch` takes an element out of a larger one.
    const element = options.includes('nomatch') ? null : elementOf(what);
    if (element === null) sets.delete(name);
    else sets.get(name)?.push(element);
  }
  return sets;
}
