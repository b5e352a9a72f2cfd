import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeFilterError } from '../../src/filter/error.ts';
import { filterFields } from '../../src/filter/fields.ts';
import { compileFilter } from '../../src/filter/filter.ts';

/** The sentence and the marked text of a filter that is none. */
function errorOf(text: string): { message: string; marked: string; column: number } {
  const compiled = compileFilter(text);
  if (compiled.ok) throw new Error(`${text} is a filter`);
  const { start, end, message } = compiled.error;
  return { message, marked: text.slice(start, end), column: start + 1 };
}

describe('an error names its place', () => {
  test.each([
    ['', 1, '', 'the filter is empty'],
    ['tpc.port == 80', 1, 'tpc.port', '"tpc.port" is no field; did you mean tcp.port?'],
    ['ip && xyzzy', 7, 'xyzzy', '"xyzzy" is no field'],
    ['== 80', 1, '==', '"==" is no field'],
    ['tcp and and udp', 9, 'and', '"and" is no field'],
    ['tcp &&', 7, '', 'the filter ends where a field or a protocol is wanted'],
    ['tcp.port ==', 12, '', 'the filter ends where a value is wanted'],
    ['tcp udp', 5, 'udp', '"udp" is not expected here; join two conditions by && or ||'],
    ['(tcp', 1, '(', 'this parenthesis is not closed'],
    ['(tcp udp)', 6, 'udp', '"udp" is not expected here; join two conditions by && or ||'],
    ['tcp)', 4, ')', '")" closes no parenthesis'],
    ['tcp.port in {}', 13, '{}', 'the set is empty'],
    ['tcp.port in {80', 13, '{', 'this set is not closed'],
    ['tcp.port in {80 443}', 17, '443', '"443" is not expected here; separate values by commas'],
    ['tcp.port in {9..8}', 17, '8', 'this range ends before it begins'],
    ['tcp.port in 80', 13, '80', '"80" is no set; write {80, 443, 8000..8100}'],
    ['ip.src in {10.0.0.0/8..10.1.0.0}', 12, '10.0.0.0/8', 'a range goes from address to address'],
    ['ip.src == 80', 11, '80', '"80" is no value of ip.src, which is an IPv4 address (10.0.0.1, 10.0.0.0/8)'],
    ['ip.src == fd00::1', 11, 'fd00::1', /is no value of ip\.src/],
    ['ip.src == 10.0.0.0/33', 11, '10.0.0.0/33', /is no value of ip\.src/],
    ['ip.src < 10.0.0.0/8', 10, '10.0.0.0/8', 'a network is compared by == or !=, not by <'],
    ['ipv6.src == 10.0.0.1', 13, '10.0.0.1', /is an IPv6 address/],
    ['eth.src == 02:42', 12, '02:42', /is a MAC address/],
    ['tcp.port == http', 13, 'http', '"http" is no value of tcp.port, which is a number (80, 0x50)'],
    ['ip.ttl == 010', 11, '010', /is a number/],
    ['tcp.flags.syn == maybe', 18, 'maybe', /is true or false/],
    ['frame.time_relative > 1s', 23, '1s', /is seconds/],
    ['tcp.port = 80', 10, '=', '"=" alone is no operator; did you mean ==?'],
    ['tcp | udp', 5, '|', '"|" alone is no operator; did you mean ||?'],
    ['tcp == 1', 5, '==', 'tcp is a protocol: it is there or not, contains or matches'],
    ['tcp in {1}', 5, 'in', 'tcp is a protocol, which has no values'],
    ['tcp.port contains 8', 10, 'contains', /^contains wants text or bytes/],
    ['netns < a', 7, '<', 'netns has no order; compare by ==, !=, contains or matches'],
    ['netns in {a..b}', 14, 'b', 'netns has no order, so no ranges'],
    ['verdict == refusd', 12, 'refusd', '"refusd" is no value of verdict; did you mean refused?'],
    ['frame contains xyz', 16, 'xyz', /is bytes/],
    ['frame contains "x', 16, '"x', 'this quote is not closed'],
    ['frame contains "\\q"', 16, '"\\q"', 'an escape is one of \\n \\r \\t \\0 \\" \\\\ \\xHH'],
    ['frame matches "a(b"', 15, '"a(b"', 'no regular expression: a group is not closed'],
    ['tcp.port[0:1] == 1', 1, 'tcp.port', /^tcp\.port has no parts/],
    ['eth.src[3-1] == 00', 9, '3-1', '"3-1" holds nothing'],
    ['eth.src[x] == 00', 9, 'x', /^"x" is no part of a field/],
    ['ip.src & 255 == 1', 1, 'ip.src', 'ip.src is no number, so & has no bits to test'],
    ['tcp.flags & -1', 13, '-1', '"-1" is no mask of up to 32 bits'],
    [`${'('.repeat(200)}tcp`, 101, '(', 'more than 100 levels deep'],
    [`tcp${' '.repeat(10_000)}`, 10_001, '   ', 'a filter has at most 10000 characters'],
  ])('%s', (text, column, marked, message) => {
    expect(errorOf(text)).toEqual({
      column,
      marked,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });
});

test('is drawn under the filter', () => {
  const text = 'tcp.port ==\t80 && tpc.port == 80';
  const compiled = compileFilter(text);
  expect(compiled.ok ? [] : describeFilterError(text, compiled.error)).toEqual([
    'filter: column 19: "tpc.port" is no field; did you mean tcp.port?',
    '  tcp.port == 80 && tpc.port == 80',
    '                    ^^^^^^^^',
  ]);
});

// Some of the texts are patterns that take long to check; a busy machine takes longer.
test('any text is a filter or an error within it, with a sentence', { timeout: 60_000 }, () => {
  const words = ['tcp', 'ip.src', '10.0.0.0/8', '==', '!', 'in', '{', '}', '(', ')', '..', '"', '\\', ',', 'matches'];
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom(...words, ...filterFields.keys(), '[0:3]', '&', '0x1f', ' '))
      .map((parts) => parts.join(' ')),
    fc.array(fc.constantFrom(...words, 'a', '*', '+', '[', '|')).map((parts) => `frame matches "${parts.join('')}"`),
  );
  fc.assert(
    fc.property(anything, (text) => {
      const compiled = compileFilter(text);
      if (compiled.ok) return;
      const { start, end, message, expected } = compiled.error;
      expect(start).toBeGreaterThanOrEqual(0);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(text.length);
      expect(message).not.toBe('');
      expect(expected).not.toBe('');
    }),
    { numRuns: 2000 },
  );
});
