/** Filters by the rows of the index against filters by dissections, on every frame of the corpus. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { compareColumns, indexed } from '../index/columns-agreement.ts';
import { decideCorpus } from './available.ts';
import { readIndex } from './truth.ts';

const decision = decideCorpus(process.env['NETTRACE_CORPUS']);

describe.runIf(decision.run)('columns of the corpus', () => {
  const entries = decision.run ? readIndex(decision.folder) : [];
  test.each(entries)('$file', ({ file }) => {
    const bytes = readFileSync(path.join(decision.run ? decision.folder : '', file));
    expect(compareColumns(indexed(bytes)).disagreements).toEqual([]);
  });
});
