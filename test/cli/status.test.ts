import { expect, it } from 'vitest';
import { hasFailed } from '../../src/cli/status.ts';
import type { Diagnosis, Outcome } from '../../src/diagnose/diagnosis.ts';
import { outage } from '../report/samples.ts';

function outcomes(...wanted: readonly Outcome[]): Diagnosis {
  const connections = outage.connections.flatMap((connection) => wanted.map((outcome) => ({ ...connection, outcome })));
  return { ...outage, connections };
}

it.each<[string, Diagnosis, boolean]>([
  ['nothing at all', outcomes(), false],
  ['one that worked', outcomes('ok'), false],
  ['one of which nobody knows', outcomes('unknown', 'ok'), false],
  ['one refused', outcomes('ok', 'refused'), true],
  ['a timeout', outcomes('unknown', 'timeout'), true],
])('%s', (_name, diagnosis, failed) => {
  expect(hasFailed(diagnosis)).toBe(failed);
});
