/** The streams of a capture for the terminal UI: of each connection what a person reads, and no more. */

import type { Frame } from '../../case/evidence.ts';
import { none } from '../../flow/connection-row.ts';
import type { IndexedCapture } from '../../index/indexed-capture.ts';
import { type StreamLine, streamDigits, streamHex, streamText } from '../../report/stream.ts';
import type { StreamAnswer, StreamForm } from '../../ui/case-view.ts';
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

/** Follows connections of a capture; the latest answer is kept. */
export class Streams {
  readonly #capture: IndexedCapture;
  readonly #frameOf: (row: number) => Frame;
  #latest: { readonly frame: number; readonly answer: StreamAnswer } | null = null;

  /** @param frameOf The frame of a row, with its bytes. */
  constructor(capture: IndexedCapture, frameOf: (row: number) => Frame = (row) => capture.frame(row)) {
    this.#capture = capture;
    this.#frameOf = frameOf;
  }

  /**
   * What the connection of a frame said.
   *
   * @param others Frames of the same connection, in case the frame's own is not known from it.
   */
  of(frame: number, others: readonly number[] = []): StreamAnswer {
    if (this.#latest?.frame !== frame) this.#latest = { frame, answer: this.#follow(frame, others) };
    return this.#latest.answer;
  }

  #follow(frame: number, others: readonly number[]): StreamAnswer {
    const number = this.#connectionOf([frame, ...others]);
    if (number === 0) return nothing(`Frame ${frame} belongs to no connection: there is nothing to follow.`);
    const followed = followConnection(this.#capture, number, mostBytes, this.#frameOf);
    if (followed === null) return nothing(`Frame ${frame} is of a ping: only what TCP and UDP carry can be followed.`);
    return answerOf(followed);
  }

  /** The number of the frames' connection, 0 for none. */
  #connectionOf(frames: readonly number[]): number {
    for (const one of frames) {
      const id = this.#capture.idOf(one - 1);
      if (id !== none) return this.#capture.numbers.numberOf(id);
    }
    return 0;
  }
}
