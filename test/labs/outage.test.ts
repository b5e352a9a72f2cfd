/** The first outage on the real kernel: a container is refused by a port that its host serves on loopback alone. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionDiagnosis, Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { asNobody, ownNode } from '../as-nobody.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

const url = 'https://10.88.0.1:19001/ping';
const curl = ['curl', '-sk', '-m', '10', url];

function only(json: Diagnosis | undefined): ConnectionDiagnosis {
  expect(json?.connections, JSON.stringify(json?.evidence)).toHaveLength(1);
  const [connection] = json?.connections ?? [];
  if (connection === undefined) throw new Error('no connection');
  return connection;
}

/** Hops as a person names them, the lab's prefix left out. */
function hopsOf(lab: Lab, connection: ConnectionDiagnosis): string[] {
  const host = (netns: string | null) => ['portainer', 'host'].find((name) => lab.netns(name) === netns) ?? netns;
  return connection.hops.map(({ netns, device, stage, verdict }) => `${host(netns)}:${device} ${stage} ${verdict}`);
}

const outageHops = [
  'portainer:eth0 route passed',
  'portainer:eth0 egress passed',
  'host:veth0 bridge passed',
  'host:podman0 ingress passed',
  'host:podman0 route delivered',
  'host:podman0 input passed',
  'host:podman0 socket refused',
];

describeLab('a listener on loopback alone', () => {
  let lab: Lab;
  let folder: string;
  beforeAll(async () => {
    lab = await buildLab(containerOnBridge({ services: { tunnel: httpsServer('127.0.0.1:19001') } }));
    folder = mkdtempSync(join(tmpdir(), 'nettrace-outage-'));
  });
  afterAll(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  const nettrace = (...options: string[]) =>
    lab.nettrace(['run', '--netns', lab.netns('portainer'), '--json', ...options, '--', ...curl]);

  test('works from the host itself, and not from the container', async () => {
    const inside = await lab.run('host', ['curl', '-sk', 'https://127.0.0.1:19001/ping']);
    expect(inside).toMatchObject({ exitCode: 0, stdout: 'pong\n' });
    expect(await lab.run('portainer', curl)).toMatchObject({ exitCode: 7 });
  });

  test('is proven with kernel events, with evidence of each kind and a fix that the model has checked', async () => {
    const result = await nettrace();
    expect(result.exitCode).toBe(7);
    const connection = only(result.json);
    expect(connection).toMatchObject({
      protocol: 'tcp',
      source: { address: '10.88.0.10', netns: lab.netns('portainer') },
      destination: { address: '10.88.0.1', port: 19001, netns: lab.netns('host') },
      outcome: 'refused',
      errno: 'ECONNREFUSED',
      cause: 'listener-on-other-address',
      certainty: 'proven',
      where: { netns: lab.netns('host'), device: 'podman0', stage: 'socket', hop: 7 },
    });
    expect(hopsOf(lab, connection)).toEqual(outageHops);
    const end = connection.hops.at(-1);
    expect(new Set(end?.evidence.map(({ kind }) => kind))).toEqual(new Set(['frame', 'snapshot', 'kernel', 'model']));
    const texts = end?.evidence.map(({ text }) => text).join('\n');
    expect(texts).toContain('reason=NO_SOCKET');
    expect(texts).toContain('127.0.0.1:19001');
    expect(texts).toContain(`pid=${lab.service('host', 'tunnel').pid}`);
    expect(connection.fixes).toEqual([
      expect.objectContaining({ verified: true, commands: [expect.stringContaining('10.88.0.1:19001')] }),
    ]);
    expect(result.json?.evidence).toMatchObject({ engine: 'tcpdump', clock: 'kernel', promiscuous: false });
  });

  test('says at every hop on a device who saw the packet: a frame and the kernel', async () => {
    const connection = only((await nettrace()).json);
    const onDevices = connection.hops.filter(({ stage }) => ['egress', 'bridge', 'ingress'].includes(stage));
    expect(onDevices).toHaveLength(3);
    for (const { evidence } of onDevices) {
      expect(evidence.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['frame', 'kernel', 'snapshot']));
    }
  });

  test('is observed without kernel events', async () => {
    const result = await nettrace('--no-kernel');
    expect(result.exitCode).toBe(7);
    const connection = only(result.json);
    expect(connection).toMatchObject({ cause: 'listener-on-other-address', certainty: 'observed' });
    expect(connection.where).toMatchObject({ stage: 'socket', hop: 7 });
    expect(hopsOf(lab, connection)).toEqual(outageHops);
    expect(result.json?.evidence.kernelEvents).toBe(0);
  });

  test.each([
    ['cap', 'user-space', true],
    ['tcpdump', 'kernel', false],
  ] as const)('has the same hops by %s, with and without the kernel', async (engine, clock, promiscuous) => {
    for (const [kernel, certainty] of [
      [[], 'proven'],
      [['--no-kernel'], 'observed'],
    ] as const) {
      const { json } = await nettrace('--engine', engine, ...kernel);
      expect(json?.evidence).toMatchObject({ engine, clock, promiscuous });
      expect(only(json).certainty).toBe(certainty);
      expect(hopsOf(lab, only(json))).toEqual(outageHops);
    }
  });

  test('gives the same document in replay, without root and without starting anything', async () => {
    const saved = join(folder, 'outage.pcapng');
    const live = await nettrace('--save', saved);
    // As nobody, and on a Node that refuses to start a process, to open a socket or to write.
    const barred = ['--permission', '--allow-fs-read=*', 'dist/main.js', 'replay', '--json', '-'];
    const [unshare, ...rest] = asNobody([ownNode(), ...barred]);
    const replayed = await execa(unshare, rest, {
      input: readFileSync(saved),
      stripFinalNewline: false,
      reject: false,
    });
    expect(replayed.stderr).toBe('');
    expect(replayed.stdout).toBe(live.stdout);
  });

  test('the printed fix makes curl succeed, and nettrace then reports ok', async () => {
    const [fix] = only((await nettrace()).json).fixes;
    const [command = ''] = fix?.commands ?? [];
    await lab.service('host', 'tunnel').stop();
    const mended = await lab.start('host', 'mended', {
      argv: () => ['sh', '-c', `exec ${command}`],
      listens: '10.88.0.1:19001',
    });
    expect(await lab.run('portainer', curl)).toMatchObject({ exitCode: 0, stdout: 'pong\n' });
    const { exitCode, json, stderr } = await nettrace();
    expect(exitCode).toBe(0);
    expect(stderr).toContain('pong');
    expect(only(json)).toMatchObject({ outcome: 'ok', cause: null, errno: null, where: null, certainty: 'proven' });
    await mended.stop();
    await lab.start('host', 'tunnel', httpsServer('127.0.0.1:19001'));
  });
});

