/**
 * Prints a table of every lab in every mode, as root: `npm run labs`, or `npm run labs -- WORDS` for those whose name holds
 * them. Exits with 1 when anything is not right.
 */
import { causeLabs } from './all.ts';
import { judge, modes } from './cause-lab.ts';

const wanted = process.argv.slice(2).join(' ');
/** Labs at a time: most of one is waiting for a program to give up. */
const parallel = 3;
const chosen = causeLabs.filter(({ name }) => name.includes(wanted));
if (chosen.length === 0) throw new Error(`no lab has "${wanted}" in its name`);
const labs = chosen.values();
let wrong = 0;

async function work(): Promise<void> {
  for (const lab of labs) {
    const verdicts = await judge(lab, modes).catch((error: unknown) => [
      { mode: 'full' as const, text: String(error) },
    ]);
    const said = verdicts.map(({ mode, text }) => (text === 'right' ? mode : `${mode}: ${text.toUpperCase()}`));
    const isRight = verdicts.every(({ text }) => text === 'right' || text.startsWith('blind'));
    if (!isRight) wrong += 1;
    console.log(`${isRight ? 'right' : 'WRONG'}  ${lab.name}${isRight ? '' : `\n       ${said.join('\n       ')}`}`);
  }
}

await Promise.all(Array.from({ length: parallel }, work));
console.log(wrong === 0 ? 'all right' : `${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
