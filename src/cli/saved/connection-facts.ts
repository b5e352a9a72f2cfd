/** What a filter can ask of frames' connections: their numbers from an index, their causes from a diagnosis. */

import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import type { Filter } from '../../filter/filter.ts';
import type { ConnectionFacts } from '../../filter/frame-fields.ts';
import { none } from '../../flow/connection-row.ts';
import type { IndexedCapture } from '../../index/indexed-capture.ts';

/** What a diagnosis says of a frame's connection, by the frame's number; undefined where it says nothing. */
export type Told = (frameNumber: number) => Pick<ConnectionFacts, 'outcome' | 'cause'> | undefined;

/** Nothing was diagnosed. */
export const nothingTold: Told = () => undefined;

/** What a diagnosis says of each frame that it took for a connection's. */
export function tellFrames({ connections }: Pick<Diagnosis, 'connections'>): Told {
  const told = new Map(
    connections.flatMap(({ frames, outcome, cause }) => frames.map((number) => [number, { outcome, cause }] as const)),
  );
  return (frameNumber) => told.get(frameNumber);
}

/**
 * What is known of a frame's connection, by the frame's number; null for a frame of none.
 *
 * @param told Frames of which it says nothing have the outcome that `nettrace connections` tells, and no cause.
 */
export function factsOf(
  capture: IndexedCapture,
  told: Told,
  { names }: Filter,
): (frameNumber: number) => ConnectionFacts | null {
  const known: ConnectionFacts[] = [];
  const needsOutcome = names.has('verdict');
  const onTheWire = (number: number): ConnectionFacts => {
    const outcome = needsOutcome ? capture.numbers.summary(number).outcome : null;
    known[number] ??= { number, outcome, cause: null };
    return known[number];
  };
  return (frameNumber) => {
    const id = capture.idOf(frameNumber - 1);
    if (id === none) return null;
    const number = capture.numbers.numberOf(id);
    const diagnosed = told(frameNumber);
    return diagnosed === undefined ? (known[number] ?? onTheWire(number)) : { number, ...diagnosed };
  };
}
