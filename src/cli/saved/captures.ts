/** Opens captures for the commands that read them, and says what is wrong with them. */

import { fstatSync } from 'node:fs';
import { basename } from 'node:path';
import { type CaptureFileError, describeCaptureError } from '../../capfile/capture-error.ts';
import { CaseReader } from '../../capfile/case-file.ts';
import { CaptureInput, describeInputProblem, type InputProblem } from '../../capfile/input.ts';
import type { Case } from '../../case/evidence.ts';
import { mergeCases, type NamedCase } from '../../case/merge.ts';
import { escapeText } from '../../report/escape.ts';
import { errorText, UserError } from '../errors.ts';

/** What people call a file that was named on the command line. */
export function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

/** Opens a capture's bytes. Throws a UserError that names it. */
export async function openInput(path: string): Promise<CaptureInput> {
  try {
    return await CaptureInput.open(path);
  } catch (error) {
    throw new UserError(`cannot read ${nameOf(path)}: ${errorText(error)}`);
  }
}

/** How many bytes a capture has; null where that is not known before its end. */
export function sizeOf({ descriptor }: CaptureInput): number | null {
  return descriptor === null ? null : fstatSync(descriptor).size;
}

/** Why a capture was not read to its end, when its input and its reader have come to theirs; null when it was. */
export function whatStopped(
  problem: InputProblem | null,
  compression: string | null,
  error: CaptureFileError | null,
): string | null {
  // A reader whose input ends early misses bytes: the input's problem says why.
  if (problem !== null) return describeInputProblem(problem);
  return error === null ? null : describeCaptureError(error, compression);
}

/** Says something about a capture on standard error. */
export function remark(name: string, problem: string): void {
  process.stderr.write(`nettrace: ${escapeText(name)}: ${escapeText(problem)}\n`);
}

/** One sentence for each interface that lost frames: a packet that is not in the capture may have been there. */
export function losses({ interfaces }: Pick<Case, 'interfaces'>): string[] {
  return interfaces.flatMap(({ device, notes }) => {
    const dropped = notes?.dropped ?? 0;
    if (dropped === 0) return [];
    return `it says itself that ${dropped} frames were dropped at ${device === '' ? 'its interface' : device}: what it lacks may have been there`;
  });
}

/** Captures that are merged are held as a whole, at some five times their size: so much of all of them together. */
const largestMerged = 256 * 1024 * 1024;

/** How many bytes of captures may still be held. */
interface Room {
  left: number;
}

function tooLarge(name: string): UserError {
  return new UserError(
    `cannot read ${name}: with it there is more than can be merged here (${largestMerged / 1024 / 1024} MB). mergecap -w all.pcapng FILE... makes one capture of them, which may be of any size.`,
  );
}

/**
 * Reads a capture that was opened as a whole. What it lacks is said on standard error. Throws a UserError when it is none.
 *
 * @param room Becomes less by its size.
 */
export async function readCase(path: string, input: CaptureInput, room: Room = { left: largestMerged }): Promise<Case> {
  if ((sizeOf(input) ?? 0) > room.left) throw tooLarge(nameOf(path));
  const reader = new CaseReader();
  for await (const chunk of input.chunks()) {
    room.left -= chunk.length;
    if (room.left < 0) throw tooLarge(nameOf(path));
    reader.push(chunk);
    // A device may never end.
    if (reader.error !== null) break;
  }
  const evidence = reader.end();
  const stopped = whatStopped(input.problem, input.compression, reader.error);
  const name = nameOf(path);
  if (evidence === null) throw new UserError(`cannot read ${name}: ${stopped ?? 'it is no capture'}`);
  const problems = [...(stopped === null ? [] : [stopped]), ...reader.problems, ...losses(evidence)];
  for (const problem of problems) remark(name, problem);
  return evidence;
}

/**
 * Reads captures whole, several merged by time. What the files lack is said on standard error.
 *
 * @param most Bytes of all of them together, as they are without compression.
 */
export async function readCaptures(paths: readonly string[], most = largestMerged): Promise<NamedCase> {
  if (paths.filter((path) => path === '-').length > 1) throw new UserError('standard input can be read once only');
  const cases: NamedCase[] = [];
  const room = { left: most };
  for (const path of paths) {
    await using input = await openInput(path);
    cases.push({ name: basename(nameOf(path)), evidence: await readCase(path, input, room) });
  }
  const { evidence, problems } = mergeCases(cases);
  for (const problem of problems) remark('the merged captures', problem);
  return { name: cases.map(({ name }) => name).join(', '), evidence };
}
