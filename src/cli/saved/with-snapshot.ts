/** `replay --snapshot`: gives a capture of another tool the state of the host that it was made on. */

import { joinSnapshot, type Unplaced } from '../../case/join-snapshot.ts';
import { UserError } from '../errors.ts';

/** A case, and why the state of the host could not be joined to it; null where it was, or where none is wanted. */
interface Placed<E> {
  readonly evidence: E;
  readonly problem: string | null;
}

/**
 * The case with the state of its host from another file.
 *
 * @param path The file; undefined leaves the case as it is.
 *
 * Throws a UserError where it has one of its own.
 */
export async function withSnapshot<E extends Unplaced>(
  name: string,
  evidence: E,
  path: string | undefined,
): Promise<Placed<E>> {
  if (path === undefined) return { evidence, problem: null };
  // What is left of a recording that was killed has a snapshot of nothing.
  if (evidence.snapshot !== null && evidence.snapshot.namespaces.length > 0) {
    throw new UserError(
      `${name} holds the state of its host, taken with its frames: --snapshot would replace it. Leave that out.`,
    );
  }
  const { openSnapshot } = await import('./open-snapshot.ts');
  const joined = joinSnapshot(evidence, await openSnapshot(path));
  return 'evidence' in joined ? { ...joined, problem: null } : { evidence, ...joined };
}
