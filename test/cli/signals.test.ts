import { describe, expect, it } from 'vitest';
import { type RelayedSignal, SignalRelay, takeIgnoredSignals } from '../../src/cli/signals.ts';

/** What becomes of signals at these milliseconds; `open` is the moment at which the gate opens. */
function relayed(terminal: boolean, ...script: readonly (readonly [signal: RelayedSignal | 'open', atMs: number])[]) {
  const done: string[] = [];
  const relay = new SignalRelay(terminal, (status) => done.push(`leave ${status}`));
  for (const [signal, atMs] of script) {
    if (signal === 'open') relay.handTo({ signal: (handed) => done.push(handed) });
    else relay.receive(signal, atMs);
  }
  return done;
}

describe('signals', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s before the gate opens ends nettrace with status %d', (signal, status) => {
    expect(relayed(true, [signal, 5])).toEqual([`leave ${status}`]);
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('%s is handed on to the command, however often', (signal) => {
    expect(relayed(true, ['open', 0], [signal, 5], [signal, 6])).toEqual([signal, signal]);
  });

  it('Ctrl-C at a terminal reaches the command without nettrace', () => {
    expect(relayed(true, ['open', 0], ['SIGINT', 5])).toEqual([]);
    expect(relayed(false, ['open', 0], ['SIGINT', 5])).toEqual(['SIGINT']);
  });

  it.each([
    ['at once', [100, 250], ['leave 130']],
    ['a second later', [100, 1100], ['leave 130']],
    ['more than a second later', [100, 1101], []],
    ['three, the last two in quick succession', [100, 5000, 5100], ['leave 130']],
  ] as const)('a second Ctrl-C %s', (_name, times, expected) => {
    expect(relayed(true, ['open', 0], ...times.map((atMs) => ['SIGINT', atMs] as const))).toEqual(expected);
  });
});

describe('signals that were ignored when nettrace was started', () => {
  it.each([
    ['none', '0', []],
    ['that of nohup', '1', ['SIGHUP']],
    ['those of a background job', '6', ['SIGINT']],
    ['all, and others', String(0x4007 + 0x1000), ['SIGINT', 'SIGTERM', 'SIGHUP']],
    ['not told', undefined, []],
    ['empty', '', []],
    ['no number', 'x', []],
  ])('%s', (_name, mask, signals) => {
    const environment = { ...(mask !== undefined && { NETTRACE_IGNORED_SIGNALS: mask }), HOME: '/' };
    expect(takeIgnoredSignals(environment)).toEqual(signals);
    expect(environment).toEqual({ HOME: '/' });
  });
});
