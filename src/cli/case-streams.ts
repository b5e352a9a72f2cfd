/** The streams of a case for the terminal UI: of each connection what a person reads, and no more. */

import type { Case, Frame } from '../case/evidence.ts';
import type { Diagnosis } from '../diagnose/diagnosis.ts';
import { none } from '../flow/connection-row.ts';
import { type StreamLine, streamDigits, streamHex, streamText } from '../report/stream.ts';
import type { StreamAnswer, StreamForm } from '../ui/case-view.ts';
import { indexOf } from './case-filter.ts';
import { type FollowedConnection, followConnection } from './followed.ts';

/** Bytes of frames that are looked at, so that a key has its answer at once; `nettrace follow` looks at more. */
const mostBytes = 2 * 1024 * 1024;

/** Lines that are made of them: a stream may be line ends alone. */
const mostLines = 100_000;

const more = 'nettrace follow shows more of it';

/** Cells of a hex dump of sixteen bytes a line. */
const wideHex = 78;

function formatted({ stream }: FollowedConnection, form: StreamForm, width: number): Generator<StreamLine> {
  if (form === 'text') return streamText(stream, null);
  if (form === 'hex') return streamHex(stream, null, width < wideHex ? 8 : 16);
  // Two digits a byte, in whole eights.
  return streamDigits(stream, null, 8 * Math.max(1, Math.floor(width / 16)));
}

function linesOf(followed: FollowedConnection, form: StreamForm, width: number): StreamLine[] {
  const lines = formatted(followed, form, width);
  const shown = [...lines.take(mostLines + 1)];
  if (shown.length > mostLines) shown[mostLines] = { from: null, text: `[more lines follow: ${more}]` };
  const { leftOut } = followed;
  if (leftOut > 0) {
    const frames = leftOut === 1 ? '1 frame' : `${leftOut} frames`;
    shown.push({ from: null, text: `[${frames} of the connection left out: it is too long; ${more}]` });
  }
  return shown;
}

function answerOf(followed: FollowedConnection): StreamAnswer {
  const { client, server } = followed.summary;
  const { protocol } = followed.stream;
  let latest: { readonly form: StreamForm; readonly width: number; readonly lines: StreamLine[] } | null = null;
  return {
    ok: true,
    protocol,
    client,
    server,
    lines(form, width) {
      if (latest?.form !== form || latest.width !== width) {
        latest = { form, width, lines: linesOf(followed, form, width) };
      }
      return latest.lines;
    },
  };
}

const nothing = (message: string): StreamAnswer => ({ ok: false, message });

/** Follows connections of a case; the latest answer is kept. */
export class CaseStreams {
  readonly #evidence: Case;
  readonly #diagnosis: Diagnosis;
  #latest: { readonly frame: number; readonly answer: StreamAnswer } | null = null;

  constructor(evidence: Case, diagnosis: Diagnosis) {
    this.#evidence = evidence;
    this.#diagnosis = diagnosis;
  }

  /** What the connection of a frame said. */
  of(frame: number): StreamAnswer {
    if (this.#latest?.frame !== frame) this.#latest = { frame, answer: this.#follow(frame) };
    return this.#latest.answer;
  }

  #follow(frame: number): StreamAnswer {
    const number = this.#connectionOf(frame);
    if (number === 0) return nothing(`Frame ${frame} belongs to no connection: there is nothing to follow.`);
    const { frames } = this.#evidence;
    const capture = indexOf(this.#evidence);
    const frameOf = (row: number): Frame => frames[row] ?? capture.frame(row);
    const followed = followConnection(capture, number, mostBytes, frameOf);
    if (followed === null) return nothing(`Frame ${frame} is of a ping: only what TCP and UDP carry can be followed.`);
    return answerOf(followed);
  }

  /** The number of a frame's connection, 0 for none. An ICMP error may be known to the diagnosis alone. */
  #connectionOf(frame: number): number {
    const capture = indexOf(this.#evidence);
    const diagnosed = this.#diagnosis.connections.find(({ frames }) => frames.includes(frame))?.frames ?? [];
    for (const one of [frame, ...diagnosed]) {
      const id = capture.idOf(one - 1);
      if (id !== none) return capture.numbers.numberOf(id);
    }
    return 0;
  }
}
