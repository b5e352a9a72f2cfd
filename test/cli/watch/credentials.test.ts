import { expect, test } from 'vitest';
import { credentialsOf } from '../../../src/cli/watch/credentials.ts';

const own = { user: process.geteuid?.(), group: process.getegid?.() };

test.each<[string, readonly string[], typeof own | null]>([
  ['a program', ['curl', 'http://web/'], own],
  ['a program whose argument only looks like one that switches', ['curl', 'http://sudo.example/'], own],
  ['sudo', ['sudo', '-u', 'app', 'curl', 'http://web/'], null],
  ['by its path, behind another', ['timeout', '5', '/usr/bin/su', 'app', '-c', 'curl http://web/'], null],
  ['in the line of a shell', ['sh', '-c', 'cd /; exec gosu app curl http://web/'], null],
])('%s', (_name, argv, expected) => {
  expect(credentialsOf(argv)).toEqual(expected);
});
