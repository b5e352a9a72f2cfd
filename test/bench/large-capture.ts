/**
 * Reading a large capture, beside other tools on the same file. NETTRACE_BIG names it; without, it is generated into a
 * temporary folder. NETTRACE_BENCH_SLOW=1 also runs those tools that take minutes.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { readAt } from '../../src/capfile/spill.ts';
import { compileFilter } from '../../src/filter/filter.ts';
import { CaptureIndex } from '../../src/index/capture-index.ts';
import { indexColumns, indexFields } from '../../src/index/filter-columns.ts';
import { IndexedCapture } from '../../src/index/indexed-capture.ts';
import { readChunks } from '../../src/index/read-file.ts';
import { dissect } from '../../src/wire/dissect.ts';
import { openTerminal } from '../e2e/terminal.ts';
import { generate } from './generate.ts';

const runs = 5;
const ethernet = 1;

/** Runs a command to its end and prints its least wall time and its largest memory, as /usr/bin/time tells them. */
async function runOften(name: string, command: readonly string[], times = runs): Promise<void> {
  let [seconds, kilobytes] = [Number.POSITIVE_INFINITY, 0];
  for (let run = 0; run < times; run += 1) {
    const { stderr } = await execa('/usr/bin/time', ['-f', '%e %M', ...command], { stdout: 'ignore' });
    const [wall = Number.NaN, memory = Number.NaN] = (stderr.split('\n').at(-1) ?? '').split(' ').map(Number);
    seconds = Math.min(seconds, wall);
    kilobytes = Math.max(kilobytes, memory);
  }
  console.log(`${name.padEnd(44)}${seconds.toFixed(2).padStart(8)} s${(kilobytes / 1000).toFixed(0).padStart(8)} MB`);
}

/** Filters on what the rows hold; none of them accepts every packet. */
const headerFilters = [
  'tcp.flags.syn && !tcp.flags.ack',
  'ip.addr == 10.89.0.0/16 && tcp.dstport == 443',
  'tcp.port in {80, 443} || udp',
  'frame.len > 1400',
];

/** The rate at which `nettrace connections --filter` asks packets, every one of them. */
function askFilters(index: CaptureIndex): void {
  const capture = new IndexedCapture(index, () => new Uint8Array(0));
  for (const text of headerFilters) {
    const compiled = compileFilter(text);
    if (!compiled.ok) throw new Error(compiled.error.message);
    const test = compiled.value.bind(
      indexFields(capture, () => null),
      indexColumns(index),
    );
    const from = performance.now();
    let found = 0;
    for (let row = 0; row < index.packets.count; row += 1) if (test(row)) found += 1;
    const ms = performance.now() - from;
    const rate = (index.packets.count / ms / 1000).toFixed(1);
    console.log(`${text}: ${found} of ${index.packets.count} in ${ms.toFixed(0)} ms (${rate} M/s)`);
  }
}

/** How soon the terminal UI shows how far it is, and the connections; and its memory by then. */
async function openScreens(file: string): Promise<void> {
  for (let run = 0; run < runs; run += 1) {
    const from = performance.now();
    const terminal = openTerminal(['bin/nettrace', 'replay', file], 120, 35);
    await terminal.until(/Esc or q: leave|== Connections/);
    const firstMs = performance.now() - from;
    await terminal.until('== Connections');
    const openMs = performance.now() - from;
    const status = readFileSync(`/proc/${terminal.pid}/status`, 'utf8');
    const megabytes = Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) / 1000;
    terminal.close();
    await terminal.ended;
    console.log(
      `nettrace replay in a terminal: first screen ${firstMs.toFixed(0)} ms, connections ${openMs.toFixed(0)} ms, ${megabytes.toFixed(0)} MB`,
    );
  }
}

/** What the index answers without reading the file again. */
async function askIndex(file: string): Promise<void> {
  const index = new CaptureIndex();
  await using handle = await open(file);
  await readChunks(handle.fd, (chunk) => index.push(chunk));
  index.end();
  askFilters(index);
  const capture = new IndexedCapture(index, (offset, length) => readAt(handle.fd, offset, length));
  let slowestMs = 0;
  for (let step = 1; step <= 100; step += 1) {
    const row = Math.floor((index.packets.count * step) / 100) - 1;
    const from = performance.now();
    const { bytes } = capture.frame(row);
    dissect(bytes, ethernet, bytes.length);
    slowestMs = Math.max(slowestMs, performance.now() - from);
  }
  console.log(`any packet's bytes and layers: at most ${slowestMs.toFixed(1)} ms of 100 packets`);
}

/** Prints the figures. */
export async function benchLargeCapture(): Promise<void> {
  const given = process.env['NETTRACE_BIG'];
  const folder = given === undefined ? mkdtempSync(path.join(tmpdir(), 'nettrace-big-')) : null;
  try {
    const file = given ?? path.join(folder ?? '', 'big.pcap');
    if (folder !== null) {
      console.log(`generating ${file} (NETTRACE_BIG=FILE keeps one)`);
      generate(file);
    }
    console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(0)} MB; least of ${runs} runs, largest memory`);
    await runOften('capinfos -c', ['capinfos', '-c', file]);
    await runOften('nettrace connections', ['bin/nettrace', 'connections', file]);
    const filtered = ['--filter', 'ip.addr == 10.89.0.0/16 && tcp.dstport == 443'];
    await runOften('nettrace connections --filter', ['bin/nettrace', 'connections', ...filtered, file]);
    await runOften('nettrace connections --json', ['bin/nettrace', 'connections', '--json', file]);
    await runOften('nettrace replay', ['bin/nettrace', 'replay', file]);
    await runOften('nettrace replay --json', ['bin/nettrace', 'replay', '--json', file]);
    await openScreens(file);
    if (process.env['NETTRACE_BENCH_SLOW'] === '1') {
      await runOften('tcpdump -nr', ['tcpdump', '-nr', file], 1);
      await runOften('tshark -q -z conv,tcp', ['tshark', '-q', '-z', 'conv,tcp', '-r', file], 1);
    }
    await askIndex(file);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true });
  }
}
