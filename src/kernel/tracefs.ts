/**
 * Kernel events from tracefs instances of our own (Documentation/trace/ftrace.rst, "Instances").
 *
 * Two instances: one follows packets, whatever process they are handled in, filtered by device in the kernel; one
 * follows the traced command and its children (`set_event_pid`, `event-fork`). The rest of the host's tracing is not
 * touched. Lines are read without blocking, so nothing ever waits for the kernel.
 */

import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { execa } from 'execa';
import { type Guard, guardedProcesses } from '../capture/guard.ts';
import type { KernelLine } from '../case/evidence.ts';
import { childFailure } from '../host/child-failure.ts';
import { fixedEnvironment } from '../host/environment.ts';
import { startGated } from '../host/gate.ts';
import { wallClockNs } from '../host/wall-clock.ts';
import { Instance } from './instance.ts';
import { lostEvents, parseTraceLine } from './parse.ts';

const packetEvents = [
  'net/net_dev_queue',
  'net/netif_receive_skb',
  'fib/fib_table_lookup',
  'tcp/tcp_send_reset',
  'skb/kfree_skb',
  // A timer tells a socket that its neighbour is dead: no process of the command's is current then.
  'sock/inet_sk_error_report',
] as const;
const deviceEvents: readonly string[] = ['net/net_dev_queue', 'net/netif_receive_skb'];
/** What a flood makes too many of, in the order in which it can be done without. */
const floodOrder: readonly (readonly string[])[] = [deviceEvents, ['skb/kfree_skb', 'fib/fib_table_lookup']];

const commandEvents = [
  'syscalls/sys_exit_connect',
  'fib/fib_table_lookup',
  'sock/inet_sock_set_state',
  'sock/inet_sk_error_report',
] as const;

/** Every event that is used, once. */
export const tracedEvents: readonly string[] = [...new Set([...packetEvents, ...commandEvents])];

/** IPv4, ARP and IPv6, in the host byte order in which `kfree_skb` keeps the EtherType. */
const dropFilter = 'protocol == 2048 || protocol == 2054 || protocol == 34525';

/** Kernel buffer of each CPU: some 20,000 events between two readings. */
const bufferKilobytes = 2048;
/** Lines kept at most, about 40 MB: what comes later is counted as lost. */
const mostLines = 200_000;
/** Kept where nettrace goes on for long: what a second or two of trouble makes. */
const mostLatestLines = 40_000;
const readingIntervalMs = 100;
/**
 * A reading takes no more than this of a kernel that writes faster than anybody reads, some 8 KB each: for a command as
 * much as there is room for, where nettrace goes on for long what leaves it time for other work.
 */
const mostReads = { first: 512, latest: 64 } as const;
const prepareLimitMs = 5000;
const nearSeconds = 0.001;

const standardPaths = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const instanceName = /^nettrace-(\d+)(?:-command)?$/;
const mountName = /^nettrace-(\d+)$/;
const removeMountsScript = 'for path; do umount "$path"; rmdir "$path"; done';

function alive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/**
 * Those of the names that a pattern says are of a nettrace process which is gone. What its guard has still to remove is left
 * to that: without the mount it would not find the instances.
 */
function stale(names: readonly string[], pattern: RegExp): string[] {
  const ownerOf = (name: string): number | null => {
    const owner = pattern.exec(name)?.[1];
    return owner === undefined ? null : Number(owner);
  };
  const left = names.filter((name) => {
    const owner = ownerOf(name);
    return owner !== null && !alive(owner);
  });
  if (left.length === 0) return left;
  const guarded = guardedProcesses();
  return left.filter((name) => !guarded.has(ownerOf(name) ?? 0));
}

/** Removes instances of nettrace processes that are gone. */
function removeStaleInstances(tracing: string): void {
  for (const name of stale(readdirSync(`${tracing}/instances`), instanceName)) {
    try {
      rmdirSync(`${tracing}/instances/${name}`);
    } catch {
      // Busy: somebody still reads it. The next start tries again.
    }
  }
}

/** Removes the mounts, and the directories under them, of nettrace processes that are gone. */
async function removeStaleMounts(): Promise<void> {
  const paths = stale(readdirSync('/run'), mountName).map((name) => `/run/${name}`);
  if (paths.length === 0) return;
  await execa('sh', ['-c', removeMountsScript, 'sh', ...paths], {
    stdio: 'ignore',
    env: fixedEnvironment,
    extendEnv: false,
    timeout: prepareLimitMs,
    reject: false,
  });
}

