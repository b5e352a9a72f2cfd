/**
 * The rule trace: in each namespace one `nft -i` owns a table that marks the first packets of connections, and prints what
 * rules did to them (nft(8), "MONITOR"). Nothing of the host's own rules is touched. Of legacy iptables, which cannot be
 * traced, the counters are read before and after.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Guard } from '../capture/guard.ts';
import type { RuleTrace, RuleTraceLine } from '../case/evidence.ts';
import { childFailure } from '../host/child-failure.ts';
import { startStreaming } from '../host/gate.ts';
import { kernelHasNftables } from '../host/kernel-modules.ts';
import { inNamespace, type NamespaceHandle } from '../host/namespaces.ts';
import { countsAtEnd, countsAtStart } from '../host/parse/netfilter/counted.ts';
import { runTool } from '../host/run-tool.ts';
import type { CommandOutput } from '../host/snapshot.ts';
import { traceTableName } from '../host/trace-table-name.ts';
import { wallClockNs } from '../host/wall-clock.ts';
import { listWords } from '../host/word-list.ts';
import { beginsRuleEvent } from './parse-rules.ts';
import { type NamespaceAddresses, readAddresses, traceCommands, traceFamilies } from './trace-table.ts';

/**
 * nft tells nothing when it has begun to listen, so it is looked for. It reads every rule of the namespace before: with
 * tens of thousands that takes longer than anybody should wait for when all else is ready.
 */
const readyLimitMs = 500;
const readyIntervalMs = 3;
/** Kept of one namespace, about 1 MB. */
const mostLines = 4000;
const longestLine = 4000;
const standardErrorBound = 4096;

/**
 * Where legacy tables are loaded no table is made: their rules tell a rule trace nothing, and the kernel's log each marked
 * packet (nf_log_trace). Their counters are read instead, as the save commands print them, which create nothing.
 */
const script = `
nft=$1 legacy=
[ "$nft" = no ] || ip -j addr || exit
saved() {
  { read -r name <"/proc/net/$1"; } 2>/dev/null || return 0
  legacy=yes
  program=$2
  command -v "$2" >/dev/null 2>&1 || program=$3
  printf 'legacy %s -c\\n' "$program"
  "$program" -c
}
saved ip_tables_names iptables-legacy-save iptables-save
saved ip6_tables_names ip6tables-legacy-save ip6tables-save
[ "$nft$legacy" = yes ] || exit 0
exec nft -i -a
`;

const readingLimitMs = 2000;
const legacyPattern = /^legacy (.+)$/;

/** The kernel has the means for legacy tables, in whatever namespace. */
function kernelHasLegacyTables(): boolean {
  return ['ip', 'ip6'].some((family) => existsSync(`/proc/net/${family}_tables_names`));
}

/** What each save command printed, by its command line, at one of the two moments. */
function savedOutputs(lines: readonly string[], moment: string): CommandOutput[] {
  const outputs: { command: string; lines: string[] }[] = [];
  for (const line of lines) {
    const [, command] = legacyPattern.exec(line) ?? [];
    if (command === undefined) outputs.at(-1)?.lines.push(line);
    else outputs.push({ command, lines: [] });
  }
  return outputs.map(({ command, lines: printed }) => ({
    command: `${command}, ${moment}`,
    exitCode: 0,
    text: `${printed.join('\n')}\n`,
    error: '',
  }));
}

/** Which tables there are; what nft says of the second is its last line. It is asked only where the kernel has nf_tables. */
const question = 'list tables\ndescribe meta mark\n';
const lastAnswer = /^meta expression,/;

/** NETLINK_NETFILTER of linux/netlink.h. */
const netfilterProtocol = '12';

/** True when the process has a netfilter socket that listens to a group: see `netlink_seq_show`. */
function listens(pid: number): boolean {
  try {
    const sockets = readFileSync(`/proc/${pid}/net/netlink`, 'latin1').split('\n');
    return sockets.some((line) => {
      const [, protocol, port, groups = ''] = line.trim().split(/\s+/);
      return protocol === netfilterProtocol && port === String(pid) && !/^0*$/.test(groups);
    });
  } catch {
    return false;
  }
}

/** The command line that traces a namespace's rules, those of legacy iptables alone where `nftables` is false. */
function traceCommand(namespace: NamespaceHandle, nftables: boolean): readonly string[] {
  return inNamespace(namespace, ['sh', '-c', script, 'sh', nftables ? 'yes' : 'no']);
}

const noAddresses: NamespaceAddresses = { all: [], outward: [] };

