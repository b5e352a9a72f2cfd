/** The diagnosis by the index against that of the whole case, of every capture of the corpus and every shipped case. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CaseReader } from '../../src/capfile/case-file.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { diagnosisJson, formatJson } from '../../src/report/json.ts';
import { formatText, textReport } from '../../src/report/text.ts';
import { indexedDiagnosis } from '../replay/indexed.ts';
import { decideCorpus } from './available.ts';
import { readIndex } from './truth.ts';

function compare(file: Uint8Array): void {
  const reader = new CaseReader();
  reader.push(file);
  const evidence = reader.end();
  if (evidence === null) return;
  const whole = diagnose(evidence);
  const indexed = indexedDiagnosis(file);
  expect([...diagnosisJson(indexed.head, indexed.all())].join('')).toBe(formatJson(whole));
  expect([...textReport(indexed.head, indexed.told())].join('')).toBe(formatText(whole));
}

describe('diagnoses of the shipped cases by their index', () => {
  const cases = readdirSync('fixtures').filter((name) => name.endsWith('.pcapng'));
  test.each(cases)('%s', (name) => compare(readFileSync(path.join('fixtures', name))));
});

const decision = decideCorpus(process.env['NETTRACE_CORPUS']);

describe.runIf(decision.run)('diagnoses of the corpus by the index', () => {
  const entries = decision.run ? readIndex(decision.folder) : [];
  test.each(entries)('$file', ({ file }) => {
    compare(readFileSync(path.join(decision.run ? decision.folder : '', file)));
  });
});
