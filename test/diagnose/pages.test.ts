/** Every cause that is named, or named as a rival, has its page, and every page is listed. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const named = new Set(
  readdirSync('src/diagnose').flatMap((file) =>
    [...readFileSync(`src/diagnose/${file}`, 'utf8').matchAll(/\bcause: '([a-z-]+)'/g)].map(([, id = '']) => id),
  ),
);
const socketCauses = ['no-listener', 'listener-on-other-address', 'listener-other-family', 'listener-on-other-device'];
const pages = readdirSync('docs/causes').flatMap((file) => (file === 'README.md' ? [] : [file.replace(/\.md$/, '')]));

it.each([...named, ...socketCauses])('%s has a page', (id) => {
  expect(pages).toContain(id);
});

it.each(pages)('%s is listed', (id) => {
  expect(readFileSync('docs/causes/README.md', 'utf8')).toContain(`[${id}](${id}.md)`);
});
