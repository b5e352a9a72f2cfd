/**
 * `npm run bench`: prints figures, and judges nothing. Needs root for the lab, and the built program.
 *
 * `nettrace run` on the first outage: from the start of nettrace to the start of the command, and from the end of the
 * command to the whole report and to nettrace's own end. The command takes both times itself.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { CaseReader } from '../../src/capfile/case-file.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { containerHost } from '../labs/causes/topology.ts';
import { buildLab } from '../labs/lab.ts';
import { httpsServer } from '../labs/services.ts';
import { containerOnBridge } from '../labs/topologies.ts';
import { benchLargeCapture } from './large-capture.ts';
import { predictOften } from './prediction.ts';

const runs = 15;

function row(name: string, valuesMs: number[]): void {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1).padStart(8);
  console.log(`${name.padEnd(52)}${at(0)}${at(0.5)}${at(1)}`);
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** One run in a namespace; milliseconds to the command's start, to the report and to nettrace's end. */
async function traceOnce(netns: string, folder: string, options: readonly string[]): Promise<[number, number, number]> {
  const [startFile, endFile] = [join(folder, 'start'), join(folder, 'end')];
  const script = `date +%s%N >${startFile}; curl -sk https://10.88.0.1:19001/ping; date +%s%N >${endFile}`;
  const startedMs = wallMs();
  const child = execa('bin/nettrace', ['run', '--netns', netns, ...options, '--', 'sh', '-c', script], {
    reject: false,
    stdin: 'ignore',
  });
  let reportedMs = Number.NaN;
  child.stderr.on('data', () => {
    reportedMs = wallMs();
  });
  await child;
  const leftMs = wallMs();
  const [commandStartMs, commandEndMs] = [startFile, endFile].map((file) => Number(readFileSync(file, 'utf8')) / 1e6);
  if (commandStartMs === undefined || commandEndMs === undefined) throw new Error('the command did not run');
  return [commandStartMs - startedMs, reportedMs - commandEndMs, leftMs - commandEndMs];
}

console.log(`${'milliseconds'.padEnd(52)}${'min'.padStart(8)}${'median'.padStart(8)}${'max'.padStart(8)}`);
const folder = mkdtempSync(join(tmpdir(), 'nettrace-bench-'));
const lab = await buildLab(containerOnBridge({ services: { tunnel: httpsServer('127.0.0.1:19001') } }));
const rules = { iptables: '*filter\n-A INPUT -p tcp -m tcp --dport 81 -j DROP\nCOMMIT\n' };
const ruled = await buildLab(containerHost({ box: rules, host: rules, web: rules, outside: rules }));
try {
  for (const [name, netns, options] of [
    ['tcpdump', lab.netns('portainer'), []],
    ['tcpdump, no kernel events', lab.netns('portainer'), ['--no-kernel']],
    ['cap', lab.netns('portainer'), ['--engine', 'cap']],
    ['rules in four namespaces', ruled.netns('box'), []],
    ['the same, not traced', ruled.netns('box'), ['--no-rule-trace']],
  ] as const) {
    const figures: [number, number, number][] = [];
    for (let run = 0; run < runs; run += 1) figures.push(await traceOnce(netns, folder, options));
    row(
      `run (${name}): to the start of the command`,
      figures.map(([start]) => start),
    );
    row(
      `run (${name}): command's end to the report`,
      figures.map(([, report]) => report),
    );
    row(
      `run (${name}): command's end to nettrace's end`,
      figures.map(([, , left]) => left),
    );
  }
  const { node, prediction } = await predictOften(folder);
  row("Node's own start", node);
  row('path --snapshot, a host of 50 containers', prediction);
} finally {
  await lab.close();
  await ruled.close();
  rmSync(folder, { recursive: true });
}

const fixture = readFileSync('fixtures/loopback-only-listener.pcapng');
const reading: number[] = [];
for (let run = 0; run < runs; run += 1) {
  const from = performance.now();
  const reader = new CaseReader();
  reader.push(fixture);
  const evidence = reader.end();
  if (evidence !== null) diagnose(evidence);
  reading.push(performance.now() - from);
}
row('read and diagnose the shipped case', reading);

await benchLargeCapture();
