/**
 * Compares the model with the kernel on random networks until told otherwise, as root: `npm run fuzz:model -- --cases 100
 * --seed 7 --parallel 8`. Prints every disagreement with the model's way, how far it is, and exits with 1 when there is a
 * disagreement.
 */
import { parseArgs } from 'node:util';
import { compareSeeds } from './compare.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '3' },
  },
});
const betweenLines = 100;
let done = 0;
const told = await compareSeeds(Number(values.seed), Number(values.cases), {
  parallel: Number(values.parallel),
  tell: (seed, comparisons) => {
    for (const { verdict, text } of comparisons) {
      if (verdict === 'differs' || verdict === 'unsteady') console.log(`seed ${seed}: ${verdict}: ${text}`);
    }
    done += 1;
    if (done % betweenLines === 0) console.log(`${done} networks`);
  },
});
console.log(told.summary);
process.exitCode = told.differing.length > 0 ? 1 : 0;
