import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../src/filter/pattern.ts';

function search(pattern: string, text: string): boolean {
  const compiled = compilePattern(pattern);
  if (!compiled.ok) throw new Error(`${pattern}: ${compiled.message} at ${compiled.at}`);
  return compiled.search(text);
}

describe('a pattern is found or not', () => {
  test.each([
    ['', 'anything', true],
    ['abc', 'xxABCxx', true],
    ['^abc$', 'abcd', false],
    ['a.c', 'a\nc', false],
    ['a[^b-y]c', 'azc', true],
    ['a[^b-y]c', 'aXc', false],
    ['[]x]', ']', true],
    ['[a-]', '-', true],
    ['[^]a]', ']', false],
    ['\\bGET\\b', 'xGET', false],
    ['\\BET', 'GET', true],
    ['\\d{2,3}$', 'a1', false],
    ['\\d{2,3}$', 'a123', true],
    ['^a{2}$', 'aaa', false],
    ['^a{2,}$', 'aaaa', true],
    ['a{', 'a{', true],
    ['^(?:ab|cd)+?$', 'abcdab', true],
    ['^(ab|)$', '', true],
    ['x*', '', true],
    ['^x?y', 'xxy', false],
    ['\\x41\\u0042\\n', 'ab\n', true],
    ['\\.', 'a', false],
    ['[\\d\\s]', ' ', true],
    ['\\D\\W\\S', '---', true],
    ['É', 'é', true],
  ])('/%s/ in %j: %s', (pattern, text, found) => expect(search(pattern, text)).toBe(found));
});

describe('what is no pattern says why', () => {
  test.each([
    ['a(b', 'a group is not closed'],
    ['a)', '")" closes no group'],
    ['[a', 'a class is not closed'],
    ['[z-a]', 'a range ends before it begins'],
    ['*a', '"*" repeats nothing'],
    ['a**', 'a repetition repeats nothing'],
    ['a{3,2}', 'a repetition goes up to 100, the lesser number first'],
    ['a{101}', 'a repetition goes up to 100, the lesser number first'],
    ['(?=a)', 'looking around and named groups are not supported'],
    ['(a)\\1', '\\1 is not supported'],
    ['\\p', '\\p is not supported'],
    ['\\x4', '\\x wants 2 hex digits'],
    ['a\\', 'a backslash ends it'],
    ['((a{100}){100}){100}', 'the pattern is too large (500 steps)'],
    ['('.repeat(51) + ')'.repeat(51), 'more than 50 groups within each other'],
  ])('%s', (pattern, message) => expect(compilePattern(pattern)).toMatchObject({ ok: false, message }));
});

test('what takes others exponential time ends', () => {
  expect(search('^(a+)+$', `${'a'.repeat(60_000)}!`)).toBe(false);
  expect(search('(x|x|x?)*y', 'x'.repeat(60_000))).toBe(false);
});

test('agrees with the language of ECMAScript where both read a pattern', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\b', '^', '$', '(a|b)', '(?:ab)', '(b*)');
  const part = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '*?')).map(([one, times]) =>
    // ECMAScript does not repeat what is no unit.
    /^(?:\\b|\^|\$)$/.test(one) ? one : one + times,
  );
  const pattern = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'c', '\n', ' '), maxLength: 8 });
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), text, (choices, searched) => {
      const whole = choices.join('|');
      expect(search(whole, searched)).toBe(new RegExp(whole, 'i').test(searched));
    }),
    { numRuns: 3000 },
  );
});
