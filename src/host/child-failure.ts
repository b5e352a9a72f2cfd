/** Why a child failed, in one line. */

/** What execa knows of a child that has ended. */
export interface EndedChild {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** Node's own words where it could not be started, or was ended for its time. */
  readonly originalMessage?: string | undefined;
}

/**
 * The first line that it said (without a full stop), else why it could not be started, else how it ended. Execa's own messages are not used:
 * they hold the whole command line, of which a script can be a part.
 */
export function childFailure({ exitCode, signal, originalMessage }: EndedChild, standardError: string): string {
  const first = (text: string | undefined): string =>
    text?.trim().split('\n', 1).join('').trim().replace(/\.$/, '') ?? '';
  if (first(standardError) !== '') return first(standardError);
  if (exitCode !== undefined) return `it ended with status ${exitCode}`;
  if (signal !== undefined) return `${signal} ended it`;
  return first(originalMessage) || 'no reason was given';
}
