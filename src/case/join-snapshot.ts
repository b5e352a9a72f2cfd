/** A capture of another tool and a snapshot of the host that it was made on, as one case. */

import { parseLinks } from '../host/parse/links.ts';
import { Sections } from '../host/parse/section.ts';
import type { Snapshot } from '../host/snapshot.ts';
import { listWords } from '../host/word-list.ts';
import type { CaptureInterface, Case, Frame } from './evidence.ts';
import { interfaceName, placeOfInterface } from './interface-name.ts';

/** The names of the devices of each namespace. */
type Devices = ReadonlyMap<string, ReadonlySet<string>>;

function devicesOf({ namespaces }: Snapshot): Devices {
  return new Map(
    namespaces.map((namespace) => [
      namespace.name,
      new Set(parseLinks(new Sections(namespace)).map(({ name }) => name)),
    ]),
  );
}

/** The interface at its place, or one clause about why it has none. */
function place(point: CaptureInterface, devices: Devices): CaptureInterface | string {
  const name = interfaceName(point);
  if (name === '') return 'an interface without a name';
  const named = placeOfInterface(name);
  if (named.netns !== null && devices.get(named.netns)?.has(named.device) === true) return { ...point, ...named };
  const owners = [...devices].filter(([, names]) => names.has(point.device)).map(([netns]) => netns);
  const [owner, ...others] = owners;
  if (point.netns !== null || owner === undefined) return `${name} (the snapshot has none)`;
  return others.length === 0 ? { ...point, netns: owner } : `${name} (of ${listWords(owners)})`;
}

const units = [
  ['day', 86_400n],
  ['hour', 3600n],
  ['minute', 60n],
] as const;

/** A minute passes while somebody copies a file. */
const sameTimeS = 60n;

/** How far apart the two were taken, where that may matter. */
function timeSentence({ frames }: Unplaced, { takenNs }: Snapshot): string | null {
  let [first, last]: [bigint | null, bigint] = [null, takenNs];
  for (const { timeNs } of frames) {
    if (first === null || timeNs > last) last = timeNs;
    if (first === null || timeNs < first) first = timeNs;
  }
  first ??= takenNs;
  const later = takenNs > last;
  const apartS = (later ? takenNs - last : first - takenNs) / 1_000_000_000n;
  if (apartS <= sameTimeS) return null;
  const [unit, seconds] = units.find(([, length]) => apartS >= length) ?? ['second', 1n];
  const count = apartS / seconds;
  const apart = `${count} ${unit}${count === 1n ? '' : 's'} ${later ? 'after the last' : 'before the first'} frame`;
  return `The snapshot was taken ${apart}: the host may have been another then.`;
}

/** A case whose frames need not be held: they are gone through once. */
export interface Unplaced extends Omit<Case, 'frames'> {
  readonly frames: Iterable<Pick<Frame, 'timeNs'>>;
}

/** What was joined, or why it was not. */
type Joined<E> = { readonly evidence: E } | { readonly problem: string };

/**
 * Finds each interface of the capture in the snapshot: by `NETNS:DEVICE`, else by a device's name that one namespace
 * alone has. Those that have no place are named in the snapshot's `missing`; where none has, the two are not joined,
 * since nothing shows that they are of one host.
 */
export function joinSnapshot<E extends Unplaced>(evidence: E, snapshot: Snapshot): Joined<E> {
  const devices = devicesOf(snapshot);
  const places = evidence.interfaces.map((point) => ({ point, found: place(point, devices) }));
  const lost = [...new Set(places.flatMap(({ found }) => (typeof found === 'string' ? [found] : [])))];
  if (places.every(({ found }) => typeof found === 'string')) {
    return {
      problem: `the snapshot is not used: the capture is of ${lost.length === 0 ? 'no interface' : listWords(lost)}`,
    };
  }
  const time = timeSentence(evidence, snapshot);
  const missing = [
    ...snapshot.missing,
    ...(lost.length === 0 ? [] : [`Not known where it was captured: ${listWords(lost)}.`]),
    ...(time === null ? [] : [time]),
  ];
  const interfaces = places.map(({ point, found }) => (typeof found === 'string' ? point : found));
  return { evidence: { ...evidence, interfaces, snapshot: { ...snapshot, missing } } };
}
