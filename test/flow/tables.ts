/** Tables of connections built from frames. */
import { ConnectionTable } from '../../src/flow/connection-table.ts';
import { Sight } from '../../src/flow/sight.ts';
import { type ConnectionSummary, summarizeConnection } from '../../src/flow/summary.ts';
import { findTranslations } from '../../src/flow/translation.ts';
import { framesOf, type Sight as Seen, startNs } from './frames.ts';

/** The table of these frames, one millisecond apart. */
export function tableOf(sights: readonly (Seen | string)[]): ConnectionTable {
  const table = new ConnectionTable(7);
  const sight = new Sight();
  for (const { bytes, interfaceIndex, originalLength, number, timeNs } of framesOf(sights)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!sight.headers.read(view, 0, bytes.length, originalLength, 1)) continue;
    sight.timeNs = Number(timeNs - startNs);
    sight.point = interfaceIndex;
    sight.length = originalLength;
    sight.frame = number;
    table.add(sight);
  }
  return table;
}

/** The connections of these frames, those that NAT split as one. */
export function summariesOf(sights: readonly (Seen | string)[]): ConnectionSummary[] {
  const table = tableOf(sights);
  const translations = findTranslations(table);
  const later = new Set([...translations.values()].flat());
  const ids = Array.from({ length: table.rows.count }, (_, id) => id);
  return ids.filter((id) => !later.has(id)).map((id) => summarizeConnection(table, id, translations.get(id)));
}