describeLab('look-alikes of a listener on another address', () => {
  const diagnose = async (lab: Lab, ...options: string[]) =>
    only((await lab.nettrace(['run', '--netns', lab.netns('portainer'), '--json', ...options, '--', ...curl])).json);

  test('nothing listens at all', async () => {
    await using lab = await buildLab(containerOnBridge());
    for (const [options, certainty] of [
      [[], 'proven'],
      [['--no-kernel'], 'observed'],
    ] as const) {
      const connection = await diagnose(lab, ...options);
      expect(connection).toMatchObject({ outcome: 'refused', cause: 'no-listener', certainty });
      expect(connection.where).toMatchObject({ netns: lab.netns('host'), stage: 'socket' });
    }
  });

  test.each([
    [
      'nft',
      {
        nft: 'table inet filter { chain input { type filter hook input priority 0; tcp dport 19001 reject with tcp reset; }; }',
      },
    ],
    ['iptables', { iptables: '*filter\n-A INPUT -p tcp --dport 19001 -j REJECT --reject-with tcp-reset\nCOMMIT\n' }],
  ] as const)('a firewall answers with a reset (%s)', async (_name, rules) => {
    const healthy = { services: { web: httpsServer('0.0.0.0:19001') } };
    await using lab = await buildLab(containerOnBridge({ ...healthy, ...rules }));
    for (const [options, certainty] of [
      [[], 'proven'],
      [['--engine', 'cap'], 'proven'],
      [['--no-kernel'], 'proven'],
      [['--no-kernel', '--no-rule-trace'], 'inferred'],
    ] as const) {
      const connection = await diagnose(lab, ...options);
      expect(connection).toMatchObject({ outcome: 'refused', cause: 'firewall-reject', certainty });
      expect(connection.where).toMatchObject({ netns: lab.netns('host'), stage: 'input' });
    }
  });

  test('all is well', async () => {
    await using lab = await buildLab(containerOnBridge({ services: { web: httpsServer('0.0.0.0:19001') } }));
    for (const options of [[], ['--no-kernel'], ['--engine', 'cap']]) {
      const connection = await diagnose(lab, ...options);
      expect(connection).toMatchObject({ outcome: 'ok', cause: null });
      expect(connection.hops.at(-1)).toMatchObject({ stage: 'socket', verdict: 'delivered' });
    }
  });
});

describeLab('two labs that look alike', () => {
  test('each is captured and told in its own namespaces', async () => {
    const spec = containerOnBridge({ services: { tunnel: httpsServer('127.0.0.1:19001') } });
    await using first = await buildLab(spec);
    await using second = await buildLab(spec);
    for (const lab of [first, second]) {
      const { json } = await lab.nettrace(['run', '--netns', lab.netns('portainer'), '--json', '--', ...curl]);
      const connection = only(json);
      expect(hopsOf(lab, connection)).toEqual(outageHops);
      for (const hop of connection.hops.filter(({ stage }) => ['egress', 'bridge', 'ingress'].includes(stage))) {
        expect(hop.evidence.map(({ kind }) => kind)).toContain('frame');
      }
    }
  });
});
