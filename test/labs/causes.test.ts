/** A lab of every cause, on the real kernel: what nettrace says live, what it says of the saved case, and the printed fix. */
import { expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { causeLabs } from './causes/all.ts';
import { judge } from './causes/cause-lab.ts';

/** The first of every cause, and every healthy one; `npm run labs` does all, in every mode. */
const chosen = causeLabs.filter(({ name }, index) => {
  const id = name.split(':', 1).join('');
  return id === 'healthy' || causeLabs.findIndex((other) => other.name.split(':', 1).join('') === id) === index;
});

/** Most of a lab is waiting for a program to give up; a busy machine takes longer. */
const timeoutMs = 300_000;

describeLab('a cause', () => {
  test.concurrent.each(chosen.map((one) => [one.name, one] as const))(
    '%s',
    { timeout: timeoutMs },
    async (_name, one) => {
      const verdicts = await judge(one, ['full', 'replay']);
      expect(verdicts.filter(({ text }) => text !== 'right')).toEqual([]);
    },
  );
});
