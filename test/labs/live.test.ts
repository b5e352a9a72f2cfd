/** The live terminal UI beside somebody else's commands, in a real pty. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { openTerminal, type Terminal } from '../e2e/terminal.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { captured } from './packet-sockets.ts';
import { waitUntil } from './process.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-live-'));
afterAll(() => rmSync(directory, { recursive: true }));

let terminal: Terminal | null = null;
afterEach(() => terminal?.close());

/** The UI, when it captures at the container's end. */
async function watch(lab: Lab, ...parameters: readonly string[]): Promise<Terminal> {
  const opened = openTerminal(['bin/nettrace', 'live', '--netns', lab.netns('portainer'), ...parameters], 120, 35);
  terminal = opened;
  opened.press('3');
  await opened.until(`* ${lab.netns('portainer')}:eth0`);
  expect(await waitUntil(() => captures(lab), 15_000)).toBe(true);
  opened.press('1');
  return opened;
}

/** The engines are chosen before they capture: a packet socket each (packet(7)). */
async function captures(lab: Lab): Promise<boolean> {
  const sockets = await Promise.all(['portainer', 'host'].map((host) => lab.run(host, ['cat', '/proc/net/packet'])));
  return sockets.every(({ stdout }) => captured(stdout).length > 0);
}

function refusedCurl(lab: Lab): Promise<unknown> {
  return lab.run('portainer', ['curl', '-sk', '-m', '5', 'https://10.88.0.1:19001/ping']);
}

/** How many capture engines there are in the container's namespace. */
function enginesAt(lab: Lab): number {
  const inode = statSync(`/run/netns/${lab.netns('portainer')}`).ino;
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && statSync(`/proc/${pid}/ns/net`).ino === inode;
    } catch {
      return false;
    }
  }).length;
}

const leftover = (pid: number) => () =>
  existsSync(`/run/nettrace-${pid}`) || readFileSync('/proc/mounts', 'utf8').includes(`/run/nettrace-${pid} `);

const tunnel = { services: { web: httpsServer('127.0.0.1:19001') } };

describeLab('live', () => {
  test('explains a refused connection while it is looked at, and leaves nothing behind', async () => {
    await using lab = await buildLab(containerOnBridge(tunnel));
    const file = join(directory, 'live.pcapng');
    const live = await watch(lab, '--save', file);
    await refusedCurl(lab);
    const screen = await live.until(/REFUSED ! at hop \d/);
    expect(screen).toContain('is bound to');
    live.press('q');
    expect(await live.ended).toMatchObject({ exitCode: 0 });
    expect([live.isAlternate(), live.isCursorShown()]).toEqual([false, true]);
    expect(live.screen()).toContain('frames are in');
    expect(await waitUntil(() => !leftover(live.pid)(), 15_000)).toBe(true);
    const { stdout } = await execa('bin/nettrace', ['replay', '--json', file]);
    const diagnosis: Diagnosis = JSON.parse(stdout);
    expect(diagnosis.connections[0]).toMatchObject({
      outcome: 'refused',
      cause: 'listener-on-other-address',
      certainty: 'proven',
    });
  });

  test('that cannot begin leaves no file', async () => {
    const file = join(directory, 'never.pcapng');
    const live = openTerminal(['bin/nettrace', 'live', '-i', 'nosuch', '--save', file], 120, 35);
    terminal = live;
    expect(await live.ended).toMatchObject({ exitCode: 1 });
    expect(live.screen()).toContain('there is no device nosuch');
    expect(existsSync(file)).toBe(false);
  });

  test('names a connection that nobody answers, and takes it back when somebody does', async () => {
    await using lab = await buildLab(
      containerOnBridge({ nft: 'table inet f { chain i { type filter hook input priority 0; tcp dport 81 drop; }; }' }),
    );
    const live = await watch(lab);
    const curl = lab.run('portainer', ['curl', '-s', '-m', '20', 'http://10.88.0.1:81/']);
    await live.until(/TIMEOUT [!~?] tcp/);
    await lab.must('host', ['nft', 'flush', 'ruleset']);
    await curl;
    // Now the host answers the next attempt: nothing listens there.
    await live.until(/REFUSED [!~?] tcp/);
    live.press('q');
    await live.ended;
  });

  test('tells what was seen before NAT and after as one connection', async () => {
    const published =
      'table ip nat { chain d { type nat hook prerouting priority -100; tcp dport 8080 dnat to 10.88.0.10:80; }; ' +
      'chain s { type nat hook postrouting priority 100; ip daddr 10.88.0.10 masquerade; }; }';
    await using lab = await buildLab(containerOnBridge({ nft: published, sysctls: { 'net.ipv4.ip_forward': '1' } }));
    await lab.must('host', ['bridge', 'link', 'set', 'dev', 'veth0', 'hairpin', 'on']);
    const live = await watch(lab);
    await lab.run('portainer', ['curl', '-s', '-m', '5', 'http://10.88.0.1:8080/']);
    const screen = await live.until(/REFUSED ! tcp/);
    expect(screen).toContain('1 connection, 1 failed');
    expect(screen).toMatch(/10\.88\.0\.10:\d+ > .*10\.88\.0\.1:8080/);
    live.press('2');
    expect(await live.until(/Frames of tcp/)).toMatch(/SYN 10\.88\.0\.1:\d+ > 10\.88\.0\.10:80/);
    live.press('q');
    await live.ended;
  });

  test('captures at a container that comes, and lets go of one that goes', async () => {
    await using lab = await buildLab(containerOnBridge(tunnel));
    // So high that the interfaces of other labs, which may run beside this one, have room too.
    terminal = openTerminal(['bin/nettrace', 'live', '--netns', lab.netns('host')], 120, 250);
    terminal.press('3');
    const inNew = `${lab.netns('portainer')}x`;
    await terminal.until(`* ${lab.netns('host')}:podman0`);
    try {
      await execa('ip', ['netns', 'add', inNew]);
      await lab.must('host', ['ip', 'link', 'add', 'new0', 'type', 'veth', 'peer', 'name', 'eth0']);
      await lab.must('host', ['ip', 'link', 'set', 'new0', 'master', 'podman0', 'up']);
      await terminal.until(`* ${lab.netns('host')}:new0`);
      await terminal.until(`${inNew}:lo`);
    } finally {
      await execa('ip', ['netns', 'del', inNew]);
    }
    await terminal.until((screen) => !screen.includes(`${inNew}:lo`));
    await lab.must('host', ['ip', 'link', 'del', 'new0']);
    await terminal.until(`${lab.netns('host')}:new0 is gone.`);
    terminal.press('q');
    expect(await terminal.ended).toMatchObject({ exitCode: 0 });
  });

  test('that is killed leaves no process and no trace instance', async () => {
    await using lab = await buildLab(containerOnBridge());
    const live = await watch(lab);
    expect(enginesAt(lab)).toBeGreaterThan(0);
    live.close();
    await live.ended;
    expect(await waitUntil(() => !leftover(live.pid)() && enginesAt(lab) === 0, 10_000)).toBe(true);
  });
});
