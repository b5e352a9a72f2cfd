/**
 * The rule trace: in each namespace one `nft -i` owns a table that marks the first packets of connections, and prints what
 * rules did to them (nft(8), "MONITOR"). Nothing of the host's own rules is touched.
 */

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { Guard } from '../capture/guard.ts';
import type { RuleTrace, RuleTraceLine } from '../case/evidence.ts';
import { childFailure } from '../host/child-failure.ts';
import { fixedEnvironment } from '../host/environment.ts';
import { gated, openGate } from '../host/gate.ts';
import { kernelHasNftables } from '../host/kernel-modules.ts';
import { inNamespace, type NamespaceHandle } from '../host/namespaces.ts';
import { traceTableName } from '../host/trace-table-name.ts';
import { wallClockNs } from '../host/wall-clock.ts';
import { listWords } from '../host/word-list.ts';
import { beginsRuleEvent } from './parse-rules.ts';
import { type NamespaceAddresses, readAddresses, traceCommands, traceFamilies } from './trace-table.ts';

/**
 * nft tells nothing when it has begun to listen, so it is looked for. It reads every rule of the namespace before: with
 * tens of thousands that takes longer than anybody should wait for.
 */
const readyLimitMs = 250;
const readyIntervalMs = 3;
/** Kept of one namespace, about 1 MB. */
const mostLines = 4000;
const longestLine = 4000;
const standardErrorBound = 4096;
const endLimitMs = 300;

/**
 * Where legacy tables are loaded no table is made: their rules tell a rule trace nothing, and the kernel's log each marked
 * packet (nf_log_trace).
 */
const script = `
ip -j addr || exit
for family in ip ip6; do
  { read -r name </proc/net/\${family}_tables_names; } 2>/dev/null && { echo legacy; exit 0; }
done
exec nft -i -a
`;

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

function startChild(namespace: NamespaceHandle) {
  const [file, ...rest] = gated(inNamespace(namespace, ['sh', '-c', script]));
  return execa(file, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    buffer: false,
    detached: true,
    cleanup: false,
    reject: false,
    env: fixedEnvironment,
    extendEnv: false,
  });
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
  /** The command did not wait for it. */
  late = false;
  /** Events that there was no room for. */
  lost = 0;
  readonly #child;
  readonly #tell: (addresses: NamespaceAddresses) => void;
  readonly #markReady: () => void;
  #standardError = '';
  #tables: string[] | null = [];
  #stopping = false;

  /** `others`: those whose packets may come here, itself among them where its own are wanted too; none: its own alone. */
  constructor(namespace: NamespaceHandle, others: readonly NamespaceTracer[], guard: Guard) {
    this.namespace = namespace;
    const [addresses, ready] = [Promise.withResolvers<NamespaceAddresses>(), Promise.withResolvers<undefined>()];
    this.addresses = addresses.promise;
    this.#tell = addresses.resolve;
    this.ready = ready.promise;
    this.#markReady = () => ready.resolve(undefined);
    this.#child = startChild(namespace);
    openGate(this.#child, guard.watchProcess, true);
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#standardError = (this.#standardError + chunk.toString('utf8')).slice(-standardErrorBound);
    });
    const reader = createInterface({ input: this.#child.stdout });
    reader.on('line', (line) => this.#take(line, others));
    void this.#child.then((result) => this.#ended(childFailure(result, this.#standardError)));
  }

  #take(line: string, others: readonly NamespaceTracer[]): void {
    if (this.#tables === null) this.#event(line);
    else if (line.startsWith('[')) {
      this.#tell(readAddresses(line));
      this.#child.stdin.write(question);
    } else if (line === 'legacy') this.lack = 'legacy';
    else if (lastAnswer.test(line)) {
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
    const finished = this.lack === 'legacy' || (this.#tables === null && !this.traces);
    if (!finished && !this.#stopping) this.lack = { failure };
  }

  /** Ends the child, whose table goes with it, and waits for it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const error = this.#standardError.split('\n').find((line) => line.trim() !== '');
    // A kernel or nft that knows no owner makes no table, and nft goes on.
    if (this.lack === null && error !== undefined) this.lack = { failure: error };
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endLimitMs);
    await this.#child;
    clearTimeout(timer);
  }
}

/** What was traced. */
export interface TracedRules {
  readonly traces: readonly RuleTrace[];
  /** One sentence each. */
  readonly missing: readonly string[];
}

/** The rules of some namespaces, traced until it is stopped. */
export class RuleTracer {
  readonly #tracers: readonly NamespaceTracer[];

  /**
   * Begins, where the kernel has nf_tables already: it is not loaded for this.
   *
   * @param namespaces Of a command's way in its order, the command's own first.
   * @param whose `first`: traced is what has an end in the first namespace, in the others also what one before them may
   *   have put its own address into. `all`: what has an end in any of them.
   */
  constructor(namespaces: readonly NamespaceHandle[], whose: 'first' | 'all', guard: Guard) {
    const tracers: NamespaceTracer[] = [];
    if (kernelHasNftables()) {
      for (const namespace of namespaces) {
        const others = whose === 'all' ? tracers : [...tracers];
        tracers.push(new NamespaceTracer(namespace, others, guard));
      }
    }
    this.#tracers = tracers;
  }

  /** Resolves when the rules are traced, or when nobody should wait any longer. */
  async ready(): Promise<void> {
    const limit = Promise.withResolvers<undefined>();
    const timer = setTimeout(limit.resolve, readyLimitMs, undefined);
    await Promise.all(
      this.#tracers.map(async (tracer) => {
        const late = await Promise.race([tracer.ready.then(() => false), limit.promise.then(() => true)]);
        tracer.late = late;
      }),
    );
    clearTimeout(timer);
  }

  /** Ends it; the tables vanish. */
  async stop(): Promise<TracedRules> {
    await Promise.all(this.#tracers.map((tracer) => tracer.stop()));
    const those = (test: (tracer: NamespaceTracer) => boolean): string =>
      listWords(this.#tracers.filter(test).map(({ namespace }) => namespace.name));
    const [legacy, late, cut] = [
      those(({ lack }) => lack === 'legacy'),
      those(({ late: isLate, traces }) => isLate && traces),
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
      missing: [
        ...failed,
        ...(legacy === ''
          ? []
          : [
              `The rules of ${legacy} were not traced: legacy iptables stands there, which no table of nftables can trace.`,
            ]),
        ...(late === ''
          ? []
          : [`The rules of ${late} were not traced from the beginning: there are too many of them.`]),
        ...(cut === '' ? [] : [`Of the rules of ${cut}, the first ${mostLines} lines of the trace were kept.`]),
      ],
    };
  }
}
