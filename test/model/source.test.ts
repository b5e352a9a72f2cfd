import { expect, test } from 'vitest';
import { chooseOrigins } from '../../src/model/output.ts';
import { selectAddress4, selectAddress6 } from '../../src/model/source.ts';
import { link, loopback, namespace } from './hosts.ts';

const global = 0;
const onLink = 253;

test.each<[string, readonly string[], string | null, number, string | null]>([
  ['the first', ['10.0.0.1/24', '10.0.1.1/24'], null, global, '10.0.0.1'],
  ['the one beside the gateway', ['10.0.0.1/24', '10.0.1.1/24'], '10.0.1.9', global, '10.0.1.1'],
  ['no secondary one', ['10.0.0.5/24 secondary', '10.0.0.1/24'], '10.0.0.9', global, '10.0.0.1'],
  ['not one of the link alone', ['10.0.0.1/24 link', '10.0.1.1/24'], '10.0.0.9', global, '10.0.1.1'],
  ['one of the link, for a route on the link', ['10.0.0.1/24 link'], '10.0.0.9', onLink, '10.0.0.1'],
  ["another device's, where it has none", [], null, global, '192.0.2.7'],
])('IPv4: %s', (_name, addresses, beside, scope, expected) => {
  const links = [loopback(), link('eth0', { addresses }), link('eth1', { addresses: ['192.0.2.7/24'] })];
  expect(selectAddress4(namespace('box', { links }), 'eth0', beside, scope)).toBe(expected);
});

test('IPv4: none at all', () => {
  expect(selectAddress4(namespace('box', { links: [loopback(), link('eth0')] }), 'eth0', null, global)).toBeNull();
});

test("IPv4: the one beside a gateway that is the host's own address", () => {
  const links = [loopback(), link('eth0', { addresses: ['10.0.0.1/24', '10.0.1.1/24'] })];
  const box = namespace('box', { links, routes: ['10.9.0.0/24 via 10.0.1.1 dev eth0'] });
  const asked = { protocol: 'udp', family: 4, source: '0.0.0.0', destination: '10.9.0.9', destinationPort: 9 } as const;
  expect(chooseOrigins(box, asked)[0].source).toBe('10.0.1.1');
});

// A rule for the source fits the second look-up alone. Ping's socket has none (seen with Linux 6.18: the route of the first).
test.each([
  ['tcp', '10.0.0.1'],
  ['udp', '10.0.0.1'],
  ['icmp', '0.0.0.0'],
] as const)('IPv4: the source that the route of %s is looked up with', (protocol, expected) => {
  const links = [loopback(), link('eth0', { addresses: ['10.0.0.1/24'] })];
  const box = namespace('box', { links, routes: ['10.9.0.0/24 via 10.0.0.9 dev eth0'] });
  const asked = { protocol, family: 4, source: '0.0.0.0', destination: '10.9.0.9', destinationPort: 9 } as const;
  expect(chooseOrigins(box, asked)[0]).toMatchObject({ source: '10.0.0.1', routedAs: expected });
});

// RFC 6724, section 5, rule by rule, and what of section 10.1 needs no more than these.
test.each<[string, readonly string[], readonly string[], string, string | null]>([
  ['1: the destination itself', ['fd00:1::1', 'fd00:1::2'], [], 'fd00:1::2', 'fd00:1::2'],
  ['2: a scope that is wide enough', ['fe80::1 link', 'fd00:1::1'], [], 'fd00:9::9', 'fd00:1::1'],
  ['2: for one link, its own', ['fe80::1 link', 'fd00:1::1'], [], 'fe80::9', 'fe80::1'],
  ['3: none that is deprecated', ['fd00:1::1 deprecated', 'fd00:2::1'], [], 'fd00:1::9', 'fd00:2::1'],
  ['5: of the outgoing device', ['fd00:2::1'], ['fd00:9::1'], 'fd00:9::9', 'fd00:2::1'],
  ['6: of the same label', ['2002:c633:6401::1', 'fd00:1::1'], [], '2002:c633:6401::9', '2002:c633:6401::1'],
  ['6: a private one for a private network', ['2001:db8::1', 'fd00:1::1'], [], 'fd00:9::9', 'fd00:1::1'],
  ['8: the longest common prefix', ['2001:db8:1::1', '2001:db8:2::1'], [], '2001:db8:2::9', '2001:db8:2::1'],
  ['none that is being tested', ['fd00:1::1 tentative'], [], 'fd00:1::9', '::1'],
])('IPv6, rule %s', (_name, here, there, destination, expected) => {
  const links = [loopback(), link('eth0', { addresses: here }), link('eth1', { addresses: there })];
  expect(selectAddress6(namespace('box', { links }), 'eth0', destination)).toBe(expected);
});

test('IPv6: a device that is down gives none', () => {
  const links = [loopback({ up: false }), link('eth0', { addresses: ['fd00:1::1'], up: false })];
  expect(selectAddress6(namespace('box', { links }), 'eth0', 'fd00:1::9')).toBeNull();
});

test('IPv6: a public address before a temporary one, unless the device is told otherwise', () => {
  const links = [link('eth0', { addresses: ['fd00:88::dead/64 temporary', 'fd00:88::7/64'] })];
  const chosen = (value: string) =>
    selectAddress6(
      namespace('box', { links, sysctls: { 'net.ipv6.conf.eth0.use_tempaddr': value } }),
      'eth0',
      'fd00:1::1',
    );
  expect(['0', '1', '2'].map(chosen)).toEqual(['fd00:88::7', 'fd00:88::7', 'fd00:88::dead']);
});
