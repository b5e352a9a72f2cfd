/** What the evidence lacks: one sentence for each thing, however many namespaces lack it. */

import type { HostState, Problem } from '../host/state.ts';
import { listWords } from '../host/word-list.ts';
import type { Evidence } from './evidence.ts';

const noSnapshot =
  'There is no snapshot of the host: the way of the packets and the place where they ended are not known.';

/** One sentence a clause; of the namespaces that it holds for, those on the way come first. */
function problemSentences(problems: readonly Problem[], onTheWay: ReadonlySet<string>): string[] {
  const places = new Map<string, Set<string>>();
  for (const { netns, clause } of problems) {
    const names = places.get(clause) ?? new Set();
    places.set(clause, netns === null ? names : names.add(netns));
  }
  return [...places].map(([clause, names]) => {
    if (names.size === 0) return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
    const first = [...names].filter((name) => onTheWay.has(name));
    const others = [...names].filter((name) => !onTheWay.has(name));
    return `In ${listWords([...first, ...others])}, ${clause}.`;
  });
}

/** The sentences, of every source; `namespaces` are those that the connections' hops pass. */
export function missingSentences(
  { session, snapshot }: Evidence,
  host: HostState | null,
  namespaces: Iterable<string>,
): string[] {
  const onTheWay = new Set(namespaces);
  if (session?.command) onTheWay.add(session.command.netns);
  return [
    ...(session?.missing ?? []),
    ...(snapshot === null ? [noSnapshot] : snapshot.missing),
    ...problemSentences(host?.problems ?? [], onTheWay),
  ];
}
