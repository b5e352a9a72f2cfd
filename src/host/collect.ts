/**
 * Collects the host's snapshot: one child a namespace runs the constant script of `script.ts`, a few at a time; files
 * that describe names are read beside it.
 *
 * Nothing is written, loaded or followed that was not there: the commands only read, and the engine's own paths stand
 * for a container's files, never `/proc/PID/root`.
 */

import { randomBytes } from 'node:crypto';
import { execa } from 'execa';
import { fixedEnvironment } from './environment.ts';
import { readBounded } from './files.ts';
import { kernelHasNftables } from './kernel-modules.ts';
import type { NamespaceHandle } from './namespaces.ts';
import { collectProcesses } from './processes.ts';
import { collectScript, splitSections } from './script.ts';
import type { CommandOutput, NamespaceSnapshot, Snapshot } from './snapshot.ts';

/** A namespace takes some 50 ms; one that takes this long hangs. */
const timeoutMs = 10_000;

/** Most bytes of one namespace's output: a full BGP table is about 100 MB, any container host is far below. */
const mostBytes = 32 * 1024 * 1024;

/** Two more than the cores of a small machine: the children mostly wait for each other's forks. */
const parallelNamespaces = 4;

/** One namespace's snapshot, and why it is not whole. */
export interface CollectedNamespace {
  readonly snapshot: NamespaceSnapshot;
  readonly missing: readonly string[];
}

/** What a collection may be told. */
export interface CollectOptions {
  /** Ends the children; what they had printed is kept. */
  readonly signal?: AbortSignal;
  /** Called as soon as a namespace's links are known, long before the rest: the output of `linksCommand`. */
  readonly onLinks?: (handle: NamespaceHandle, links: CommandOutput) => void;
}

/** The files that name hosts and resolvers there; the first that can be read counts. */
function namePaths(handle: NamespaceHandle, file: 'hosts' | 'resolv.conf'): string[] {
  const { container, netnsName } = handle;
  const engines = file === 'hosts' ? container?.hostsPath : container?.resolvConfPath;
  if (engines !== null && engines !== undefined) return [engines];
  // A container whose engine names no file has one that we cannot see: ours would be a guess.
  if (container !== null) return [];
  return [...(netnsName === null ? [] : [`/etc/netns/${netnsName}/${file}`]), `/etc/${file}`];
}

function readNames(handle: NamespaceHandle): CommandOutput[] {
  return (['hosts', 'resolv.conf'] as const).flatMap((file) => {
    for (const path of namePaths(handle, file)) {
      // The host's own files may be links (systemd-resolved); a container's may be the container's doing.
      const bytes = readBounded(path, { followLinks: handle.container === null });
      if (bytes !== null) return [{ command: `cat ${path}`, exitCode: 0, text: bytes.toString('utf8'), error: '' }];
    }
    return [];
  });
}

/** Ends the script and whatever it is running: the child leads a process group of its own. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

interface ScriptRun {
  readonly outputs: CommandOutput[];
  /** Null when the script came to its end. */
  readonly problem: string | null;
}

