/** Globs on the command line: `*` and `?`, as in a shell. */

function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}

/** A test of whole names: true for one that any of the globs matches. */
export function matchesAny(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map(globPattern);
  return (name) => patterns.some((pattern) => pattern.test(name));
}
