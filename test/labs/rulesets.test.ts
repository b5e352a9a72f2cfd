/** Rule sets of real tools: what the kernel makes of connections, and what the model says of a snapshot of the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSnapshot } from '../../src/cli/saved/open-snapshot.ts';
import { parseSnapshot } from '../../src/host/parse/parse-snapshot.ts';
import type { HostState } from '../../src/host/state.ts';
import { whatBecomes } from '../model/what-becomes.ts';
import { describeLab } from './available.ts';
import { connectFrom } from './connecting.ts';
import { buildLab, type Lab } from './lab.ts';
import { rulesetLabs } from './rulesets/all.ts';
import { bridgeNetfilter, hasBridgeNetfilter, type Path, pathsWithout } from './rulesets/ruleset-lab.ts';
import type { LabSpec } from './spec.ts';

/** Enough that chance does not hide one of two ways for long. */
const tries = 4;

/** The state of this machine, as `nettrace snapshot` takes it. */
async function snapshotOf(lab: Lab): Promise<HostState> {
  const directory = mkdtempSync(join(tmpdir(), 'nettrace-lab-'));
  try {
    const file = join(directory, 'host.json');
    const { exitCode } = await lab.nettrace(['snapshot', '-o', file]);
    expect(exitCode).toBe(0);
    return parseSnapshot(await openSnapshot(file));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What the kernel and the model say of connections, beside what is expected of both. */
async function ask(lab: Lab, spec: LabSpec, paths: readonly Path[]) {
  const host = await snapshotOf(lab);
  // A lab's hosts have longer names than their declaration.
  const plain = (text: string): string =>
    Object.keys(spec.hosts).reduce((told, name) => told.replaceAll(lab.netns(name), name), text);
  return Promise.all(
    paths.map(async ([from, destination, expected]) => {
      const ends = expected.split(' or ');
      const times = ends.length === 1 ? 1 : tries;
      const met = await Promise.all(Array.from({ length: times }, () => connectFrom(lab, from, destination)));
      const kernel = met.every((end) => ends.some((one) => end.startsWith(one))) ? expected : met.join(' or ');
      return { from, destination, kernel, model: plain(whatBecomes(host, lab.netns(from), destination)) };
    }),
  );
}

const agreed = (paths: readonly Path[]) =>
  paths.map(([from, destination, what]) => ({ from, destination, kernel: what, model: what }));

describeLab('rule sets', () => {
  test.for(rulesetLabs)('$name', async (declared, context) => {
    const { spec, paths, withoutBridgeNetfilter } = declared;
    await using lab = await buildLab(spec);
    const isOn = await hasBridgeNetfilter(lab, 'host');
    if (!isOn && withoutBridgeNetfilter === null) context.skip('br_netfilter is not loaded');
    const expected = isOn ? paths : pathsWithout(declared);
    expect(await ask(lab, spec, expected)).toEqual(agreed(expected));
    if (!isOn || withoutBridgeNetfilter === null || withoutBridgeNetfilter.length === 0) return;
    await lab.must('host', ['sysctl', '-w', `${bridgeNetfilter}=0`]);
    expect(await ask(lab, spec, withoutBridgeNetfilter)).toEqual(agreed(withoutBridgeNetfilter));
  });
});
