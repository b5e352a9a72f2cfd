/** Signals that come to nettrace while it runs a command: they are meant for the command. */

import { constants } from 'node:os';
import type { TracedProcess } from './watch/traced-command.ts';

const relayed = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal that is handed on. */
export type RelayedSignal = (typeof relayed)[number];

/** Two Ctrl-C within this time are for nettrace, not for the command. */
const twiceWithinMs = 1000;

/** The environment variable by which `bin/nettrace` tells which signals it was started with as ignored. */
const ignoredVariable = 'NETTRACE_IGNORED_SIGNALS';

/**
 * Takes the variable out of the environment and gives the signals that it names: a decimal mask, bit 0 for signal 1, as
 * in field 33 of proc_pid_stat(5). Node itself sets every disposition back to the default when it starts.
 */
export function takeIgnoredSignals(environment: NodeJS.ProcessEnv): RelayedSignal[] {
  const mask = Number(environment[ignoredVariable] ?? 0);
  delete environment[ignoredVariable];
  return relayed.filter((signal) => Number.isSafeInteger(mask) && (mask >> (constants.signals[signal] - 1)) & 1);
}

/** Has Node ignore these signals, as whoever started nettrace did (nohup, a shell's background job). */
export function ignoreSignals(signals: readonly RelayedSignal[]): void {
  for (const signal of signals) process.on(signal, () => {});
}

/**
 * Hands signals on to the command. Before there is one to take them, a signal is nettrace's own end, and so is the
 * second Ctrl-C in quick succession.
 */
export class SignalRelay {
  #command: Pick<TracedProcess, 'signal'> | null = null;
  #interruptedMs = Number.NEGATIVE_INFINITY;
  readonly #fromTerminal: boolean;
  readonly #leave: (status: number) => void;

  /**
   * `fromTerminal`: the terminal gives Ctrl-C to the command by itself. `leave` is to end nettrace at once with this
   * status.
   */
  constructor(fromTerminal: boolean, leave: (status: number) => void) {
    this.#fromTerminal = fromTerminal;
    this.#leave = leave;
  }

  /** Says that the gate was opened: from here on signals are the command's. */
  handTo(command: Pick<TracedProcess, 'signal'>): void {
    this.#command = command;
  }

  /** Takes a signal at a time, in milliseconds of any steady clock. */
  receive(signal: RelayedSignal, nowMs: number): void {
    const again = signal === 'SIGINT' && nowMs - this.#interruptedMs <= twiceWithinMs;
    if (signal === 'SIGINT') this.#interruptedMs = nowMs;
    if (this.#command === null || again) this.#leave(128 + constants.signals[signal]);
    else if (signal !== 'SIGINT' || !this.#fromTerminal) this.#command.signal(signal);
  }

  /** Listens for this process's signals, those that are ignored left out; gives what ends it. */
  listen(ignored: readonly RelayedSignal[]): () => void {
    const listener = (signal: NodeJS.Signals): void => {
      const known = relayed.find((one) => one === signal);
      if (known !== undefined) this.receive(known, performance.now());
    };
    const heard = relayed.filter((signal) => !ignored.includes(signal));
    for (const signal of heard) process.on(signal, listener);
    return () => {
      for (const signal of heard) process.off(signal, listener);
    };
  }
}
