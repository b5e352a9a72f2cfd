import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decide, describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { directoryOf, namespaceOf } from './names.ts';
import { endProcesses, identify, isAlive, type ProcessIdentity, waitUntil } from './process.ts';
import { removeLeftovers } from './record.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

const PING = ['curl', '-sk', '--max-time', '5'];

describe('where labs run', () => {
  test.each([
    { missing: null, setting: undefined, decision: { run: true } },
    { missing: null, setting: 'required', decision: { run: true } },
    {
      missing: 'labs need root',
      setting: undefined,
      decision: { run: false, failing: false, reason: 'labs need root' },
    },
    {
      missing: 'labs need root',
      setting: 'required',
      decision: { run: false, failing: true, reason: 'labs need root' },
    },
  ])('missing: $missing, NETTRACE_LABS=$setting', ({ missing, setting, decision }) => {
    expect(decide(missing, setting)).toEqual(decision);
  });
});

describeLab('a container on a bridge', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await buildLab(
      containerOnBridge({
        services: { everywhere: httpsServer('0.0.0.0:19000'), loopback: httpsServer('127.0.0.1:19001') },
        iptables: '*filter\n-A INPUT -p tcp --dport 19002 -j REJECT --reject-with tcp-reset\nCOMMIT\n',
        nft: 'add table inet lab',
        sysctls: { 'net.ipv4.ip_forward': '1' },
      }),
    );
  });
  afterAll(() => lab?.close());

  test('is reached by ping in both directions', async () => {
    expect(await lab.run('portainer', ['ping', '-c1', '-W2', '10.88.0.1'])).toMatchObject({ exitCode: 0 });
    expect(await lab.run('host', ['ping', '-c1', '-W2', '10.88.0.10'])).toMatchObject({ exitCode: 0 });
  });

  test('is served by a listener on every address', async () => {
    const result = await lab.run('portainer', [...PING, 'https://10.88.0.1:19000/ping']);
    expect(result).toMatchObject({ exitCode: 0, stdout: 'pong\n' });
  });

  test('is refused by a port that the host serves on 127.0.0.1 alone', async () => {
    expect(await lab.run('host', [...PING, 'https://127.0.0.1:19001/ping'])).toMatchObject({ stdout: 'pong\n' });
    expect(await lab.run('portainer', [...PING, 'https://10.88.0.1:19001/ping'])).toMatchObject({ exitCode: 7 });
  });

  test('has the declared rules and settings, and the root namespace has not', async () => {
    expect((await lab.run('host', ['iptables-save'])).stdout).toContain('--reject-with tcp-reset');
    expect((await lab.run('host', ['nft', 'list', 'tables'])).stdout).toContain('table inet lab\n');
    expect((await lab.run('host', ['sysctl', '-n', 'net.ipv4.ip_forward'])).stdout).toBe('1\n');
    expect((await execa('nft', ['list', 'tables'])).stdout).not.toContain('inet lab');
  });

  test('loses the carrier while the link is down, and has it back after', async () => {
    const carrier = async () => (await lab.run('portainer', ['ip', '-br', 'link', 'show', 'eth0'])).stdout;
    await lab.linkDown('host', 'veth0');
    expect(await waitUntil(async () => (await carrier()).includes('NO-CARRIER'), 15_000)).toBe(true);
    await lab.linkUp('host', 'veth0');
    expect(await waitUntil(async () => (await carrier()).includes('LOWER_UP'), 15_000)).toBe(true);
  });

  test('takes another service in place of one that was stopped', async () => {
    const old = lab.service('host', 'loopback');
    await old.stop();
    expect(identify(old.pid)).toBeUndefined();
    await lab.start('host', 'loopback', httpsServer('10.88.0.1:19001'));
    expect(await lab.run('portainer', [...PING, 'https://10.88.0.1:19001/ping'])).toMatchObject({ stdout: 'pong\n' });
  });

  test('says what a service printed that cannot start', async () => {
    await expect(lab.start('host', 'again', httpsServer('0.0.0.0:19000'))).rejects.toThrow('address already in use');
  });

  test('ends a program that overruns its time', async () => {
    await expect(lab.run('host', ['sleep', '600'], { timeoutMs: 50 })).rejects.toThrow('timed out');
  });
});

describeLab('taking down', () => {
  test('leaves no process, namespace or file, also not of a program that outlived its parent', async () => {
    const lab = await buildLab(containerOnBridge({ services: { https: httpsServer('127.0.0.1:19001') } }));
    const { stdout } = await lab.run('host', ['sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo $!']);
    const processes = [identify(Number(stdout)), identify(lab.service('host', 'https').pid)];
    expect(processes).not.toContain(undefined);
    await lab.close();
    expect(processes.filter((process) => process && isAlive(process))).toEqual([]);
    expect(existsSync(directoryOf(lab.name))).toBe(false);
    expect(namespacesOf(lab.name)).toEqual([]);
    await lab.close();
  });

  test('happens when a part cannot be built', async () => {
    const spec = containerOnBridge({ nft: 'no ruleset' });
    await expect(buildLab(spec)).rejects.toThrow('nft -f - on host of\nno ruleset failed');
    expect(namespacesOf(`${process.pid}-`)).toEqual([]);
  });

  test('happens by the guard when the process is killed', async () => {
    const program = `
      import { buildLab } from './lab.ts';
      import { httpsServer } from './services.ts';
      import { containerOnBridge } from './topologies.ts';
      const lab = await buildLab(containerOnBridge({ services: { https: httpsServer('127.0.0.1:19001') } }));
      console.log(lab.name);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const name = await new Promise<string>((resolve, reject) => {
      owner.stdout.once('data', (data) => resolve(`${data}`.trim()));
      owner.once('exit', () => reject(new Error('it ended before its lab stood')));
    });
    expect(namespacesOf(name)).toHaveLength(2);
    owner.kill('SIGKILL');
    expect(await waitUntil(() => namespacesOf(name).length === 0 && !existsSync(directoryOf(name)), 10_000)).toBe(true);
  });

  test('removes what a dead owner left, and no process that has its pid by chance', async () => {
    const left = await sleeper();
    const stranger = await sleeper();
    const lab = await deadLabName();
    await execa('ip', ['netns', 'add', namespaceOf(lab, 'host')]);
    mkdirSync(directoryOf(lab));
    const record = {
      owner: { pid: Number.parseInt(lab, 10), startTime: '1' },
      hosts: ['host', 'never-made'],
      processes: [left, { ...stranger, startTime: '1' }],
    };
    writeFileSync(`${directoryOf(lab)}/record.json`, JSON.stringify(record));
    await removeLeftovers();
    expect({ left: isAlive(left), stranger: isAlive(stranger) }).toEqual({ left: false, stranger: true });
    expect(namespacesOf(lab)).toEqual([]);
    expect(existsSync(directoryOf(lab))).toBe(false);
    await endProcesses([stranger]);
  });

  test('leaves the labs of living owners alone', async () => {
    await using lab = await buildLab(containerOnBridge());
    await removeLeftovers();
    expect(namespacesOf(lab.name)).toHaveLength(2);
  });
});

function namespacesOf(lab: string): string[] {
  return readdirSync('/run/netns').filter((name) => name.startsWith(namespaceOf(lab, '').slice(0, -1)));
}

async function sleeper(): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  const identity = identify(child.pid ?? 0);
  if (!identity) throw new Error('sleep did not start');
  return identity;
}

/** The name of a lab whose owner has ended. */
async function deadLabName(): Promise<string> {
  const child = execa('true');
  const { pid } = child;
  await child;
  return `${pid}-1`;
}
