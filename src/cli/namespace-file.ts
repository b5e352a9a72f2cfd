/** A network namespace by the file that holds it: a bind mount of nsfs, or a process's. See namespaces(7). */

import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { errorText, UserError } from './errors.ts';

/** Opening what is no namespace must not wait: a FIFO's writer may never come. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Its inode number. Throws a UserError when there is none, or when the file is none: where the mount is gone its plain file
 * is left.
 *
 * @param what Names the namespace.
 * @param remedy What to do where the file is no namespace.
 */
export function namespaceInode(path: string, what: string, remedy: string): number {
  try {
    const descriptor = openSync(path, flags);
    const { ino, dev } = fstatSync(descriptor);
    closeSync(descriptor);
    if (dev === statSync('/proc/self/ns/net').dev) return ino;
  } catch (error) {
    throw new UserError(`cannot enter ${what}: ${errorText(error)}`);
  }
  throw new UserError(`cannot enter ${what}: ${path} is no network namespace; ${remedy}`);
}
