/** What nettrace says of the captures whose fault the corpus's MANIFEST states. NETTRACE_CORPUS names its folder. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CaseReader } from '../../src/capfile/case-file.ts';
import { CaptureInput } from '../../src/capfile/input.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { decideCorpus } from './available.ts';
import { faultWords, statedFaults } from './faults.ts';

/** Descriptions by file: the last column, of which what was counted by a program stands behind a dash. */
function descriptions(folder: string): Map<string, string> {
  const [, ...lines] = readFileSync(path.join(folder, 'MANIFEST.tsv'), 'utf8').trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const cells = line.split('\t');
      return [cells[0] ?? '', (cells.at(-1) ?? '').split(' — ', 1).join('')];
    }),
  );
}

async function told(file: string): Promise<string> {
  await using input = await CaptureInput.open(file);
  const reader = new CaseReader();
  for await (const bytes of input.chunks()) reader.push(bytes);
  const evidence = reader.end();
  const [first] = evidence === null ? [] : diagnose(evidence).connections;
  if (first === undefined) return 'none';
  return [first.outcome, first.cause].filter((word) => word !== null).join(' ');
}

function faultTests(folder: string): void {
  const stated = descriptions(folder);

  test.each(statedFaults)('$file: $stated', async ({ file, stated: text, means, differs }) => {
    expect(stated.get(file)).toContain(text);
    expect(differs?.told).not.toBe(means);
    expect(await told(path.join(folder, file))).toBe(differs?.told ?? means);
  });

  test('every fault that is stated is reviewed', () => {
    const reviewed = new Set(statedFaults.map(({ file }) => file));
    // What was counted by a program states nothing; what is no capture has no connection.
    const noFault = /^(?:stacks|blocks|NOT) /;
    const open = [...stated].filter(
      ([file, text]) => !noFault.test(text) && faultWords.test(text) && !reviewed.has(file),
    );
    expect(open).toEqual([]);
  });
}

const decision = decideCorpus(process.env['NETTRACE_CORPUS']);
if (decision.run && existsSync(path.join(decision.folder, 'MANIFEST.tsv'))) {
  describe('faults that are stated', () => faultTests(decision.folder));
} else {
  const reason = decision.run ? `${decision.folder} has no MANIFEST.tsv` : decision.reason;
  test.skip(`faults that are stated (skipped: ${reason})`, () => undefined);
}
