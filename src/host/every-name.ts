/**
 * Lets `ip netns` know every network namespace, and not only those in its folder: container engines keep theirs in folders
 * of their own, or nowhere. Only by such a name does it tell which namespace another one's number means (RTM_GETNSID in
 * rtnetlink(7)), and so where a cable leads.
 *
 * The names are in a mount namespace of their own (mount_namespaces(7)): nobody else sees them, and they end with the
 * last process in it.
 */

import { symlinkSync } from 'node:fs';
import { type ChildWatcher, startStreaming } from './gate.ts';
import type { NamespaceHandle } from './namespaces.ts';

/** Where iproute2 looks (its NETNS_RUN_DIR). */
const folder = '/var/run/netns';

/** It takes some milliseconds; whoever waits longer goes without. */
const timeoutMs = 2000;

// A line says that the folder is its own, and that nsenter may come in (which takes CAP_SYS_CHROOT as well).
const script = `
if [ -d ${folder} ]; then mount -t tmpfs tmpfs ${folder}; else mount -t tmpfs tmpfs /var/run && mkdir ${folder}; fi &&
cd ${folder} && nsenter --mount=/proc/$$/ns/mnt true && echo && read -r end`;

/** A mount namespace in which `ip netns` calls namespaces by their inode numbers. */
export interface EveryName {
  /** Its path, for `inNamespace`; valid until `end`, and longer for whoever is in it. */
  readonly mounts: string;
  /** Ends what holds it. */
  end(): Promise<void>;
}

/**
 * Names the namespaces, which have to stay open. Resolves with null where this user, or a rule of the host, does not
 * allow it: `ip netns` has its own names then.
 */
export async function nameEvery(
  namespaces: readonly NamespaceHandle[],
  watcher: ChildWatcher | undefined,
): Promise<EveryName | null> {
  const child = startStreaming(['unshare', '--mount', 'sh', '-c', script], { watcher, keepsInput: true });
  const end = async (): Promise<void> => {
    child.stdin.end();
    await child;
  };
  const ready = new Promise<boolean>((resolve) => {
    child.stdout.once('data', () => resolve(true));
    void child.then(() => resolve(false));
  });
  const timer = setTimeout(() => child.kill(), timeoutMs);
  const isReady = await ready;
  clearTimeout(timer);
  if (!isReady) return null;
  try {
    // The way by its working directory ends in the folder that it has mounted, whatever the host has at that path.
    for (const { inode, descriptor } of namespaces) {
      symlinkSync(`/proc/${process.pid}/fd/${descriptor}`, `/proc/${child.pid}/cwd/${inode}`);
    }
  } catch {
    await end();
    return null;
  }
  return { mounts: `/proc/${child.pid}/ns/mnt`, end };
}
