/** What the readers and decoders promise of any bytes. */

import { CaseReader, encodeCase } from '../../src/capfile/case-file.ts';
import type { Case, Frame } from '../../src/case/evidence.ts';
import { dissect } from '../../src/wire/dissect.ts';
import { summarize } from '../../src/wire/summary.ts';
import type { Random } from './random.ts';

/** An input is written and read again once in so many: that costs as much as all the rest. */
const writtenOneIn = 16;

function insist(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken promise: ${promise}`);
}

function read(bytes: Uint8Array, chunkLength: number): { reader: CaseReader; evidence: Case | null } {
  const reader = new CaseReader();
  for (let start = 0; start < bytes.length; start += chunkLength) {
    reader.push(bytes.subarray(start, start + chunkLength));
  }
  return { reader, evidence: reader.end() };
}

function checkFrame({ bytes, originalLength }: Frame, linkType: number): void {
  const { layers, error } = dissect(bytes, linkType, originalLength);
  const inFrame = (part: { readonly offset: number; readonly length: number }): boolean =>
    part.offset >= 0 && part.length >= 0 && part.offset + part.length <= bytes.length;
  for (const layer of layers) {
    insist(inFrame(layer), `the layer ${layer.protocol} lies in its frame`);
    for (const field of layer.fields) insist(inFrame(field), `the field ${field.name} lies in its frame`);
  }
  const summary = summarize({ layers, error, truncated: originalLength > bytes.length });
  insist(summary.length > 0, 'every frame has a summary');
}

function checkWriting(evidence: Case): void {
  const reader = new CaseReader();
  for (const block of encodeCase(evidence)) reader.push(block);
  const again = reader.end();
  insist(reader.error === null, 'what is written can be read');
  insist(again?.frames.length === evidence.frames.length, 'what is written has the same frames');
  const same = evidence.frames.every(
    ({ bytes }, index) => Buffer.compare(bytes, again?.frames[index]?.bytes ?? bytes) === 0,
  );
  insist(same, 'what is written has the same bytes');
}

/** Reads an input as a capture, decodes its frames, writes it again. Throws when a promise is broken. */
export function checkInput(input: Uint8Array, random: Random): void {
  const { reader, evidence } = read(input, 1 + random.below(2 * input.length + 1));
  if (evidence === null) {
    insist(reader.error !== null, 'what is no capture is said to be none');
    return;
  }
  const size = evidence.frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
  insist(size <= input.length, 'the bytes of all frames come from the input');
  for (const frame of evidence.frames) {
    const point = evidence.interfaces[frame.interfaceIndex];
    insist(point !== undefined, 'every frame has its interface');
    checkFrame(frame, point?.linkType ?? 1);
  }
  if (random.below(writtenOneIn) === 0) checkWriting(evidence);
}
