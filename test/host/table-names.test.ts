import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readTableNames } from '../../src/host/table-names.ts';

function rootWith(...paths: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'nettrace-tables-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), `100\t${path}\n`);
  }
  return root;
}

test("what the administrator wrote comes after the distribution's", () => {
  const root = rootWith(
    'etc/iproute2/rt_tables',
    'etc/iproute2/rt_tables.d/vpn.conf',
    'etc/iproute2/rt_tables.d/cilium.conf',
    'etc/iproute2/rt_tables.d/README',
    'usr/share/iproute2/rt_tables',
    'usr/lib/iproute2/rt_tables.d/more.conf',
  );
  expect(readTableNames(root).map(({ command }) => command)).toEqual([
    'cat /usr/lib/iproute2/rt_tables.d/more.conf',
    'cat /usr/share/iproute2/rt_tables',
    'cat /etc/iproute2/rt_tables',
    'cat /etc/iproute2/rt_tables.d/cilium.conf',
    'cat /etc/iproute2/rt_tables.d/vpn.conf',
  ]);
});

test('their texts are as they stand, and none where there are none', () => {
  expect(readTableNames(rootWith('etc/iproute2/rt_tables'))).toMatchObject([
    { exitCode: 0, text: '100\tetc/iproute2/rt_tables\n' },
  ]);
  expect(readTableNames(rootWith())).toEqual([]);
});