/** Why a namespace is not traced: its rules are of legacy iptables, or what went wrong. */
type Lack = 'legacy' | { readonly failure: string };

/** One namespace's rules, traced. */
class NamespaceTracer {
  readonly namespace: NamespaceHandle;
  /** Known as soon as the namespace has told them. */
  readonly addresses: Promise<NamespaceAddresses>;
  /** Resolves when its rules are traced, or will not be. */
  readonly ready: Promise<void>;
  readonly lines: RuleTraceLine[] = [];
  /** Null where it is traced, and where no rules of nftables stand. */
  lack: Lack | null = null;
  /** A table was made, and packets are marked. */
  traces = false;
  /** Whether there is anything to trace is known. */
  decided = false;
  /** The command did not wait for it. */
  late = false;
  /** Events that there was no room for. */
  lost = 0;
  readonly #guard: Guard;
  readonly #nftables: boolean;
  readonly #child;
  readonly #tell: (addresses: NamespaceAddresses) => void;
  readonly #markReady: () => void;
  #standardError = '';
  #tables: string[] | null = [];
  #stopping = false;
  /** What the save commands printed, where legacy tables are. */
  #saved: string[] = [];

  /** `others`: those whose packets may come here, itself among them where its own are wanted too; none: its own alone. */
  constructor(namespace: NamespaceHandle, others: readonly NamespaceTracer[], guard: Guard, nftables: boolean) {
    this.#guard = guard;
    this.#nftables = nftables;
    this.namespace = namespace;
    const [addresses, ready] = [Promise.withResolvers<NamespaceAddresses>(), Promise.withResolvers<undefined>()];
    this.addresses = addresses.promise;
    this.#tell = addresses.resolve;
    this.ready = ready.promise;
    this.#markReady = () => ready.resolve(undefined);
    const gate = { watcher: guard.watchProcess, keepsInput: true };
    this.#child = startStreaming(traceCommand(namespace, nftables), gate);
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#standardError = (this.#standardError + chunk.toString('utf8')).slice(-standardErrorBound);
    });
    const reader = createInterface({ input: this.#child.stdout });
    reader.on('line', (line) => this.#take(line, others));
    void this.#child.then((result) => this.#ended(childFailure(result, this.#standardError)));
  }

  #take(line: string, others: readonly NamespaceTracer[]): void {
    if (this.#tables === null) this.#event(line);
    else if (this.#saved.length > 0 || legacyPattern.test(line)) {
      this.lack = 'legacy';
      this.#saved.push(line);
    } else if (line.startsWith('[')) {
      this.#tell(readAddresses(line));
      this.#child.stdin.write(question);
    } else if (lastAnswer.test(line)) {
      void this.#begin(this.#tables, others);
      this.#tables = null;
    } else this.#tables.push(line);
  }

  async #begin(tables: readonly string[], others: readonly NamespaceTracer[]): Promise<void> {
    const families = traceFamilies(tables);
    const isAsker = others.length === 0 || others.includes(this);
    const own = isAsker ? (await this.addresses).all : [];
    const theirs = await Promise.all(others.map(async ({ addresses }) => (await addresses).outward));
    const ends = [...new Set([...own, ...theirs.flat()])];
    this.decided = true;
    if (families.length === 0 || ends.length === 0) {
      this.#child.stdin.end();
      this.#markReady();
      return;
    }
    this.#child.stdin.write(traceCommands(traceTableName(process.pid), families, ends));
    this.traces = true;
    const look = setInterval(() => {
      if (this.#child.pid === undefined || !listens(this.#child.pid)) return;
      clearInterval(look);
      this.#markReady();
    }, readyIntervalMs);
    void this.ready.then(() => clearInterval(look));
  }

  #event(line: string): void {
    if (beginsRuleEvent(line)) {
      if (line.split(' ', 5)[4] === traceTableName(process.pid)) return;
      if (this.lines.length < mostLines) this.lines.push({ timeNs: wallClockNs(), text: line.slice(0, longestLine) });
      else this.lost += 1;
      return;
    }
    const last = this.lines.at(-1);
    if (last === undefined || last.text.length + line.length >= longestLine) return;
    this.lines[this.lines.length - 1] = { ...last, text: `${last.text} ${line.trim()}` };
  }

  #ended(failure: string): void {
    this.#tell(noAddresses);
    this.#markReady();
    const finished = this.lack === 'legacy' || !this.#nftables || (this.#tables === null && !this.traces);
    if (this.#stopping) return;
    this.decided = true;
    if (!finished) this.lack = { failure };
  }

  /** The counters of legacy rules, before and now; nothing where there are none. */
  async counted(): Promise<CommandOutput[]> {
    // What was read late may have counted the command's packets already.
    if (this.#saved.length === 0 || this.late) return [];
    const [file = '', ...args] = traceCommand(this.namespace, false);
    const now = await runTool(file, args, { timeoutMs: readingLimitMs, onChild: this.#guard.watchProcess });
    if ('failure' in now) return [];
    return [...savedOutputs(this.#saved, countsAtStart), ...savedOutputs(now.text.split('\n'), countsAtEnd)];
  }

  /** Ends the child, whose table goes with it, and waits for it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const error = this.#standardError.split('\n').find((line) => line.trim() !== '');
    // A kernel or nft that knows no owner makes no table, and nft goes on.
    if (this.lack === null && error !== undefined) this.lack = { failure: error };
    this.#child.kill('SIGTERM');
    await this.#child;
  }
}

/** What was traced. */
export interface TracedRules {
  readonly traces: readonly RuleTrace[];
  /** The counters of legacy rules at the start and at the end, for the snapshots of their namespaces. */
  readonly counted: readonly { readonly inode: number; readonly outputs: readonly CommandOutput[] }[];
  /** One sentence each. */
  readonly missing: readonly string[];
}

/** The rules of some namespaces, traced until it is stopped. */
export class RuleTracer {
  readonly #tracers: readonly NamespaceTracer[];

  /**
   * Begins, where the kernel has nf_tables or legacy tables already: they are not loaded for this.
   *
   * @param namespaces Of a command's way in its order, the command's own first.
   * @param whose `first`: traced is what has an end in the first namespace, in the others also what one before them may
   *   have put its own address into. `all`: what has an end in any of them.
   */
  constructor(namespaces: readonly NamespaceHandle[], whose: 'first' | 'all', guard: Guard) {
    const tracers: NamespaceTracer[] = [];
    const nftables = kernelHasNftables();
    if (nftables || kernelHasLegacyTables()) {
      for (const namespace of namespaces) {
        const others = whose === 'all' ? tracers : [...tracers];
        tracers.push(new NamespaceTracer(namespace, others, guard, nftables));
      }
    }
    this.#tracers = tracers;
  }

  /** Resolves when the rules are traced, or when nobody should wait any longer: soon after all `others` are ready. */
  async ready(others: Promise<unknown>): Promise<void> {
    const limit = new AbortController();
    const tooLong = others.then(() => delay(readyLimitMs, true, { signal: limit.signal }).catch(() => true));
    await Promise.all(
      this.#tracers.map(async (tracer) => {
        tracer.late = await Promise.race([tracer.ready.then(() => false), tooLong]);
      }),
    );
    limit.abort();
  }

  /** Ends it; the tables vanish. */
  async stop(): Promise<TracedRules> {
    const counted = await Promise.all(
      this.#tracers.map(async (tracer) => {
        const outputs = await tracer.counted();
        await tracer.stop();
        return { inode: tracer.namespace.inode, outputs };
      }),
    );
    const those = (test: (tracer: NamespaceTracer) => boolean): string =>
      listWords(this.#tracers.filter(test).map(({ namespace }) => namespace.name));
    const [legacy, late, cut] = [
      those(({ lack }) => lack === 'legacy'),
      those(({ late: isLate, lack, decided, traces }) => isLate && lack === null && (traces || !decided)),
      those(({ lost }) => lost > 0),
    ];
    const failures = new Set(
      this.#tracers.flatMap(({ lack }) => (lack === null || lack === 'legacy' ? [] : [lack.failure])),
    );
    const failed = [...failures].map((failure) => {
      const names = those(({ lack }) => lack !== null && lack !== 'legacy' && lack.failure === failure);
      return `The rules of ${names} could not be traced: ${failure}.`;
    });
    return {
      traces: this.#tracers
        .filter(({ traces, lack }) => traces && lack === null)
        .map(({ namespace, lines }) => ({ netns: namespace.name, lines })),
      counted: counted.filter(({ outputs }) => outputs.length > 0),
      missing: [
        ...failed,
        ...(legacy === ''
          ? []
          : [
              `The rules of ${legacy} were not traced: legacy iptables stands there, which no table of nftables can trace.`,
            ]),
        ...(late === ''
          ? []
          : [
              `The rules of ${late} were not traced from the beginning: nft was not ready ${readyLimitMs} ms after all else.`,
            ]),
        ...(cut === '' ? [] : [`Of the rules of ${cut}, the first ${mostLines} lines of the trace were kept.`]),
      ],
    };
  }
}
