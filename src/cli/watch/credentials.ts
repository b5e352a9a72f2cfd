/** Whom a traced command runs as. */

import path from 'node:path';
import type { Credentials } from '../../case/evidence.ts';

/** Programs that run another as somebody else. */
const switching: ReadonlySet<string> = new Set([
  'capsh',
  'chpst',
  'chroot',
  'doas',
  'gosu',
  'machinectl',
  'nsenter',
  'runuser',
  's6-setuidgid',
  'setpriv',
  'setuidgid',
  'su',
  'su-exec',
  'sudo',
  'systemd-run',
  'unshare',
]);

/** What a command that this process starts runs as; null where one of its words is to change that, or may be. */
export function credentialsOf(argv: readonly string[]): Credentials | null {
  if (argv.some((word) => word.split(/[\s;|&]+/).some((part) => switching.has(path.basename(part))))) return null;
  const [user, group] = [process.geteuid?.(), process.getegid?.()];
  return user === undefined || group === undefined ? null : { user, group };
}
