/** Writes case files: new, readable by their owner alone, owned by whoever called sudo. */

import { closeSync, constants, fchownSync, lstatSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { encodeCase } from '../capfile/case-file.ts';
import type { Case } from '../case/evidence.ts';
import { errorText, UserError } from './errors.ts';
import { version } from './version.ts';

/** Fails early, before a command runs, when the file is there already. */
export function refuseExisting(path: string): void {
  try {
    lstatSync(path);
  } catch {
    return;
  }
  throw new UserError(`cannot save to ${path}: it exists already, and nettrace overwrites nothing. Name another file.`);
}

/** Writes the case. Never follows a link and never overwrites; what was begun and failed is removed. */
export function saveCase(path: string, evidence: Case): void {
  let descriptor: number;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    descriptor = openSync(path, flags, 0o600);
  } catch (error) {
    throw new UserError(`cannot save to ${path}: ${errorText(error)}`);
  }
  try {
    for (const block of encodeCase(evidence, `nettrace ${version}`)) writeSync(descriptor, block);
    const [user, group] = [process.env['SUDO_UID'], process.env['SUDO_GID']].map(Number);
    if (process.getuid?.() === 0 && Number.isInteger(user) && Number.isInteger(group)) {
      fchownSync(descriptor, user ?? 0, group ?? 0);
    }
  } catch (error) {
    unlinkSync(path);
    throw new UserError(`cannot save to ${path}: ${errorText(error)}`);
  } finally {
    closeSync(descriptor);
  }
}
