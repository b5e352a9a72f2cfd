/**
 * A pipe of the kernel between an engine and nettrace. What Node calls a pipe is a pair of sockets, where each frame that
 * is written takes a buffer and a wake-up of its own; under load that costs both sides half their time (docs/performance.md).
 */

import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { runTool } from '../host/run-tool.ts';
import type { Guard } from './guard.ts';

/** Both ends, as file descriptors. Whoever has the pipe closes them. */
export interface KernelPipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

const makeLimitMs = 2000;
/** What a pipe holds (pipe(7)): no read brings more. */
const pipeBytes = 65_536;
let made = 0;

/**
 * Makes a pipe; null where that cannot be done. Node makes none, so it is a FIFO that loses its name as soon as both of its
 * ends are open; before that, the guard knows the name.
 *
 * @param folder Where it has its name meanwhile. Holds no blank.
 */
export async function openKernelPipe(
  guard: Pick<Guard, 'watchPath' | 'watchPreparation'>,
  folder = '/run',
): Promise<KernelPipe | null> {
  made += 1;
  const path = `${folder}/nettrace-${process.pid}-${made}.pipe`;
  guard.watchPath('pipe', path);
  const result = await runTool('mkfifo', ['-m', '600', path], {
    timeoutMs: makeLimitMs,
    onChild: guard.watchPreparation,
  });
  if ('failure' in result) return null;
  let readEnd: number | null = null;
  try {
    // An open waits for the other end; only to read does it not have to (fifo(7)).
    readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY) };
  } catch {
    if (readEnd !== null) closeSync(readEnd);
    return null;
  } finally {
    unlinkSync(path);
  }
}

/**
 * Gives what comes out of a pipe, in pieces that are borrowed until `take` returns. Resolves, with the end closed, when
 * nobody can write any more.
 */
export function readKernelPipe({ readEnd }: KernelPipe, take: (bytes: Uint8Array) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = new Socket({
    fd: readEnd,
    readable: true,
    writable: false,
    // One buffer for all: at 250 MB a second new ones would keep the garbage collector busy.
    onread: {
      buffer: Buffer.allocUnsafeSlow(pipeBytes),
      callback: (length, bytes) => {
        take(bytes.subarray(0, length));
        return true;
      },
    },
  });
  // A failed read ends it as the writer's end does: the frames that came before it are whole.
  socket.on('error', () => {});
  socket.on('close', () => resolve());
  socket.resume();
  return promise;
}
