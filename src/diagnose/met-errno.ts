/** What the program's own call met, and how well that supports what the model says. */

import type { Context } from './context.ts';
import type { Certainty } from './diagnosis.ts';
import { errnoText } from './errno.ts';

/** The errno that the program's connect() met, by the kernel's trace; null when it is not known. */
function metErrno({ connection, kernel }: Context): string | null {
  return kernel === null ? null : connection.errno;
}

/**
 * Proven when the kernel gave the program the very errno that the model says, and no ICMP error came that may have brought
 * it; inferred otherwise.
 */
export function certaintyByErrno(context: Context): Certainty {
  const end = context.journey?.end;
  const answer = end !== undefined && 'answer' in end ? end.answer : null;
  if (answer === null || metErrno(context) !== answer.errno) return 'inferred';
  const isOwn = answer.netns === context.clientNetns;
  return isOwn && context.connection.errors.length > 0 ? 'inferred' : 'proven';
}

/** What the program's connect() met, as a sentence behind others; nothing where it is not known, or no TCP asked. */
export function errnoSentence(context: Context): string {
  const errno = metErrno(context);
  if (context.connection.protocol !== 'tcp') return '';
  return errno === null ? '' : ` The program's connect() met ${errnoText(errno)}.`;
}
