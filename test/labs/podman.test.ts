/** Podman itself, with published ports: what nettrace predicts and says of failures, beside what curl meets. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import type { Snapshot } from '../../src/host/snapshot.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { missingForContainers, Podman } from './podman.ts';
import { hasBridgeNetfilter } from './rulesets/ruleset-lab.ts';
import type { LabSpec } from './spec.ts';

/** The host of the containers, and the world beyond its uplink. */
const spec: LabSpec = {
  hosts: {
    host: { addresses: { eth0: ['192.0.2.10/24'] }, routes: ['default via 192.0.2.1'] },
    outside: { addresses: { eth0: ['192.0.2.1/24'] } },
  },
  veths: [['host:eth0', 'outside:eth0']],
};

/** What a person would take a published port for working by. */
const outcomes: ReadonlyMap<number | null, string> = new Map([
  [0, 'ok'],
  [7, 'refused'],
  [28, 'timeout'],
]);

const missing = missingForContainers();

describe.skipIf(missing !== null)(`Podman${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  describeLab('with published ports', () => {
    let lab: Lab;
    /** Namespaces by the names that the tests use. */
    let netns: Record<string, string>;
    const folder = mkdtempSync(join(tmpdir(), 'nettrace-lab-'));
    const snapshot = join(folder, 'host.json');

    beforeAll(async () => {
      lab = await buildLab(spec);
      const podman = await Podman.on(lab, 'host');
      const ports = ['8080:80', '8081:81', '8082:82'].flatMap((port) => ['--publish', port]);
      const web = await podman.run('web', ports, ['sh', '-c', 'httpd -p 80; httpd -p 127.0.0.1:82; exec sleep 3600']);
      const box = await podman.run('box', [], ['sleep', '3600']);
      netns = { host: lab.netns('host'), outside: lab.netns('outside'), web, box };
      expect(await lab.nettrace(['snapshot', '-o', snapshot])).toMatchObject({ exitCode: 0 });
    }, 60_000);

    afterAll(async () => {
      rmSync(folder, { recursive: true, force: true });
      await lab.close();
    });

    const curl = (destination: string) => ['curl', '-sS', '-o', '/dev/null', '-m', '3', `http://${destination}/`];

    test.each([
      ['host', '192.0.2.10:8080', 'ok'],
      ['host', '127.0.0.1:8080', 'ok'],
      ['outside', '192.0.2.10:8080', 'ok'],
      ['box', '192.0.2.10:8080', 'ok'],
      ['box', '10.88.0.1:8080', 'ok'],
      ['web', '127.0.0.1:82', 'ok'],
      ['host', '192.0.2.10:8081', 'refused'],
      ['outside', '192.0.2.10:8081', 'refused'],
      ['outside', '192.0.2.10:8082', 'refused'],
      ['box', '192.0.2.10:8082', 'refused'],
    ])('%s asks %s: %s, by curl and by nettrace path', async (from, destination, expected) => {
      const start = netns[from] ?? '';
      const { exitCode } = await lab.runIn(start, curl(destination));
      const path = ['path', '--json', '--snapshot', snapshot, '--netns', start, 'tcp', destination];
      const [predicted] = (await lab.nettrace(path)).json?.connections ?? [];
      expect({
        curl: outcomes.get(exitCode),
        nettrace: predicted?.outcome,
        assumptions: predicted?.prediction?.assumptions,
      }).toEqual({ curl: expected, nettrace: expected, assumptions: [] });
    });

    test.each([
      ['outside', 8081, 'no-listener'],
      ['host', 8081, 'no-listener'],
      ['outside', 8082, 'listener-on-other-address'],
      ['box', 8082, 'listener-on-other-address'],
    ])('%s runs curl to the published port %i: %s', async (from, port, cause) => {
      const run = ['run', '--json', '--netns', netns[from] ?? '', '--', ...curl(`192.0.2.10:${port}`)];
      const { json, exitCode } = await lab.nettrace(run);
      expect(exitCode).toBe(7);
      expect(json?.connections).toHaveLength(1);
      expect(json?.connections[0]).toMatchObject({
        outcome: 'refused',
        cause,
        certainty: 'proven',
        where: { netns: netns['web'], device: 'eth0', stage: 'socket' },
      });
    });

    test('a container of an engine that nobody asks is known by its control group', async () => {
      const { stdout } = await lab.nettrace(['snapshot']);
      const { namespaces }: Pick<Snapshot, 'namespaces'> = JSON.parse(stdout);
      const found = namespaces.find(({ name }) => name === netns['web'])?.container;
      expect(found).toMatchObject({ runtime: 'podman', networks: null, ports: null });
      expect(found?.id).toMatch(/^[0-9a-f]{64}$/);
    });

    test('a container asks for its own published port: br_netfilter has it sent back, and hairpin is off', async (context) => {
      if (!(await hasBridgeNetfilter(lab, 'host'))) context.skip('br_netfilter is not loaded');
      const run = ['run', '--json', '--netns', netns['web'] ?? '', '--', ...curl('192.0.2.10:8080')];
      const { json, exitCode } = await lab.nettrace(run);
      expect(exitCode).toBe(28);
      expect(json?.connections[0]).toMatchObject({
        outcome: 'timeout',
        cause: 'bridge-hairpin-off',
        where: { netns: netns['host'], device: 'veth0', stage: 'bridge' },
      });
    });
  });

  describeLab('whose rules are gone', () => {
    test('the engine says that the port is published, and writes its rules again', async () => {
      await using lab = await buildLab(spec);
      const podman = await Podman.on(lab, 'host');
      await podman.run('web', ['--publish', '8080:80'], ['httpd', '-f', '-p', '80']);
      const ask = ['curl', '-sS', '-o', '/dev/null', '-m', '3', 'http://192.0.2.10:8080/'];
      expect((await lab.run('outside', ask)).exitCode).toBe(0);
      await lab.must('host', ['nft', 'flush', 'ruleset']);
      const diagnose = async (...words: readonly string[]) => {
        const [file = '', ...args] = podman.asMachines(['bin/nettrace', ...words]);
        const { connections }: Diagnosis = JSON.parse((await execa(file, args, { reject: false })).stdout);
        return connections[0];
      };
      const start = ['--json', '--netns', lab.netns('outside')];
      // Podman's monitor has bound the port, and reads nothing from it.
      const lost = {
        outcome: 'timeout',
        cause: 'dnat-missing',
        where: { netns: lab.netns('host'), device: 'eth0', stage: 'prerouting' },
        alternatives: [],
      };
      expect(await diagnose('path', ...start, 'tcp', '192.0.2.10:8080')).toMatchObject({
        ...lost,
        certainty: 'inferred',
      });
      const connection = await diagnose('run', ...start, '--', ...ask);
      expect(connection).toMatchObject({ ...lost, certainty: 'observed' });
      expect(connection?.summary).toMatch(
        /does not answer: conmon \(pid \d+\) only holds the port .* on to port 80 of web, as podman publishes it/,
      );
      const [fix] = connection?.fixes ?? [];
      expect(fix).toMatchObject({ netns: lab.netns('host'), verified: true });
      expect(fix?.commands).toEqual([expect.stringMatching(/^podman network reload [0-9a-f]{12}$/)]);
      const mended = await lab.run('host', podman.asMachines(['sh', '-c', fix?.commands[0] ?? 'false']));
      expect(mended).toMatchObject({ exitCode: 0 });
      expect((await lab.run('outside', ask)).exitCode).toBe(0);
    }, 60_000);
  });
});
