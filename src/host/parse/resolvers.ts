/** The resolvers that a namespace's programs ask for names: resolv.conf(5). */

import { parseAddress } from '../../inet/address.ts';
import type { Sections } from './section.ts';

/** The C library asks no more of them (MAXNS). */
const mostAsked = 3;

/** Addresses, in the order in which they are asked; none when no resolver file was read. */
export function parseResolvers(sections: Sections): string[] {
  const [file] = sections.all((command) => /^cat \/.*resolv\.conf$/.test(command));
  const lines = file?.text.split('\n') ?? [];
  const named = lines.flatMap((line) => {
    const [, address = ''] = /^nameserver\s+(\S+)/.exec(line) ?? [];
    return parseAddress(address) === null ? [] : [address];
  });
  return named.slice(0, mostAsked);
}
