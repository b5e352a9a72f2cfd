import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CaseReader } from '../../src/capfile/case-file.ts';
import { generate } from '../bench/generate.ts';
import type { Terminal } from './terminal.ts';
import { childOf, openTerminal } from './terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-ui-'));
const program = ['bin/nettrace', 'demo'];
/** The UI on a view written by hand: several connections, and one that cannot be drawn. */
const sample = [process.execPath, join(directory, 'sample.js')];

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('./sample-program.ts', import.meta.url))],
    outfile: join(directory, 'sample.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.15',
    alias: { 'react-devtools-core': './scripts/no-devtools.js' },
    define: { 'process.env.NODE_ENV': '"production"' },
    banner: {
      js: "import { createRequire as nodeCreateRequire } from 'node:module'; const require = nodeCreateRequire(import.meta.url);",
    },
  });
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function framesIn(path: string): number | undefined {
  const reader = new CaseReader();
  reader.push(readFileSync(path));
  return reader.end()?.frames.length;
}

const opened: Terminal[] = [];
afterEach(() => {
  for (const terminal of opened.splice(0)) terminal.close();
});

function open(command: readonly string[], columns = 80, rows = 24): Terminal {
  const terminal = openTerminal(command, columns, rows);
  opened.push(terminal);
  return terminal;
}

/** A program between two prints of the terminal's settings, in a shell that ends as the program ended. */
const framing = ['sh', '-c', 'echo "before $(stty -g)"; "$@"; status=$?; echo "after $(stty -g)"; exit $status', 'sh'];
const framed = [...framing, ...program];

async function expectRestored(terminal: Terminal): Promise<void> {
  // The end of a process and its last words come by different ways.
  await terminal.until(/^after [0-9a-f:]+$/m);
  const settings = [...terminal.screen().matchAll(/^(?:before|after) ([0-9a-f:]+)$/gm)].map(([, text]) => text);
  expect(settings).toHaveLength(2);
  expect(settings[1]).toBe(settings[0]);
  expect(terminal.isAlternate()).toBe(false);
  expect(terminal.isCursorShown()).toBe(true);
  expect(terminal.takesPastes()).toBe(false);
}

