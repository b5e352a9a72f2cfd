/**
 * The diagnosis in the screen's words: badges, certainty marks, places, ends of connections. Everything returned is
 * printable.
 */

import { type Certainty, type Endpoint, type HopVerdict, isFailure, type Outcome } from '../../diagnose/diagnosis.ts';
import { formatEndpoint } from '../../inet/address.ts';
import type { Emphasis } from '../line.ts';
import { cells, cut, printable } from '../text.ts';

/** One character for how well something is supported; the help explains it. */
export const certaintyMarks: Readonly<Record<Certainty, string>> = { proven: '!', observed: '~', inferred: '?' };

/** What the marks mean. */
export const certaintyMeanings: Readonly<Record<Certainty, string>> = {
  proven: 'the kernel said so, and frames or state agree',
  observed: 'frames show it, and the state of the host explains it',
  inferred: 'it follows from frames or state alone',
};

/** The verdict badge of a connection: `REFUSED`, `DNS-FAILED`. */
export function badge(outcome: Outcome): string {
  return outcome.toUpperCase();
}

/** How a connection's badge stands out. */
export function outcomeEmphasis(outcome: Outcome): Emphasis {
  return isFailure(outcome) ? 'failed' : 'strong';
}

/** True for the verdicts that end a packet's way badly. */
export function endsBadly(verdict: HopVerdict): boolean {
  return verdict === 'dropped' || verdict === 'rejected' || verdict === 'refused' || verdict === 'failed';
}

/** `10.88.0.1:19001`, `[fd00::1]:53`, or the address alone. */
export function endpointText({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  const shown = printable(address);
  if (port === null) return shown;
  return formatEndpoint(shown, port);
}

/** `host:podman0`; where it does not fit in `width` cells the namespace is shortened, not the device. */
export function placeText(netns: string | null, device: string | null, width: number): string {
  if (netns === null) return cut(printable(device ?? '?'), width);
  const place = printable(netns);
  if (device === null) return cut(place, width);
  const suffix = `:${printable(device)}`;
  const room = width - cells(suffix);
  return room < 2 ? cut(`${place}${suffix}`, width) : `${cut(place, room)}${suffix}`;
}

/** A number in at most five characters: `950`, `12.3k`, `4.5M`. */
export function compact(value: number): string {
  for (const [unit, sign] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= 0.9995 * unit) return `${(value / unit).toPrecision(3)}${sign}`;
  }
  return String(Math.round(value));
}

/** `1 frame`, `2 frames`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
