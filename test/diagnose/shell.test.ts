import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellCommand } from '../../src/diagnose/shell.ts';
import { escapeText } from '../../src/report/escape.ts';

/** Mostly what a shell can be given, and sometimes anything at all. */
const anyText = fc.oneof(
  fc.string(),
  fc.array(fc.nat(0x10ffff), { maxLength: 4 }).map((codes) => String.fromCodePoint(...codes)),
);

describe('a command to paste', () => {
  it.each([
    [['ssh', '-L', '10.88.0.1:19001:localhost:80', 'server'], 'ssh -L 10.88.0.1:19001:localhost:80 server'],
    [['echo', ''], "echo ''"],
    [['echo', 'a b', '$(id)', '`id`', ';'], "echo 'a b' '$(id)' '`id`' ';'"],
    [['echo', "it's"], "echo 'it'\\''s'"],
    [['PATH=/tmp', 'x'], "'PATH=/tmp' x"],
    [['echo', '=ls', '~', '*'], "echo '=ls' '~' '*'"],
    [['echo', 'Grüße'], "echo 'Grüße'"],
  ])('%j', (argv, command) => {
    expect(shellCommand(argv)).toBe(command);
  });

  it.each([
    ['a line feed', 'a\nb'],
    ['NUL', 'a\u0000'],
    ['an escape', '\u001b[31m'],
    ['DEL', '\u007f'],
    ['C1', '\u009b'],
    ['a bidirectional override', '\u202e'],
    ['a zero-width space', 'a\u200bb'],
    ['a tag', '\u{e0041}'],
    ['a lone surrogate', '\ud800'],
    ['what views would cut', 'a'.repeat(5000)],
  ])('there is none with %s', (_name, argument) => {
    expect(shellCommand(['echo', argument])).toBeNull();
  });

  it('gives a shell the very arguments back', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 5 }), (argv) => {
        const command = shellCommand(['printf', '%s\\n', ...argv]);
        fc.pre(command !== null);
        const printed = execFileSync('sh', ['-c', command ?? ''], { encoding: 'utf8' });
        expect(printed).toBe(argv.map((argument) => `${argument}\n`).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('is shown as it is: no view has anything to escape in it', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 3 }), (argv) => {
        const command = shellCommand(argv);
        if (command !== null) expect(escapeText(command)).toBe(command);
      }),
    );
  });
});
