/** Where `record` captures: the points that were named on the command line, or those that `run` would choose. */

import { type ChosenPoints, choosePoints, type PointName } from '../../capture/points.ts';
import type { NamespaceHandle } from '../../host/namespaces.ts';
import type { Link } from '../../host/state.ts';
import { UserError } from '../errors.ts';
import { namespaceCalled, thereAre } from '../namespace-choice.ts';

/** What was asked for. */
export interface WantedPoints {
  /** `DEV` or `NETNS:DEV`, split at the last colon. */
  readonly devices: readonly string[];
  /** Namespaces, from each of which points are chosen as for a command in it. */
  readonly namespaces: readonly string[];
}

type Named = Pick<NamespaceHandle, 'name' | 'netnsName'>;

function deviceOf(
  wanted: string,
  links: ReadonlyMap<string, readonly Link[]>,
  start: string,
  namespaces: readonly Named[],
): PointName {
  const colon = wanted.lastIndexOf(':');
  const netns = colon < 0 ? start : namespaceCalled(namespaces, wanted.slice(0, colon)).name;
  const device = wanted.slice(colon + 1);
  const names = (links.get(netns) ?? []).map(({ name }) => name);
  if (names.includes(device)) return { netns, device };
  throw new UserError(`there is no device ${device} in the network namespace ${netns}. ${thereAre(names)}`);
}

/** Each once, with its name. */
function byPlace(points: readonly PointName[]): [place: string, point: PointName][] {
  return [...new Map(points.map((point) => [`${point.netns}:${point.device}`, point]))];
}

/** The points, each once. Throws a UserError that says which names there are, for one that is none of them. */
export function recordPoints(
  wanted: WantedPoints,
  links: ReadonlyMap<string, readonly Link[]>,
  start: string,
  namespaces: readonly Named[],
): ChosenPoints {
  const isChoice = wanted.devices.length > 0 || wanted.namespaces.length > 0;
  const from = isChoice ? wanted.namespaces.map((name) => namespaceCalled(namespaces, name).name) : [start];
  const chosen = from.map((netns) => choosePoints(links, netns));
  const points = byPlace([
    ...wanted.devices.map((device) => deviceOf(device, links, start, namespaces)),
    ...chosen.flatMap((one) => one.points),
  ]);
  const left = byPlace(chosen.flatMap((one) => one.left)).filter(
    ([place]) => !points.some(([taken]) => taken === place),
  );
  return { points: points.map(([, point]) => point), left: left.map(([, point]) => point) };
}
