/**
 * Joins the ends of veth pairs across namespaces.
 *
 * An end knows its peer's index and, by a number that only its own namespace uses, the peer's namespace (rtnetlink's
 * IFLA_LINK and IFLA_LINK_NETNSID). Two ends are a pair when each has the other's index; which namespace a number means
 * follows from the names of `ip netns` (a snapshot knows those in sight, see `every-name.ts`, but not every host allows that), and
 * from all ends that share it.
 */

import type { Link } from '../state.ts';
import type { UnjoinedLink, UnjoinedNamespace } from './links.ts';

type Far = NonNullable<UnjoinedLink['far']>;
/** For each namespace and number: the namespaces that it may mean. */
type Meanings = Map<string, Map<number, Set<string>>>;

interface Host {
  readonly links: ReadonlyMap<string, readonly UnjoinedLink[]>;
  readonly byIndex: ReadonlyMap<string, ReadonlyMap<number, UnjoinedLink>>;
}

/** -1 is the kernel's word for a namespace that it has no number for. */
function hasNumber(far: Far | null | undefined): far is Far & { readonly netnsId: number } {
  return typeof far?.netnsId === 'number' && far.netnsId >= 0;
}

/** The end in `there` with the indexes that answer to those of another end, and its number for that one's namespace. */
function counterpart(host: Host, end: UnjoinedLink, far: Far, there: string) {
  const other = host.byIndex.get(there)?.get(far.index);
  if (other?.far?.index !== end.index || !hasNumber(other.far)) return undefined;
  return { device: other.name, back: other.far.netnsId };
}

/** The same, if that number may mean `here`. */
function answering(host: Host, meanings: Meanings, here: string, end: UnjoinedLink, far: Far, there: string) {
  const other = counterpart(host, end, far, there);
  return other !== undefined && meanings.get(there)?.get(other.back)?.has(here) === true ? other : undefined;
}

function* numberedEnds(host: Host, here: string): Generator<readonly [UnjoinedLink, Far, number]> {
  for (const end of host.links.get(here) ?? []) {
    if (hasNumber(end.far)) yield [end, end.far, end.far.netnsId];
  }
}

/** The namespaces that have an end of the first index whose other end has the second one. */
function namespacesByEnds(host: Host): (index: number, farIndex: number) => readonly string[] {
  const all = [...host.links.keys()].flatMap((here) =>
    [...numberedEnds(host, here)].map(([end, far]) => ({ here, ends: `${end.index} ${far.index}` })),
  );
  const byEnds = Map.groupBy(all, ({ ends }) => ends);
  return (index, farIndex) => byEnds.get(`${index} ${farIndex}`)?.map(({ here }) => here) ?? [];
}

function hasName(namespace: Pick<UnjoinedNamespace, 'names'> | undefined): boolean {
  return (namespace?.names.own.length ?? 0) > 0;
}

/**
 * At first a number may mean any other namespace that an end could lead to, unless `ip netns` names it: that settles both
 * ends. A name that none of these namespaces has is of one that was not looked into, whatever the ends of others say; a
 * number that it lists without a name is none of those that have one.
 */
function everyMeaning(host: Host, namespaces: ReadonlyMap<string, Pick<UnjoinedNamespace, 'names'>>): Meanings {
  const meanings: Meanings = new Map([...namespaces.keys()].map((here) => [here, new Map<number, Set<string>>()]));
  const withEnds = namespacesByEnds(host);
  for (const [here, numbers] of meanings) {
    for (const [end, far, netnsId] of numberedEnds(host, here)) {
      const isNameless = namespaces.get(here)?.names.byNumber.get(netnsId) === null;
      const possible = withEnds(far.index, end.index).filter(
        (there) => there !== here && !(isNameless && hasName(namespaces.get(there))),
      );
      numbers.set(netnsId, new Set(possible));
    }
  }
  const byNetnsName = new Map(
    [...namespaces].flatMap(([name, { names }]) => names.own.map((own) => [own, name] as const)),
  );
  const nameOf = (here: string, number: number) => namespaces.get(here)?.names.byNumber.get(number) ?? null;
  for (const here of namespaces.keys()) {
    for (const [end, far, netnsId] of numberedEnds(host, here)) {
      const name = nameOf(here, netnsId);
      if (name === null) continue;
      const there = byNetnsName.get(name);
      if (there === undefined) {
        meanings.get(here)?.set(netnsId, new Set());
        continue;
      }
      const other = counterpart(host, end, far, there);
      meanings.get(here)?.set(netnsId, new Set([there]));
      if (other !== undefined && nameOf(there, other.back) === null) {
        meanings.get(there)?.set(other.back, new Set([here]));
      }
    }
  }
  return meanings;
}

/** Strikes out what the ends contradict; true when something was struck out. */
function narrow(host: Host, meanings: Meanings): boolean {
  let changed = false;
  for (const [here, numbers] of meanings) {
    for (const [end, far, netnsId] of numberedEnds(host, here)) {
      for (const there of numbers.get(netnsId) ?? []) {
        if (answering(host, meanings, here, end, far, there) !== undefined) continue;
        numbers.get(netnsId)?.delete(there);
        changed = true;
      }
    }
  }
  return changed;
}

/** The only one of a set; undefined when there are more, or none. */
function only(possible: ReadonlySet<string> | undefined): string | undefined {
  const [first] = possible ?? [];
  return possible?.size === 1 ? first : undefined;
}

/** The other end, when it can be but one, and that one's other end can be but this. */
function otherEnd(host: Host, meanings: Meanings, here: string, link: UnjoinedLink) {
  const { far } = link;
  if (far === null || far.netnsId === null) return undefined;
  const there = only(meanings.get(here)?.get(far.netnsId));
  const other = there === undefined ? undefined : answering(host, meanings, here, link, far, there);
  if (there === undefined || other === undefined) return undefined;
  return only(meanings.get(there)?.get(other.back)) === here ? { netns: there, device: other.device } : undefined;
}

/** A link with its peer, before what it stands on is looked for. */
export type PeeredLink = Omit<UnjoinedLink, 'far'> & Pick<Link, 'peer'>;

function joined(host: Host, meanings: Meanings, here: string, link: UnjoinedLink): PeeredLink {
  const { far, ...rest } = link;
  if (far === null) return { ...rest, peer: null };
  const inside = far.netnsId === null ? host.byIndex.get(here)?.get(far.index) : undefined;
  const other = inside === undefined ? otherEnd(host, meanings, here, link) : { netns: here, device: inside.name };
  return { ...rest, peer: { netns: other?.netns ?? null, index: far.index, device: other?.device ?? null } };
}

/**
 * The links of each namespace with their peers; a peer that could be in several namespaces, or in none, has netns null.
 */
export function joinPeers(
  namespaces: ReadonlyMap<string, Pick<UnjoinedNamespace, 'links' | 'names'>>,
): Map<string, PeeredLink[]> {
  const links = new Map([...namespaces].map(([name, { links }]) => [name, links]));
  const byIndex = new Map([...links].map(([name, own]) => [name, new Map(own.map((link) => [link.index, link]))]));
  const host: Host = { links, byIndex };
  const meanings = everyMeaning(host, namespaces);
  while (narrow(host, meanings));
  return new Map([...links].map(([name, own]) => [name, own.map((link) => joined(host, meanings, name, link))]));
}
