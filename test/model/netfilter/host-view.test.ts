import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../../src/inet/address.ts';
import { hostViewOf } from '../../../src/model/netfilter/host-view.ts';
import { link, loopback, namespace, rule } from '../hosts.ts';
import { address } from './tables.ts';

const box = namespace('box', {
  links: [
    loopback(),
    link('eth0', { addresses: ['192.0.2.10', '2001:db8::10', 'fe80::1 link'] }),
    link('podman0', { addresses: ['10.88.0.1', '10.99.0.1'] }),
    link('bare'),
  ],
  routes: [
    'default via 192.0.2.1 dev eth0',
    '10.88.0.0/16 dev podman0',
    '10.99.0.0/16 dev podman0',
    'broadcast 10.88.255.255 dev podman0',
    'local 127.0.0.0/8 dev lo',
    '2001:db8:1::/48 dev eth0',
    'prohibit 2001:db8:2::/48',
    'blackhole 2001:db8:3::/48',
    '2001:db8:4::/48 from 2001:db8::/64 dev eth0',
  ],
});
const view = hostViewOf(box);

describe('the type of an address', () => {
  test.each<[text: string, device: string | null, type: string]>([
    ['192.0.2.10', null, 'local'],
    ['192.0.2.10', 'eth0', 'local'],
    ['192.0.2.10', 'podman0', 'unicast'],
    ['127.1.2.3', null, 'local'],
    ['10.88.255.255', null, 'broadcast'],
    ['255.255.255.255', null, 'broadcast'],
    ['224.0.0.251', null, 'multicast'],
    ['10.88.0.9', null, 'unicast'],
    ['2001:db8::10', null, 'local'],
    ['ff02::1', null, 'multicast'],
    ['2001:db8:1::1', null, 'unicast'],
    ['2001:db8:2::1', null, 'prohibit'],
    ['2001:db8:3::1', null, 'blackhole'],
    ['2001:db8:9::1', null, 'unreachable'],
    ['203.0.113.9', null, 'unicast'],
  ])('%s on %s: %s', (text, device, type) => {
    expect(view.addressType(text.includes(':') ? 6 : 4, address(text), null, device, 0n)).toBe(type);
  });

  test('without a local table it is not known', () => {
    const bare = hostViewOf({ ...box, routes: [] });
    expect(bare.addressType(4, address('192.0.2.10'), null, null, 0n)).toBeNull();
    expect(bare.addressType(4, address('224.0.0.1'), null, null, 0n)).toBe('multicast');
  });
});

test.each([
  ['passes over', '1', 'unicast'],
  ['takes', '0', 'broadcast'],
])('a namespace that %s routes without a carrier: the broadcast address there', (_name, ignore, type) => {
  const routes = ['broadcast 10.88.255.255 dev podman0 linkdown', 'default via 192.0.2.1 dev eth0'];
  const sysctls = { 'net.ipv4.conf.podman0.ignore_routes_with_linkdown': ignore };
  const unplugged = hostViewOf(namespace('box', { links: [loopback()], routes, sysctls }));
  expect(unplugged.addressType(4, address('10.88.255.255'), null, null, 0n)).toBe(type);
});

test('while local and main are one table, a longer prefix in main decides the type', () => {
  const routes = ['local 10.88.0.0/16 dev lo', '10.88.7.0/24 via 192.0.2.1 dev eth0', 'default via 192.0.2.1 dev eth0'];
  const typeIn = (rules: readonly string[] | null): string | null => {
    const own = rules === null ? {} : { rules: rules.map((text) => rule(text, 4)) };
    return hostViewOf(namespace('box', { links: [], routes, ...own })).addressType(
      4,
      address('10.88.7.1'),
      null,
      null,
      0n,
    );
  };
  expect(typeIn(null)).toBe('unicast');
  expect(typeIn(['0: from all lookup 255', '9: from all fwmark 0x1 lookup 9', '32766: from all lookup 254'])).toBe(
    'local',
  );
});

test('IPv6 asks for a route between both ends: one of some sources serves no other', () => {
  const typeFrom = (from: string | null): string | null =>
    view.addressType(6, address('2001:db8:4::1'), from === null ? null : address(from), null, 0n);
  expect(['2001:db8::10', '2001:db8:9::1', 'ff02::1', null].map(typeFrom)).toEqual([
    'unicast',
    'unreachable',
    'unreachable',
    'unreachable',
  ]);
});

test.each<[title: string, family: 4 | 6, device: string, destination: string, expected: string | null]>([
  ['the one address', 4, 'eth0', '198.51.100.7', '192.0.2.10'],
  ['of several, the one in the network of the next hop', 4, 'podman0', '10.99.0.5', '10.99.0.1'],
  ['else the first', 4, 'podman0', '198.51.100.7', '10.88.0.1'],
  ['IPv6, never the link-local one', 6, 'eth0', '2001:db8::99', '2001:db8::10'],
  ['of a device without any, one of another', 4, 'bare', '198.51.100.7', '192.0.2.10'],
  ['of the loopback device, one that is not its own', 4, 'lo', '127.0.0.1', '192.0.2.10'],
])('MASQUERADE takes %s', (_title, family, device, destination, expected) => {
  const found = view.masqueradeAddress(family, device, address(destination));
  expect(typeof found === 'bigint' ? formatAddress({ family, value: found }) : found).toBe(expected);
});

test('REDIRECT takes the first address of the device', () => {
  expect(view.redirectAddress(4, 'podman0')).toBe(address('10.88.0.1'));
  expect(view.redirectAddress(6, 'eth0')).toBe(address('2001:db8::10'));
  expect(view.redirectAddress(4, 'bare')).toBe('none');
});
