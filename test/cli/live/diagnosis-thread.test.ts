import { expect, test } from 'vitest';
import { DiagnosisThread } from '../../../src/cli/live/diagnosis-thread.ts';
import { diagnose } from '../../../src/diagnose/diagnose.ts';
import { caseOf, packets } from '../../diagnose/cases.ts';

const evidence = caseOf({ sights: [packets.syn, packets.reset] });

test('a case is diagnosed in the thread as it is here', async () => {
  await using thread = new DiagnosisThread();
  expect(await thread.diagnose(evidence)).toEqual(diagnose(evidence));
});

test('a thread that dies fails of one case, and is begun again, ten times at most', async () => {
  const script = `import { parentPort } from 'node:worker_threads';
    let count = 0;
    parentPort.on('message', ({ snapshot }) => {
      count += 1;
      if (count === 2) process.exit(1);
      parentPort.postMessage({ diagnosis: snapshot === undefined ? 'none' : 'told' });
    });`;
  await using thread = new DiagnosisThread(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  for (let threads = 1; threads <= 10; threads += 1) {
    // Each thread is told the state of the host anew.
    expect(await thread.diagnose(evidence)).toBe('told');
    await expect(thread.diagnose(evidence)).rejects.toThrow('the diagnosing thread has ended');
  }
  await expect(thread.diagnose(evidence)).rejects.toThrow('has died 10 times');
});
