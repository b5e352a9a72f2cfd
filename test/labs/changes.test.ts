/** What changes under nettrace while it watches: links that flap, engines that are killed, containers that start again. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { openTerminal, type Terminal } from '../e2e/terminal.ts';
import { describeLab } from './available.ts';
import { containerHost, webServer } from './causes/topology.ts';
import { buildLab, type Lab } from './lab.ts';
import { captured } from './packet-sockets.ts';
import { commandLineOf, descendants, type ProcessIdentity, stateOf, waitUntil } from './process.ts';

const limitMs = 15_000;
const directory = mkdtempSync(join(tmpdir(), 'nettrace-changes-'));
afterAll(() => rmSync(directory, { recursive: true }));

let terminal: Terminal | null = null;
afterEach(() => terminal?.close());

/** The UI at the end of one of the lab's containers, when it captures there. */
async function watch(lab: Lab, host: string, ...parameters: readonly string[]): Promise<Terminal> {
  // So high that what is told of other labs, which may run beside this one, has room too.
  const opened = openTerminal(['bin/nettrace', 'live', '--netns', lab.netns(host), ...parameters], 120, 250);
  terminal = opened;
  opened.press('3');
  await opened.until(`* ${lab.netns(host)}:eth0`);
  return opened;
}

/** nettrace beside a script in `box` that waits for a line where it reads one. */
function startRun(lab: Lab, script: string, ...options: readonly string[]) {
  const args = ['run', '--netns', lab.netns('box'), '--json', ...options, '--', 'sh', '-c', script];
  const running = execa('bin/nettrace', args, { reject: false, stdin: 'pipe' });
  let said = '';
  running.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return {
    pid: running.pid ?? 0,
    /** Resolves when the script has said this. */
    async hears(words: string): Promise<void> {
      if (!(await waitUntil(() => said.includes(words), limitMs)))
        throw new Error(`"${words}" was not said, but: ${said}`);
    },
    goOn: () => running.stdin.write('go\n'),
    async diagnosis(): Promise<Diagnosis> {
      const { stdout, stderr } = await running;
      if (stdout === '') throw new Error(stderr);
      const diagnosis: Diagnosis = JSON.parse(stdout);
      return diagnosis;
    },
  };
}

const ask = (address: string, seconds = 2) => `curl -sS -o /dev/null -m ${seconds} http://${address}/ >&2`;

/** The capture engines of a nettrace. */
function engines(pid: number, engine: string): ProcessIdentity[] {
  const program = engine === 'cap' ? /^\S*node\0\S*cap-worker/ : /^tcpdump\0/;
  return descendants(pid).filter((child) => program.test(commandLineOf(child)));
}

/** Sockets that take packets where an engine is, all of its namespace. */
function takers({ pid }: ProcessIdentity): number {
  try {
    return captured(readFileSync(`/proc/${pid}/net/packet`, 'utf8')).length;
  } catch {
    return 0;
  }
}

/** It waits for packets: it has read those that came before, and is past its beginning. */
const waits = ({ pid }: ProcessIdentity): boolean => stateOf(pid) === 'S';

/** Kills a nettrace's engines, and waits until others capture in their place; gives how many there were. */
async function killEngines(pid: number, engine: string): Promise<number> {
  const taking = (): number => engines(pid, engine).reduce((sum, one) => sum + takers(one), 0);
  const areReady = (): boolean => engines(pid, engine).length > 1 && taking() > 0 && engines(pid, engine).every(waits);
  expect(await waitUntil(areReady, limitMs)).toBe(true);
  const killed = engines(pid, engine);
  const before = taking();
  for (const one of killed) process.kill(one.pid, 'SIGKILL');
  const areBack = (): boolean => {
    const others = engines(pid, engine);
    const isNew = others.every((one) => !killed.some((old) => old.pid === one.pid));
    return others.length >= killed.length && isNew && taking() >= before && others.every(waits);
  };
  expect(await waitUntil(areBack, limitMs)).toBe(true);
  return killed.length;
}

/** Nothing passes by itself: no address that is looked for, no router that is asked for. */
async function silence(lab: Lab): Promise<void> {
  for (const host of ['box', 'web', 'host']) {
    await lab.must(host, ['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1']);
  }
}

