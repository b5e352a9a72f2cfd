/** What every tool that nettrace starts runs with, and whether a tool is there at all. */

import { accessSync, constants } from 'node:fs';

/** No user's PATH, only folders of root's, and English, parseable output. Ubuntu's Docker may be a snap. */
export const fixedEnvironment = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/snap/bin',
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
