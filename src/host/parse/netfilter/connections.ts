/** The connection tracking table as `conntrack -L -o extended,id` prints it: conntrack(8). */

import { parseAddress } from '../../../inet/address.ts';
import type { ConnectionEntry, ConnectionTuple } from '../../netfilter.ts';
import { snapshotCommand } from '../../snapshot-commands.ts';
import { asInteger } from '../json.ts';
import type { Sections } from '../section.ts';

const beginning = /^ipv([46])\s+\d+\s+\S+\s+(\d{1,3})\s+(?:\d+\s+)?(?:([A-Z][A-Z0-9_]*)\s+)?(?=src=)/;

/** Packets of no zone do not find an entry of one: `zone=1`, or of one direction alone `zone-orig=1`, `zone-reply=1`. */
const otherZone = /\bzone(?:-orig|-reply)?=(?!0\b)/;

/** Names that occur once in each direction, in the order of the line. */
function tuples(line: string): [ConnectionTuple | null, ConnectionTuple | null] {
  const found = new Map<string, string[]>();
  for (const [, name = '', value = ''] of line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g)) {
    const values = found.get(name);
    if (values === undefined) found.set(name, [value]);
    else values.push(value);
  }
  const at = (index: number): ConnectionTuple | null => {
    const [source, destination] = [found.get('src')?.[index], found.get('dst')?.[index]];
    if (source === undefined || destination === undefined) return null;
    if (parseAddress(source) === null || parseAddress(destination) === null) return null;
    const port = (name: string): number | null => asInteger(found.get(name)?.[index] ?? null);
    return { source, destination, sourcePort: port('sport'), destinationPort: port('dport') };
  };
  return [at(0), at(1)];
}

function entryOf(command: string, line: string): ConnectionEntry | null {
  if (otherZone.test(line)) return null;
  const [, version, protocol, state = null] = beginning.exec(line) ?? [];
  const [original, reply] = tuples(line);
  if (version === undefined || original === null || reply === null) return null;
  return {
    family: version === '4' ? 4 : 6,
    protocol: Number(protocol),
    state,
    original,
    reply,
    unreplied: line.includes('[UNREPLIED]'),
    assured: line.includes('[ASSURED]'),
    mark: asInteger(/\bmark=(\d+)/.exec(line)?.[1] ?? null) ?? 0,
    listed: { command, text: line.trim() },
  };
}

/** The entries of what a command listed without those of connection zones; lines that are none are passed over. */
export function parseConnections(text: string, command: string = snapshotCommand.connections): ConnectionEntry[] {
  return text.split('\n').flatMap((line) => entryOf(command, line) ?? []);
}

/** The connections that a namespace tracks, as far as they were listed. */
export function trackedConnections(sections: Sections): ConnectionEntry[] {
  const commands = [snapshotCommand.connections, snapshotCommand.connections6];
  return commands.flatMap((command) => parseConnections(sections.optionalText(command) ?? '', command));
}
