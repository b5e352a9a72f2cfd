/** Every cause that is named, or named as a rival, has its page; every page is listed, and is in the form of all. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string): string => readFileSync(path, 'utf8');

/** The ids that the code holds: as `cause:`, in a table of routes' errors or resolvers' answers, or as a fault. */
const named = new Set([
  ...readdirSync('src/diagnose').flatMap((file) =>
    [...read(`src/diagnose/${file}`).matchAll(/\bcause: '([a-z-]+)'/g)].map(([, id = '']) => id),
  ),
  ...[...(/export type Fault =([\s\S]*?)\n\n/.exec(read('src/model/step.ts'))?.[1] ?? '').matchAll(/'([a-z-]+)'/g)].map(
    ([, id = '']) => id,
  ),
  // Given to the function that all causes of a socket share.
  ...[...read('src/diagnose/socket.ts').matchAll(/finding\(\w+, '([a-z-]+)'/g)].map(([, id = '']) => id),
]);
const pages = readdirSync('docs/causes').flatMap((file) => (file === 'README.md' ? [] : [file.replace(/\.md$/, '')]));

it('the code is read: an id of each kind is found', () => {
  expect([...named]).toEqual(
    expect.arrayContaining(['firewall-drop', 'route-blackhole', 'dns-nxdomain', 'bridge-flood-off', 'no-listener']),
  );
});

it.each([...named])('%s has a page', (id) => {
  expect(pages).toContain(id);
});

describe.each(pages)('%s', (id) => {
  const page = read(`docs/causes/${id}.md`);

  it('is listed, and a cause that is named', () => {
    expect(read('docs/causes/README.md')).toContain(`| [${id}](${id}.md)`);
    expect(named).toContain(id);
  });

  it('is in the form of all', () => {
    expect(page.split('\n').filter((line) => line.startsWith('#'))).toEqual([
      `# ${id}`,
      '## What is wrong',
      '## What you see',
      '## How nettrace tells',
      '## Look-alikes',
      '## What mends it',
    ]);
  });

  it('names causes that have pages', () => {
    const links = [...page.matchAll(/\]\(([a-z-]+)\.md\)/g)].map(([, other = '']) => other);
    expect(pages).toEqual(expect.arrayContaining(links));
  });
});
