/** The diagnosis as JSON. */

import type { Diagnosis } from '../diagnose/diagnosis.ts';
import { unsafeCharacters } from './escape.ts';

/** One document, indented, with a final line feed. What a terminal would act on stands as `\u` escapes. */
export function formatJson(diagnosis: Diagnosis): string {
  const text = JSON.stringify(diagnosis, null, 2);
  // JSON.stringify has escaped the controls below 0x20; a line feed left over is its own indentation.
  return `${text.replace(unsafeCharacters, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )}\n`;
}
