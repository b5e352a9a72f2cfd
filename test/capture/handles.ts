/** Namespaces for tests that start nothing in them. */

import type { NamespaceHandle } from '../../src/host/namespaces.ts';

/** A handle whose descriptor (7) is none. */
export function handle(name: string, own = false): NamespaceHandle {
  return { name, inode: 1, descriptor: 7, own, pid: null, netnsName: null, container: null };
}
