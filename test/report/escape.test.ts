import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeAll, escapeText } from '../../src/report/escape.ts';

describe('unsafe characters', () => {
  it.each([
    ['NUL', '\u0000', '\\x00'],
    ['bell', '\u0007', '\\x07'],
    ['tab', '\t', '\\x09'],
    ['line feed', '\n', '\\x0a'],
    ['carriage return', '\r', '\\x0d'],
    ['escape', '\u001b', '\\x1b'],
    ['DEL', '\u007f', '\\x7f'],
    ['C1: CSI', '\u009b', '\\x9b'],
    ['soft hyphen', '\u00ad', '\\xad'],
    ['Arabic letter mark', '\u061c', '\\u061c'],
    ['zero-width space', '\u200b', '\\u200b'],
    ['right-to-left mark', '\u200f', '\\u200f'],
    ['line separator', '\u2028', '\\u2028'],
    ['paragraph separator', '\u2029', '\\u2029'],
    ['right-to-left override', '\u202e', '\\u202e'],
    ['word joiner', '\u2060', '\\u2060'],
    ['isolate', '\u2066', '\\u2066'],
    ['deprecated format', '\u206f', '\\u206f'],
    ['Hangul filler', '\u3164', '\\u3164'],
    ['variation selector', '\ufe0f', '\\ufe0f'],
    ['byte order mark', '\ufeff', '\\ufeff'],
    ['interlinear annotation', '\ufff9', '\\ufff9'],
    ['tag', '\u{e0041}', '\\u{e0041}'],
    ['lone high surrogate', '\ud83d', '\\ud83d'],
    ['lone low surrogate', '\ude00', '\\ude00'],
  ])('%s', (_name, character, escaped) => {
    expect(escapeText(`a${character}b`)).toBe(`a${escaped}b`);
  });

  it.each(['', 'plain', 'Grüße', 'ns:eth0 → 10.0.0.1', '日本語', '😀', '\\x1b as text'])('are not in %j', (text) => {
    expect(escapeText(text)).toBe(text);
  });

  it('are never left over', () => {
    const unsafe = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
    // Unassigned and private characters are drawn as boxes, which harms nobody.
    const harmless = /[\p{Cn}\p{Co}]/gu;
    const anything = fc.oneof(
      fc.array(fc.nat(0x10ffff)).map((codes) => String.fromCodePoint(...codes)),
      fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        expect(escapeText(text).replaceAll(harmless, '')).not.toMatch(unsafe);
      }),
    );
  });
});

describe('a flood', () => {
  it('is cut, and says so', () => {
    expect(escapeText('a'.repeat(4096))).toBe('a'.repeat(4096));
    expect(escapeText('a'.repeat(4097))).toBe(`${'a'.repeat(4096)}…`);
  });

  it('cut inside a character leaves no half of it', () => {
    expect(escapeText(`${'a'.repeat(4095)}😀`)).toBe(`${'a'.repeat(4095)}\\ud83d…`);
  });
});

describe('plain data', () => {
  it('is escaped to its leaves, and stays what it is', () => {
    const value = { text: '\u001b', list: ['\u202e', 1, null, true], inner: { none: null } };
    expect(escapeAll(value)).toEqual({ text: '\\x1b', list: ['\\u202e', 1, null, true], inner: { none: null } });
  });
});
