/** Runs the checkout's program without root, also where only root can enter the checkout's folder (/root). */
import path from 'node:path';

/** The checkout is bound to /mnt in a mount namespace of its own; paths in `argv` are relative to it. Needs root itself. */
export function asNobody(argv: readonly string[]): [string, ...string[]] {
  const identity = '--reuid=65534 --regid=65534 --clear-groups';
  const script = `mount --bind "$PWD" /mnt && cd /mnt && exec setpriv ${identity} -- "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...argv];
}

/** This Node, named so that it is found from the checkout's folder wherever that is bound. */
export function ownNode(): string {
  const relative = path.relative('.', process.execPath);
  return relative.startsWith('..') ? process.execPath : relative;
}
