/**
 * Compares the model with the kernel on random networks until told otherwise, as root: `npm run fuzz:model -- --cases 100
 * --seed 7`. Prints every disagreement with the model's way, and exits with 1 when there is one.
 */
import { parseArgs } from 'node:util';
import { compareSeeds } from './compare.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
});
const told = await compareSeeds(Number(values.seed), Number(values.cases), (seed, comparisons) => {
  for (const { verdict, text } of comparisons) {
    if (verdict === 'differs' || verdict === 'unsteady') console.log(`seed ${seed}: ${verdict}: ${text}`);
  }
});
console.log(told.summary);
process.exitCode = told.differing.length > 0 ? 1 : 0;
