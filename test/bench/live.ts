/**
 * `npm run bench:live -- [SECONDS [RATE [OPTION...]]]`: `nettrace live` under 200,000 packets a second of 64 to 1514 bytes, each seen at two
 * capture points, in a real pty. Prints figures, and judges nothing; for a machine that does nothing else. Needs root,
 * perl and ethtool, and the built program.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openTerminal, type Terminal } from '../e2e/terminal.ts';
import { buildLab } from '../labs/lab.ts';

const [, , secondsText = '60', rateText = '200000', ...options] = process.argv;
const [seconds, rate] = [Number(secondsText), Number(rateText)];
const pressEveryMs = 400;
/** In an interface's row, behind its state: packets and bytes a second, then the frames that were dropped. */
const dropped = / (?:up|down) +\S+ +\S+ +(\S+)/;
const flood = fileURLToPath(new URL('./flood.pl', import.meta.url));

function row(name: string, value: string): void {
  console.log(`${name.padEnd(52)}${value.padStart(16)}`);
}

/** Milliseconds from a key to the screen that it asks for: the list of packets alone, and not. Both change all the time. */
async function pressOnce(terminal: Terminal, alone: boolean): Promise<number> {
  const fromMs = performance.now();
  terminal.press('z');
  await terminal.until((screen) => screen.includes('Layers of frame') !== alone);
  return performance.now() - fromMs;
}

/** A figure of /proc/PID/status in kilobytes, as megabytes. */
function statusMegabytes(pid: number, name: string): string {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(name));
  return `${Math.round(Number(/\d+/.exec(line ?? '')?.[0]) / 1024)} MB`;
}

/** Seconds of processor time that a process has taken: proc_pid_stat(5), fields 14 and 15, in hundredths. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

await using lab = await buildLab({
  hosts: { client: { addresses: { eth0: ['10.99.0.1/24'] } }, server: { addresses: { eth0: ['10.99.0.2/24'] } } },
  veths: [['client:eth0', 'server:eth0']],
});
// Else what is captured is not packets of these sizes, but a fortieth of them, of 60,000 bytes each.
await lab.must('client', ['ethtool', '-K', 'eth0', 'gso', 'off', 'tso', 'off', 'tx-udp-segmentation', 'off']);
const points = ['client', 'server'].map((host) => `${lab.netns(host)}:eth0`);
const live = openTerminal(['bin/nettrace', 'live', ...points.flatMap((point) => ['-i', point]), ...options], 120, 35);
live.press('3');
for (const point of points) await live.until(`* ${point}`);
// The latest packets: there is something else to be drawn each time.
live.press('2G');
await delay(1000);

const idleSeconds = processorSeconds(live.pid);
const flooding = lab.run('client', ['perl', flood, '10.99.0.2', String(rate), String(seconds)], {
  timeoutMs: (seconds + 30) * 1000,
});
let framesBefore = live.framesDrawn();
const [drawn, latencies]: [number[], number[]] = [[], []];
const untilMs = performance.now() + seconds * 1000;
let nextSecondMs = performance.now() + 1000;
for (let alone = true; performance.now() < untilMs; alone = !alone) {
  latencies.push(await pressOnce(live, alone));
  await delay(pressEveryMs);
  if (performance.now() < nextSecondMs) continue;
  const frames = live.framesDrawn();
  drawn.push(frames - framesBefore);
  framesBefore = frames;
  nextSecondMs += 1000;
}
const took = processorSeconds(live.pid) - idleSeconds;
const sent = Number((await flooding).stdout);
live.press('\u001b');
await delay(2500);
live.press('3g');
await delay(1500);
const screen = live.screen();
/** Frames of each point, as the interface that is selected says; an engine that counts no drops shows by them what it lost. */
const captured: string[] = [];
for (const _point of points) {
  captured.push(/(\d+)\s+frames\s+captured/.exec(live.screen())?.[1] ?? '?');
  live.press('j');
  await delay(500);
}
const rows = points.map((point) => screen.split('\n').find((line) => line.includes(`* ${point}`)) ?? '');
/** The value below which a share of all lies; 0 is the least. */
function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.round((values.length - 1) * share)] ?? Number.NaN;
}

row('packets sent', String(sent));
row('packets a second', String(Math.round(sent / seconds)));
for (const [index, count] of captured.entries()) row(`captured at ${points[index]}`, count);
for (const [index, line] of rows.entries()) row(`dropped at ${points[index]}`, dropped.exec(line)?.[1] ?? '?');
row('frames drawn in a second, fewest', String(quantile(drawn, 0)));
row('frames drawn in a second, median', String(quantile(drawn, 0.5)));
row('a key to its screen, median', `${quantile(latencies, 0.5).toFixed(1)} ms`);
row('a key to its screen, 95 of 100', `${quantile(latencies, 0.95).toFixed(1)} ms`);
row('largest memory', statusMegabytes(live.pid, 'VmHWM'));
row('processor time of nettrace', `${(took / seconds).toFixed(2)} of one`);
live.press('q');
await live.ended;