/**
 * Ends the container `web` and starts it again as an engine does: another namespace and another veth, the same addresses,
 * so that nobody's neighbour table is wrong.
 */
async function restartWeb(lab: Lab, serves: boolean): Promise<void> {
  const netns = lab.netns('web');
  const [, mac = ''] = /link\/ether (\S+)/.exec((await lab.run('web', ['ip', 'link', 'show', 'eth0'])).stdout) ?? [];
  await lab.service('web', 'web').stop();
  await lab.must('host', ['ip', 'link', 'del', 'veth1']);
  await execa('ip', ['netns', 'del', netns]);
  await execa('ip', ['netns', 'add', netns]);
  const pair = `link add veth1 type veth peer name eth0 address ${mac} netns ${netns}`;
  await execa('ip', ['-n', lab.netns('host'), ...pair.split(' ')]);
  await lab.must('host', ['ip', 'link', 'set', 'veth1', 'master', 'br0', 'up']);
  for (const words of ['link set lo up', 'link set eth0 up', 'addr add 10.88.0.20/16 dev eth0']) {
    await lab.must('web', ['ip', ...words.split(' ')]);
  }
  await lab.must('web', ['ip', 'route', 'add', 'default', 'via', '10.88.0.1']);
  if (serves) await lab.start('web', 'web', webServer('0.0.0.0', 80));
}

describeLab('an engine that is killed', () => {
  test.each(['tcpdump', 'cap'])('during a run is reported, and goes on (%s)', async (engine) => {
    await using lab = await buildLab(containerHost());
    const script = `${ask('10.88.0.20')}; echo first >&2; read -r go; ${ask('10.88.0.20')}`;
    const running = startRun(lab, script, '--engine', engine);
    await running.hears('first');
    const killed = await killEngines(running.pid, engine);
    running.goOn();
    const { connections, evidence } = await running.diagnosis();
    expect(connections.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
    for (const { hops } of connections) {
      const onPort = hops.find(({ stage }) => stage === 'bridge');
      expect(onPort?.evidence.map(({ kind }) => kind)).toContain('frame');
    }
    const said = evidence.missing.filter((sentence) => sentence.includes('ended and was started again'));
    expect(said.length).toBe(killed);
    for (const sentence of said) expect(sentence).toMatch(/started again: SIGKILL ended it$/);
  });

  test('again and again is started again after pauses that grow', async () => {
    await using lab = await buildLab(containerHost());
    await silence(lab);
    const running = startRun(lab, 'echo running >&2; read -r go', '--no-kernel');
    await running.hears('running');
    const pausesMs: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await waitUntil(() => engines(running.pid, 'tcpdump').length > 0, limitMs);
      // The engine that has been ended longest is the one that comes first.
      const [victim] = engines(running.pid, 'tcpdump').filter((child) => commandLineOf(child).includes('\0veth0\0'));
      if (victim === undefined) throw new Error('no engine captures on veth0');
      process.kill(victim.pid, 'SIGKILL');
      const endMs = performance.now();
      const isBack = () =>
        engines(running.pid, 'tcpdump').some(
          (child) => child.pid !== victim.pid && commandLineOf(child).includes('\0veth0\0'),
        );
      expect(await waitUntil(isBack, limitMs)).toBe(true);
      pausesMs.push(performance.now() - endMs);
    }
    running.goOn();
    await running.diagnosis();
    for (const [index, leastMs] of [100, 200, 400, 800].entries()) {
      expect(pausesMs[index], String(pausesMs)).toBeGreaterThanOrEqual(leastMs);
    }
  });

  test('during live is told, and goes on', async () => {
    await using lab = await buildLab(containerHost());
    const live = await watch(lab, 'box');
    await killEngines(live.pid, 'tcpdump');
    await live.until(/ended and was begun again: SIGKILL\s+ended it/);
    live.press('1');
    await lab.run('box', ['curl', '-s', '-m', '5', 'http://10.88.0.20:81/']);
    await live.until(/REFUSED [!~?] tcp/);
    live.press('q');
    expect(await live.ended).toMatchObject({ exitCode: 0 });
  });
});

