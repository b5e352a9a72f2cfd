/** A recording beside somebody else's command, and what replay makes of it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { CaseReader } from '../../src/capfile/case-file.ts';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { waitUntil } from './process.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-record-'));
afterAll(() => rmSync(directory, { recursive: true }));

function start(...parameters: readonly string[]) {
  return execa('bin/nettrace', ['record', ...parameters], { reject: false, stdin: 'ignore', timeout: 30_000 });
}

/** Resolves when the recording watches. Throws when it does not come to that. */
async function untilItRecords(recording: ReturnType<typeof start>): Promise<void> {
  let told = '';
  recording.stderr.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  const records = await waitUntil(() => told.includes('nettrace: recording at '), 10_000);
  if (!records) throw new Error(`it does not record: ${told}`);
}

function refusedCurl(lab: Lab): Promise<unknown> {
  return lab.run('portainer', ['curl', '-sk', '-m', '5', 'https://10.88.0.1:19001/ping']);
}

describeLab('a recording', () => {
  test.each([
    ['with kernel events', [], 'proven'],
    ['without them', ['--no-kernel'], 'observed'],
  ] as const)('%s beside a refused command names its cause after Ctrl-C', async (name, options, certainty) => {
    await using lab = await buildLab(containerOnBridge({ services: { web: httpsServer('127.0.0.1:19001') } }));
    const file = join(directory, `${name}.pcapng`);
    const recording = start('-o', file, '--netns', lab.netns('portainer'), ...options);
    await untilItRecords(recording);
    await refusedCurl(lab);
    recording.kill('SIGINT');
    const { exitCode, stderr } = await recording;
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('nettrace replay explains')]);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    const { stdout } = await execa('bin/nettrace', ['replay', '--json', file]);
    const diagnosis: Diagnosis = JSON.parse(stdout);
    expect(diagnosis.command).toBeNull();
    expect(diagnosis.connections[0]).toMatchObject({
      outcome: 'refused',
      cause: 'listener-on-other-address',
      certainty,
      where: { netns: lab.netns('host'), stage: 'socket' },
    });
    const left = () =>
      existsSync(`/run/nettrace-${recording.pid}`) ||
      readFileSync('/proc/mounts', 'utf8').includes(`/run/nettrace-${recording.pid} `);
    expect(await waitUntil(() => !left(), 15_000)).toBe(true);
  });

  test('ends by itself after so many frames, and keeps no more', async () => {
    await using lab = await buildLab(containerOnBridge());
    const file = join(directory, 'counted.pcapng');
    const recording = start('-o', file, '-i', `${lab.netns('host')}:veth0`, '--count', '4');
    await untilItRecords(recording);
    await lab.run('portainer', ['ping', '-c', '5', '-i', '0.01', '10.88.0.1']);
    expect(await recording).toMatchObject({ exitCode: 0 });
    const { stdout } = await execa('bin/nettrace', ['frames', file]);
    expect(stdout.split('\n')).toHaveLength(4);
  });

  test('ends after its time, with nothing to see', async () => {
    await using lab = await buildLab(containerOnBridge());
    const file = join(directory, 'timed.pcapng');
    const { exitCode } = await start('-o', file, '--duration', '0.1', '-i', `${lab.netns('host')}:lo`);
    expect(exitCode).toBe(0);
    expect((await execa('bin/nettrace', ['replay', file])).stdout).toContain('No TCP connection and no UDP exchange');
  });

  test('looks into no namespace that it is to ignore', async () => {
    await using lab = await buildLab(containerOnBridge());
    const file = join(directory, 'ignoring.pcapng');
    const there = ['--duration', '0.1', '-i', `${lab.netns('host')}:lo`];
    const { exitCode } = await start('-o', file, ...there, '--ignore-netns', lab.netns('portainer'));
    expect(exitCode).toBe(0);
    const reader = new CaseReader();
    reader.push(readFileSync(file));
    const names = reader.end()?.snapshot?.namespaces.map(({ name }) => name);
    expect(names).toContain(lab.netns('host'));
    expect(names).not.toContain(lab.netns('portainer'));
  });

  test('of a device that is not there says which there are, and leaves no file', async () => {
    await using lab = await buildLab(containerOnBridge());
    const file = join(directory, 'never.pcapng');
    const { exitCode, stderr } = await start('-o', file, '-i', `${lab.netns('host')}:veth9`);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`there is no device veth9 in the network namespace ${lab.netns('host')}. There are: lo, `);
    expect(existsSync(file)).toBe(false);
  });
});
