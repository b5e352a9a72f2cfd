/**
 * Collects the host's snapshot: one child a namespace runs the constant script of `script.ts`; files that describe
 * names are read beside it. All begin at once with their links, then go on a few at a time.
 *
 * Nothing is written, loaded or followed that was not there: the commands only read (the names of `every-name.ts` nobody
 * else sees), and the engine's own paths stand for a container's files, never `/proc/PID/root`.
 */

import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { childFailure } from './child-failure.ts';
import { nameEvery } from './every-name.ts';
import { type ChildWatcher, killGroup, startStreaming } from './gate.ts';
import { kernelHasNftables } from './kernel-modules.ts';
import { nameNamespace } from './name-files.ts';
import { inNamespace, type NamespaceHandle } from './namespaces.ts';
import { collectProcesses } from './processes.ts';
import { collectScript, linkSections, splitSections } from './script.ts';
import type { CommandOutput, NamespaceSnapshot, Snapshot } from './snapshot.ts';
import { readTableNames } from './table-names.ts';
import { Turns } from './turns.ts';
import { listWords } from './word-list.ts';

/** A namespace takes some 50 ms; one that takes this long hangs. */
const timeoutMs = 10_000;

/** Most bytes of one namespace's output: a full BGP table is about 100 MB, any container host is far below. */
const mostBytes = 32 * 1024 * 1024;

/** Namespaces whose rest is collected at the same time: more gain nothing on a machine of few cores. */
const parallelNamespaces = 4;

/** What a collection may be told. */
export interface CollectOptions {
  /**
   * Called as soon as a namespace's links are known, before the rest of any: the first `linkSections` outputs. It must not
   * throw.
   */
  readonly onLinks?: (handle: NamespaceHandle, links: readonly CommandOutput[]) => void;
  /** Asked of a namespace whose links are known: its rest is collected when this resolves. It must not reject. */
  readonly mayGoOn?: (handle: NamespaceHandle) => Promise<void>;
  /** Knows of every child before it does anything. */
  readonly onChild?: ChildWatcher;
  /** The namespaces that cables may lead to, where these are more than are collected. */
  readonly present?: readonly NamespaceHandle[];
  /** One sentence each, from finding the namespaces: they go into the snapshot with those of the collection. */
  readonly missing?: readonly string[];
  /**
   * The namespaces once their containers are known, where that takes longer than to begin: they give the namespaces
   * their final names. Without, the handles' own.
   */
  readonly named?: Promise<readonly NamespaceHandle[]>;
}

interface ScriptRun {
  readonly outputs: CommandOutput[];
  /** Null when the script came to its end. */
  readonly problem: string | null;
}

/** What all namespaces of one collection share. */
interface Collection extends Pick<CollectOptions, 'onLinks' | 'mayGoOn' | 'onChild'> {
  readonly nftables: boolean;
  readonly turns: Turns;
  /** A descriptor of the mount namespace to collect in; null for our own. */
  readonly mounts: number | null;
}

async function runScript(handle: NamespaceHandle, collection: Collection): Promise<ScriptRun> {
  const { nftables, turns, mounts, onLinks, mayGoOn, onChild } = collection;
  const token = randomBytes(16).toString('hex');
  const shell = ['sh', '-c', collectScript, 'sh', token, nftables ? 'yes' : 'no'];
  const command = inNamespace(handle, shell, mounts);
  const child = startStreaming(command, { watcher: onChild, keepsInput: true }, { cwd: '/' });
  const parts = { output: [] as Buffer[], error: [] as Buffer[] };
  let received = 0;
  let stopped: string | null = null;
  const stop = (reason: string): void => {
    stopped ??= reason;
    killGroup(child.pid);
  };
  const startTimer = () => setTimeout(stop, timeoutMs, `gave no answer within ${timeoutMs / 1000} s`);
  let timer = startTimer();
  const gate: { turn: Promise<void> | null } = { turn: null };
  const goOn = async (links: readonly CommandOutput[]): Promise<void> => {
    clearTimeout(timer);
    gate.turn = Promise.resolve(mayGoOn?.(handle)).then(() => turns.take());
    onLinks?.(handle, links);
    await gate.turn;
    timer = startTimer();
    child.stdin.end('\n');
  };
  const take = (part: 'output' | 'error') => (chunk: Buffer) => {
    received += chunk.length;
    if (received > mostBytes) {
      stop(`printed more than ${mostBytes / 1024 / 1024} MB`);
      return;
    }
    parts[part].push(chunk);
    if (gate.turn !== null || part === 'error') return;
    const links = splitSections(Buffer.concat(parts.output), Buffer.concat(parts.error), token);
    if (links.length >= linkSections) void goOn(links);
  };
  child.stdout.on('data', take('output'));
  child.stderr.on('data', take('error'));
  const result = await child;
  if (gate.turn !== null) {
    await gate.turn;
    turns.give();
  }
  clearTimeout(timer);
  const errors = Buffer.concat(parts.error);
  const outputs = splitSections(Buffer.concat(parts.output), errors, token);
  if (stopped === null && outputs.length === 0) {
    return { outputs, problem: `failed at its start: ${childFailure(result, errors.toString('utf8'))}` };
  }
  return { outputs, problem: stopped ?? (result.failed ? 'ended before its end' : null) };
}

