/** Which namespaces a command means by their names, on this host and in a snapshot alike. */

import { UserError } from './errors.ts';
import { matchesAny } from './globs.ts';

/** What is known of a namespace before its state is. */
interface Named {
  readonly name: string;
  /** Absent in a snapshot, as is what follows where it is not known. */
  readonly netnsName?: string | null;
  readonly container?: { readonly name: string } | null;
}

/** The namespace to start from, then the others whose names none of the globs matches. */
export function namespacesInSight<Namespace extends Pick<Named, 'name'>>(
  all: readonly Namespace[],
  start: Namespace,
  ignored: readonly string[],
): Namespace[] {
  const isIgnored = matchesAny(ignored);
  return [start, ...all.filter((one) => one !== start && !isIgnored(one.name))];
}

/** Which words would have done. */
export function thereAre(words: readonly string[]): string {
  return words.length === 0 ? 'None is known.' : `There are: ${words.join(', ')}.`;
}

/**
 * The namespace of that name, else the one that `ip netns` calls so, else that of the container. Throws a UserError
 * that says which there are.
 */
export function namespaceCalled<Namespace extends Named>(all: readonly Namespace[], wanted: string): Namespace {
  const found =
    all.find(({ name }) => name === wanted) ??
    all.find(({ netnsName }) => netnsName === wanted) ??
    all.find(({ container }) => container?.name === wanted);
  if (found !== undefined) return found;
  throw new UserError(`there is no network namespace ${wanted}. ${thereAre(all.map(({ name }) => name))}`);
}
