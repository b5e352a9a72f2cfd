import { expect, it } from 'vitest';
import { type RouteGetQuery, routeGetArguments } from '../../src/host/route-get.ts';

const plain: RouteGetQuery = {
  family: 4,
  protocol: 'tcp',
  destination: '10.88.0.1',
  destinationPort: 80,
  source: null,
  device: null,
};

it.each<[string, Partial<RouteGetQuery>, string]>([
  ['a connection', {}, '-j -4 route get 10.88.0.1 ipproto tcp dport 80'],
  ['from a source', { source: '10.88.0.9' }, '-j -4 route get 10.88.0.1 from 10.88.0.9 ipproto tcp dport 80'],
  ['a ping', { protocol: 'icmp', destinationPort: null }, '-j -4 route get 10.88.0.1 ipproto icmp'],
  [
    'a ping of IPv6 by a device',
    { family: 6, protocol: 'icmp', destination: 'fe80::1', destinationPort: null, device: 'eth0' },
    '-j -6 route get fe80::1 oif eth0 ipproto ipv6-icmp',
  ],
])('asks for %s', (_name, changes, words) => {
  expect(routeGetArguments({ ...plain, ...changes }).join(' ')).toBe(words);
});
