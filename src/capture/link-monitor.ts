/**
 * When links went down and came back, by `ip monitor`: capture engines do not tell (tcpdump waits in silence, cap dies).
 */

import { createInterface } from 'node:readline';
import type { LinkOutage } from '../case/evidence.ts';
import { startStreaming } from '../host/gate.ts';
import { inNamespace, type NamespaceHandle } from '../host/namespaces.ts';
import type { Guard } from './guard.ts';

/** A link's state at a moment. */
export interface LinkChange {
  readonly device: string;
  readonly timeNs: bigint;
  /** Up and with a carrier. */
  readonly usable: boolean;
}

// The name of the other end or the master follows the link's own, which may hold an `@` itself.
const linePattern =
  /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,6})\] (?:Deleted )?\d+: ([^:]+?)(?:@[^:@]*)?: <([^>]*)>/;

/**
 * Reads a line of `ip -ts -o monitor link` printed with TZ=UTC, or returns null for what is none. The flags alone
 * decide: a link that is deleted is set down first, and `Deleted` with a link that is up means that it left its bridge.
 */
export function parseLinkChange(line: string): LinkChange | null {
  const match = linePattern.exec(line);
  if (match === null) return null;
  const [, second = '', microseconds = '', device = '', flagText = ''] = match;
  const milliseconds = Date.parse(`${second}Z`);
  if (Number.isNaN(milliseconds)) return null;
  const flags = flagText.split(',');
  const timeNs = BigInt(milliseconds) * 1_000_000n + BigInt(microseconds) * 1000n;
  return { device, timeNs, usable: flags.includes('UP') && flags.includes('LOWER_UP') };
}

/** Folds changes into outages of one namespace's devices. */
export class OutageLog {
  readonly #netns: string;
  readonly #down = new Map<string, bigint>();
  readonly #over: LinkOutage[] = [];

  constructor(netns: string) {
    this.#netns = netns;
  }

  /** Takes the next change; changes come in the order of time. */
  note(change: LinkChange): void {
    const fromNs = this.#down.get(change.device);
    if (!change.usable && fromNs === undefined) {
      this.#down.set(change.device, change.timeNs);
    } else if (change.usable && fromNs !== undefined) {
      this.#down.delete(change.device);
      this.#over.push({ netns: this.#netns, device: change.device, fromNs, toNs: change.timeNs });
    }
  }

  /** Every outage so far; those that last have no end. */
  outages(): LinkOutage[] {
    const lasting = [...this.#down].map(([device, fromNs]) => ({ netns: this.#netns, device, fromNs, toNs: null }));
    return [...this.#over, ...lasting];
  }
}

/** Watches the links of one namespace until it is stopped. */
export class LinkMonitor {
  readonly log: OutageLog;
  readonly #child;

  constructor(namespace: NamespaceHandle, guard: Guard, onChange: (change: LinkChange) => void) {
    this.log = new OutageLog(namespace.name);
    const command = inNamespace(namespace, ['ip', '-o', '-ts', 'monitor', 'link']);
    this.#child = startStreaming(command, { watcher: guard.watchProcess }, { env: { TZ: 'UTC' } });
    this.#child.stderr.resume();
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => {
      const change = parseLinkChange(line);
      if (change === null) return;
      this.log.note(change);
      onChange(change);
    });
  }

  /** The child, which is in the namespace; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends the child, and waits for it. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#child;
  }
}
