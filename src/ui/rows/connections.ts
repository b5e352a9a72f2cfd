/**
 * The connections pane: one connection a row while both addresses fit, else two or three rows each. Addresses are never
 * cut; names give way first.
 */

import type { ConnectionDiagnosis, Endpoint } from '../../diagnose/diagnosis.ts';
import type { CaseView } from '../case-view.ts';
import type { Line, Rows, Span } from '../line.ts';
import { plain, windowStart } from '../line.ts';
import type { NamedConnection } from '../selection.ts';
import { cells, cut, fit, printable } from '../text.ts';
import { badge, certaintyMarks, endpointText, outcomeEmphasis, placeText } from './words.ts';

/** Cells that each column would take. */
interface Columns {
  readonly badge: number;
  readonly sourceName: number;
  readonly source: number;
  readonly destinationName: number;
  readonly destination: number;
}

const protocolWidth = 4;

/** A name cut shorter than this says nothing. */
const shortestName = 4;

const measured = new WeakMap<readonly NamedConnection[], Columns>();

const sourceName = (end: Endpoint): string => printable(end.netns ?? end.name ?? '');
const destinationName = (end: Endpoint): string => printable(end.name ?? end.netns ?? '');

/** Measured once a case: a capture may hold ten thousand connections. */
function columnsOf(connections: readonly NamedConnection[]): Columns {
  const known = measured.get(connections);
  if (known) return known;
  const columns = { badge: 0, sourceName: 0, source: 0, destinationName: 0, destination: 0 };
  for (const { connection } of connections) {
    columns.badge = Math.max(columns.badge, badge(connection.outcome).length);
    columns.sourceName = Math.max(columns.sourceName, cells(sourceName(connection.source)));
    columns.source = Math.max(columns.source, cells(endpointText(connection.source)));
    columns.destinationName = Math.max(columns.destinationName, cells(destinationName(connection.destination)));
    columns.destination = Math.max(columns.destination, cells(endpointText(connection.destination)));
  }
  measured.set(connections, columns);
  return columns;
}

const headWidth = (columns: Columns): number => 2 + columns.badge + 3 + protocolWidth + 1;

/** Rows that each connection takes at this width. */
export function rowsEach(connections: readonly NamedConnection[], width: number): 1 | 2 | 3 {
  const columns = columnsOf(connections);
  const room = width - headWidth(columns);
  if (columns.source + columns.destination + 3 <= room) return 1;
  return Math.max(columns.source, columns.destination + 2) <= room ? 2 : 3;
}

/** Divides `room` between two names, neither getting more than it wants nor too little to say anything. */
function shareNames(room: number, first: number, second: number): readonly [number, number] {
  const telling = (share: number, wish: number): number => (share < Math.min(wish, shortestName + 1) ? 0 : share);
  const one = telling(Math.min(first, Math.max(Math.floor(room / 2), room - second)), first);
  return [one, telling(Math.min(second, room - one), second)];
}

/** `NAME ADDRESS` in `width` cells; the address whole, the name in what is left. */
function named(name: string, address: string, width: number): string {
  const room = width - cells(address) - 1;
  return name === '' || room < Math.min(shortestName, cells(name)) ? address : `${cut(name, room)} ${address}`;
}

function endedAt({ where }: ConnectionDiagnosis): string {
  return where ? `at ${placeText(where.netns, where.device, 40)} ${where.stage}` : '';
}

function head(connection: ConnectionDiagnosis, columns: Columns, selected: boolean): Span[] {
  const { outcome, certainty, protocol } = connection;
  return [
    { text: selected ? '> ' : '  ' },
    { text: fit(badge(outcome), columns.badge), emphasis: outcomeEmphasis(outcome) },
    { text: ` ${certaintyMarks[certainty]} ${fit(protocol, protocolWidth)} ` },
  ];
}

function oneRow(connection: ConnectionDiagnosis, columns: Columns, width: number, selected: boolean): Line[] {
  const { source, destination } = connection;
  const spare = width - headWidth(columns) - columns.source - columns.destination - 3;
  const [fromName, toName] = shareNames(
    spare,
    columns.sourceName && columns.sourceName + 1,
    columns.destinationName && columns.destinationName + 1,
  );
  const from = fit(
    named(sourceName(source), endpointText(source), columns.source + fromName),
    columns.source + fromName,
  );
  const toWidth = columns.destination + toName;
  const to = fit(named(destinationName(destination), endpointText(destination), toWidth), toWidth);
  const left = spare - fromName - toName - 2;
  const end = left >= 12 ? `  ${cut(endedAt(connection), left)}` : '';
  return [{ selected, spans: [...head(connection, columns, selected), { text: `${from} > ${to}${end}`.trimEnd() }] }];
}

function severalRows(
  connection: ConnectionDiagnosis,
  columns: Columns,
  width: number,
  selected: boolean,
  each: 2 | 3,
): Line[] {
  const { source, destination } = connection;
  const top = head(connection, columns, selected);
  const indent = each === 2 ? headWidth(columns) : 4;
  const from = named(sourceName(source), endpointText(source), width - indent);
  const to = named(destinationName(destination), endpointText(destination), width - indent);
  const last: Line = { selected, spans: [{ text: `${' '.repeat(indent - 2)}> ${to}` }] };
  if (each === 2) return [{ selected, spans: [...top, { text: from }] }, last];
  const where = cut(endedAt(connection), width - headWidth(columns));
  return [{ selected, spans: [...top, { text: where }] }, { selected, spans: [{ text: `    ${from}` }] }, last];
}

/** What a list without connections says. */
function whyEmpty({ live }: Pick<CaseView, 'live'>): string {
  if (live === null) return 'No connections. Press 2 to look at the frames.';
  const isDeaf = live.interfaces.length > 0 && !live.interfaces.some(({ captured }) => captured);
  return isDeaf ? 'Nothing is captured. Press 3 to choose an interface.' : 'No connections yet.';
}

/** The visible connections of a view, `selectedIndex` among them. */
export function connectionRows(
  view: Pick<CaseView, 'live'>,
  connections: readonly NamedConnection[],
  selectedIndex: number,
  width: number,
  height: number,
): Rows {
  if (connections.length === 0) return { lines: [plain(cut(`  ${whyEmpty(view)}`, width))], length: 1, offset: 0 };
  const columns = columnsOf(connections);
  const each = rowsEach(connections, width);
  const fitting = Math.max(1, Math.floor(height / each));
  const offset = windowStart(connections.length, fitting, selectedIndex);
  const lines = connections.slice(offset, offset + fitting).flatMap(({ connection }, index) => {
    const selected = offset + index === selectedIndex;
    return each === 1
      ? oneRow(connection, columns, width, selected)
      : severalRows(connection, columns, width, selected, each);
  });
  return { lines: lines.slice(0, height), length: connections.length, offset };
}
