/** What every JSON text of nettrace has in common. */

import type { ConnectionDiagnosis, DiagnosisHead } from '../diagnose/diagnosis.ts';
import { unsafeCharacters } from './escape.ts';
import type { Lesson } from './teach.ts';

/** RFC 8259, section 7: a character beyond the basic plane is two escapes, its surrogates. */
function escapes(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** JSON text in which whatever a terminal would act on stands as `\u` escapes. */
export function escapeJson(json: string): string {
  // JSON.stringify has escaped the controls below 0x20; a line feed left over is its own indentation.
  return json.replace(unsafeCharacters, (character) => (character === '\n' ? character : escapes(character)));
}

/** One document, indented, with a final line feed. What a terminal would act on stands as `\u` escapes. */
export function formatJson(document: { readonly schema: string }): string {
  return `${escapeJson(JSON.stringify(document, null, 2))}\n`;
}

/** Between the connections of a document and around them, as `JSON.stringify` would set them. */
const connectionIndent = '\n    ';

/** Where the connections of a document stand: no text in it has a line of its own that begins so. */
const connectionsStart = '\n  "connections": [';

/**
 * What `formatJson` makes of a diagnosis, in pieces: its connections are asked for one by one.
 *
 * @param teach What its words mean, behind the connections; null to leave that out.
 */
export function* diagnosisJson(
  head: DiagnosisHead,
  connections: Iterable<ConnectionDiagnosis>,
  teach: readonly Lesson[] | null = null,
): Generator<string> {
  const document = { ...head, connections: [], ...(teach && { teach }) };
  const empty = formatJson(document);
  const place = empty.indexOf(connectionsStart) + connectionsStart.length;
  yield empty.slice(0, place);
  let isFirst = true;
  for (const connection of connections) {
    const json = JSON.stringify(connection, null, 2).replaceAll('\n', connectionIndent);
    yield `${isFirst ? '' : ','}${connectionIndent}${escapeJson(json)}`;
    isFirst = false;
  }
  yield `${isFirst ? '' : '\n  '}${empty.slice(place)}`;
}
