/** What every JSON text of nettrace has in common. */

import { unsafeCharacters } from './escape.ts';

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
