/** Which namespaces came and went while a watch lasted: its snapshot is of the start. */

import type { NamespaceHandle } from '../../host/namespaces.ts';
import { listWords } from '../../host/word-list.ts';

type Named = Pick<NamespaceHandle, 'name' | 'inode'>;

function without(these: readonly Named[], those: readonly Named[]): string[] {
  const inodes = new Set(those.map(({ inode }) => inode));
  return these.filter(({ inode }) => !inodes.has(inode)).map(({ name }) => name);
}

function subject(names: readonly string[]): string {
  return `The network namespace${names.length === 1 ? '' : 's'} ${listWords(names)}`;
}

/** One sentence each: what is not known because of it. None where nothing changed. */
export function namespaceChanges(before: readonly Named[], after: readonly Named[]): string[] {
  const gone = without(before, after);
  const came = without(after, before);
  const [were, their] = gone.length === 1 ? ['was', 'its'] : ['were', 'their'];
  return [
    ...(gone.length === 0 ? [] : [`${subject(gone)} ${were} gone before the end: ${their} state is that of before.`]),
    ...(came.length === 0 ? [] : [`${subject(came)} came after the start: nothing was looked at or captured there.`]),
  ];
}
