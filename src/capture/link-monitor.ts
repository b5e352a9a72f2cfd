/**
 * When links went down and came back, by `ip monitor`: capture engines do not tell (tcpdump waits in silence, cap dies).
 */

import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { LinkOutage } from '../case/evidence.ts';
import { fixedEnvironment } from '../host/environment.ts';
import type { NamespaceHandle } from '../host/namespaces.ts';
import { inherited, inNamespace } from './engine.ts';
import type { Guard } from './guard.ts';

/** A link's state at a moment. */
export interface LinkChange {
  readonly device: string;
  readonly timeNs: bigint;
  /** Up and with a carrier. A deleted link is not. */
  readonly usable: boolean;
}

const linePattern = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,6})\] (Deleted )?\d+: ([^:@]+)(?:@[^:]*)?: <([^>]*)>/;

/** Reads a line of `ip -ts -o monitor link` printed with TZ=UTC, or returns null for what is none. */
export function parseLinkChange(line: string): LinkChange | null {
  const match = linePattern.exec(line);
  if (match === null) return null;
  const [, second = '', fraction = '', deleted, device = '', flagText = ''] = match;
  const flags = flagText.split(',');
  const timeNs = BigInt(Date.parse(`${second}Z`)) * 1_000_000n + BigInt(fraction.padStart(6, '0')) * 1000n;
  return { device, timeNs, usable: deleted === undefined && flags.includes('UP') && flags.includes('LOWER_UP') };
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
    const [file = '', ...rest] = inNamespace(namespace, ['ip', '-o', '-ts', 'monitor', 'link']);
    this.#child = execa(file, rest, {
      stdio: ['ignore', 'pipe', 'ignore', inherited(namespace)],
      buffer: false,
      detached: true,
      cleanup: false,
      reject: false,
      env: { ...fixedEnvironment, TZ: 'UTC' },
      extendEnv: false,
    });
    guard.watchProcess(this.#child.pid);
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => {
      const change = parseLinkChange(line);
      if (change === null) return;
      this.log.note(change);
      onChange(change);
    });
  }

  /** Ends the child, and waits for it. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#child;
  }
}
