/**
 * Lets `ip netns` know every network namespace, and not only those in its folder: container engines keep theirs in folders
 * of their own, or nowhere. Only by such a name does it tell which namespace another one's number means (RTM_GETNSID in
 * rtnetlink(7)), and so where a cable leads.
 *
 * The names are in a mount namespace of their own (mount_namespaces(7)): nobody else sees them, and they end with the
 * last that is in it or holds it open.
 */

import { openSync, symlinkSync } from 'node:fs';
import { type ChildWatcher, killGroup, startStreaming } from './gate.ts';
import type { NamespaceHandle } from './namespaces.ts';

/** Where iproute2 looks (its NETNS_RUN_DIR). */
const folder = '/var/run/netns';

/** It takes some milliseconds; whoever waits longer goes without. */
const timeoutMs = 500;

/**
 * A line says that the folder is its own and the working directory, and that nsenter comes to it by that number: it needs
 * CAP_SYS_CHROOT, it leaves a chroot, and /proc may be of other processes.
 */
const script = `
if [ -d ${folder} ]; then mount -n -t tmpfs tmpfs ${folder}; else mount -n -t tmpfs tmpfs /var/run && mkdir ${folder}; fi &&
cd ${folder} && nsenter --mount=/proc/$$/ns/mnt test ${folder} -ef /proc/$$/cwd && echo && read -r end`;

// What the host unmounts meanwhile is unmounted here as well.
const apart = ['unshare', '--mount', '--propagation', 'slave', '--', 'sh', '-c', script];

/**
 * Names the namespaces, which have to stay open, by their inode numbers: resolves with a descriptor of a mount namespace
 * in which `ip netns` knows them, to be closed when nobody enters it any more. Null where this user, or a rule of the
 * host, does not allow it.
 */
export async function nameEvery(
  namespaces: readonly NamespaceHandle[],
  watcher: ChildWatcher | undefined,
): Promise<number | null> {
  const child = startStreaming(apart, { watcher, keepsInput: true });
  let hasEnded = false;
  const isReady = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs, false);
    const settle = (ready: boolean): void => {
      clearTimeout(timer);
      resolve(ready);
    };
    child.stdout.once('data', (chunk: Buffer) => settle(chunk.toString() === '\n'));
    void child.finally(() => {
      hasEnded = true;
      settle(false);
    });
  });
  try {
    if (!isReady || hasEnded) return null;
    for (const { inode, descriptor } of namespaces) {
      symlinkSync(`/proc/${process.pid}/fd/${descriptor}`, `/proc/${child.pid}/cwd/${inode}`);
    }
    return openSync(`/proc/${child.pid}/ns/mnt`, 'r');
  } catch {
    return null;
  } finally {
    if (!hasEnded) killGroup(child.pid);
  }
}
