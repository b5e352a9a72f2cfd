/** Starts a read-only tool and takes what it prints. */

import { childFailure } from './child-failure.ts';
import { type ChildWatcher, startGated } from './gate.ts';

/** Most bytes of a tool's answer that are kept. */
const mostBytes = 16 * 1024 * 1024;

/** How a shell says that there is no such program. */
const notFound = 127;

/** What a tool printed, or one clause about why there is nothing ("is not installed", "gave no answer within 5 s"). */
export type ToolResult = { readonly text: string } | { readonly failure: string };

/** How a tool is run. */
interface ToolOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly home?: string;
  /** Takes what it printed before it failed. */
  readonly evenIfFailed?: boolean;
  /** Knows of it before it does anything: for one that may hang, where nettrace goes on to more than its answer. */
  readonly onChild?: ChildWatcher | undefined;
}

/** Runs a tool with the fixed environment; ends it after `timeoutMs`. Never throws. */
export async function runTool(file: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  const { timeoutMs, signal, home, evenIfFailed = false, onChild } = options;
  const result = await startGated(
    [file, ...args],
    {
      env: home === undefined ? {} : { HOME: home },
      // Ctrl-C ends it with us where nobody else would.
      detached: onChild !== undefined,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: mostBytes,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    },
    { watcher: onChild },
  );
  if (!result.failed) return { text: result.stdout };
  if (result.exitCode === notFound) return { failure: 'is not installed' };
  if (evenIfFailed && result.exitCode !== undefined && result.stdout !== '') return { text: result.stdout };
  if (result.timedOut) return { failure: `gave no answer within ${timeoutMs / 1000} s` };
  if (result.isCanceled) return { failure: 'gave no answer in the time that it had' };
  if (result.isMaxBuffer) return { failure: 'printed too much' };
  const lastLine = result.stderr.trim().split('\n').at(-1) ?? '';
  return { failure: `failed: ${childFailure(result, lastLine)}` };
}
