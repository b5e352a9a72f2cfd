import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it, test } from 'vitest';
import {
  cells,
  cut,
  cutWords,
  endOf,
  fit,
  fitRight,
  pieces,
  printable,
  printableLines,
  wrap,
} from '../../src/ui/text.ts';

const text = fc.string({ unit: 'binary', maxLength: 60 }).map(printable);

describe('printable', () => {
  it('turns a tab into a space and a control into an escape', () => {
    expect(printable('a\tb\x1b[2J\u202e')).toBe('a b\\x1b[2J\\u202e');
  });

  it('keeps lines apart, and bounds a flood of them', () => {
    expect(printableLines('a\r\nb\n')).toEqual(['a', 'b']);
    const flood = printableLines('x\n'.repeat(10_000));
    expect(flood).toHaveLength(401);
    expect(flood.at(-1)).toBe('(more lines follow)');
  });
});

describe('pieces', () => {
  test.each<[string, number, readonly string[]]>([
    ['abcdef', 3, ['abc', 'def']],
    ['abcd', 3, ['abc', 'd']],
    ['', 3, ['']],
    ['名前名', 3, ['名', '前', '名']],
    ['名前', 1, ['名', '前']],
  ])('of %j in %i cells are %j', (given, width, expected) => {
    expect(pieces(given, width)).toEqual(expected);
  });
});

test('the end of a text is what fits', () => {
  expect([endOf('abcdef', 4), endOf('abc', 4), endOf('a名前', 3), endOf('abc', 0)]).toEqual(['cdef', 'abc', '前', '']);
});

describe('cells', () => {
  test.each([
    ['abc', 3],
    ['名前', 4],
    ['e\u0301', 1],
    ['', 0],
  ])('%j takes %i', (given, width) => {
    expect(cells(given)).toBe(width);
  });
});

describe('cut and fit', () => {
  test.each([
    ['10.88.0.1', 9, '10.88.0.1'],
    ['10.88.0.10', 9, '10.88.0.~'],
    ['名前名前', 5, '名前~'],
    ['名前名前', 4, '名~'],
    ['abc', 1, '~'],
    ['abc', 0, ''],
  ])('cuts %j to %i cells', (given, width, expected) => {
    expect(cut(given, width)).toBe(expected);
  });

  it('pads a wide character that would not fit by a blank', () => {
    expect(fit('名前名', 4)).toBe('名~ ');
    expect(fitRight('7', 3)).toBe('  7');
  });

  it('fills exactly the width, whatever the text', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 40 }), (given, width) => {
        expect(stringWidth(fit(given, width))).toBe(width);
        expect(stringWidth(fitRight(given, width))).toBe(width);
        expect(stringWidth(cutWords(given, width))).toBeLessThanOrEqual(width);
      }),
    );
  });

  test.each([
    ['SYN 10.88.0.10:53620 > 10.88.0.1:19001', 30, 'SYN 10.88.0.10:53620 > ~'],
    ['SYN 10.88.0.10:53620', 20, 'SYN 10.88.0.10:53620'],
    ['SYN 10.88.0.10:53620 win', 21, 'SYN 10.88.0.10:53620~'],
    ['onelongword', 5, 'onel~'],
  ])('cuts %j between words to %i cells', (given, width, expected) => {
    expect(cutWords(given, width)).toBe(expected);
  });
});

describe('wrap', () => {
  it('breaks at blanks, hangs the rest, and keeps blanks inside a line', () => {
    expect(wrap('LISTEN 0      128 127.0.0.1:19001', 18, 2)).toEqual(['LISTEN 0      128', '  127.0.0.1:19001']);
  });

  it('breaks a word that is longer than a line', () => {
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  });

  it('loses nothing but blanks, and no line is too wide', () => {
    const bare = (given: string): string => given.replaceAll(/\s/g, '');
    fc.assert(
      fc.property(text, fc.integer({ min: 10, max: 40 }), fc.integer({ min: 0, max: 6 }), (given, width, hanging) => {
        const lines = wrap(given, width, hanging);
        expect(bare(lines.join(''))).toBe(bare(given));
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});
