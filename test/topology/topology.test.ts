import { describe, expect, it } from 'vitest';
import { describeTopology, type TopologyDevice } from '../../src/topology/topology.ts';
import { printed, recordedSnapshot, snapshotOf } from '../host/sample.ts';
import { type DeviceSpec, namespaceWith, oddHost, snapshotWith } from './sample.ts';

function deviceOf(...devices: readonly DeviceSpec[]): TopologyDevice | undefined {
  return describeTopology(snapshotWith(namespaceWith('host', devices))).namespaces[0]?.devices[0];
}

describe('how a host is wired', () => {
  it('joins the ends of veth pairs and gives bridges their ports', () => {
    const { namespaces } = describeTopology(oddHost);
    const device = (netns: string, name: string) =>
      namespaces.find((one) => one.name === netns)?.devices.find((one) => one.name === name);
    expect(device('host', 'podman0')).toMatchObject({ ports: ['veth0', 'veth1'], remarks: [] });
    expect(device('host', 'veth0')).toMatchObject({ peer: { netns: 'web', device: 'eth0' }, master: 'podman0' });
    expect(device('web', 'eth0')).toMatchObject({
      peer: { netns: 'host', device: 'veth0' },
      addresses: ['10.88.0.10/16'],
    });
    expect(device('host', 'eth0')?.defaultRoutes).toEqual([{ family: 4, gateway: '192.0.2.1' }]);
    expect(namespaces[1]?.container?.name).toBe('web');
  });

  it('reads real namespaces', () => {
    const { namespaces, missing } = describeTopology(recordedSnapshot('two-namespaces'));
    const veths = namespaces.flatMap(({ devices }) => devices.filter(({ kind }) => kind === 'veth'));
    expect(veths.length).toBeGreaterThan(1);
    expect(veths.filter(({ peer }) => peer === null)).toEqual([]);
    expect(missing).toEqual([]);
  });

  it.each<[string, readonly DeviceSpec[], readonly string[]]>([
    ['hardware', [{ index: 1, name: 'eth0' }], []],
    ['a device that is down', [{ index: 1, name: 'eth0', flags: [] }], ['is down']],
    [
      'hardware without a carrier',
      [{ index: 1, name: 'eth0', flags: ['UP'] }],
      ['has no carrier: nothing is plugged in'],
    ],
    ['a bridge without ports', [{ index: 1, name: 'br0', kind: 'bridge', flags: ['UP'] }], ['has no ports']],
    [
      'a bridge whose ports are down',
      [
        { index: 1, name: 'br0', kind: 'bridge', flags: ['UP'] },
        { index: 2, name: 'v', kind: 'veth', master: 'br0', flags: [] },
      ],
      ['has no carrier: none of its ports is up'],
    ],
    [
      'a veth plugged into nothing',
      [{ index: 1, name: 'v', kind: 'veth', farIndex: 9 }],
      ['its other end is in no namespace that was found', 'is plugged into nothing here'],
    ],
    [
      'a veth whose other end is down',
      [{ index: 1, name: 'v', kind: 'veth', address: '10.0.0.1/24', farIndex: 9, flags: ['UP'] }],
      ['has no carrier: its other end is down', 'its other end is in no namespace'],
    ],
    [
      'a port of nothing known',
      [{ index: 1, name: 'eth0', master: 'bond0' }],
      ['is a port of bond0, which was not found'],
    ],
  ])('%s', (_name, devices, remarks) => {
    expect(deviceOf(...devices)?.remarks).toEqual(remarks.map((remark) => expect.stringContaining(remark)));
  });

  it.each<[string, string | undefined, object[], boolean]>([
    ['a link-local address alone, and the routes of the kernel', 'fe80::1/64', [], true],
    ['an address', 'fd00::1/64', [], false],
    ['a route to a container by it', undefined, [{ dst: '10.244.1.5', dev: 'cali0', scope: 'link' }], false],
    ['a route by another device', undefined, [{ dst: '10.244.1.5', dev: 'eth0', scope: 'link' }], true],
    [
      'one of several ways of a route',
      undefined,
      [{ dst: '10.0.0.0/8', nexthops: [{ dev: 'eth0', gateway: '192.0.2.1' }, { dev: 'cali0' }] }],
      false,
    ],
  ])('a veth that is no port, with %s', (_name, address, routes, isIdle) => {
    const veth = { index: 1, name: 'cali0', kind: 'veth', farIndex: 9, ...(address !== undefined && { address }) };
    const ofKernel = [
      { dst: 'fe80::/64', dev: 'cali0', protocol: 'kernel', metric: 256 },
      { type: 'local', dst: 'fe80::1', dev: 'cali0', table: 'local', protocol: 'kernel', metric: 0 },
      { type: 'multicast', dst: 'ff00::/8', dev: 'cali0', table: 'local', protocol: 'kernel', metric: 256 },
      // Some kernels give it no type of its own.
      { dst: 'ff00::/8', dev: 'cali0', table: 'local', metric: 256 },
    ];
    const { namespaces } = describeTopology(snapshotWith(namespaceWith('host', [veth], routes, ofKernel)));
    const remarks = namespaces[0]?.devices[0]?.remarks.join('; ');
    expect(remarks?.includes('is plugged into nothing here')).toBe(isIdle);
  });

  it('says what could not be read of it, and only that', () => {
    const { namespaces, missing } = describeTopology(snapshotOf([printed('ip -j -d -s link', 'no JSON')]));
    expect(namespaces).toMatchObject([{ name: 'host', devices: [] }]);
    expect(missing).toContain('In host, `ip -j -d -s link` printed what could not be parsed.');
    expect(missing.join(' ')).not.toContain('nft');
  });
});
