import { assert, constantFrom, dictionary, integer, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import { parseVxlan } from '../../../src/host/parse/vxlan.ts';
import type { NamespaceSnapshot } from '../../../src/host/snapshot.ts';
import { snapshotCommand } from '../../../src/host/snapshot-commands.ts';
import { snapshotWith } from '../../topology/sample.ts';

/** As iproute2 6.1 prints it. */
const data = {
  id: 42,
  remote: '10.0.0.2',
  local: '10.0.0.1',
  link: 'e0',
  port_range: { low: 0, high: 0 },
  port: 4789,
  learning: true,
  ttl: 0,
  df: 'unset',
  ageing: 300,
  udp_csum: true,
  udp_zero_csum6_tx: false,
  udp_zero_csum6_rx: false,
};

describe('what `ip -d link` says of a VXLAN device', () => {
  test('its network, port and address', () => {
    const told = {
      network: 42,
      port: 4789,
      family: 4,
      local: '10.0.0.1',
      timeToLive: null,
      learning: true,
      unmodelled: null,
    };
    expect(parseVxlan({}, data)).toEqual({ ...told, netnsId: null });
    expect(parseVxlan({ link_netnsid: 3 }, data)?.netnsId).toBe(3);
  });

  test.each([
    ['the address of IPv6', { local: undefined, local6: 'fd00::1' }, { local: 'fd00::1', family: 6 }],
    ['a remote of IPv6', { remote: undefined, remote6: 'fd00::2', local: undefined }, { local: null, family: 6 }],
    ['a time to live', { ttl: 5 }, { timeToLive: 5 }],
    ['one that is taken over', { ttl: 'inherit' }, { timeToLive: null }],
    ['no learning', { learning: false }, { learning: false }],
    ['a device that programs tell where to send', { external: true }, { unmodelled: 'external' }],
    ['one whose numbers are not printed', { external: true, id: undefined, port: undefined }, { network: 0, port: 0 }],
    ['a device that answers for others', { proxy: true }, { unmodelled: 'proxy' }],
  ])('%s', (_name, more, expected) => {
    expect(parseVxlan({}, { ...data, ...more })).toMatchObject(expected);
  });

  test('is nothing without a network or a port', () => {
    expect(parseVxlan({}, { ...data, id: undefined })).toBeNull();
    expect(parseVxlan({}, { ...data, port: 'any' })).toBeNull();
  });

  test('may be anything', () => {
    const value = oneof(integer(), string(), constantFrom(null, true, [], {}));
    assert(property(dictionary(constantFrom(...Object.keys(data)), value), (odd) => void parseVxlan(odd, odd)));
  });
});

function namespaceOf(name: string, outputs: Readonly<Record<string, string>>): NamespaceSnapshot {
  const told = Object.entries(outputs).map(([command, text]) => ({ command, exitCode: 0, text, error: '' }));
  return { name, inode: 1, container: null, outputs: told };
}

/** A device of `moved`, which knows the namespace where it was made by a number. */
function underlayOf(names: string, ownName: string): string | null | undefined {
  const record = { ifindex: 6, ifname: 'vx3', flags: ['UP'], link_netnsid: 0 };
  const link = { ...record, linkinfo: { info_kind: 'vxlan', info_data: data } };
  const moved = namespaceOf('moved', {
    [snapshotCommand.links]: JSON.stringify([link]),
    [snapshotCommand.namespaceNumbers]: names,
  });
  const made = namespaceOf('made', { [snapshotCommand.namespaceName]: ownName });
  const { namespaces } = parseSnapshot(snapshotWith(moved, made));
  return namespaces.get('moved')?.links[0]?.vxlan?.underlay;
}

test('the namespace where a device was made is found by its name', () => {
  expect(underlayOf('[{"nsid":0,"name":"va"}]', 'va\n')).toBe('made');
  expect(underlayOf('[{"nsid":0,"name":"va"}]', 'vb\n')).toBeNull();
  expect(underlayOf('[]', 'va\n')).toBeNull();
});

test('to whom a device sends is in its own entries of `bridge fdb`', () => {
  const entries = [
    { mac: '02:00:00:00:00:01', ifname: 'vx1', dst: 'fd00::3', flags: ['self'], state: '' },
    { mac: '00:00:00:00:00:00', ifname: 'vx1', dst: 'fd00::3', port: 99, vni: 7, viaIf: 'e0', state: 'permanent' },
    { mac: '00:00:00:00:00:00', ifname: 'vx3', dst: '239.1.1.1', viaIfIndex: 3, linkNetNsId: 0, state: 'permanent' },
    { mac: '02:00:00:00:00:02', ifname: 'vx1', nhid: 5, state: 'permanent' },
  ];
  const outputs = { [snapshotCommand.forwardingEntries]: JSON.stringify(entries) };
  const parsed = parseSnapshot(snapshotWith(namespaceOf('host', outputs))).namespaces.get('host');
  expect(parsed?.forwardingEntries.map(({ remote, fixed }) => ({ ...remote, fixed }))).toEqual([
    { address: 'fd00::3', port: null, network: null, by: null, fixed: false },
    { address: 'fd00::3', port: 99, network: 7, by: 'e0', fixed: true },
    { address: '239.1.1.1', port: null, network: null, by: 3, fixed: true },
    { fixed: true },
  ]);
  expect(parsed?.forwardingEntries[1]?.source.text).toBe(
    '00:00:00:00:00:00 dev vx1 dst fd00::3 port 99 vni 7 via e0 permanent',
  );
});
