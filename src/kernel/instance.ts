/** A tracefs instance of our own: its files are written, its pipe is read without waiting. */

import { closeSync, constants, existsSync, openSync, readSync, writeFileSync } from 'node:fs';
import type { KernelLine } from '../case/evidence.ts';

const readSize = 65_536;

/** One instance, and what of a line has been read of it. */
export class Instance {
  readonly path: string;
  readonly #scope: KernelLine['scope'];
  readonly #descriptor: number;
  readonly #buffer = Buffer.allocUnsafe(readSize);
  #rest = '';
  readonly absent: string[] = [];

  constructor(path: string, scope: KernelLine['scope']) {
    this.path = path;
    this.#scope = scope;
    this.#descriptor = openSync(`${path}/trace_pipe`, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  set(file: string, value: string): void {
    writeFileSync(`${this.path}/${file}`, value);
  }

  enable(event: string, filter: string | null): void {
    if (!existsSync(`${this.path}/events/${event}`)) {
      if (!this.absent.includes(event)) this.absent.push(event);
      return;
    }
    if (filter !== null) this.set(`events/${event}/filter`, filter);
    this.set(`events/${event}/enable`, '1');
  }

  /** Hands over the whole lines that the kernel holds by now; false when there are more than `most` readings of them. */
  read(take: (text: string, scope: KernelLine['scope']) => void, most: number): boolean {
    for (let count = 0; count < most; count += 1) {
      let size: number;
      try {
        size = readSync(this.#descriptor, this.#buffer, 0, readSize, null);
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return true;
        throw error;
      }
      if (size === 0) return true;
      const lines = (this.#rest + this.#buffer.toString('utf8', 0, size)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) take(line, this.#scope);
    }
    return false;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