async function runScript(handle: NamespaceHandle, nftables: boolean, options: CollectOptions): Promise<ScriptRun> {
  const token = randomBytes(16).toString('hex');
  const shell = ['-c', collectScript, 'sh', token, nftables ? 'yes' : 'no'];
  const file = handle.own ? 'sh' : 'nsenter';
  const args = handle.own ? shell : [`--net=/proc/${process.pid}/fd/${handle.descriptor}`, '--', 'sh', ...shell];
  const child = execa(file, args, {
    env: fixedEnvironment,
    extendEnv: false,
    cwd: '/',
    stdin: 'ignore',
    buffer: false,
    reject: false,
    // A group of its own, so that a tool that hangs ends with the script and does not hold its pipes open.
    detached: true,
  });
  const parts = { output: [] as Buffer[], error: [] as Buffer[] };
  let received = 0;
  let stopped: string | null = null;
  const stop = (reason: string): void => {
    stopped ??= reason;
    killGroup(child.pid);
  };
  let linksGiven = options.onLinks === undefined;
  const take = (part: 'output' | 'error') => (chunk: Buffer) => {
    received += chunk.length;
    if (received > mostBytes) {
      stop(`printed more than ${mostBytes / 1024 / 1024} MB`);
      return;
    }
    parts[part].push(chunk);
    if (linksGiven || part === 'error') return;
    const [links] = splitSections(Buffer.concat(parts.output), Buffer.concat(parts.error), token);
    if (links === undefined) return;
    linksGiven = true;
    options.onLinks?.(handle, links);
  };
  child.stdout.on('data', take('output'));
  child.stderr.on('data', take('error'));
  const timer = setTimeout(stop, timeoutMs, `gave no answer within ${timeoutMs / 1000} s`);
  const abort = (): void => stop('was stopped');
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted === true) abort();
  const result = await child;
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', abort);
  const errors = Buffer.concat(parts.error);
  const outputs = splitSections(Buffer.concat(parts.output), errors, token);
  if (stopped === null && outputs.length === 0) {
    const lastLine = errors.toString('utf8').trim().split('\n').at(-1) ?? '';
    return {
      outputs,
      problem: `could not be entered: ${lastLine === '' ? (result.shortMessage ?? 'no reason given') : lastLine}`,
    };
  }
  return { outputs, problem: stopped };
}

async function collectWith(
  handle: NamespaceHandle,
  nftables: boolean,
  options: CollectOptions,
): Promise<CollectedNamespace> {
  const { outputs, problem } = await runScript(handle, nftables, options);
  const { name, inode, container } = handle;
  return {
    snapshot: {
      name,
      inode,
      container: container === null ? null : { id: container.id, name: container.name, runtime: container.runtime },
      outputs: [...outputs, ...readNames(handle)],
    },
    missing:
      problem === null ? [] : [`The snapshot of the network namespace ${name} is not whole: collecting it ${problem}.`],
  };
}

/** Collects one namespace; what fails is said in `missing`. Rejects only when `onLinks` throws. */
export function collectNamespace(handle: NamespaceHandle, options: CollectOptions = {}): Promise<CollectedNamespace> {
  return collectWith(handle, kernelHasNftables(), options);
}

/** Names of routing tables, which `ip` prints instead of numbers: see ip-route(8). */
function readTableNames(): CommandOutput[] {
  const path = '/etc/iproute2/rt_tables';
  const bytes = readBounded(path, { followLinks: true });
  return bytes === null ? [] : [{ command: `cat ${path}`, exitCode: 0, text: bytes.toString('utf8'), error: '' }];
}

/**
 * Collects the namespaces, in their order, a few at a time. `missing` are sentences from finding them, which go into the
 * snapshot with those of the collection.
 */
export async function collectSnapshot(
  handles: readonly NamespaceHandle[],
  options: CollectOptions & { readonly missing?: readonly string[] } = {},
): Promise<Snapshot> {
  const takenNs = BigInt(Date.now()) * 1_000_000n;
  const nftables = kernelHasNftables();
  const collected: CollectedNamespace[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < handles.length; index = next++) {
      const handle = handles[index];
      if (handle !== undefined) collected[index] = await collectWith(handle, nftables, options);
    }
  };
  await Promise.all(Array.from({ length: parallelNamespaces }, work));
  const tableNames = readTableNames();
  const namespaces = collected.map(({ snapshot }, index) =>
    index === 0 ? { ...snapshot, outputs: [...snapshot.outputs, ...tableNames] } : snapshot,
  );
  return {
    takenNs,
    namespaces,
    processes: collectProcesses(namespaces),
    missing: [...(options.missing ?? []), ...collected.flatMap(({ missing }) => missing)],
  };
}
