import { expect, test } from 'vitest';
import { choosePoints } from '../../src/capture/points.ts';
import type { Link } from '../../src/host/state.ts';
import { link, loopback } from '../model/hosts.ts';

function chosen(links: Readonly<Record<string, readonly Link[]>>, start: string): string[] {
  return choosePoints(new Map(Object.entries(links)), start).points.map(({ netns, device }) => `${netns}:${device}`);
}

/** Containers on one bridge of the host, the first behind veth0 of index 100. */
function bridgeOf(name: string, containers: readonly string[], firstIndex: number): Record<string, Link[]> {
  const ports = containers.map((container, at) =>
    link(`${name}-${container}`, { index: firstIndex + at, master: name, peer: `${container}:2` }),
  );
  return {
    host: [link(name, { kind: 'bridge', index: firstIndex - 1 }), ...ports],
    ...Object.fromEntries(
      containers.map((container, at) => [
        container,
        [loopback(), link('eth0', { index: 2, peer: `host:${firstIndex + at}` })],
      ]),
    ),
  };
}

const uplink = link('eth0', { index: 2 });

test('a container on a bridge: its way to the host, then out, then its neighbours', () => {
  const bridge = bridgeOf('br0', ['box', 'web'], 100);
  const links = { ...bridge, host: [loopback(), uplink, ...(bridge['host'] ?? [])] };
  expect(chosen(links, 'box')).toEqual([
    'box:lo',
    'box:eth0',
    'host:br0-box',
    'host:br0',
    'host:eth0',
    'host:br0-web',
    'web:eth0',
  ]);
});

test('a host with many ports: eight at most, nearest first', () => {
  const bridge = bridgeOf('br0', ['a', 'b', 'c', 'd', 'e', 'f', 'g'], 100);
  const links = { ...bridge, host: [loopback(), uplink, ...(bridge['host'] ?? [])] };
  expect(chosen(links, 'host')).toEqual([
    'host:lo',
    'host:eth0',
    'host:br0',
    'host:br0-a',
    'a:eth0',
    'host:br0-b',
    'b:eth0',
    'host:br0-c',
  ]);
  const { left } = choosePoints(new Map(Object.entries(links)), 'host');
  expect(left.map(({ netns, device }) => `${netns}:${device}`)).toEqual([
    'c:eth0',
    ...['d', 'e', 'f', 'g'].map((name) => `host:br0-${name}`),
  ]);
});

test('uplinks are hardware and what is made of it, then what stands on it, never a part of either', () => {
  const bridge = bridgeOf('br0', ['box'], 100);
  const others = [
    link('vx0', { kind: 'vxlan' }),
    link('wg0', { kind: 'wireguard' }),
    link('bond0.5', { kind: 'vlan' }),
    link('bond0', { kind: 'bond' }),
    link('eth0', { master: 'bond0' }),
    link('eth1', { master: 'bond0' }),
    link('tun0', { kind: 'tun', up: false }),
    link('dummy0', { kind: 'dummy' }),
  ];
  const links = { ...bridge, host: [...others, ...(bridge['host'] ?? [])] };
  expect(chosen(links, 'box').slice(4)).toEqual(['host:bond0', 'host:bond0.5', 'host:wg0', 'host:vx0']);
});

test("neighbours on the command's own bridge come before those on another", () => {
  const [mine, other] = [bridgeOf('br0', ['box', 'web'], 100), bridgeOf('br1', ['x', 'y', 'z'], 200)];
  const links = { ...other, ...mine, host: [...(other['host'] ?? []), ...(mine['host'] ?? [])] };
  expect(chosen(links, 'box')).toEqual([
    'box:lo',
    'box:eth0',
    'host:br0-box',
    'host:br0',
    'host:br0-web',
    'web:eth0',
    'host:br1-x',
    'x:eth0',
  ]);
});

test('a namespace with nothing but loopback, and one that is not known', () => {
  expect(chosen({ box: [loopback()] }, 'box')).toEqual(['box:lo']);
  expect(chosen({ box: [loopback()] }, 'other')).toEqual([]);
});

test('a veth whose other end is out of sight stands alone; a device that is down is watched, an uplink is not', () => {
  const own = [link('eth0', { peer: 'null:9', up: false, carrier: false }), link('eth1', { index: 3, peer: 'host:5' })];
  const links = { box: own, host: [link('eth0', { up: false }), link('veth', { index: 5, peer: 'box:3' })] };
  expect(chosen(links, 'box')).toEqual(['box:eth0', 'box:eth1', 'host:veth']);
});

test('a port of a bridge in the own namespace comes behind the bridge', () => {
  const links = {
    box: [link('p0', { index: 2, master: 'br0', peer: 'null:1' }), link('br0', { index: 3, kind: 'bridge' })],
  };
  expect(chosen(links, 'box')).toEqual(['box:br0', 'box:p0']);
});

test('a host in between that routes: what is behind its other veths', () => {
  const links = {
    box: [loopback(), link('eth0', { index: 2, peer: 'router:10' })],
    router: [link('in', { index: 10, peer: 'box:2' }), link('out', { index: 11, peer: 'web:2' })],
    web: [link('eth0', { index: 2, peer: 'router:11' })],
  };
  expect(chosen(links, 'box')).toEqual(['box:lo', 'box:eth0', 'router:in', 'router:out', 'web:eth0']);
});
