/** `nettrace record -o FILE`: every source of evidence into a case file, without a command and without a UI. */

import { setTimeout as delay } from 'node:timers/promises';
import { chooseEngine, type WantedEngine } from '../capture/capture.ts';
import { Guard } from '../capture/guard.ts';
import { escapeText } from '../report/escape.ts';
import { UserError } from './errors.ts';
import { checkSavable, saveCase } from './save.ts';
import { type RelayedSignal, SignalRelay } from './signals.ts';
import { recordPoints } from './watch/record-points.ts';
import { Watch } from './watch/watch.ts';

/** The command line's options. */
export interface RecordOptions {
  readonly output: string;
  readonly interface?: readonly string[];
  readonly netns?: readonly string[];
  readonly duration?: number;
  readonly count?: number;
  readonly ignoreNetns?: readonly string[];
  readonly engine: WantedEngine;
  readonly kernel: boolean;
  readonly ruleTrace: boolean;
}

/** How often the count of frames is looked at, and how often progress is told. */
const lookMs = 50;
const tellMs = 1000;
const eraseLine = '\r\u001b[K';

/** Tells how far it is, where standard error is a terminal; waits for the limit or for `stopped`. */
async function recordUntil(watch: Watch, { count, duration }: RecordOptions, stopped: AbortSignal): Promise<void> {
  const startMs = performance.now();
  const untilMs = duration === undefined ? Number.POSITIVE_INFINITY : startMs + duration * 1000;
  let tellAtMs = startMs;
  while (!stopped.aborted) {
    const nowMs = performance.now();
    if (nowMs >= untilMs || watch.framesSeen() >= (count ?? Number.POSITIVE_INFINITY)) break;
    if (process.stderr.isTTY && nowMs >= tellAtMs) {
      const { frames, dropped } = watch.progress();
      const seconds = Math.floor((nowMs - startMs) / 1000);
      process.stderr.write(`${eraseLine}recording: ${frames} frames, ${seconds} s, ${dropped} dropped; Ctrl-C ends it`);
      tellAtMs = nowMs + tellMs;
    }
    await delay(Math.min(lookMs, untilMs - nowMs), undefined, { signal: stopped }).catch(() => {});
  }
  if (process.stderr.isTTY) process.stderr.write(eraseLine);
}

/** Records until the limit or a signal. When it rejects, the process is to end at once: the guard then cleans up. */
export async function record(options: RecordOptions, ignoredSignals: readonly RelayedSignal[]): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      'record needs root to capture and to enter namespaces: repeat it with sudo; nettrace doctor says what else is missing',
    );
  }
  checkSavable(options.output);
  const engine = chooseEngine(options.engine);
  if (typeof engine === 'string') throw new UserError(engine);
  const guard = new Guard();
  const relay = new SignalRelay(false, (status) => process.exit(status));
  const stopListening = relay.listen(ignoredSignals);
  const wanted = { devices: options.interface ?? [], namespaces: options.netns ?? [] };
  const ignoreNetns = options.ignoreNetns ?? [];
  const needsNames = [...wanted.devices, ...wanted.namespaces, ...ignoreNetns].length > 0;
  const watch = await Watch.begin(
    {
      namespaceInode: null,
      ignoreNetns,
      engine,
      kernel: options.kernel,
      ruleTrace: options.ruleTrace,
      pace: 'bulk',
    },
    guard,
    needsNames,
  );
  await watch.capture((links, start) => recordPoints(wanted, links, start, watch.namespaces), 'all');
  const stop = new AbortController();
  relay.handTo({ signal: () => stop.abort() });
  process.stderr.write(`nettrace: recording at ${escapeText(watch.places().join(', '))}\n`);
  await recordUntil(watch, options, stop.signal);
  const evidence = await watch.end(null);
  const frames = evidence.frames.slice(0, options.count);
  saveCase(options.output, { ...evidence, frames });
  stopListening();
  for (const sentence of evidence.session?.missing ?? []) process.stderr.write(`nettrace: ${escapeText(sentence)}\n`);
  process.stderr.write(
    `nettrace: ${frames.length} frames and ${evidence.kernelLines.length} kernel events are in ${escapeText(options.output)}; nettrace replay explains what failed in them\n`,
  );
  await guard.release();
}
