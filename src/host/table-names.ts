/** The files that name routing tables: `ip` prints the names instead of numbers, see ip-route(8). */

import { entriesOf, readBounded } from './files.ts';
import type { CommandOutput } from './snapshot.ts';
import { fileCommand, iprouteFolders } from './snapshot-commands.ts';

/** All of them that can be read, those whose names outweigh others' last. `root` stands before every path. */
export function readTableNames(root = ''): CommandOutput[] {
  const paths = iprouteFolders.flatMap((folder) => {
    const main = `${folder}/rt_tables`;
    const added = entriesOf(`${root}${main}.d`).filter((file) => file.endsWith('.conf'));
    return [main, ...added.map((file) => `${main}.d/${file}`)];
  });
  return paths.flatMap((path) => {
    const bytes = readBounded(`${root}${path}`, { followLinks: true });
    return bytes === null ? [] : [{ command: fileCommand(path), exitCode: 0, text: bytes.toString('utf8'), error: '' }];
  });
}
