/**
 * The guard: a child that leaves the host as it was however nettrace ends, `kill -9` included.
 *
 * It reads a pipe from nettrace, on which it is told what exists. When the pipe closes it ends the processes, removes
 * the tracefs instances, unmounts, and removes directories and FIFOs. An ordinary end takes the same road, so the road is walked
 * every time. The guard is a shell because that costs a millisecond and a megabyte on a host in trouble, and it leads a
 * session of its own, so that Ctrl-C passes it by.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { fixedEnvironment } from '../host/environment.ts';
import type { ChildWatcher } from '../host/gate.ts';

// A process is ended with the group that it leads, and only while its start time is the one it was registered with: its number may be another's by then.
// A preparation is not killed but awaited: killed in the midst of it, it could still make in the kernel what was looked for in vain here.
// A tracefs instance is busy until the last reader's descriptor is gone, hence the tries; another nettrace that starts may
// remove it meanwhile. What is not there any more, or was not made yet, costs none.
const guardScript = `
trap '' INT HUP TERM QUIT TSTP
list=$(cat)
each() {
  printf '%s\\n' "$list" | {
    while read -r kind argument start; do
      [ "$kind" = "$1" ] && "$2" "$argument" "$start" &
    done
    wait
  }
}
try() { tries=0; until "$@" || [ $tries -ge 20 ]; do tries=$((tries + 1)); sleep 0.1; done; }
same_process() {
  read -r stat < "/proc/$1/stat" || return
  start=$2
  set -- \${stat##*) }
  state=$1
  [ "\${20}" = "$start" ]
}
end_process() { same_process "$1" "$2" && kill -s KILL -- "-$1"; }
running() { same_process "$1" "$2" && [ "$state" != Z ]; }
await_process() {
  tries=0
  while running "$1" "$2" && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.05; done
  end_process "$1" "$2"
}
is_mounted() { while read -r _ place _; do [ "$place" = "$1" ] && return; done </proc/mounts; false; }
unmount_once() { ! is_mounted "$1" || umount "$1"; }
unmount() { try unmount_once "$1"; }
remove_directory() { [ ! -d "$1" ] || rmdir "$1"; }
remove_instance() { try remove_directory "$1"; }
remove_pipe() { [ ! -p "$1" ] || rm "$1"; }
each process end_process
each preparation await_process
each instance remove_instance
each mount unmount
each directory remove_directory
each pipe remove_pipe
`;

/** Start time of a process in clock ticks since boot (proc(5), field 22 of stat), or null when it is gone. */
function processStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** What a guard is called, before the process number of its nettrace. */
const guardName = 'nettrace-guard-';

/** Process numbers of nettraces whose guard is there, though they themselves may be gone: it has not finished then. */
export function guardedProcesses(): ReadonlySet<number> {
  const owners = readdirSync('/proc').flatMap((pid) => {
    try {
      const name = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').at(-2) : undefined;
      return name?.startsWith(guardName) === true ? [Number(name.slice(guardName.length))] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
  return new Set(owners);
}

function startGuard() {
  return execa('sh', ['-c', guardScript, `${guardName}${process.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    buffer: false,
    detached: true,
    cleanup: false,
    reject: false,
    env: fixedEnvironment,
    extendEnv: false,
  });
}

/** Knows, in another process, what must not outlive nettrace. */
export class Guard {
  readonly #shell = startGuard();

  constructor() {
    this.#shell.stdin.on('error', () => {
      // A guard that somebody killed cannot be told anything. Of what it would have removed, the next start removes trace
      // instances and mounts; children are left to whoever ends nettrace.
    });
  }

  /**
   * Has a child ended, with the group that it leads, when nettrace is: from before it is let go. One that is gone needs no
   * watching.
   */
  readonly watchProcess: ChildWatcher = (pid, letGo) => this.#watch('process', pid, letGo);

  /** The same for what makes what is to be removed: it is let come to its end first, if it does within some seconds. */
  readonly watchPreparation: ChildWatcher = (pid, letGo) => this.#watch('preparation', pid, letGo);

  #watch(kind: 'process' | 'preparation', pid: number, letGo: () => void): void {
    const start = processStartTime(pid);
    if (start === null) letGo();
    // Called back when the pipe holds it, which outlives us; a guard that was killed is no reason to do nothing.
    else this.#shell.stdin.write(`${kind} ${pid} ${start}\n`, letGo);
  }

  /** Has a tracefs instance, a mount, an empty directory or a FIFO removed. Paths are nettrace's own and hold no blank. */
  watchPath(kind: 'instance' | 'mount' | 'directory' | 'pipe', path: string): void {
    this.#shell.stdin.write(`${kind} ${path}\n`);
  }

  /** Has everything removed now, and waits until it is. */
  async release(): Promise<void> {
    this.#shell.stdin.end();
    await this.#shell;
  }
}
