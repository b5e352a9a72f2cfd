import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContainerRecord } from '../../src/host/snapshot.ts';
import { formatTopology } from '../../src/report/topology.ts';
import { describeTopology } from '../../src/topology/topology.ts';
import { recordedSnapshot } from '../host/sample.ts';
import { type DeviceSpec, namespaceWith, oddHost, snapshotWith } from '../topology/sample.ts';

function textOf(...devices: readonly DeviceSpec[]): string {
  return formatTopology(describeTopology(snapshotWith(namespaceWith('host', devices))));
}

describe('how a host is wired, as a tree', () => {
  it.each([
    ['topology-odd', oddHost],
    ['topology-recorded', recordedSnapshot('two-namespaces')],
    ['topology-empty', snapshotWith()],
  ])('%s', async (name, snapshot) => {
    const text = formatTopology(describeTopology(snapshot));
    await expect(text).toMatchFileSnapshot(`golden/${name}.txt`);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('says what a container publishes, and of which engine it is', () => {
    const titleOf = (container: ContainerRecord): string => {
      const { namespaces, ...rest } = snapshotWith(namespaceWith('shop-web', []));
      const told = namespaces.map((namespace) => ({ ...namespace, container }));
      return formatTopology(describeTopology({ ...rest, namespaces: told })).split('\n\n')[1] ?? '';
    };
    const port = { protocol: 'tcp', hostAddress: null, hostPort: 8080, port: 80 };
    const ports = [port, { ...port, hostAddress: '127.0.0.1', hostPort: 8081 }];
    const container = { id: 'c0ffee', name: 'shop-web', runtime: 'docker', networks: ['shop', 'logs'], ports };
    expect(titleOf(container)).toContain(
      [
        'shop-web  (docker container c0ffee, networks shop and logs, publishes',
        '          8080->80/tcp and 127.0.0.1:8081->80/tcp)\n',
      ].join('\n'),
    );
    const pod = { ...container, runtime: 'kubernetes', networks: null, ports: [] };
    expect(titleOf(pod)).toContain('shop-web  (Kubernetes pod c0ffee)\n');
  });

  it('is escaped', () => {
    expect(textOf({ index: 1, name: 'a\u001b[2J' })).toContain('`- a\\x1b[2J  hardware');
  });

  it('says what a macvlan stands on', () => {
    const text = textOf({ index: 2, name: 'up0' }, { index: 3, name: 'mv0', kind: 'macvlan', below: 'up0' });
    expect(text).toContain('`- mv0  macvlan, on the wire of host:up0\n');
  });

  it('says what a VXLAN device sends, and from where', () => {
    const data = { id: 42, port: 4789, local: '192.0.2.7', learning: true };
    const here = textOf({ index: 2, name: 'vx0', kind: 'vxlan', data });
    expect(here).toContain('`- vx0  vxlan, network 42 in UDP packets from 192.0.2.7 to port 4789\n');
    const moved = textOf({ index: 2, name: 'vx0', kind: 'vxlan', farIndex: 2, data: { ...data, local: undefined } });
    expect(moved.replaceAll(/\s+/g, ' ')).toContain(
      'network 42 in UDP packets to port 4789, over a namespace that was not found',
    );
  });

  it('nests a bond in a bridge', () => {
    const text = textOf(
      { index: 1, name: 'br0', kind: 'bridge' },
      { index: 2, name: 'bond0', kind: 'bond', master: 'br0' },
      { index: 3, name: 'eth0', master: 'bond0' },
    );
    expect(text).toContain('`- br0         bridge\n   `- bond0    bond\n      `- eth0  hardware\n');
  });

  it('ends, and shows a device once at most, whatever says to be a port of what', () => {
    const names = ['a', 'b', 'c', 'd'];
    const masters = array(constantFrom(...names), { minLength: names.length, maxLength: names.length });
    assert(
      property(masters, (chosen) => {
        const text = textOf(...names.map((name, index) => ({ index: index + 1, name, master: chosen[index] ?? '' })));
        for (const name of names) expect(text.split(`- ${name} `).length).toBeLessThanOrEqual(2);
      }),
    );
  });
});
