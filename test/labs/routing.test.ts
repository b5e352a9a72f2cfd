/**
 * The model against the kernel: random small networks, every other one with firewalls, NAT and marks on its hosts, real
 * packets, and what became of them. `npm run fuzz:model` asks for more.
 */
import { expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { compareSeeds } from './routing/compare.ts';

const cases = 200;

/** A case takes some five seconds, three at a time: six minutes in all, and twice that on a busy machine. */
const timeoutMs = 1_200_000;

describeLab('the model and the kernel', () => {
  test(`say the same of ${cases} random networks, half of them with rules`, { timeout: timeoutMs }, async () => {
    const { differing, unsaid, disturbed } = await compareSeeds(1, cases, { parallel: 3 });
    expect(differing.join('\n')).toBe('');
    // A model that says nothing is never wrong, and neither is one that nobody asks.
    expect(unsaid).toBeLessThan(0.02);
    expect(disturbed).toBeLessThan(cases / 10);
  });
});
