/**
 * The forwarding model against the kernel: random small networks without a firewall, real packets, and what became of
 * them. `npm run fuzz:model` asks for more.
 */
import { expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { compareSeeds } from './routing/compare.ts';

const cases = 15;

/** Building, some five seconds of waiting, and taking down, three cases at a time; a busy machine takes longer. */
const timeoutMs = 300_000;

describeLab('the model and the kernel', () => {
  test(`say the same of ${cases} random networks`, { timeout: timeoutMs }, async () => {
    const { differing, unsaid } = await compareSeeds(1, cases);
    expect(differing.join('\n')).toBe('');
    // A model that says nothing is never wrong.
    expect(unsaid).toBeLessThan(0.05);
  });
});
