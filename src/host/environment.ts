/** What every tool that nettrace starts runs with, and whether a tool is there at all. */

import { accessSync, constants, readFileSync } from 'node:fs';

/**
 * No user's PATH, only folders of root's, and English, parseable output. Ubuntu's Docker may be a snap. The last variable
 * marks what nettrace has started, and what that starts.
 */
export const fixedEnvironment = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/snap/bin',
  LC_ALL: 'C',
  NETTRACE_CHILD: 'yes',
} as const;

/** Whether a process was started by nettrace, this one or another, as a tool of its own; false where that cannot be read. */
export function isTool(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes('NETTRACE_CHILD=yes');
  } catch {
    return false;
  }
}

/** Whether a program of that name can be started. */
export function programIsThere(program: string): boolean {
  return fixedEnvironment.PATH.split(':').some((folder) => {
    try {
      accessSync(`${folder}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
