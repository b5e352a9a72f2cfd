/** The help: how to read the screen, and the key table. */

import type { Certainty } from '../../diagnose/diagnosis.ts';
import { bindings, shownContext, shownKey } from '../keymap.ts';
import type { Line } from '../line.ts';
import { line, plain } from '../line.ts';
import { cut, fit, wrap } from '../text.ts';
import { certaintyMarks, certaintyMeanings } from './words.ts';

const certainties: readonly Certainty[] = ['proven', 'observed', 'inferred'];

const signs: readonly (readonly [string, string])[] = [
  ...certainties.map(
    (certainty) => [certaintyMarks[certainty], `${certainty}: ${certaintyMeanings[certainty]}`] as const,
  ),
  ['X', 'the hop where the connection ended'],
  ['-> <-', 'hops of the request, hops of the reply'],
  ['*', 'a frame that is evidence for a hop'],
  ['m', 'behind the number of a frame: it is marked'],
  ['> <', 'in a stream: sent by the client, by the server; >~ <~ go on with the line above'],
  ['+ -', 'a layer that is closed, or open'],
  ['[ ]', 'the bytes of the selected field'],
  ['>', 'the selected row; the pane that keys act on has a rule of ='],
  ['~', 'at the end of a text: it was cut'],
];

const keysWidth = 17;
const contextWidth = 14;
const signWidth = 6;

/** All rows of the help at this width. */
export function helpLines(width: number): Line[] {
  return [
    line('Keys', 'strong'),
    ...bindings.map((binding) => {
      const keys = fit(binding.keys.map(shownKey).join(', '), keysWidth);
      return plain(cut(`  ${keys} ${fit(shownContext(binding), contextWidth)} ${binding.help}`, width));
    }),
    plain(''),
    line('Signs', 'strong'),
    ...signs.flatMap(([sign, meaning]) =>
      wrap(`  ${fit(sign, signWidth)} ${meaning}`, width, signWidth + 3).map((text) => plain(text)),
    ),
  ];
}
