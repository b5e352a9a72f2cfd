import { expect, test } from 'vitest';
import { asInteger, parseJson } from '../../../src/host/parse/json.ts';

test.each<[title: string, text: string, value: unknown]>([
  ['plain JSON', '[{"a":1}]', [{ a: 1 }]],
  ['nothing', ' \n', []],
  ['a raw escape in a name, as iproute2 prints it', '[{"ifname":"a\u001bb"}]', [{ ifname: 'a\u001bb' }]],
  ['an escaped apostrophe, as iproute2 prints it', String.raw`[{"ifname":"a\'b"}]`, [{ ifname: "a'b" }]],
  ['an escaped backslash before an apostrophe', String.raw`[{"ifname":"a\\'b\'"}]`, [{ ifname: String.raw`a\'b'` }]],
  ['half of it', '[{"a":1', undefined],
])('%s', (_title, text, value) => {
  expect(parseJson(text)).toEqual(value);
});

test.each<[unknown, number | null]>([
  [5, 5],
  ['51820', 51_820],
  ['0x1', null],
  [1.5, null],
  ['99999999999999999999', null],
  [null, null],
])('asInteger(%j)', (value, number) => {
  expect(asInteger(value)).toBe(number);
});
