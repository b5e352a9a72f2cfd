/** What every tool that nettrace starts runs with, and whether a tool is there at all. */

import { accessSync, constants } from 'node:fs';

/** No user's PATH, and English, parseable output. */
export const fixedEnvironment = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin',
  LC_ALL: 'C',
} as const;

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