describe('the terminal UI in a terminal', () => {
  it('opens, moves, shows layers and bytes, helps, and gives the terminal back', async () => {
    const terminal = open(framed, 200, 50);
    // The whole screen is drawn once its last row is.
    await terminal.until('q quit');
    expect([terminal.isAlternate(), terminal.isCursorShown()]).toEqual([true, false]);
    expect([2, 3].map((row) => terminal.isInverse(row))).toEqual([true, false]);
    terminal.press('\r');
    await terminal.until('== Path');
    terminal.press('\x1b[A');
    await terminal.until(/^> {2}7 host:podman0/m);
    terminal.press('2');
    await terminal.until('== Frames');
    terminal.press('\x1b[B\r');
    await terminal.until('== Layers of frame 10');
    terminal.press('G\x1b[Cjj');
    await terminal.until('Bytes 36 to 37');
    terminal.press('?');
    await terminal.until('== Help');
    terminal.press('\x1b');
    await terminal.until('== Layers of frame 10');
    terminal.press('q');
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
    await expectRestored(terminal);
  });

  it('follows a connection, and writes its frames to a file, twice only when told so', async () => {
    const path = join(directory, 'part.pcapng');
    const terminal = open(program, 120, 35);
    await terminal.until('q quit');
    terminal.press('f');
    await terminal.until(/^== Stream of tcp [^]*^\[the server reset the connection \(RST, frame 14\)\]$/m);
    terminal.press('\x1b');
    await terminal.until('== Connections');
    terminal.press(`2jmjmw${path}\r`);
    await terminal.until(` 2 frames written to ${path}`);
    terminal.press(`w\t${path}\r`);
    await terminal.until('A file of this name is there already.');
    expect(framesIn(path)).toBe(2);
    terminal.press('\r');
    await terminal.until(` 6 frames written to ${path}`);
    expect(framesIn(path)).toBe(6);
    terminal.press('q');
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  });

  it('gets no bytes of a connection as they were sent', async () => {
    const terminal = open(['bin/nettrace', 'follow', '--as', 'raw', 'fixtures/loopback-only-listener.pcapng', '1']);
    expect(await terminal.ended).toMatchObject({ exitCode: 1 });
    expect(terminal.screen()).toContain('redirect it (> FILE)');
  });

  it('gives the terminal back on Ctrl-C', async () => {
    const terminal = open(framed, 200, 50);
    // Only in raw mode, which comes with bracketed paste, is Ctrl-C a key; before, the terminal signals every program.
    await terminal.until((screen) => screen.includes('== Connections') && terminal.takesPastes());
    terminal.press('\x03');
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
    await expectRestored(terminal);
  });

  it('gives the terminal back on SIGTERM, and says how it ended', async () => {
    const terminal = open(framed, 200, 50);
    await terminal.until('== Connections');
    process.kill(childOf(terminal.pid), 'SIGTERM');
    expect(await terminal.ended).toMatchObject({ exitCode: 143 });
    await expectRestored(terminal);
  });

  it('gives the terminal back when drawing fails, then says why', async () => {
    const terminal = open([...framing, ...sample, 'broken'], 200, 50);
    await terminal.until((screen) => screen.includes('after'));
    expect(await terminal.ended).toMatchObject({ exitCode: 1 });
    expect(terminal.screen()).toContain('caught: Error: this frame cannot be read');
    await expectRestored(terminal);
  });

  it('follows the size of the terminal, down to one line and up again', async () => {
    const terminal = open(program, 80, 24);
    await terminal.until('== Connections');
    terminal.resize(160, 45);
    await terminal.until((screen) => screen.includes('-- Evidence of hop 8') && screen.includes('q quit'));
    terminal.resize(50, 12);
    await terminal.until('nettrace needs 60x16, this is 50x12. Ctrl-C quits');
    terminal.resize(80, 24);
    await terminal.until((screen) => /^ j\/k move .*q quit$/.test(screen.split('\n')[23] ?? ''));
    terminal.press('q');
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  });

  it('suspends to the shell and comes back', async () => {
    const terminal = open(['bash', '--noprofile', '--norc', '-i']);
    terminal.press(`PS1='shell>'; ${sample.join(' ')}\r`);
    await terminal.until('== Connections');
    terminal.press('j');
    await terminal.until('= 2 of 3');
    terminal.press('\x1a');
    await terminal.until(/Stopped[^]*shell>\s*$/);
    expect([terminal.isAlternate(), terminal.isCursorShown()]).toEqual([false, true]);
    terminal.press('fg\r');
    await terminal.until((screen) => screen.includes('== Connections') && screen.includes('= 2 of 3'));
    expect([terminal.isAlternate(), terminal.isCursorShown()]).toEqual([true, false]);
    terminal.press('q');
    await terminal.until(/fg[^]*shell>\s*$/);
    terminal.press('exit\r');
    await terminal.ended;
  });

  it.each([
    [80, 24],
    [160, 45],
  ])('looks as it should at %ix%i', async (columns, rows) => {
    const terminal = open(program, columns, rows);
    // The first whole frame need not be the last: the one that is held is waited for, and what there is is compared.
    const shown = async (name: string, sign: string): Promise<string> => {
      const file = join(import.meta.dirname, 'golden', name);
      const held = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return await terminal.until((screen) => `${screen}\n` === held).catch(() => terminal.until(sign));
    };
    const path = await shown(`path-${columns}x${rows}.txt`, 'q quit');
    await expect(`${path}\n`).toMatchFileSnapshot(`golden/path-${columns}x${rows}.txt`);
    terminal.press('2\rG\x1b[C');
    const packets = await shown(`packets-${columns}x${rows}.txt`, 'tcp.srcport');
    await expect(`${packets}\n`).toMatchFileSnapshot(`golden/packets-${columns}x${rows}.txt`);
  });
});

describe('a capture that is too large to be held', () => {
  const large = join(directory, 'large.pcap');
  beforeAll(() => void generate(large, 150_000));

  it('opens by its index: connections, frames on demand, a filter', async () => {
    const terminal = open(['bin/nettrace', 'replay', large], 120, 35);
    await terminal.until(/1 of \d+ ==/);
    await terminal.until(/150000 frames/);
    terminal.press('2aG');
    await terminal.until('150000 of 150000');
    terminal.press('/tcp.flags.reset\r');
    await terminal.until(/, \d+ of 150000 frames$/m);
    terminal.press('q');
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  });

  it('follows a connection of it, and writes its marked frames, and all of them in their place', async () => {
    const path = join(directory, 'part-of-large.pcapng');
    const terminal = open(['bin/nettrace', 'replay', large], 120, 35);
    await terminal.until(/150000 frames/);
    terminal.press('f');
    await terminal.until('== Stream of tcp ');
    terminal.press('\x1b');
    await terminal.until('== Connections');
    terminal.press(`2amjmw${path}\r`);
    await terminal.until(` 2 frames written to ${path}`);
    expect(framesIn(path)).toBe(2);
    terminal.press(`w\t${path}\r`);
    await terminal.until('A file of this name is there already.');
    terminal.press('\r');
    await terminal.until(` 150000 frames written to ${path}`);
    expect(framesIn(path)).toBe(150_000);
    terminal.press('q');
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['q', 'q'],
    ['Esc', '\x1b'],
  ])('can be left by %s while it is read, though it never ends', async (_name, key) => {
    const pipe = join(directory, 'pipe');
    const endless = 'head -c 24 "$0"; while tail -c +25 "$0"; do :; done';
    const script = `mkfifo "$1"; (${endless}) >"$1" & bin/nettrace replay "$1"; status=$?; rm "$1"; exit $status`;
    const terminal = open([...framing, 'sh', '-c', script, large, pipe], 200, 24);
    await terminal.until('Esc or q: leave');
    terminal.press(key);
    await expectRestored(terminal);
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  });
});
