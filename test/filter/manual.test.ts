/** Holds the manual of filters against the code. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { decodedFields } from '../../src/filter/field-table.ts';
import { filterFields } from '../../src/filter/fields.ts';
import { compileFilter } from '../../src/filter/filter.ts';

/** How the manual names the types. */
const titles = {
  number: 'numbers',
  boolean: 'flags',
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  mac: 'MAC',
  string: 'text',
  bytes: 'bytes',
};

function manualLine(protocol: string): string {
  const lists = Object.entries(titles).flatMap(([type, title]) => {
    const names = [...filterFields.values()].filter(
      (field) => field.type === type && field.parts.length === 1 && field.name.startsWith(`${protocol}.`),
    );
    return names.length === 0 ? [] : [`${title} ${names.map(({ name }) => `\`${name}\``).join(', ')}`];
  });
  return lists.length === 0 ? `- \`${protocol}\`` : `- \`${protocol}\`: ${lists.join('; ')}`;
}

// After a change of the table: npx vitest run --project unit test/filter/manual.test.ts -u
test('the manual lists the fields of the table', async () => {
  const protocols = Object.keys(decodedFields).toSorted();
  const head =
    "# Fields of filters\n\nEvery field that nettrace's decoders make, by protocol; [filters.md](filters.md) has the others and says how they are used.\nThis page is made from `src/filter/field-table.ts`.\n\n";
  await expect(`${head}${protocols.map(manualLine).join('\n')}\n`).toMatchFileSnapshot('../../docs/filter-fields.md');
});

const manual = readFileSync(path.join(import.meta.dirname, '../../docs/filters.md'), 'utf8');

test('the examples of the manual are filters', () => {
  const start = manual.indexOf('## In an outage');
  const examples = manual.slice(start, manual.indexOf('## Conditions')).matchAll(/^\|[^|]*\| `(?<text>.*?)` +\|$/gm);
  const texts = [...examples].map(({ groups }) => groups?.['text'] ?? '');
  expect(texts.length).toBeGreaterThan(10);
  expect(texts.filter((text) => !compileFilter(text).ok)).toEqual([]);
});

test('the manual names the fields that no decoder makes', () => {
  const own = [...filterFields.values()].filter(({ name, parts }) => {
    const [protocol = ''] = name.split('.');
    return parts.length > 1 || !(protocol in decodedFields);
  });
  expect(own.map(({ name }) => name).filter((name) => !manual.includes(`\`${name}\``))).toEqual([]);
});
