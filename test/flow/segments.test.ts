import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeSegments, type Segment } from '../../src/flow/segments.ts';

/** A segment of text; dots stand for bytes that the capture cut off. */
function segment(position: number, text: string, arrival: number): Segment<number> {
  const bytes = text.startsWith('.') ? null : new TextEncoder().encode(text);
  return { position, length: text.length, bytes, arrival, origin: arrival };
}

/** The pieces as `position:text`. */
function shown(...texts: readonly (readonly [number, string])[]): string {
  const segments = texts.map(([position, text], arrival) => segment(position, text, arrival));
  return placeSegments(segments)
    .pieces.map(({ position, length, bytes }) => {
      return `${position}:${bytes === null ? '.'.repeat(length) : new TextDecoder().decode(bytes)}`;
    })
    .join(' ');
}

test.each<[string, (readonly [number, string])[], string]>([
  ['none', [], ''],
  [
    'in order',
    [
      [0, 'ab'],
      [2, 'cd'],
    ],
    '0:ab 2:cd',
  ],
  [
    'out of order',
    [
      [2, 'cd'],
      [0, 'ab'],
    ],
    '0:ab 2:cd',
  ],
  [
    'a hole',
    [
      [0, 'ab'],
      [4, 'ef'],
    ],
    '0:ab 4:ef',
  ],
  [
    'again',
    [
      [0, 'ab'],
      [0, 'ab'],
    ],
    '0:ab',
  ],
  [
    'the first wins',
    [
      [0, 'abcd'],
      [2, 'XYef'],
    ],
    '0:abcd 4:ef',
  ],
  [
    'the first wins from behind',
    [
      [2, 'cd'],
      [0, 'XXXXef'],
    ],
    '0:XX 2:cd 4:ef',
  ],
  [
    'the first wins in front',
    [
      [1, 'bc'],
      [0, 'XY'],
    ],
    '0:X 1:bc',
  ],
  [
    'one within a later one',
    [
      [2, 'c'],
      [4, 'e'],
      [0, 'XXXXXX'],
    ],
    '0:XX 2:c 3:X 4:e 5:X',
  ],
  [
    'bytes win over a cut',
    [
      [0, '....'],
      [2, 'cd'],
    ],
    '0:.. 2:cd',
  ],
  [
    'a cut never wins',
    [
      [0, 'ab'],
      [0, '....'],
    ],
    '0:ab 2:..',
  ],
  ['nothing', [[3, '']], ''],
])('%s', (_name, texts, pieces) => expect(shown(...texts)).toBe(pieces));

test('what came again is counted, and what contradicted is named', () => {
  const segments = [segment(0, 'abcd', 1), segment(0, 'abcd', 2), segment(2, 'Xdef', 3), segment(3, 'X', 4)];
  expect(placeSegments(segments)).toMatchObject({ repeated: 4 + 2 + 1, contradicting: [3] });
});

test('each byte is that of the first segment that holds it', () => {
  const anySegment = fc.record({ position: fc.integer({ min: -20, max: 20 }), length: fc.nat(12), cut: fc.boolean() });
  fc.assert(
    fc.property(fc.array(anySegment, { maxLength: 12 }), (rows) => {
      const segments = rows.map(({ position, length, cut }, arrival): Segment<number> => {
        const bytes = cut ? null : new Uint8Array(length).fill(arrival);
        return { position, length, bytes, arrival, origin: arrival };
      });
      const painted = new Map<number, number | null>();
      for (const { position, length, bytes, arrival } of [...segments].sort(
        (a, b) => Number(!a.bytes) - Number(!b.bytes),
      )) {
        for (let at = position; at < position + length; at++) {
          if (!painted.has(at)) painted.set(at, bytes === null ? null : arrival);
        }
      }
      const found = placeSegments(segments).pieces.flatMap(({ position, length, bytes }) =>
        Array.from({ length }, (_, index): [number, number | null] => [position + index, bytes?.[index] ?? null]),
      );
      expect(found).toEqual([...painted].sort(([a], [b]) => a - b));
    }),
    { numRuns: 500 },
  );
});
