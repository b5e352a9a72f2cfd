/** Routing table numbers and names, see ip-route(8). */

import { routingTable } from '../route-numbers.ts';
import { asInteger, asText } from './json.ts';

/** The kernel's own tables. */
const kernelTables: ReadonlyMap<string, number> = new Map(Object.entries(routingTable));

/** Table numbers by name, from the text of iproute2's files; the last of a name counts. */
export function parseTableNames(text: string): Map<string, number> {
  const names = new Map(kernelTables);
  for (const [, number, name] of text.matchAll(/^[ \t]*(\d{1,10}|0x[0-9a-f]{1,8})[ \t]+(\S+)/gim)) {
    if (name !== undefined) names.set(name, Number(number));
  }
  return names;
}

/** A table as `ip` prints it: a name, or a number without one. Null for a name that nobody explains. */
export function tableNumber(value: unknown, names: ReadonlyMap<string, number>): number | null {
  const text = asText(value) ?? 'main';
  return names.get(text) ?? asInteger(text);
}
