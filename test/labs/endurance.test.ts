/** What happens around nettrace while it watches: links go down, outputs break, and nettrace itself is ended. */

import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { CaseReader } from '../../src/capfile/case-file.ts';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { captured } from './packet-sockets.ts';
import { commandLineOf, descendants, endProcesses, isAlive, type ProcessIdentity, waitUntil } from './process.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

const url = 'https://10.88.0.1:19001/ping';
const limitMs = 15_000;

function start(file: string, args: readonly string[]) {
  return execa(file, args, { reject: false, stdin: 'pipe' });
}

function startNettrace(lab: Lab, options: readonly string[], script: string) {
  const args = ['run', '--netns', lab.netns('portainer'), '--json', ...options, '--', 'sh', '-c', script];
  return start('bin/nettrace', args);
}

/** Waits until the traced command has said this. */
async function hears(running: ReturnType<typeof start>, words: string): Promise<void> {
  let said = '';
  running.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  if (!(await waitUntil(() => said.includes(words), limitMs))) throw new Error(`"${words}" was not said, but: ${said}`);
}

/** Waits until a socket takes the packets of a device. */
async function isCaptured(lab: Lab, host: string, device: string): Promise<void> {
  const link = await lab.run(host, ['ip', '-j', 'link', 'show', device]);
  const [{ ifindex }] = JSON.parse(link.stdout);
  const takes = async (): Promise<boolean> => {
    const { stdout } = await lab.run(host, ['cat', '/proc/net/packet']);
    return captured(stdout).includes(ifindex);
  };
  expect(await waitUntil(takes, limitMs)).toBe(true);
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
    running.stdin.write('go\n');
    await hears(running, 'pong');
    const afterMs = Date.now();
    // An engine may have had to be started again.
    await isCaptured(lab, 'host', 'veth0');
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
      expect(Number(outage?.to) * 1000).toBeLessThanOrEqual(afterMs);
      expect(Number(outage?.from)).toBeLessThan(Number(outage?.to));
    }
    const oks = diagnosis.connections.filter(({ outcome }) => outcome === 'ok');
    expect(oks.length).toBeGreaterThanOrEqual(3);
    const bridge = oks.at(-1)?.hops.find(({ stage }) => stage === 'bridge');
    expect(bridge?.evidence.map(({ kind }) => kind)).toContain('frame');
  });
});

describeLab('a link that is down at the start', () => {
  test.each(['tcpdump', 'cap'])('is said to be, and is captured on when it comes up (%s)', async (engine) => {
    await using lab = await buildLab(containerOnBridge({ services: { web: httpsServer('0.0.0.0:19001') } }));
    await lab.linkDown('host', 'veth0');
    const script = `echo running >&2; read -r go; n=0; until curl -sk -m 2 ${url} >&2 || [ $n -ge 20 ]; do n=$((n+1)); sleep 0.2; done; read -r go; curl -sk -m 2 ${url} >&2`;
    const folder = mkdtempSync(join(tmpdir(), 'nettrace-down-'));
    const saved = join(folder, 'down.pcapng');
    const running = startNettrace(lab, ['--engine', engine, '--save', saved], script);
    await hears(running, 'running');
    await lab.linkUp('host', 'veth0');
    running.stdin.write('go\n');
    await hears(running, 'pong');
    await isCaptured(lab, 'host', 'veth0');
    running.stdin.write('go\n');
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode, stderr).toBe(0);
    const { evidence }: Diagnosis = JSON.parse(stdout);
    const [said = ''] = evidence.missing.filter((sentence) => sentence.includes('at the start'));
    expect(said).toContain(`${lab.netns('host')}:veth0`);
    expect(said).toMatch(/ (?:was|were) down at the start: nothing could be captured there before /);
    expect(evidence.missing.join('\n')).not.toContain('started again');
    const reader = new CaseReader();
    reader.push(readFileSync(saved));
    const { frames = [], interfaces = [] } = reader.end() ?? {};
    expect(frames.map(({ interfaceIndex }) => interfaces[interfaceIndex]?.device)).toContain('veth0');
    rmSync(folder, { recursive: true });
  });
});

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

/** Waits until none of these runs and nothing is left of the nettrace of this pid, and says what is there yet. */
async function leftOf(pid: number, processes: readonly ProcessIdentity[]): Promise<unknown[]> {
  await waitUntil(async () => !processes.some(isAlive) && (await traces(pid)).length === 0, limitMs);
  return [...processes.filter(isAlive), ...(await traces(pid))];
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
    const isCommand = (child: ProcessIdentity) => commandLineOf(child).startsWith('sleep');
    await waitUntil(() => descendants(pid).some(isCommand), limitMs);
    const children = descendants(pid);
    const commandPid = children.find(isCommand);
    if (commandPid === undefined) throw new Error('the command does not run');
    const others = children.filter(({ pid: child }) => child !== commandPid.pid);
    // Engines, link monitors and the guard; the instances and, where tracefs was not mounted, its mount.
    expect(others.length).toBeGreaterThanOrEqual(4);
    expect(await traces(pid)).not.toEqual([]);
    process.kill(pid, signal);
    if (signal === 'SIGTERM') await endProcesses([commandPid]);
    expect(await leftOf(pid, others)).toEqual([]);
    expect(isAlive(commandPid)).toBe(signal === 'SIGKILL');
    await endProcesses([commandPid]);
  });
});

