import { expect, it } from 'vitest';
import { routeDisagreements } from '../../src/diagnose/kernel-route.ts';
import type { KernelRoute } from '../../src/host/parse/route-get.ts';
import { link, loopback, namespace, rule } from '../model/hosts.ts';

const router = namespace('router', {
  links: [
    loopback(),
    link('eth0', { addresses: ['10.88.0.10', 'fd00:88::10'] }),
    link('eth1', { index: 3, addresses: ['10.99.0.10'] }),
  ],
  routes: [
    '10.88.0.0/16 dev eth0',
    '10.99.0.0/16 dev eth1',
    'default via 10.88.0.1 dev eth0',
    '203.0.113.0/24 nexthop via 10.88.0.2 dev eth0 nexthop via 10.99.0.2 dev eth1',
    '239.0.0.0/8 via 10.99.0.3 dev eth1',
    'prohibit 192.0.2.0/24',
    'fd00:88::/64 dev eth0',
    'default via fd00:88::0:1 dev eth0',
  ],
});

function found(device: string, gateway: string | null, source: string | null, type = 'unicast'): KernelRoute {
  return { kind: 'route', type, device, gateway, source, text: '' };
}

function failed(errno: string): KernelRoute {
  return { kind: 'error', errno, text: '' };
}

function compare(destination: string, kernel: KernelRoute, where = router): string[] {
  const family = destination.includes(':') ? 6 : 4;
  const source = family === 4 ? '0.0.0.0' : '::';
  return routeDisagreements(where, { protocol: 'tcp', family, source, destination, destinationPort: 80 }, kernel);
}

it.each<[string, string, KernelRoute, string[]]>([
  ['the same', '8.8.8.8', found('eth0', '10.88.0.1', '10.88.0.10'), []],
  ['the same without a source', '8.8.8.8', found('eth0', '10.88.0.1', null), []],
  ['the same, of IPv6, written otherwise', '2001:db8::1', found('eth0', 'fd00:88::1', 'fd00:88:0::10'), []],
  ['the same error', '192.0.2.1', failed('EACCES'), []],
  ['one of several next hops', '203.0.113.1', found('eth1', '10.99.0.2', '10.99.0.10'), []],
  ['its own address', '10.99.0.10', found('lo', null, '10.99.0.10', 'local'), []],
  ['a group, by the default route', '224.0.0.5', found('eth0', null, '10.88.0.10', 'multicast'), []],
  ['a group, by a route of its own', '239.0.0.5', found('eth1', '10.99.0.3', '10.99.0.10', 'multicast'), []],
  ['everybody', '255.255.255.255', found('eth0', null, '10.88.0.10', 'broadcast'), []],
  [
    'another device',
    '10.88.0.7',
    found('eth1', null, '10.88.0.10'),
    ['the kernel sends it by eth1, the model by eth0'],
  ],
  [
    'another gateway',
    '8.8.8.8',
    found('eth0', '10.88.0.254', '10.88.0.10'),
    ['the kernel sends it by eth0 to 10.88.0.254, the model by eth0 to 10.88.0.1'],
  ],
  [
    'none of the next hops',
    '203.0.113.1',
    found('eth0', '10.88.0.1', null),
    ['the kernel sends it by eth0 to 10.88.0.1, the model by eth0 to 10.88.0.2 or by eth1 to 10.99.0.2'],
  ],
  [
    'another source',
    '8.8.8.8',
    found('eth0', '10.88.0.1', '10.99.0.10'),
    ['the kernel sends it from 10.99.0.10, the model from 10.88.0.10'],
  ],
  [
    'another kind of route',
    '10.88.0.7',
    found('lo', null, '10.88.0.7', 'local'),
    ["the kernel's look-up finds a local route, the model's finds a unicast route"],
  ],
  [
    'an error for a route',
    '10.88.0.7',
    failed('ENETUNREACH'),
    ["the kernel's look-up fails with ENETUNREACH, the model's finds a unicast route"],
  ],
  [
    'another error',
    '192.0.2.1',
    failed('EHOSTUNREACH'),
    ["the kernel's look-up fails with EHOSTUNREACH, the model's fails with EACCES"],
  ],
  [
    'a route for an error',
    '192.0.2.1',
    found('eth0', null, null),
    ["the kernel's look-up finds a unicast route, the model's fails with EACCES"],
  ],
])('%s', (_name, destination, kernel, disagreements) => {
  expect(compare(destination, kernel)).toEqual(disagreements);
});

it('says nothing where the model does not know', () => {
  const strange = { ...router, rules: [rule('5: from all strange lookup 254'), ...router.rules] };
  expect(compare('10.88.0.7', failed('EACCES'), { ...strange, rules: [] })).toEqual([]);
});

it('IPv6 without any source', () => {
  const bare = namespace('bare', {
    links: [loopback(), link('eth0', { addresses: [] })],
    routes: ['default via fd00:88::1 dev eth0'],
  });
  const noLoopback = { ...bare, links: bare.links.filter(({ kind }) => kind !== 'loopback') };
  expect(compare('2001:db8::1', failed('EADDRNOTAVAIL'), noLoopback)).toEqual([]);
});
