import { expect, test } from 'vitest';
import type { ColourChoice, ColourLevel } from '../../src/ui/colour.ts';
import { colourLevel } from '../../src/ui/colour.ts';

test.each<[ColourChoice, { NO_COLOR?: string; FORCE_COLOR?: string }, ColourLevel, ColourLevel]>([
  ['auto', {}, 2, 2],
  ['auto', { NO_COLOR: '1' }, 2, 0],
  ['auto', { NO_COLOR: '' }, 2, 2],
  ['auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, 1, 1],
  ['always', { NO_COLOR: '1' }, 0, 1],
  ['always', {}, 3, 3],
  ['never', { FORCE_COLOR: '1' }, 3, 0],
])('--color %s with %j on a terminal of level %i is %i', (choice, environment, detected, expected) => {
  expect(colourLevel(choice, environment, detected)).toBe(expected);
});
