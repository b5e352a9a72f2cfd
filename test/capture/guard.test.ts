import { expect, test } from 'vitest';
import { Guard, guardedProcesses } from '../../src/capture/guard.ts';

test('another nettrace sees whose guard has not finished', async () => {
  const guard = new Guard();
  // Between fork and exec a child has the name of its parent.
  await expect.poll(() => guardedProcesses().has(process.pid)).toBe(true);
  await guard.release();
  expect(guardedProcesses().has(process.pid)).toBe(false);
});
