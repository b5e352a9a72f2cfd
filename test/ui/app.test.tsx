import { render } from 'ink-testing-library';
import { describe, expect, it, test, vi } from 'vitest';
import { App } from '../../src/ui/app.tsx';
import { createStore } from '../../src/ui/store.ts';
import { liveSample } from './live-sample.ts';
import { sample } from './sample.ts';
import { renderWithoutColour } from './without-colour.ts';

renderWithoutColour();

interface Terminal {
  /** Sends a chunk of input and waits until it was read. */
  press(chunk: string): Promise<void>;
  /** Changes the size and waits until the screen has it. */
  resize(columns: number, rows: number): Promise<void>;
  /** False once the program let go of its input. */
  isOpen(): boolean;
  screen(): string;
  frames(): number;
  readonly stop: () => void;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function open(columns: number, rows: number, view = sample): Promise<Terminal> {
  const stop = vi.fn<() => void>();
  const instance = render(<App store={createStore(view)} stop={stop} />);
  const terminal: Terminal = {
    stop,
    async press(chunk) {
      instance.stdin.write(chunk);
      await turn();
    },
    async resize(width, height) {
      for (const [name, value] of [
        ['columns', width],
        ['rows', height],
      ] as const) {
        Object.defineProperty(instance.stdout, name, { value, configurable: true });
      }
      instance.stdout.emit('resize');
      await vi.waitFor(() => {
        const lines = terminal.screen().split('\n');
        const size = /this is (\d+)x/.exec(terminal.screen())?.[1] ?? (lines.at(-1)?.trimEnd().length ?? 0) + 1;
        expect([Number(size), lines.length]).toEqual([width, height]);
      });
    },
    screen: () => instance.lastFrame() ?? '',
    frames: () => instance.frames.length,
    isOpen: () => instance.stdin.listenerCount('readable') > 0,
  };
  await terminal.resize(columns, rows);
  return terminal;
}

describe.each([
  [80, 24],
  [160, 45],
])('at %ix%i', (columns, rows) => {
  test.each([
    ['path', []],
    ['evidence', ['\r', '\r']],
    ['layers', ['2', 'j', '\r', 'G', '\r', 'jj']],
    ['hostile', ['j']],
    ['hostile-frame', ['2', 'a', 'G', '\r']],
    ['help', ['?']],
    ['zoom', ['\t\t', 'z']],
    ['stream', [']]', 'f', 'jj']],
    ['stream-hex', [']]', 'f', 't']],
    ['marks', ['2', 'a', 'jjmjjm', 'M']],
    ['write', ['2', 'mjm', 'w', 'some.pcapng']],
    ['write-again', ['w', 'there', '\r']],
    ['written', ['w', 'some.pcapng', '\r']],
    ['filter', ['2', 'a', '/tcp']],
    ['filter-wrong', ['2', 'a', '/tcp', '\r', '/ && tpc']],
    ['filter-kept', ['2', '/tcp', '\r']],
  ])('shows %s', async (name, chunks) => {
    const terminal = await open(columns, rows);
    for (const chunk of chunks) await terminal.press(chunk);
    const screen = terminal.screen();
    expect(screen.split('\n')).toHaveLength(rows);
    await expect(`${screen}\n`).toMatchFileSnapshot(`golden/${name}-${columns}x${rows}.txt`);
  });
});

describe.each([
  [80, 24],
  [120, 35],
])('a live capture at %ix%i', (columns, rows) => {
  test.each([
    ['live-connections', []],
    ['live-interfaces', ['3', 'j']],
    ['live-packets', ['2']],
    ['live-paused', ['p']],
  ])('shows %s', async (name, chunks) => {
    const terminal = await open(columns, rows, liveSample);
    for (const chunk of chunks) await terminal.press(chunk);
    const screen = terminal.screen();
    expect(screen.split('\n')).toHaveLength(rows);
    await expect(`${screen}\n`).toMatchFileSnapshot(`golden/${name}-${columns}x${rows}.txt`);
  });
});

describe('input', () => {
  it('takes several keys in one chunk', async () => {
    const one = await open(80, 24);
    await one.press('2j\rG\rjj');
    const many = await open(80, 24);
    for (const key of '2j\rG\rjj') await many.press(key);
    expect(one.screen()).toBe(many.screen());
    expect(one.screen()).toContain('Layers of frame 3');
  });

  it('draws no frame for a key that changes nothing', async () => {
    const terminal = await open(80, 24);
    const before = terminal.frames();
    await terminal.press('k');
    await terminal.press('x');
    expect(terminal.frames()).toBe(before);
    await terminal.press('j');
    expect(terminal.frames()).toBeGreaterThan(before);
  });

  it('takes no commands from pasted text', async () => {
    const terminal = await open(80, 24);
    const before = terminal.screen();
    await terminal.press('\x1b[200~2?q\x1b[201~');
    expect(terminal.screen()).toBe(before);
    await terminal.press('2');
    expect(terminal.screen()).toContain('[2 Packets]');
  });

  it('takes pasted text into the open filter line', async () => {
    const terminal = await open(80, 24);
    await terminal.press('2/');
    await terminal.press('\x1b[200~a\nrp\x1b[201~');
    expect(terminal.screen()).toContain(' / [a rp]_');
  });

  it('goes back with Esc', async () => {
    const terminal = await open(80, 24);
    await terminal.press('?');
    expect(terminal.screen()).toContain('== Help');
    await terminal.press('\x1b');
    await vi.waitFor(() => expect(terminal.screen()).not.toContain('== Help'));
  });

  test.each(['q', '\x03', 'jjq'])('quits on %j', async (key) => {
    const terminal = await open(80, 24);
    expect(terminal.isOpen()).toBe(true);
    await terminal.press(key);
    expect(terminal.isOpen()).toBe(false);
  });

  it('hands the terminal over on Ctrl-Z', async () => {
    const terminal = await open(80, 24);
    await terminal.press('\x1a');
    await vi.waitFor(() => expect(terminal.stop).toHaveBeenCalledOnce());
  });
});

describe('size', () => {
  it('follows the terminal and keeps the selection', async () => {
    const terminal = await open(160, 45);
    await terminal.press('\rk');
    await terminal.resize(80, 24);
    expect(terminal.screen().split('\n')).toHaveLength(24);
    expect(terminal.screen()).toMatch(/^> {2}6 host:podman0/m);
  });

  test.each(['', '2', 'f'])('has room for a long reason on the smallest terminal after %j', async (keys) => {
    const terminal = await open(60, 16);
    await terminal.press(`${keys}wnowhere/${'x'.repeat(80)}\r`);
    await vi.waitFor(() => expect(terminal.screen()).toContain('Cannot write'));
    const lines = terminal.screen().split('\n');
    expect([lines.length, lines[0]?.startsWith(' nettrace'), lines.at(-1)]).toEqual([16, true, ' to.']);
  });

  it('says what is missing on a small terminal, and still quits', async () => {
    const terminal = await open(50, 10);
    expect(terminal.screen().trim()).toBe('nettrace needs 60x16, this is 50x10. Ctrl-C quits');
    await terminal.press('j');
    expect(terminal.isOpen()).toBe(true);
    await terminal.press('q');
    expect(terminal.isOpen()).toBe(false);
  });
});
