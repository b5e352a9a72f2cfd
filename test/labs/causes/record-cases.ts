/**
 * Records a case of every cause into fixtures/causes, as root, on a machine where nothing else has network namespaces:
 * `NETTRACE_LAB_NAMES=plain node test/labs/causes/record-cases.ts [WORDS]`. What it says of each is written beside it.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { execaSync } from 'execa';
import { causeLabs } from './all.ts';
import { record } from './cause-lab.ts';

const directory = 'fixtures/causes';
const wanted = process.argv.slice(2).join(' ');

/** `firewall-drop`, and `firewall-drop-2` for the second of its name. */
function fileNames(): Map<string, string> {
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  for (const { name } of causeLabs) {
    const id = name.split(':', 1).join('');
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    names.set(name, count === 1 ? id : `${id}-${count}`);
  }
  return names;
}

if (process.env['NETTRACE_LAB_NAMES'] !== 'plain') throw new Error('set NETTRACE_LAB_NAMES=plain');
mkdirSync(directory, { recursive: true });
const names = fileNames();
for (const lab of causeLabs) {
  const name = names.get(lab.name) ?? '';
  // One of a cause is enough to keep.
  if (/-\d+$/.test(name) || !lab.name.includes(wanted)) continue;
  const file = `${directory}/${name}.pcapng`;
  rmSync(file, { force: true });
  await record(lab, file);
  writeFileSync(`${directory}/${name}.json`, execaSync('bin/nettrace', ['replay', '--json', file]).stdout + '\n');
  chmodSync(file, 0o644);
  console.log(name);
}
