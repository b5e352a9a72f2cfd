/**
 * `npm run fuzz -- [SEED [COUNT]]`: damaged captures to the readers, the decoders and the writer. Samples are our own, and
 * those of NETTRACE_CORPUS where it is set. A failure prints the seed and the number of its input, and writes the input.
 */

import { writeFileSync } from 'node:fs';
import { checkInput } from './check.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { corpusSamples, ownSamples } from './samples.ts';

const [seed = 1, count = 1_000_000] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1) {
  throw new RangeError('usage: npm run fuzz -- [SEED [COUNT]], both whole numbers');
}
const corpus = process.env['NETTRACE_CORPUS'] ?? '';
const samples = corpus === '' ? ownSamples : [...ownSamples, ...corpusSamples(corpus)];

/** Inputs between two lines of progress: where it hangs, the next input is among so many. */
const progressEvery = 50_000;

const startedMs = performance.now();
const elapsed = (): number => (performance.now() - startedMs) / 1000;
let longestMs = 0;
let longestIndex = 0;
for (let index = 0; index < count; index++) {
  const random = new Random(seed, index);
  const input = mutate(samples, random);
  const beganMs = performance.now();
  try {
    checkInput(input.slice(), random);
  } catch (error) {
    const file = `fuzz-${seed}-${index}.bin`;
    writeFileSync(file, input);
    console.error(`seed ${seed}, input ${index} (${input.length} bytes, written to ${file}):`, error);
    process.exitCode = 1;
    break;
  }
  const tookMs = performance.now() - beganMs;
  if (tookMs > longestMs) [longestMs, longestIndex] = [tookMs, index];
  if ((index + 1) % progressEvery === 0) console.error(`${index + 1} inputs, ${Math.round(elapsed())} s`);
}
if (process.exitCode !== 1) {
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `seed ${seed}: ${count} inputs from ${samples.length} samples in ${elapsed().toFixed(1)} s (${Math.round(count / elapsed())} a second), ` +
      `all promises kept; the slowest took ${longestMs.toFixed(1)} ms (input ${longestIndex}), ${megabytes} MB at most`,
  );
}
