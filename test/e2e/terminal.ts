/**
 * A terminal to drive programs in: a real pty, and xterm's own emulator for what a person would see on it.
 */

import { readFileSync } from 'node:fs';
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

/** Longest wait for a screen: many times what any step takes, so that only a real failure meets it. */
const patienceMs = 15_000;

/** How a program ended. */
interface Ending {
  readonly exitCode: number;
  readonly signal: number | undefined;
}

/** A running program and its screen. */
export interface Terminal {
  readonly pid: number;
  /** Settles when the program has ended and all it wrote is on the screen. */
  readonly ended: Promise<Ending>;
  /** The visible rows, blanks at their ends cut. */
  screen(): string;
  /** Resolves as soon as a whole frame satisfies `holds`; rejects with the screen if it never does. */
  until(holds: string | RegExp | ((screen: string) => boolean)): Promise<string>;
  /** All that it has written, as it came. */
  received(): string;
  /** How many whole frames it has drawn. */
  framesDrawn(): number;
  press(keys: string): void;
  resize(columns: number, rows: number): void;
  /** The alternate screen is on. */
  isAlternate(): boolean;
  isCursorShown(): boolean;
  /** The first character of a visible row, from 0, is drawn inverse. */
  isInverse(row: number): boolean;
  /** Bracketed paste is on. */
  takesPastes(): boolean;
  /** Ends the program if it still runs. */
  close(): void;
}

/**
 * Starts a program in a terminal of that size. It runs without CI in its environment, which would take its colours, even
 * as `CI=false`.
 */
export function openTerminal(command: readonly string[], columns: number, rows: number): Terminal {
  const [file = '', ...parameters] = command;
  const { CI: _ci, NO_COLOR: _noColour, FORCE_COLOR: _colour, ...inherited } = process.env;
  const env = { ...inherited, TERM: 'xterm-256color' };
  const pty = spawn(file, parameters, { name: env.TERM, cols: columns, rows, env });
  const emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const watchers = new Set<() => void>();
  let cursorShown = true;
  // Between these marks (synchronized output) a frame is half drawn, and nobody sees it.
  let drawing = false;
  let frames = 0;
  for (const [final, shown] of [
    ['h', true],
    ['l', false],
  ] as const) {
    emulator.parser.registerCsiHandler({ prefix: '?', final }, (parameters) => {
      if (parameters.includes(25)) cursorShown = shown;
      if (parameters.includes(2026)) {
        drawing = shown;
        if (!shown) frames += 1;
      }
      return false;
    });
  }
  let received = '';
  pty.onData((data) => {
    received += data;
    emulator.write(data, () => {
      for (const watcher of watchers) watcher();
    });
  });
  let running = true;
  const ended = new Promise<Ending>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      running = false;
      emulator.write('', () => resolve({ exitCode, signal }));
    });
  });

  const screen = (): string => {
    const { active } = emulator.buffer;
    const lines = Array.from(
      { length: emulator.rows },
      (_, row) =>
        active
          .getLine(active.viewportY + row)
          ?.translateToString()
          .trimEnd() ?? '',
    );
    return lines.join('\n');
  };
  return {
    pid: pty.pid,
    ended,
    screen,
    until(holds) {
      const test = (text: string): boolean =>
        typeof holds === 'function' ? holds(text) : typeof holds === 'string' ? text.includes(holds) : holds.test(text);
      return new Promise((resolve, reject) => {
        const finish = (): void => {
          watchers.delete(look);
          clearTimeout(timer);
        };
        const look = (): void => {
          const text = screen();
          if (drawing || !test(text)) return;
          finish();
          resolve(text);
        };
        const timer = setTimeout(() => {
          finish();
          reject(new Error(`The screen never showed ${String(holds)}:\n${screen()}`));
        }, patienceMs);
        watchers.add(look);
        look();
      });
    },
    received: () => received,
    framesDrawn: () => frames,
    press: (keys) => pty.write(keys),
    resize(width, height) {
      emulator.resize(width, height);
      pty.resize(width, height);
    },
    isAlternate: () => emulator.buffer.active.type === 'alternate',
    isCursorShown: () => cursorShown,
    isInverse: (row) => emulator.buffer.active.getLine(row)?.getCell(0)?.isInverse() !== 0,
    takesPastes: () => emulator.modes.bracketedPasteMode,
    close() {
      if (running) pty.kill('SIGKILL');
    },
  };
}

/** The only child of a process, for signals to a program that a shell started. */
export function childOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  if (children.length !== 1 || !children[0]) throw new Error(`process ${pid} has ${children.length} children`);
  return Number(children[0]);
}