describeLab('a link that flaps', () => {
  test.each(['tcpdump', 'cap'])('during live is told, with its outages, and capture goes on (%s)', async (engine) => {
    await using lab = await buildLab(containerHost());
    const file = join(directory, `flap-${engine}.pcapng`);
    const live = await watch(lab, 'box', '--engine', engine, '--save', file);
    const spans: { fromMs: number; toMs: number }[] = [];
    for (let flap = 0; flap < 2; flap += 1) {
      const fromMs = Date.now();
      await lab.linkDown('host', 'veth0');
      // The kernel tells of a lost carrier at most once a second (net/core/link_watch.c).
      await delay(1300);
      await lab.linkUp('host', 'veth0');
      await delay(1300);
      spans.push({ fromMs, toMs: Date.now() });
    }
    await live.until(`${lab.netns('box')}:eth0 went down.`);
    await live.until(`${lab.netns('box')}:eth0 is up again.`);
    live.press('1');
    await lab.run('box', ['curl', '-s', '-m', '5', 'http://10.88.0.20:81/']);
    await live.until(/REFUSED [!~?] tcp/);
    live.press('q');
    expect(await live.ended).toMatchObject({ exitCode: 0 });
    const { stdout } = await execa('bin/nettrace', ['replay', '--json', file]);
    const { evidence, connections }: Diagnosis = JSON.parse(stdout);
    const outages = evidence.linkOutages.filter(({ netns, device }) => netns === lab.netns('box') && device === 'eth0');
    expect(outages).toHaveLength(2);
    for (const [index, { fromMs, toMs }] of spans.entries()) {
      const { from, to } = outages[index] ?? {};
      expect(Number(from) * 1000).toBeGreaterThanOrEqual(fromMs - 1);
      expect(Number(to)).toBeGreaterThan(Number(from));
      expect(Number(to) * 1000).toBeLessThanOrEqual(toMs);
    }
    expect(connections[0]).toMatchObject({ outcome: 'refused', cause: 'no-listener', certainty: 'proven' });
  });
});

describeLab('a container that starts again', () => {
  test.each([
    ['and serves', true, { outcome: 'ok', cause: null }, /^The packet left/],
    // By the snapshot somebody listens, and by the kernel nobody does: neither is blamed.
    ['and serves no more', false, { outcome: 'refused', errno: 'ECONNREFUSED', cause: null }, /reason NO_SOCKET/],
  ] as const)('during a run, %s', async (_name, serves, expected, said) => {
    await using lab = await buildLab(containerHost());
    const running = startRun(lab, `${ask('10.88.0.20')}; echo first >&2; read -r go; ${ask('10.88.0.20')}`);
    await running.hears('first');
    // The snapshot is as of the start: by now it is whole.
    const collects = (child: ProcessIdentity) => commandLineOf(child).includes('ip -j netns list-id');
    expect(await waitUntil(() => !descendants(running.pid).some(collects), limitMs)).toBe(true);
    await restartWeb(lab, serves);
    running.goOn();
    const { connections, evidence } = await running.diagnosis();
    const [first, second] = [...connections].sort((a, b) => (a.frames[0] ?? 0) - (b.frames[0] ?? 0));
    expect(first).toMatchObject({ outcome: 'ok' });
    expect(second).toMatchObject(expected);
    expect(second?.explanation.join('\n')).toMatch(said);
    // Another lab's namespaces may come and go as well.
    const missing = evidence.missing.join('\n');
    expect(missing).toMatch(/^The network namespaces? .* gone before the end/m);
    expect(missing).toMatch(/^The network namespaces? .* came after the start/m);
    expect(missing).not.toContain('SIGUSR1');
  });

  test('during live is captured at again, and what fails there is told', async () => {
    await using lab = await buildLab(containerHost());
    const live = await watch(lab, 'web');
    await restartWeb(lab, false);
    await live.until(`${lab.netns('web')}:eth0 is gone.`);
    await live.until(`* ${lab.netns('web')}:eth0`);
    live.press('1');
    await lab.run('box', ['curl', '-s', '-m', '5', 'http://10.88.0.20/']);
    await live.until(/REFUSED ! tcp/);
    // The latest one, of the kernel's own word, is of the new namespace.
    await live.until(new RegExp(`${lab.netns('web')}[^]*(?:nobody|nothing) listens`, 'i'));
    live.press('q');
    expect(await live.ended).toMatchObject({ exitCode: 0 });
  });
});
