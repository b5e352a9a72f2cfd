/** What happens around nettrace while it watches: links go down, and nettrace itself is killed. */
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { endProcesses, identify, isAlive, type ProcessIdentity, waitUntil } from './process.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

const url = 'https://10.88.0.1:19001/ping';
const limitMs = 15_000;

function startNettrace(lab: Lab, options: readonly string[], script: string) {
  const args = ['run', '--netns', lab.netns('portainer'), '--json', ...options, '--', 'sh', '-c', script];
  return execa('bin/nettrace', args, { reject: false, stdin: 'pipe' });
}

/** Waits until the traced command has said this. */
async function hears(running: ReturnType<typeof startNettrace>, words: string): Promise<void> {
  let said = '';
  running.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  if (!(await waitUntil(() => said.includes(words), limitMs))) throw new Error(`"${words}" was not said, but: ${said}`);
}

describeLab('a link that goes down and comes back', () => {
  test.each(['tcpdump', 'cap'])('is reported, and capture goes on (%s)', async (engine) => {
    await using lab = await buildLab(containerOnBridge({ services: { web: httpsServer('0.0.0.0:19001') } }));
    // The bridge needs a while after the link is back: the second request is tried until it succeeds.
    const ask = `curl -sk -m 2 ${url} >&2`;
    const script = `${ask}; echo asked >&2; read -r go; n=0; until ${ask} || [ $n -ge 20 ]; do n=$((n+1)); sleep 0.2; done; read -r go; ${ask}`;
    const running = startNettrace(lab, ['--engine', engine], script);
    await hears(running, 'asked');
    const beforeMs = Date.now();
    await lab.linkDown('host', 'veth0');
    // The kernel tells of a lost carrier at most once a second (net/core/link_watch.c): a shorter one it may not tell.
    await delay(1300);
    await lab.linkUp('host', 'veth0');
    const afterMs = Date.now();
    running.stdin.write('go\n');
    await hears(running, 'pong');
    // An engine that had to be started again has begun by then; what it sees is asserted below.
    await delay(500);
    running.stdin.write('go\n');
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode, stderr).toBe(0);
    const diagnosis: Diagnosis = JSON.parse(stdout);
    for (const [host, device] of [
      ['host', 'veth0'],
      ['portainer', 'eth0'],
    ] as const) {
      const outage = diagnosis.evidence.linkOutages.find(
        (one) => one.netns === lab.netns(host) && one.device === device,
      );
      expect(Number(outage?.from) * 1000).toBeGreaterThanOrEqual(beforeMs - 1);
      expect(Number(outage?.to) * 1000).toBeLessThanOrEqual(afterMs + 50);
      expect(Number(outage?.from)).toBeLessThan(Number(outage?.to));
    }
    const oks = diagnosis.connections.filter(({ outcome }) => outcome === 'ok');
    expect(oks.length).toBeGreaterThanOrEqual(3);
    const bridge = oks.at(-1)?.hops.find(({ stage }) => stage === 'bridge');
    expect(bridge?.evidence.map(({ kind }) => kind)).toContain('frame');
  });
});

/** Every process below one, itself left out. */
function descendants(root: number): ProcessIdentity[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const below = (pid: number): number[] => [...parents].filter(([, parent]) => parent === pid).map(([child]) => child);
  const all: number[] = [];
  for (let level = below(root); level.length > 0; level = level.flatMap(below)) all.push(...level);
  return all.flatMap((pid) => identify(pid) ?? []);
}

/** What nettrace could leave outside of processes: mounts, files in /run and /tmp, tracefs instances. */
async function traces(pid: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tracefs-'));
  await execa('mount', ['-t', 'tracefs', 'tracefs', folder]);
  const instances = readdirSync(join(folder, 'instances'));
  await execa('umount', [folder]);
  rmdirSync(folder);
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const own = (name: string) => name.includes(`nettrace-${pid}`);
  return [...mounts, ...instances, ...readdirSync('/run'), ...readdirSync('/tmp')].filter(own);
}

describeLab('nettrace that is killed', () => {
  test.each([
    ['tcpdump', 'SIGKILL'],
    ['cap', 'SIGKILL'],
    ['tcpdump', 'SIGTERM'],
  ] as const)('leaves nothing but the command (%s, %s)', async (engine, signal) => {
    await using lab = await buildLab(containerOnBridge({ services: { web: httpsServer('0.0.0.0:19001') } }));
    const running = startNettrace(lab, ['--engine', engine], 'trap "" TERM; echo running >&2; exec sleep 30');
    await hears(running, 'running');
    const pid = running.pid ?? 0;
    // The shell has said that it runs; then it becomes the sleep.
    const isCommand = ({ pid: child }: ProcessIdentity) =>
      readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith('sleep');
    await waitUntil(() => descendants(pid).some(isCommand), 3000);
    const children = descendants(pid);
    const commandPid = children.find(isCommand);
    if (commandPid === undefined) throw new Error('the command does not run');
    const others = children.filter(({ pid: child }) => child !== commandPid.pid);
    // Engines, link monitors and the guard; the instances and, where tracefs was not mounted, its mount.
    expect(others.length).toBeGreaterThanOrEqual(4);
    expect(await traces(pid)).not.toEqual([]);
    process.kill(pid, signal);
    if (signal === 'SIGTERM') await endProcesses([commandPid]);
    await waitUntil(() => !others.some(isAlive), 3000);
    expect(others.filter(isAlive)).toEqual([]);
    await waitUntil(async () => (await traces(pid)).length === 0, 3000);
    expect(await traces(pid)).toEqual([]);
    expect(isAlive(commandPid)).toBe(signal === 'SIGKILL');
    await endProcesses([commandPid]);
  });
});