/** nettrace on the host, which needs no lab; its own standard input is no terminal. */
function startOnHost(script: string) {
  return start('bin/nettrace', ['run', '--', 'sh', '-c', script]);
}

describeLab('signals to nettrace', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const)('%s before the command is let go: it never starts, and nothing is left', async (signal, status) => {
    const running = startOnHost('echo started');
    const pid = running.pid ?? 0;
    const gate = () => descendants(pid).find((child) => commandLineOf(child).includes('read -r go <&3'));
    expect(await waitUntil(() => gate() !== undefined, limitMs)).toBe(true);
    const children = descendants(pid);
    process.kill(pid, signal);
    expect(await running).toMatchObject({ exitCode: status, stdout: '' });
    expect(await leftOf(pid, children)).toEqual([]);
  });

  test('two Ctrl-C in quick succession leave nothing but the command', async () => {
    const running = startOnHost('trap "echo heard >&2" INT; sleep 30 & echo running >&2; wait; wait');
    await hears(running, 'running');
    const pid = running.pid ?? 0;
    const children = descendants(pid);
    process.kill(pid, 'SIGINT');
    await hears(running, 'heard');
    // The command goes on and keeps the outputs open: nettrace's own end is to be seen.
    const exit = once(running.nodeChildProcess, 'exit');
    process.kill(pid, 'SIGINT');
    expect((await exit)[0]).toBe(130);
    const isCommand = (child: ProcessIdentity) => /echo heard|^sleep/.test(commandLineOf(child));
    const command = children.filter(isCommand);
    expect(command).toHaveLength(2);
    const others = children.filter((child) => !command.includes(child));
    expect(await leftOf(pid, others)).toEqual([]);
    expect(command.filter(isAlive)).toEqual(command);
    await endProcesses(command);
  });

  test('under nohup SIGHUP is ignored, by the command too', async () => {
    const script = 'echo running >&2; read -r go; kill -HUP $$; echo survived >&2';
    const running = start('nohup', ['bin/nettrace', 'run', '--', 'sh', '-c', script]);
    await hears(running, 'running');
    process.kill(running.pid ?? 0, 'SIGHUP');
    running.stdin.write('go\n');
    const { exitCode, stderr } = await running;
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('survived');
  });
});

describeLab('a start that fails', () => {
  test.each([
    ['is absent', null, 'ENOENT'],
    ['may not be run', 0o644, 'EACCES'],
  ])('nsenter %s: status 125, one line, and nothing is left', async (_name, mode, code) => {
    await using lab = await buildLab(containerOnBridge());
    const folder = mkdtempSync(join(tmpdir(), 'nettrace-path-'));
    for (const tool of ['sh', 'dirname', 'readlink']) symlinkSync(`/usr/bin/${tool}`, join(folder, tool));
    if (mode !== null) writeFileSync(join(folder, 'nsenter'), '', { mode });
    const args = ['run', '--netns', lab.netns('portainer'), '--', 'true'];
    const running = execa('bin/nettrace', args, { reject: false, env: { PATH: folder } });
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(125);
    expect(stderr).toMatch(new RegExp(`^nettrace: the command could not be started: spawn nsenter ${code}[^\\n]*$`));
    expect(await leftOf(running.pid ?? 0, [])).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

describeLab('the terminal UI without a terminal', () => {
  test('is the report, which says why, and leaves standard output to the command', async () => {
    await using lab = await buildLab(containerOnBridge());
    const argv = ['run', '--tui', '--netns', lab.netns('portainer'), '--', 'echo', 'its own'];
    const { stdout, stderr } = await execa('bin/nettrace', argv, { stdin: 'ignore' });
    expect(stdout).toBe('its own');
    expect(stderr).toContain('nettrace: no terminal UI (--tui): standard input is no terminal; the report follows\n');
    expect(stderr).toContain('made no connection that was seen');
  });
});

describeLab('an output that breaks', () => {
  test.each([
    ['a reader of the report that has seen enough', '2>&1 | true'],
    ['a reader of the document that has seen enough', '--json | true'],
    ['a full disk for the report', '2>/dev/full'],
    ['a full disk for the document', '--json >/dev/full'],
  ])('%s: the exit status stays the command’s', async (_name, rest) => {
    const [options = '', redirection = ''] = rest.startsWith('--json') ? ['--json', rest.slice(6)] : ['', rest];
    const line = `bin/nettrace run ${options} -- sh -c 'exit 3' ${redirection}; echo "\${PIPESTATUS[0]}" >&2`;
    const { stderr } = await execa('bash', ['-c', line], { reject: false });
    expect(stderr.split('\n').at(-1)).toBe('3');
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describeLab('what an earlier nettrace left', () => {
  test('a mount of a process that is gone goes at the next start', async () => {
    // No process has a number above PID_MAX_LIMIT.
    const folder = '/run/nettrace-4194305';
    mkdirSync(folder);
    await execa('mount', ['-t', 'tracefs', 'nettrace', folder]);
    mkdirSync(join(folder, 'instances', 'nettrace-4194305'));
    expect((await startOnHost('true')).exitCode).toBe(0);
    expect(await traces(4_194_305)).toEqual([]);
  });
});
