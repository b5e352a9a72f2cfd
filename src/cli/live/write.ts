/** Writes frames of a live capture while it goes on: each is read when its turn comes, and keys have theirs in between. */

import { setImmediate } from 'node:timers/promises';
import { encodeEvidence } from '../../capfile/case-file.ts';
import { enhancedPacketBlock, interfaceBlock, sectionHeaderBlock } from '../../capfile/pcapng-writer.ts';
import type { CaptureInterface } from '../../case/evidence.ts';
import type { FrameStore } from '../../live/frame-store.ts';
import { liveFrame } from '../../live/live-evidence.ts';
import type { WriteAnswer, WriteRequest } from '../../ui/case-view.ts';
import { application, type NewFile } from '../save.ts';
import { writeTo } from '../saved/write-frames.ts';

/** Frames between two turns: some five milliseconds of work. */
const framesEach = 2000;

function* fromTo(first: number, last: number): Generator<number> {
  for (let number = first; number <= last; number += 1) yield number;
}

/**
 * Writes the frames that are asked for, those up to `last` when all are; frames that go from memory meanwhile are
 * missing, and not counted.
 */
export function writeLiveFrames(
  store: FrameStore,
  interfaces: readonly CaptureInterface[],
  request: WriteRequest,
  last: number,
): Promise<WriteAnswer> {
  const copy = async (file: NewFile): Promise<number> => {
    file.write([sectionHeaderBlock(application)]);
    file.write(interfaces.map((one) => interfaceBlock(one, one.linkType)));
    let [asked, written] = [0, 0];
    for (const number of request.frames ?? fromTo(store.first, last)) {
      const frame = liveFrame(store, number);
      if (frame !== null) {
        file.write([enhancedPacketBlock(frame)]);
        written += 1;
      }
      asked += 1;
      if (asked % framesEach === 0) await setImmediate();
    }
    file.write(encodeEvidence({ session: null, snapshot: null, kernelLines: [] }));
    return written;
  };
  return writeTo(request, copy);
}
