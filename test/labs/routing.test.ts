/**
 * The forwarding model against the kernel: random small networks without a firewall, real packets, and what became of
 * them. `npm run fuzz:model -- --cases N --seed S` asks for more.
 */
import { expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { type Comparison, compareAll } from './routing/compare.ts';
import { experiment } from './routing/observe.ts';

/** Labs at a time: most of a case is waiting for the kernel to give up on a neighbour. */
const parallel = 3;

const cases = Number(process.env['NETTRACE_FUZZ_CASES'] ?? 18);
const firstSeed = Number(process.env['NETTRACE_FUZZ_SEED'] ?? 1);
const timeoutMs = 20_000 * Math.ceil(cases / parallel) + 60_000;

async function compareSeeds(seeds: Iterator<number>, told: Map<number, readonly Comparison[]>): Promise<void> {
  for (let next = seeds.next(); next.done !== true; next = seeds.next()) {
    told.set(next.value, compareAll(await experiment(next.value)));
  }
}

describeLab('the model and the kernel', () => {
  test(`say the same of ${cases} random networks from seed ${firstSeed}`, { timeout: timeoutMs }, async () => {
    const seeds = Array.from({ length: cases }, (_, at) => firstSeed + at).values();
    const told = new Map<number, readonly Comparison[]>();
    await Promise.all(Array.from({ length: parallel }, () => compareSeeds(seeds, told)));
    const all = [...told.values()].flat();
    const count = (verdict: Comparison['verdict']): number => all.filter((one) => one.verdict === verdict).length;
    console.log(`${count('agrees')} agree, ${count('differs')} differ, of ${count('not-said')} the model says nothing`);
    const differing = [...told].flatMap(([seed, comparisons]) =>
      comparisons.filter(({ verdict }) => verdict === 'differs').map(({ text }) => `seed ${seed}: ${text}`),
    );
    expect(differing.join('\n')).toBe('');
    expect(count('not-said')).toBeLessThan(all.length / 4);
  });
});