interface Collected extends Pick<ScriptRun, 'problem'> {
  readonly snapshot: NamespaceSnapshot;
}

async function collectWith(handle: NamespaceHandle, collection: Collection): Promise<Collected> {
  const { outputs, problem } = await runScript(handle, collection);
  const { name, inode } = handle;
  return { snapshot: { name, inode, container: null, outputs }, problem };
}

/** One sentence for each problem, with the names of those that have it. */
function problemSentences(collected: readonly Collected[]): string[] {
  const problems = new Set(collected.map(({ problem }) => problem).filter((problem) => problem !== null));
  return [...problems].map((problem) => {
    const names = collected.filter((one) => one.problem === problem).map(({ snapshot }) => snapshot.name);
    const [them, are, it] = names.length === 1 ? ['namespace', 'is', 'it'] : ['namespaces', 'are', 'them'];
    const whose = names.length === 1 ? 'snapshot' : 'snapshots';
    return `The ${whose} of the network ${them} ${listWords(names)} ${are} not whole: collecting ${it} ${problem}.`;
  });
}

const unnamed =
  'Cables between namespaces that `ip netns` does not name may not be followed: no mount namespace with names for them could be made.';

/** Collects from each, where `ip netns` knows all of them; what goes wrong beside that is added to `missing`. */
async function collectAll(
  handles: readonly NamespaceHandle[],
  options: CollectOptions,
  missing: string[],
): Promise<Collected[]> {
  const present = options.present ?? handles;
  const isNaming = handles.length > 0 && present.length > 1;
  const naming = isNaming ? nameEvery(present, options.onChild) : Promise.resolve(null);
  const nftables = kernelHasNftables();
  const mounts = await naming;
  const lacksNames = present.some(({ own, netnsName }) => !own && netnsName === null);
  if (isNaming && mounts === null && lacksNames) missing.push(unnamed);
  const collection = { ...options, nftables, turns: new Turns(parallelNamespaces), mounts };
  try {
    return await Promise.all(handles.map((handle) => collectWith(handle, collection)));
  } finally {
    if (mounts !== null) closeSync(mounts);
  }
}

/** Collects the namespaces, in their order; what fails is said in `missing`. */
export async function collectSnapshot(
  handles: readonly NamespaceHandle[],
  options: CollectOptions = {},
): Promise<Snapshot> {
  const takenNs = BigInt(Date.now()) * 1_000_000n;
  const missing = [...(options.missing ?? [])];
  const collected = await collectAll(handles, options, missing);
  const tableNames = readTableNames();
  const named = await (options.named ?? handles);
  const renamed = collected.map(({ snapshot, problem }, index): Collected => {
    const handle = named.find(({ inode }) => inode === snapshot.inode) ?? handles[index];
    return { snapshot: handle === undefined ? snapshot : nameNamespace(snapshot, handle), problem };
  });
  const namespaces = renamed.map(({ snapshot }, index) =>
    index === 0 ? { ...snapshot, outputs: [...snapshot.outputs, ...tableNames] } : snapshot,
  );
  return {
    takenNs,
    namespaces,
    processes: collectProcesses(namespaces),
    missing: [...missing, ...problemSentences(renamed)],
  };
}
