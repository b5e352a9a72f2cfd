/** The stream of a live capture that is looked at: made anew only when more of its connection has come. */

import type { CaptureInterface } from '../../case/evidence.ts';
import type { FrameStore } from '../../live/frame-store.ts';
import { liveFrame } from '../../live/live-evidence.ts';
import type { StreamAnswer } from '../../ui/case-view.ts';
import { CaseStreams } from '../saved/case-streams.ts';

interface Followed {
  readonly frame: number;
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly answer: StreamAnswer;
}

/** See the file's head. */
export class LiveStreams {
  readonly #store: FrameStore;
  readonly #interfaces: readonly CaptureInterface[];
  #latest: Followed | null = null;

  constructor(store: FrameStore, interfaces: readonly CaptureInterface[]) {
    this.#store = store;
    this.#interfaces = interfaces;
  }

  /**
   * What the connection of a frame has said; when the frame has gone from memory, what it had said until then.
   *
   * @param own Its connection's frames; none when it belongs to no connection.
   */
  of(frame: number, own: readonly number[]): StreamAnswer {
    const [first, last] = [own[0], own.at(-1)];
    const latest = this.#latest;
    if (latest?.frame === frame && (own.length === 0 || (latest.first === first && latest.last === last))) {
      return latest.answer;
    }
    const answer = this.#follow(frame, own);
    this.#latest = { frame, first, last, answer };
    return answer;
  }

  #follow(frame: number, own: readonly number[]): StreamAnswer {
    const kept = own.flatMap((number) => liveFrame(this.#store, number) ?? []);
    const place = kept.findIndex(({ number }) => number === frame);
    if (place === -1) {
      const message = `Frame ${frame} belongs to no connection that is known: there is nothing to follow.`;
      return { ok: false, message };
    }
    // A case numbers its frames from 1 on.
    const frames = kept.map((one, index) => ({ ...one, number: index + 1 }));
    const evidence = { session: null, interfaces: this.#interfaces, frames, snapshot: null, kernelLines: [] };
    return new CaseStreams(evidence, { connections: [] }).of(place + 1);
  }
}
