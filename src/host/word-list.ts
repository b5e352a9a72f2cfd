/** Many names in one sentence. */

/** Named in full; with more of them a sentence drowns. */
const mostNamed = 3;

/** `a`, `a and b`, `a, b, c and 12 more`. */
export function listWords(words: readonly string[]): string {
  const more = words.length - mostNamed;
  const named = more > 0 ? [...words.slice(0, mostNamed), `${more} more`] : words;
  const last = named.at(-1) ?? '';
  return named.length < 2 ? last : `${named.slice(0, -1).join(', ')} and ${last}`;
}
