/** Whether the kernel already has nf_tables, found out without asking it for anything that would load it. */

import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { release } from 'node:os';
import { readBounded } from './files.ts';

/** modules.builtin of a distribution kernel is about 10 kB, of a monolithic one some 100 kB. */
const mostBuiltinBytes = 4 * 1024 * 1024;

const chunkBytes = 256 * 1024;

/** Looks for a text in a file of any length; false when it cannot be read. */
function fileHolds(path: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return false;
  }
  try {
    const buffer = Buffer.alloc(chunkBytes);
    let carried = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, carried, chunkBytes - carried, null);
      if (count === 0) return false;
      const held = buffer.subarray(0, carried + count);
      if (held.includes(text)) return true;
      carried = Math.min(text.length, held.length);
      held.copyWithin(0, held.length - carried);
    }
  } catch {
    return false;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * True when nf_tables is loaded, built in, or can be neither loaded nor missed (a kernel without modules). The list of
 * built-in modules is asked first; where it is not there (in a container), the kernel's symbols.
 */
export function kernelHasNftables(): boolean {
  if (!existsSync('/proc/modules') || existsSync('/sys/module/nf_tables')) return true;
  const builtin = readBounded(`/lib/modules/${release()}/modules.builtin`, {
    limit: mostBuiltinBytes,
    followLinks: true,
  });
  if (builtin !== null) return builtin.includes('/nf_tables.ko');
  return fileHolds('/proc/kallsyms', ' nft_do_chain\n');
}