// The kernel waits for all of its CPUs at each of these writes, tens of milliseconds in all: a child does them beside
// everything else that has to be done before the command may start. It ends after all of them, though one fails (another
// nettrace may remove what a killed one has begun): what was made after its end, the guard would not find.
const prepareScript = `
mount=$1 kilobytes=$2
shift 2
[ -z "$mount" ] || { mkdir -m 700 "$mount" && mount -t tracefs nettrace "$mount"; } || exit
prepare() { mkdir "$1" && echo tai >"$1/trace_clock" && echo "$kilobytes" >"$1/buffer_size_kb"; }
waited=
for instance; do prepare "$instance" & waited="$waited $!"; done
failed=
for one in $waited; do wait "$one" || failed=yes; done
[ -z "$failed" ]
`;

/** Where tracefs is mounted, as far as this user may see; undefined when it is not. */
export function mountedTracefs(): string | undefined {
  return standardPaths.find((path) => existsSync(`${path}/instances`));
}

/** Makes instances of these names, in tracefs where it is mounted, else where it is mounted for this run alone. */
async function makeInstances(guard: Guard, names: readonly string[]): Promise<string[]> {
  const standard = mountedTracefs();
  const own = `/run/nettrace-${process.pid}`;
  const tracing = standard ?? own;
  if (standard === undefined) {
    guard.watchPath('directory', own);
    guard.watchPath('mount', own);
  }
  const paths = names.map((name) => `${tracing}/instances/${name}`);
  for (const path of paths) guard.watchPath('instance', path);
  const mount = standard === undefined ? own : '';
  const command = ['sh', '-c', prepareScript, 'sh', mount, String(bufferKilobytes), ...paths];
  const gate = { watcher: guard.watchPreparation };
  const result = await startGated(command, { timeout: prepareLimitMs, detached: true }, gate);
  if (result.exitCode !== 0) throw new Error(childFailure(result, result.stderr));
  removeStaleInstances(tracing);
  await removeStaleMounts();
  return paths;
}

const nsPerSecond = 1_000_000_000n;

