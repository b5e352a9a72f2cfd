/** What people are told when nettrace itself cannot go on: what failed, why, what to do. */

/** A failure with a message for the person at the terminal. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** What Node puts around a system call's error: `ENOENT: no such file or directory, open '/x'`. */
const systemError = /^([A-Z][A-Z0-9]+): (.+?), \w+(?: '.*')?$/s;

/** The text of anything thrown, without a stack; a system call's error as `no such file or directory (ENOENT)`. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message.replace(systemError, '$2 ($1)') : String(error);
}

/** Something on the command line cannot be meant: told as these lines, status 2. */
export class WrongUsage extends Error {
  override readonly name = 'WrongUsage';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}
