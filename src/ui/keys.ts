/**
 * Terminal input to key names.
 *
 * Ink hands over chunks: keys typed fast, or sent by a slow line, arrive as one string without flags (`jj\r`). Each
 * character is a key of its own here.
 */

import type { Key } from 'ink';

const flagNames = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'page-up'],
  ['pageDown', 'page-down'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  // Terminals send DEL for the Backspace key; forward delete means nothing here.
  ['delete', 'backspace'],
] as const satisfies readonly (readonly [keyof Key, string])[];

const controlNames: ReadonlyMap<string, string> = new Map([
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\t', 'tab'],
  ['\x1b', 'escape'],
  ['\b', 'backspace'],
  ['\x7f', 'backspace'],
  [' ', 'space'],
]);

function keyOfCharacter(character: string): string {
  const named = controlNames.get(character);
  if (named) return named;
  const code = character.charCodeAt(0);
  return code < 0x20 ? `ctrl+${String.fromCharCode(code + 0x60)}` : character;
}

/** The keys of one chunk of Ink's input, in order: `j`, `G`, `page-down`, `shift+tab`, `ctrl+c`. */
export function keysOf(input: string, flags: Key): string[] {
  if (flags.eventType === 'release') return [];
  if (flags.tab) return [flags.shift ? 'shift+tab' : 'tab'];
  const flagged = flagNames.find(([flag]) => flags[flag]);
  if (flagged) return [flagged[1]];
  if (flags.meta) return [];
  if (flags.ctrl) return [`ctrl+${input}`];
  return Array.from(input, keyOfCharacter);
}
