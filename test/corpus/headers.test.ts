/** The fast path against the decoders, on every frame of the corpus. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CaptureReader } from '../../src/capfile/capture-reader.ts';
import { readByDissect, readByHeaders } from '../wire/agreement.ts';
import { decideCorpus } from './available.ts';
import { readIndex } from './truth.ts';

const decision = decideCorpus(process.env['NETTRACE_CORPUS']);

describe.runIf(decision.run)('headers of the corpus', () => {
  const entries = decision.run ? readIndex(decision.folder) : [];
  test.each(entries)('$file', ({ file }) => {
    const reader = new CaptureReader();
    const items = reader.push(readFileSync(path.join(decision.run ? decision.folder : '', file)));
    const linkTypes: number[] = [];
    for (const item of items) {
      if (item.kind === 'interface') linkTypes.push(item.linkType);
      if (item.kind !== 'frame') continue;
      const linkType = linkTypes[item.interfaceIndex] ?? -1;
      const { bytes, originalLength } = item;
      expect(readByHeaders(bytes, linkType, originalLength)).toEqual(readByDissect(bytes, linkType, originalLength));
    }
  });
});
