import { expect, test } from 'vitest';
import { linksOf } from '../../../src/host/parse/links-of.ts';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import { oddHost } from '../../topology/sample.ts';
import { recordedSnapshot } from '../sample.ts';

const recorded = recordedSnapshot('two-namespaces');

test.each([
  ['a recorded host', recorded],
  ['a host with what is odd', oddHost],
  ['two namespaces of one name', { ...recorded, namespaces: [...recorded.namespaces, ...recorded.namespaces] }],
])('the links are those of the whole state: %s', (_title, snapshot) => {
  const states = [...parseSnapshot(snapshot).namespaces.values()];
  expect([...linksOf(snapshot)]).toEqual(states.map(({ name, links }) => [name, links]));
});

test('they are there when nothing else has been collected yet', () => {
  const namespaces = recorded.namespaces.map((namespace) => ({
    ...namespace,
    outputs: namespace.outputs.filter(({ command }) => /^ip (-j -d -s link|-j addr|.*netns)/.test(command)),
  }));
  expect(linksOf({ namespaces })).toEqual(linksOf(recorded));
});
