/** Writes frames for the terminal UI, as `nettrace frames --write` writes those of a file. */

import { setImmediate } from 'node:timers/promises';
import { CaptureCopier } from '../../capfile/capture-copier.ts';
import type { CaptureItem } from '../../capfile/capture-item.ts';
import { CaptureReader } from '../../capfile/capture-reader.ts';
import { encodeCase, selectFrames } from '../../capfile/case-file.ts';
import { frameOf } from '../../capfile/pcapng-notes.ts';
import type { Case, Frame } from '../../case/evidence.ts';
import { FrameSet } from '../../case/frame-set.ts';
import type { WriteAnswer, WriteRequest } from '../../ui/case-view.ts';
import { errorText } from '../errors.ts';
import { application, CannotSave, NewFile, replaceParts, saveParts, whatIsAt } from '../save.ts';
import type { OpenedIndex } from './opened-index.ts';

function failed(error: unknown): WriteAnswer {
  if (error instanceof CannotSave) return { kind: 'failed', reason: error.reason };
  return { kind: 'failed', reason: `${errorText(error)}. Name another file.` };
}

/** Writes the frames to a new file; to one that is there only when the request says so. */
export function writeFrames(evidence: Case, { frames, path, overwrite }: WriteRequest): WriteAnswer {
  const part = selectFrames(evidence, new Set(frames ?? evidence.frames.map(({ number }) => number)));
  try {
    const there = whatIsAt(path);
    if (there === 'file' && !overwrite) return { kind: 'exists' };
    (there === null ? saveParts : replaceParts)(path, encodeCase(part, application));
    return { kind: 'written', frames: part.frames.length };
  } catch (error) {
    return failed(error);
  }
}

/** Copies the frames of a large capture, piece by piece: keys and the screen have their turn. */
async function copyFrames(opened: OpenedIndex, frames: WriteRequest['frames'], file: NewFile): Promise<number> {
  const wanted = frames && FrameSet.of(opened.capture.index.packets.count, frames);
  const reader = new CaptureReader();
  const copier = new CaptureCopier(application);
  let [number, written] = [0, 0];
  const take = (item: CaptureItem): Frame | null => {
    if (item.kind !== 'frame') return null;
    number += 1;
    if (wanted !== null && !wanted.includes(number)) return null;
    written += 1;
    return frameOf(item, number);
  };
  for (const chunk of opened.again()) {
    file.write(copier.copy(reader.push(chunk), take));
    await setImmediate();
  }
  file.write(copier.copy(reader.end(), take));
  file.write(copier.end());
  return written;
}

/** Has a file written while the UI goes on; an existing one is replaced only when the request says so. Never rejects. */
export async function writeTo(
  { path, overwrite }: Pick<WriteRequest, 'path' | 'overwrite'>,
  copy: (file: NewFile) => Promise<number>,
): Promise<WriteAnswer> {
  try {
    const there = whatIsAt(path);
    if (there === 'file' && !overwrite) return { kind: 'exists' };
    using file = there === null ? new NewFile(path) : NewFile.replacing(path);
    const written = await copy(file);
    file.finish();
    return { kind: 'written', frames: written };
  } catch (error) {
    return failed(error);
  }
}

/** The same of a capture that is too large to be held: it is read again, while the UI goes on. */
export function writeFramesAgain(opened: OpenedIndex, request: WriteRequest): Promise<WriteAnswer> {
  return writeTo(request, (file) => copyFrames(opened, request.frames, file));
}
