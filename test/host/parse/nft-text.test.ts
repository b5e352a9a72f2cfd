import { expect, test } from 'vitest';
import { parseNftText } from '../../../src/host/parse/nft-text.ts';

test('lines of the text are found by handle, wrapped ones too', () => {
  const text = parseNftText(
    [
      'table inet own { # handle 3',
      '\tset s { # handle 4',
      '\t\telements = { 10.0.0.1 }',
      '\t}',
      '\tchain a b { # handle 5',
      '\t\ttype filter hook ingress devices = { "v0", eth0 } priority filter; policy drop;',
      '\t\tip saddr { 10.1.0.1, 10.1.0.2,',
      '\t\t\t     10.1.0.3 } drop comment "x # handle 9" # handle 6',
      '\t}',
      '}',
    ].join('\n'),
  );
  expect([...text.rules]).toEqual([
    ['inet own a b 6', 'ip saddr { 10.1.0.1, 10.1.0.2, 10.1.0.3 } drop comment "x # handle 9" # handle 6'],
  ]);
  expect([...text.devices]).toEqual([['inet own a b', ['v0', 'eth0']]]);
});
