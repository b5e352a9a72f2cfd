/**
 * Kills a program at a moment, and finds every process that it leaves, whatever group or session that is in: the parent is
 * a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER), so what loses its parent becomes its child, on a host with others too.
 */
import { readFileSync } from 'node:fs';

// Started as `python3 -c SCRIPT REPORT DELAY_MS COMMAND...`; it ends when nothing is left, or after the limit.
const script = `
import ctypes, json, os, signal, sys, time
report, delay, command = sys.argv[1], float(sys.argv[2]) / 1000, sys.argv[3:]
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
pid = os.fork()
if pid == 0:
    os.execvp(command[0], command)
time.sleep(delay)
os.kill(pid, signal.SIGKILL)
killed = time.monotonic()
def living():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0: pass
    except ChildProcessError:
        return []
    return open(f'/proc/{os.getpid()}/task/{os.getpid()}/children').read().split()
while living() and time.monotonic() < killed + 20: time.sleep(0.01)
left = []
for child in living():
    left.append(open(f'/proc/{child}/cmdline').read().replace('\\0', ' ').strip()[:200])
    os.kill(int(child), signal.SIGKILL)
with open(report, 'w') as file:
    json.dump({'pid': pid, 'left': left}, file)
`;

/** What a program that was killed left. */
export interface Leftovers {
  /** The program's own process number. */
  readonly pid: number;
  /** Command lines of the processes that still ran 20 s later; they are ended then. */
  readonly left: readonly string[];
}

/** The command line that runs a program, kills it after so many milliseconds, and writes the report to a file. */
export function killedAfter(delayMs: number, report: string, command: readonly string[]): string[] {
  return ['python3', '-c', script, report, String(delayMs), ...command];
}

/** Reads a report. */
export function readLeftovers(report: string): Leftovers {
  const leftovers: Leftovers = JSON.parse(readFileSync(report, 'utf8'));
  return leftovers;
}
