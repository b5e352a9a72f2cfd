/**
 * `trace`: runs a command while every source of evidence watches, and gives the case. The order matters: the gate before
 * the snapshot and the engines, and the command when all of them watch.
 */

import { env } from 'node:process';
import type { Guard } from '../../capture/guard.ts';
import { choosePoints } from '../../capture/points.ts';
import type { Case } from '../../case/evidence.ts';
import { maskSecrets } from '../../host/mask.ts';
import { wallClockNs } from '../../host/wall-clock.ts';
import { credentialsOf } from './credentials.ts';
import { proxiesOf } from './proxies.ts';
import { type CommandEnd, type CommandOptions, TracedProcess } from './traced-command.ts';
import { Watch, type WatchOptions } from './watch.ts';

/** What is to be traced, and how. */
export interface TraceOptions extends WatchOptions {
  readonly command: CommandOptions;
  readonly timeoutSeconds: number | null;
}

/** The evidence, and how the command ended. */
export interface Traced {
  readonly evidence: Case;
  readonly end: CommandEnd;
}

/** Between SIGTERM and SIGKILL when the command's time is up. */
const graceMs = 2000;

async function waitForEnd(process: TracedProcess, timeoutSeconds: number | null): Promise<CommandEnd> {
  if (timeoutSeconds === null) return process.ended;
  let timer = setTimeout(() => {
    process.signal('SIGTERM');
    timer = setTimeout(() => process.signal('SIGKILL'), graceMs);
  }, timeoutSeconds * 1000);
  const end = await process.ended;
  clearTimeout(timer);
  return end;
}

/**
 * Runs the command and gathers the evidence. `onStart` hears when the command is let go. When it rejects, what it has
 * started runs on: then the process is to end, and the guard cleans up behind it.
 */
export async function trace(
  options: TraceOptions,
  guard: Guard,
  onStart: (process: TracedProcess) => void,
): Promise<Traced> {
  // An engine takes its time to answer: only names that are to be ignored are worth waiting for.
  const watch = await Watch.begin(options, guard, options.ignoreNetns.length > 0);
  const process = new TracedProcess(watch.start, options.command);
  await process.checkGate();
  await watch.capture(choosePoints, 'first');
  if (process.pid !== undefined) watch.follow(process.pid);
  await process.checkGate();
  const startedNs = wallClockNs();
  process.release();
  onStart(process);

  const end = await waitForEnd(process, options.timeoutSeconds);
  const endedNs = wallClockNs();
  const evidence = await watch.end({
    argv: maskSecrets(options.command.argv),
    exitCode: end.exitCode,
    signal: end.signal,
    credentials: credentialsOf(options.command.argv),
    proxies: proxiesOf(env),
    startedNs,
    endedNs,
  });
  return { evidence, end };
}
