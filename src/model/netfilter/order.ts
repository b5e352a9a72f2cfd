/**
 * In which order the kernel runs what hangs at one hook: by priority; at one priority what was registered last runs first
 * (nf_hook_entries_grow, net/netfilter/core.c).
 *
 * Listings show the order of making inside a table, not between tables. Where that decides, every order is a way.
 */

import { mergeOutcomes, mergeStates, type Outcome, type State } from './state.ts';

/** Something at a hook that packets pass. */
export interface Station {
  readonly priority: number;
  /** What it was made with: the order among its own is known. */
  readonly owner: string;
  /** Passes packets: those that go on, and the ends of the others. */
  run(states: readonly State[]): Passing;
}

/** What stations make of packets. */
export interface Passing {
  readonly accepted: readonly State[];
  readonly ended: readonly Outcome[];
}

/** More tables than this at one priority have more orders than are worth trying. */
const mostOwners = 4;

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [first, ...rest]),
  );
}

/** The orders that may be the kernel's. */
function ordersOf(stations: readonly Station[]): Station[][] {
  const latestFirst = stations.toReversed();
  const owners = [...new Set(latestFirst.map(({ owner }) => owner))];
  // Beyond that two orders stand for all.
  const orders = owners.length <= mostOwners ? permutations(owners) : [owners, owners.toReversed()];
  return orders.map((order) => order.flatMap((one) => latestFirst.filter(({ owner }) => owner === one)));
}

function runInOrder(stations: readonly Station[], states: readonly State[]): Passing {
  let accepted: readonly State[] = states;
  const ended: Outcome[] = [];
  for (const station of stations) {
    if (accepted.length === 0) break;
    const passing = station.run(accepted);
    accepted = passing.accepted;
    ended.push(...passing.ended);
  }
  return { accepted, ended };
}

function runGroup(stations: readonly Station[], states: readonly State[]): Passing {
  const orders = ordersOf(stations);
  const [only] = orders;
  if (only === undefined || orders.length === 1) return runInOrder(only ?? [], states);
  const owners = [...new Set(stations.map(({ owner }) => owner))].join(', ');
  const passings = orders.map((order, index) => {
    const reason = `which of ${owners} was made last, and so runs first, is not known (order ${index + 1})`;
    const assumption = { reference: null, reason, matched: true };
    // Ways that end alike in every order merge, and what is assumed of one order alone goes.
    const assume = <Way extends State>(way: Way): Way => ({ ...way, assumptions: [...way.assumptions, assumption] });
    const { accepted, ended } = runInOrder(order, states);
    return { accepted: accepted.map(assume), ended: ended.map(assume) };
  });
  return {
    accepted: mergeStates(passings.flatMap(({ accepted }) => accepted)),
    ended: mergeOutcomes(passings.flatMap(({ ended }) => ended)),
  };
}

/** Runs packets past the stations of a hook. */
export function runStations(stations: readonly Station[], states: readonly State[]): Passing {
  const groups = new Map<number, Station[]>();
  for (const station of stations.toSorted((a, b) => a.priority - b.priority)) {
    const group = groups.get(station.priority);
    if (group === undefined) groups.set(station.priority, [station]);
    else group.push(station);
  }
  let accepted: readonly State[] = states;
  const ended: Outcome[] = [];
  for (const group of groups.values()) {
    if (accepted.length === 0) break;
    const passing = runGroup(group, accepted);
    accepted = passing.accepted;
    ended.push(...passing.ended);
  }
  return { accepted, ended };
}
