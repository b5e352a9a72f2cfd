import { expect, test } from 'vitest';
import { livePoints } from '../../src/capture/live-points.ts';
import type { Topology, TopologyDevice } from '../../src/topology/topology.ts';

function device(name: string, changes: Partial<TopologyDevice> = {}): TopologyDevice {
  return {
    name,
    index: 1,
    kind: 'device',
    mac: null,
    mtu: 1500,
    up: true,
    carrier: true,
    addresses: [],
    defaultRoutes: [],
    master: null,
    ports: [],
    peer: null,
    lower: null,
    vxlan: null,
    remarks: [],
    ...changes,
  };
}

function chosen(namespaces: Readonly<Record<string, readonly TopologyDevice[]>>): string[] {
  const topology: Topology = {
    schema: 'nettrace.topology/1',
    namespaces: Object.entries(namespaces).map(([name, devices]) => ({ name, container: null, devices })),
    missing: [],
  };
  return livePoints(topology).map(({ netns, device }) => `${netns}:${device}`);
}

const lo = device('lo', { kind: 'loopback' });
const end = (netns: string, name: string): TopologyDevice =>
  device('eth0', { kind: 'veth', peer: { netns, device: name } });
const port = (name: string, netns: string): TopologyDevice =>
  device(name, { kind: 'veth', master: 'br0', peer: { netns, device: 'eth0' } });

test('uplinks, bridges, ends, then ports; never loopback', () => {
  const bridge = device('br0', { kind: 'bridge', ports: ['veth0', 'veth1'] });
  expect(
    chosen({
      host: [lo, bridge, port('veth0', 'web'), port('veth1', 'db'), device('eth0')],
      web: [lo, end('host', 'veth0')],
      db: [lo, end('host', 'veth1')],
    }),
  ).toEqual(['host:eth0', 'host:br0', 'web:eth0', 'db:eth0', 'host:veth0', 'host:veth1']);
});

test.each<[string, TopologyDevice, boolean]>([
  [
    'a tunnel with a default route',
    device('wg0', { kind: 'wireguard', defaultRoutes: [{ family: 4, gateway: null }] }),
    true,
  ],
  ['a tunnel without, which leads out all the same', device('wg0', { kind: 'wireguard' }), true],
  ['a bond', device('bond0', { kind: 'bond' }), true],
  ['a device that leads nowhere', device('dummy0', { kind: 'dummy' }), false],
  ['hardware that is down', device('eth1', { up: false }), false],
  [
    'hardware that is down and has a default route',
    device('eth1', { up: false, defaultRoutes: [{ family: 6, gateway: 'fe80::1' }] }),
    true,
  ],
  ['a bridge without ports', device('docker0', { kind: 'bridge' }), false],
])('%s', (_name, one, expected) => {
  expect(chosen({ host: [one] })).toHaveLength(expected ? 1 : 0);
});

test('no more than sixteen', () => {
  const many = Array.from({ length: 30 }, (_, index) => port(`veth${index}`, `c${index}`));
  const bridge = device('br0', { kind: 'bridge', ports: many.map(({ name }) => name) });
  const points = chosen({ host: [...many, bridge] });
  expect([points.length, points[0]]).toEqual([16, 'host:br0']);
});
