/** The fields of a case's frames: dissected when a filter asks for more than the frame's own numbers, once a frame. */

import type { CaptureInterface, Frame } from '../case/evidence.ts';
import { interfaceName } from '../case/interface-name.ts';
import { dissect } from '../wire/dissect.ts';
import type { Dissection } from '../wire/layer.ts';
import type { FrameFields, NumberReader, Value } from './bind.ts';

/** What is known of a frame's connection. */
export interface ConnectionFacts {
  /** Its number in `nettrace connections`, from 1. */
  readonly number: number;
  /** What the program met (`refused`), and why; null where it is not known. */
  readonly outcome: string | null;
  readonly cause: string | null;
}

/** What the fields of frames depend on beside the frames. */
export interface FrameSurroundings {
  readonly interfaces: readonly CaptureInterface[];
  /** Time 0 of `frame.time_relative`: the first frame's, nanoseconds since 1970. */
  readonly startNs: bigint;
  /** The connection that a frame belongs to; null for a frame of none. */
  readonly connectionOf: (frame: Frame) => ConnectionFacts | null;
}

const nsPerSecond = 1_000_000_000n;

/** Seconds (word 0) and nanoseconds (word 1); the latter are never negative. */
function timeWord(ns: bigint, word: number): number {
  const nanoseconds = ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond;
  return Number(word === 0 ? (ns - nanoseconds) / nsPerSecond : nanoseconds);
}

function present(value: Value | null | undefined): readonly Value[] {
  return value === null || value === undefined ? [] : [value];
}

/** Fields of a case's frames, for `Filter.bind`. */
export function frameFields({ interfaces, startNs, connectionOf }: FrameSurroundings): FrameFields<Frame> {
  let last: { frame: Frame; dissection: Dissection } | null = null;
  const dissected = (frame: Frame): Dissection => {
    if (last?.frame !== frame) {
      const linkType = interfaces[frame.interfaceIndex]?.linkType ?? -1;
      last = { frame, dissection: dissect(frame.bytes, linkType, frame.originalLength) };
    }
    return last.dissection;
  };

  const numbers: Readonly<Record<string, (frame: Frame, word: number) => number>> = {
    'frame.number': ({ number }) => number,
    'frame.len': ({ originalLength }) => originalLength,
    'frame.cap_len': ({ bytes }) => bytes.length,
    'frame.time_epoch': ({ timeNs }, word) => timeWord(timeNs, word),
    'frame.time_relative': ({ timeNs }, word) => timeWord(timeNs - startNs, word),
    connection: (frame) => connectionOf(frame)?.number ?? Number.NaN,
  };

  const own: Readonly<Record<string, (frame: Frame) => readonly Value[]>> = {
    netns: ({ interfaceIndex }) => present(interfaces[interfaceIndex]?.netns),
    interface: ({ interfaceIndex }) => {
      const point = interfaces[interfaceIndex];
      if (point === undefined) return [];
      return point.netns === null ? [point.device] : [point.device, interfaceName(point)];
    },
    verdict: (frame) => present(connectionOf(frame)?.outcome),
    cause: (frame) => present(connectionOf(frame)?.cause),
  };

  return {
    number(name, word): NumberReader<Frame> | null {
      const read = numbers[name];
      return read === undefined ? null : (frame) => read(frame, word);
    },
    values(name) {
      const found = own[name];
      if (found !== undefined) return found;
      return (frame) => {
        const values: Value[] = [];
        for (const { fields } of dissected(frame).layers) {
          for (const field of fields) if (field.name === name) values.push(field.value);
        }
        return values;
      };
    },
    bytes(protocol) {
      if (protocol === 'frame') return ({ bytes }) => [bytes];
      return (frame) =>
        dissected(frame)
          .layers.filter((layer) => layer.protocol === protocol)
          .map((layer) => frame.bytes.subarray(layer.offset));
    },
  };
}
