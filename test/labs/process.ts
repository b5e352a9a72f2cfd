/** Processes by identity: a pid alone may by now be another process's, a pid with its start time cannot. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** One process. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and its start: field 22 of proc_pid_stat(5). */
  readonly startTime: string;
}

/** The fields of proc_pid_stat(5) from the third on, the state; none when there is no such process. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses, in which spaces and parentheses may occur.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** `R` runs or is to run, `S` waits for something, … (proc_pid_stat(5)); undefined when there is no such process. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)[0];
}

/** The identity of a running process; undefined when there is none of that pid, or only a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const fields = statOf(pid);
  const [state, startTime] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined;
  return { pid, startTime };
}

/** Whether this very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** Every process below one, itself left out. */
export function descendants(root: number): ProcessIdentity[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = statOf(Number(entry))[1];
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  const below = (pid: number): number[] => [...parents].filter(([, parent]) => parent === pid).map(([child]) => child);
  const all: number[] = [];
  for (let level = below(root); level.length > 0; level = level.flatMap(below)) all.push(...level);
  return all.flatMap((pid) => identify(pid) ?? []);
}

/** A process's command line, its words joined by NUL; empty when it is gone. */
export function commandLineOf({ pid }: ProcessIdentity): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Waits until `condition` holds, for at most `limitMs`; says whether it came to hold. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  const until = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > until) return false;
    await delay(10);
  }
  return true;
}

/** Grace between SIGTERM and SIGKILL: long enough for nettrace to remove what it made. */
const GRACE_MS = 2000;

/** Ends the processes, politely at first; returns when none of them runs any more. */
export async function endProcesses(identities: readonly ProcessIdentity[]): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const living = identities.filter(isAlive);
    for (const { pid } of living) signalIfThere(pid, signal);
    if (await waitUntil(() => !living.some(isAlive), GRACE_MS)) return;
  }
  const pids = identities.filter(isAlive).map(({ pid }) => pid);
  if (pids.length > 0) throw new Error(`processes ${pids.join(', ')} survived SIGKILL`);
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Whether this is a system call's error of that name, `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
