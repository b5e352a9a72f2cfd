/** nettrace that is killed at any moment leaves the host as it was. */
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTerminal } from '../e2e/terminal.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { waitUntil } from './process.ts';
import { killedAfter, readLeftovers } from './reaper.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

/** How often each mode is killed, and how many of them at once: a busy machine is where moments stretch. */
const kills = 30;
const together = 3;

/** What is to be the same before and after: namespaces, links, routes, rules, and who is on the lab's hosts. */
function stateOf(lab: Lab): string {
  const look = [
    ['ip', 'addr', 'show'],
    ['ip', 'route', 'show', 'table', 'all'],
    ['nft', 'list', 'ruleset'],
    ['cat', '/proc/net/ip_tables_names', '/proc/net/dev_mcast'],
  ];
  return ['host', 'portainer']
    .flatMap((host) =>
      look.map(([file = '', ...args]) => {
        const inside = ['netns', 'exec', lab.netns(host), file, ...args];
        return execaSync('ip', inside, { reject: false }).stdout;
      }),
    )
    .join('\n');
}

/** The instances of tracefs, wherever it is mounted; the mounts; nft's tables; what is in /run and /tmp. */
async function places(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tracefs-'));
  await execa('mount', ['-t', 'tracefs', 'tracefs', folder]);
  const instances = readdirSync(join(folder, 'instances'));
  await execa('umount', [folder]);
  rmdirSync(folder);
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const tables = execaSync('nft', ['list', 'tables']).stdout.split('\n');
  return [...mounts, ...tables, ...instances, ...readdirSync('/run'), ...readdirSync(tmpdir())];
}

/** Those that carry one of these process numbers in their names. */
function ownedBy(pids: readonly number[], names: readonly string[]): string[] {
  return names.filter((name) => pids.some((pid) => new RegExp(`nettrace[-_]${pid}(?!\\d)`).test(name)));
}

describeLab('nettrace that is killed at any moment', () => {
  let lab: Lab;
  let folder: string;
  beforeAll(async () => {
    // Where rules stand, the rule trace makes a table beside them.
    const nft = 'table inet guard { chain input { type filter hook input priority 0; tcp dport 19002 drop; }; }';
    lab = await buildLab(containerOnBridge({ nft, services: { web: httpsServer('0.0.0.0:19001') } }));
    folder = mkdtempSync(join(tmpdir(), 'nettrace-killed-'));
    // Addresses that are still looked for twice in the link would change by themselves.
    expect(await waitUntil(() => !stateOf(lab).includes('tentative'), 10_000)).toBe(true);
  });
  afterAll(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  /** Where it watches. */
  const place = () => ['--netns', lab.netns('portainer')];
  const commands = {
    run: () => ['run', ...place(), '--', 'sleep', '0.2'],
    'run with cap': () => ['run', '--engine', 'cap', ...place(), '--', 'sleep', '0.2'],
    record: () => ['record', ...place(), '-o', join(folder, 'case.pcapng')],
    live: () => ['live', ...place()],
  };

  async function kill(mode: keyof typeof commands, delayMs: number, report: string): Promise<void> {
    const command = killedAfter(delayMs, report, ['bin/nettrace', ...commands[mode]()]);
    if (mode === 'live') await openTerminal(command, 100, 30).ended;
    else await execa(command[0] ?? '', command.slice(1), { reject: false, stdin: 'ignore' });
  }

  test.each(['run', 'run with cap', 'record', 'live'] as const)(
    '%s leaves no process, table, trace instance, mount or file',
    async (mode) => {
      // As long as it takes to start and to end here, so that every moment of both is met, how busy the machine may be.
      const startMs = performance.now();
      await lab.nettrace(['run', '--netns', lab.netns('portainer'), '--', 'true']);
      const spanMs = Math.max(500, performance.now() - startMs);
      const before = stateOf(lab);
      const delays = Array.from({ length: kills }, () => Math.round(Math.random() * spanMs));
      const leftovers = [];
      for (let first = 0; first < kills; first += together) {
        const batch = delays.slice(first, first + together);
        const reports = batch.map((_delay, index) => join(folder, `report-${first + index}.json`));
        await Promise.all(batch.map((delayMs, index) => kill(mode, delayMs, reports[index] ?? '')));
        leftovers.push(...reports.map(readLeftovers));
      }
      const left = leftovers.map((one, index) => ({ killedAfterMs: delays[index], left: one.left }));
      expect(left.filter((one) => one.left.length > 0)).toEqual([]);
      const pids = leftovers.map(({ pid }) => pid);
      expect(new Set(pids).size).toBe(kills);
      expect(ownedBy(pids, await places())).toEqual([]);
      // What it calls namespaces for itself.
      const numbers = ['/', '/run/netns', process.cwd()]
        .flatMap((path) => readdirSync(path))
        .filter((name) => /^\d+$/.test(name));
      expect(numbers).toEqual([]);
      expect(stateOf(lab)).toBe(before);
    },
    180_000,
  );
});