function clockNs(clock: string): bigint {
  const [seconds = '0', fraction = ''] = clock.split('.');
  return BigInt(seconds) * nsPerSecond + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

interface RawLine {
  readonly text: string;
  readonly scope: KernelLine['scope'];
  readonly clock: string;
}

/**
 * Events of this host's kernel, from `open` to `stop`. After `open` nothing of it throws: what the kernel then refuses
 * ends the tracing alone, see `failure`.
 */
export class Tracer {
  readonly #packets: Instance;
  readonly #command: Instance;
  readonly #timer: NodeJS.Timeout;
  readonly #markedNs: bigint;
  #offsetNs: bigint | null = null;
  #raw: RawLine[] = [];
  readonly #keeps: 'first' | 'latest';
  /** How many of `floodOrder` the kernel is not asked for now. */
  #spared = 0;
  #failure: Error | null = null;
  /** Lines lost to the kernel's buffer or to our bounds. */
  lost = 0;

  /** On instances that were made for it; throws where they cannot be written. Everybody else calls `open`. */
  constructor(packets: Instance, command: Instance, keeps: 'first' | 'latest') {
    this.#keeps = keeps;
    this.#packets = packets;
    this.#command = command;
    this.#markedNs = wallClockNs();
    packets.set('trace_marker', 'nettrace clock');
    this.#timer = setInterval(() => this.#attempt(() => this.#read(mostReads[this.#keeps])), readingIntervalMs);
  }

  /**
   * Makes the instances. Rejects, with the reason, where tracefs is not to be had (not root, a kernel without it,
   * lockdown): nettrace goes on without.
   *
   * @param keeps Which lines are kept of more than there is room for.
   */
  static async open(guard: Guard, keeps: 'first' | 'latest' = 'first'): Promise<Tracer> {
    const name = `nettrace-${process.pid}`;
    const [packets = '', command = ''] = await makeInstances(guard, [name, `${name}-command`]);
    return new Tracer(new Instance(packets, 'packets'), new Instance(command, 'command'), keeps);
  }

  /** Why the tracing came to an early end; null while it goes on. Then it has no lines: part of them would mislead. */
  get failure(): Error | null {
    return this.#failure;
  }

  #attempt(action: () => void): void {
    if (this.#failure !== null) return;
    try {
      action();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#raw = [];
    }
  }

  /** Follows packets from here on: at these devices, and wherever the kernel looks up routes, resets and drops. */
  watch(devices: readonly string[]): void {
    this.#attempt(() => this.#watch(devices));
  }

  #watch(devices: readonly string[]): void {
    const names = [...new Set(devices)].filter((name) => /^[\w.@:+-]+$/.test(name));
    const deviceFilter = names.map((name) => `name == "${name}"`).join(' || ');
    for (const event of packetEvents) {
      if (!deviceEvents.includes(event)) this.#packets.enable(event, event === 'skb/kfree_skb' ? dropFilter : null);
      else if (names.length > 0) this.#packets.enable(event, deviceFilter);
    }
    for (const event of floodOrder.slice(0, this.#spared).flat()) this.#enable(event, false);
  }

  /** False while a flood keeps the kernel from being asked for all; see `askAll`. */
  get asksAll(): boolean {
    return this.#spared === 0;
  }

  /** Has the kernel tell everything again after a flood; where the latest lines are kept, the next one ends it again. */
  askAll(): void {
    this.#attempt(() => {
      for (const event of floodOrder.slice(0, this.#spared).flat()) this.#enable(event, true);
    });
    this.#spared = 0;
  }

  /** Asks the kernel for less: of the packets at devices first, then of drops and look-ups. */
  askLess(): void {
    this.#attempt(() => {
      for (const event of floodOrder[this.#spared] ?? []) this.#enable(event, false);
    });
    this.#spared = Math.min(this.#spared + 1, floodOrder.length);
  }

  #enable(event: string, on: boolean): void {
    if (!this.#packets.absent.includes(event)) this.#packets.set(`events/${event}/enable`, on ? '1' : '0');
  }

  /** The lines between two times, in nanoseconds since 1970, that are still kept, in the order of time. */
  between(fromNs: bigint, toNs: bigint): KernelLine[] {
    this.#attempt(() => this.#read(mostReads[this.#keeps]));
    // A clock as a number is exact to a microsecond, and told apart in a tenth of the time that an exact one takes.
    const secondsOf = (ns: bigint): number => Number(ns + (this.#offsetNs ?? 0n)) / 1e9;
    const [from, to] = [secondsOf(fromNs) - nearSeconds, secondsOf(toNs) + nearSeconds];
    const near = this.#raw.filter(({ clock }) => Number(clock) >= from && Number(clock) <= to);
    return this.#lines(near).filter(({ timeNs }) => timeNs >= fromNs && timeNs <= toNs);
  }

  /** Follows this process and every child it will have. Its events are kept from here on. */
  follow(pid: number): void {
    this.#attempt(() => {
      this.#command.set('options/event-fork', '1');
      this.#command.set('set_event_pid', String(pid));
      for (const event of commandEvents) this.#command.enable(event, null);
    });
  }

  /** Events that this kernel does not have. */
  get absent(): readonly string[] {
    return [...this.#packets.absent, ...this.#command.absent];
  }

  /** Ends tracing and gives every line, in the order of time. The instances go with the guard. */
  stop(): KernelLine[] {
    clearInterval(this.#timer);
    this.#attempt(() => {
      for (const instance of [this.#packets, this.#command]) instance.set('tracing_on', '0');
      this.#read(Number.POSITIVE_INFINITY);
    });
    this.#packets.close();
    this.#command.close();
    return this.#lines(this.#raw);
  }

  #lines(raw: readonly RawLine[]): KernelLine[] {
    const offsetNs = this.#offsetNs ?? 0n;
    return raw
      .map(({ text, scope, clock }) => ({ text, scope, timeNs: clockNs(clock) - offsetNs }))
      .sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
  }

  #read(most: number): void {
    if (this.#keeps === 'latest' && this.#raw.length > mostLatestLines) {
      this.#raw = this.#raw.slice(-mostLatestLines / 2);
    }
    const take = (text: string, scope: KernelLine['scope']): void => {
      const line = parseTraceLine(text);
      if (line === null) {
        this.lost += lostEvents(text);
      } else if (line.event === 'tracing_mark_write') {
        this.#learnClock(line.clock);
      } else if (this.#raw.length < mostLines) {
        this.#raw.push({ text: text.trimStart(), scope, clock: line.clock });
      } else {
        this.lost += 1;
      }
    };
    if (!this.#packets.read(take, most)) this.#flooded();
    this.#command.read(take, most);
  }

  /** The kernel writes faster than it can be read: where nettrace goes on for long it is asked for less. */
  #flooded(): void {
    if (this.#keeps === 'first') return;
    this.lost += 1;
    this.askLess();
    this.#packets.set('trace', '');
  }

  // The TAI clock is wall time plus a whole number of seconds that only the host knows (0 without NTP, else 37).
  #learnClock(clock: string): void {
    const differenceNs = clockNs(clock) - this.#markedNs;
    this.#offsetNs = ((differenceNs + nsPerSecond / 2n) / nsPerSecond) * nsPerSecond;
  }
}
