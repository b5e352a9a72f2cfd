/** A snapshot of real namespaces, saved, and what is read of it later. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import type { Topology } from '../../src/topology/topology.ts';
import { describeLab } from './available.ts';
import { buildLab } from './lab.ts';
import { containerOnBridge } from './topologies.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-topology-'));
afterAll(() => rmSync(directory, { recursive: true }));

describeLab('a saved snapshot', () => {
  test('shows the bridge, its port, and what is behind it', async () => {
    await using lab = await buildLab(containerOnBridge());
    const [host, container] = [lab.netns('host'), lab.netns('portainer')];
    const file = join(directory, 'host.json');
    const { exitCode } = await execa('bin/nettrace', ['snapshot', '-o', file]);
    expect([exitCode, (statSync(file).mode & 0o777).toString(8)]).toEqual([0, '600']);
    const { stdout } = await execa('bin/nettrace', ['topology', '--json', '--snapshot', file]);
    const topology: Topology = JSON.parse(stdout);
    const devices = new Map(topology.namespaces.map(({ name, devices }) => [name, devices]));
    expect(devices.get(host)).toContainEqual(
      expect.objectContaining({ name: 'podman0', kind: 'bridge', ports: ['veth0'], remarks: [] }),
    );
    expect(devices.get(host)).toContainEqual(
      expect.objectContaining({ name: 'veth0', master: 'podman0', peer: { netns: container, device: 'eth0' } }),
    );
    expect(devices.get(container)).toContainEqual(
      expect.objectContaining({
        name: 'eth0',
        peer: { netns: host, device: 'veth0' },
        defaultRoutes: [{ family: 4, gateway: '10.88.0.1' }],
      }),
    );
  });
});
