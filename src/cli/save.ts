/** Writes files: new, readable by their owner alone, owned by whoever called sudo. */

import { closeSync, constants, fchownSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { encodeCase } from '../capfile/case-file.ts';
import type { Case } from '../case/evidence.ts';
import { errorText, UserError } from './errors.ts';
import { version } from './version.ts';

function isError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** A disk that fills up takes less than it is given before it fails. */
function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset);
}

/** Creates the file and opens it. Never follows a link and never overwrites. */
function create(path: string): number {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return openSync(path, flags, 0o600);
  } catch (error) {
    const reason = isError(error, 'EEXIST')
      ? 'it exists already, and nettrace overwrites nothing. Name another file.'
      : `${errorText(error)}. Name a file in a folder that is there and can be written to.`;
    throw new UserError(`cannot save to ${path}: ${reason}`);
  }
}

/** Fails early, before a command runs, when the file could not be created: it is created, and removed again. */
export function checkSavable(path: string): void {
  const descriptor = create(path);
  unlinkSync(path);
  closeSync(descriptor);
}

/** Writes a file of these parts. Never follows a link and never overwrites; what was begun and failed is removed. */
export function saveParts(path: string, parts: Iterable<Uint8Array | string>): void {
  const descriptor = create(path);
  try {
    for (const part of parts) writeWhole(descriptor, Buffer.from(part));
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

/** Writes the case, as `saveParts` does. */
export function saveCase(path: string, evidence: Case): void {
  saveParts(path, encodeCase(evidence, `nettrace ${version}`));
}
