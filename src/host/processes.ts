/** The processes that own listening sockets: what they were started as. */

import { readBounded } from './files.ts';
import { maskSecrets } from './mask.ts';
import type { NamespaceSnapshot, ProcessRecord } from './snapshot.ts';

/** A command line is cut here: enough to recognise any program, too little for a flood. */
const mostArgumentBytes = 4096;

/** What the kernel takes for a pid at most (PID_MAX_LIMIT). */
const largestPid = 4_194_304;

/** The arguments of a process, secrets masked; null when it has ended or is a kernel thread. */
function readArguments(pid: number): string[] | null {
  const bytes = readBounded(`/proc/${pid}/cmdline`, { limit: mostArgumentBytes });
  if (bytes === null || bytes.length === 0) return null;
  return maskSecrets(bytes.toString('utf8').replace(/\0$/, '').split('\0'));
}

/** The processes that the snapshots' `ss` output names, each once, by pid. */
export function collectProcesses(namespaces: readonly NamespaceSnapshot[]): ProcessRecord[] {
  const pids = new Set<number>();
  for (const { outputs } of namespaces) {
    for (const { command, text } of outputs) {
      if (!command.startsWith('ss ')) continue;
      for (const [, digits] of text.matchAll(/",pid=(\d{1,7}),fd=/g)) pids.add(Number(digits));
    }
  }
  const records: ProcessRecord[] = [];
  for (const pid of [...pids].sort((first, second) => first - second)) {
    const argv = pid > 0 && pid <= largestPid ? readArguments(pid) : null;
    if (argv !== null) records.push({ pid, argv });
  }
  return records;
}
