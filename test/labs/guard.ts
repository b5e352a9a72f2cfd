/**
 * Outlives the process whose labs it guards: when that ends, however it ends, the guard's standard input closes and the
 * guard removes what is left. Usage: `node guard.ts PID STARTTIME`
 */
import { isAlive, waitUntil } from './process.ts';
import { removeLeftovers } from './record.ts';

/** The kernel closes a dying process's pipes before it takes the process away. */
const DEATH_LIMIT_MS = 5000;

const owner = { pid: Number(process.argv[2]), startTime: process.argv[3] ?? '' };
process.stdin.resume();
process.stdin.once('close', async () => {
  if (await waitUntil(() => !isAlive(owner), DEATH_LIMIT_MS)) await removeLeftovers();
});
