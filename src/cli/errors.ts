/** What people are told when nettrace itself cannot go on: what failed, why, what to do. */

export { errorText } from '../capfile/error-text.ts';

/** A failure with a message for the person at the terminal. */
export class UserError extends Error {
  override readonly name = 'UserError';
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
