/** Starts a read-only tool and takes what it prints. */

import { execa } from 'execa';
import { childFailure } from './child-failure.ts';
import { fixedEnvironment } from './environment.ts';

/** Most bytes of a tool's answer that are kept. */
const mostBytes = 16 * 1024 * 1024;

/** What a tool printed, or one clause about why there is nothing ("is not installed", "gave no answer within 5 s"). */
export type ToolResult = { readonly text: string } | { readonly failure: string };

/**
 * Runs a tool with the fixed environment; ends it after `timeoutMs`. `evenIfFailed` takes what it printed before it
 * failed. Never throws.
 */
export async function runTool(
  file: string,
  args: readonly string[],
  options: { timeoutMs: number; signal?: AbortSignal | undefined; home?: string; evenIfFailed?: boolean },
): Promise<ToolResult> {
  const { timeoutMs, signal, home, evenIfFailed = false } = options;
  const result = await execa(file, args, {
    env: { ...fixedEnvironment, ...(home === undefined ? {} : { HOME: home }) },
    extendEnv: false,
    stdin: 'ignore',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: mostBytes,
    reject: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (!result.failed) return { text: result.stdout };
  if (result.code === 'ENOENT') return { failure: 'is not installed' };
  if (evenIfFailed && result.exitCode !== undefined && result.stdout !== '') return { text: result.stdout };
  if (result.timedOut) return { failure: `gave no answer within ${timeoutMs / 1000} s` };
  if (result.isCanceled) return { failure: 'gave no answer in the time that it had' };
  if (result.isMaxBuffer) return { failure: 'printed too much' };
  const lastLine = result.stderr.trim().split('\n').at(-1) ?? '';
  return { failure: `failed: ${childFailure(result, lastLine)}` };
}
