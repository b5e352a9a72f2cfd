/** What people are told when nettrace itself cannot go on: what failed, why, what to do. */

/** A failure with a message for the person at the terminal. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** The text of anything thrown, without a stack. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
