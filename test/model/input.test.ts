import { describe, expect, test } from 'vitest';
import type { NamespaceState } from '../../src/host/state.ts';
import { icmpName } from '../../src/inet/icmp.ts';
import { decideInput } from '../../src/model/input.ts';
import type { RouteQuery } from '../../src/model/rule.ts';
import { link, loopback, namespace, rule } from './hosts.ts';

type Told = NonNullable<Parameters<typeof namespace>[1]>;

const links = [
  loopback(),
  link('eth0', { addresses: ['10.88.0.1', 'fd00:88::1'] }),
  link('eth1', { addresses: ['192.0.2.7/24', 'fd00:2::7'] }),
];
const routes = [
  '10.88.0.0/16 dev eth0',
  '192.0.2.0/24 dev eth1',
  'default via 192.0.2.1 dev eth1',
  'broadcast 10.88.255.255 dev eth0',
  'default via fd00:2::1 dev eth1',
];
const forwarding = {
  'net.ipv4.conf.eth0.forwarding': '1',
  'net.ipv4.conf.eth1.forwarding': '1',
  'net.ipv6.conf.all.forwarding': '1',
};

function router({ sysctls = {}, ...more }: Told = {}): NamespaceState {
  return namespace('router', { links, routes, ...more, sysctls: { ...forwarding, ...sysctls } });
}

/** A packet that came in: what the host decides, in a word, and why. */
function decided(
  host: NamespaceState,
  from: string,
  to: string,
  device = 'eth0',
  more: Partial<RouteQuery> = {},
): string {
  const decision = decideInput(host, device, {
    family: to.includes(':') ? 6 : 4,
    source: from,
    destination: to,
    inputDevice: device,
    outputDevice: null,
    mark: 0,
    tos: 0,
    protocol: 'tcp',
    sourcePort: 4000,
    destinationPort: 80,
    user: null,
    ...more,
  });
  if (decision.kind === 'forward') return decision.off === null ? 'forward' : `off: ${decision.off.quotes[0]?.text}`;
  if (decision.kind === 'local') return decision.broadcast ? 'broadcast' : 'local';
  if (decision.kind !== 'refused') return `${decision.kind}: ${decision.reason}`;
  const { icmp } = decision;
  return `refused: ${icmp === null ? 'silently' : icmpName(icmp, to.includes(':') ? 6 : 4)}`;
}

const neighbour = '10.88.0.10';

test.each<[string, string, string, string]>([
  ['its own address', neighbour, '10.88.0.1', 'local'],
  ['an address of another device (the weak host model)', neighbour, '192.0.2.7', 'local'],
  ['a broadcast', neighbour, '10.88.255.255', 'broadcast'],
  ['everybody on the link, whatever the routes', neighbour, '255.255.255.255', 'broadcast'],
  ['a host without an address that asks everybody', '0.0.0.0', '255.255.255.255', 'broadcast'],
  ['elsewhere', neighbour, '203.0.113.5', 'forward'],
  [
    'a source that is a multicast group',
    '224.0.0.5',
    '10.88.0.1',
    'dropped: 224.0.0.5 is no address that a host sends from',
  ],
  ['a source that is none', '0.0.0.0', '10.88.0.1', 'dropped: 0.0.0.0 is no address that a host sends from'],
  ['a destination that is none', neighbour, '0.0.0.0', 'dropped: 0.0.0.0 is no destination'],
  ['one beside it, which Linux took for none up to 5.2', neighbour, '0.1.2.3', 'forward'],
  [
    'the loopback network as destination',
    neighbour,
    '127.0.0.1',
    'dropped: 127.0.0.1 came in by eth0, and 127.0.0.0/8 is taken from the loopback device alone (route_localnet is 0)',
  ],
  [
    'its own address as source',
    '192.0.2.7',
    '10.88.0.1',
    'dropped: its source 192.0.2.7 is an address of this host itself (accept_local is 0)',
  ],
  ['IPv6, its own address', 'fd00:88::10', 'fd00:2::7', 'local'],
  ['IPv6, elsewhere', 'fd00:88::10', 'fd00:9::1', 'forward'],
  ['IPv6, a source of one link alone', 'fe80::10', 'fd00:9::1', 'refused: type 1, code 2'],
  [
    'IPv6, the loopback address',
    'fd00:88::10',
    '::1',
    'dropped: ::1 came in by eth0, and ::1 is taken from the loopback device alone',
  ],
])('%s', (_name, from, to, expected) => {
  expect(decided(router(), from, to)).toBe(expected);
});

test('IPv6: a source of one link alone may stay on its link, and is not answered where nothing is forwarded', () => {
  expect(decided(router(), 'fe80::10', 'fd00:9::1', 'eth1')).toBe('forward');
  const off = { 'net.ipv6.conf.all.forwarding': '0' };
  expect(decided(router({ sysctls: off }), 'fe80::10', 'fd00:9::1')).toBe('off: net.ipv6.conf.all.forwarding = 0');
});

test('broadcasts of its networks are sent on only where the device and all devices are told so', () => {
  const told = (...devices: readonly string[]) =>
    decided(
      router({ sysctls: Object.fromEntries(devices.map((of) => [`net.ipv4.conf.${of}.bc_forwarding`, '1'])) }),
      '192.0.2.9',
      '10.88.255.255',
      'eth1',
    );
  expect([told('all'), told('eth1'), told('all', 'eth1')]).toEqual([
    'broadcast',
    'broadcast',
    'unknown: 10.88.255.255 is a broadcast address, and eth1 sends such packets on (bc_forwarding), which the model does not follow',
  ]);
});

test('a source that is local by a route alone is a source of its own', () => {
  const more = { routes: [...routes, 'local 10.5.0.0/16 dev lo'] };
  expect(decided(router(more), '10.5.0.9', '10.88.0.1')).toBe(
    'dropped: its source 10.5.0.9 is an address of this host itself (accept_local is 0)',
  );
});

test('IPv6 takes nothing in by a device where it is switched off', () => {
  const sysctls = { 'net.ipv6.conf.eth0.disable_ipv6': '1' };
  expect(decided(router({ sysctls }), 'fd00:88::10', 'fd00:88::1')).toBe(
    'dropped: IPv6 is switched off on eth0 (disable_ipv6 is 1)',
  );
});

describe('settings of a device and of all', () => {
  test.each<[string, string, string, string, string]>([
    ['route_localnet', neighbour, '127.0.0.1', '1', 'local'],
    ['accept_local', '192.0.2.7', '10.88.0.1', '1', 'local'],
    [
      'rp_filter',
      '203.0.113.5',
      '10.88.0.1',
      '1',
      'dropped: the way back to 203.0.113.5 is not by eth0, and eth0 filters by the reverse path (rp_filter 1)',
    ],
    ['rp_filter', '203.0.113.5', '10.88.0.1', '2', 'local'],
    ['rp_filter', neighbour, '10.88.0.1', '1', 'local'],
  ])('%s, %s to %s: %s', (name, from, to, value, expected) => {
    for (const device of ['all', 'eth0']) {
      expect(decided(router({ sysctls: { [`net.ipv4.conf.${device}.${name}`]: value } }), from, to)).toBe(expected);
    }
  });

  test('the larger one counts: loose for one device beats strict for all', () => {
    const sysctls = { 'net.ipv4.conf.all.rp_filter': '1', 'net.ipv4.conf.eth0.rp_filter': '2' };
    expect(decided(router({ sysctls }), '203.0.113.5', '10.88.0.1')).toBe('local');
  });

  test('loose wants some way back, and an address on the device to compare with', () => {
    const sysctls = { 'net.ipv4.conf.eth0.rp_filter': '2' };
    const without = routes.filter((text) => !text.startsWith('default'));
    expect(decided(router({ sysctls, routes: without }), '203.0.113.5', '10.88.0.1')).toBe(
      'dropped: there is no way back to 203.0.113.5, and eth0 filters by the reverse path (rp_filter 2)',
    );
    const bare = [loopback(), link('eth0', {}), link('eth1', { addresses: ['192.0.2.7/24'] })];
    expect(decided(router({ sysctls, links: bare }), '203.0.113.5', '192.0.2.7')).toContain('rp_filter 2');
  });

  test('the way back of what is for everyone is looked up from no address in particular', () => {
    const rules = ['0: from all lookup 255', '5: from 10.88.0.0/16 blackhole', '32766: from all lookup 254'].map(
      (text) => rule(text),
    );
    const host = router({ sysctls: { 'net.ipv4.conf.eth0.rp_filter': '1' }, rules });
    expect(decided(host, neighbour, '10.88.255.255')).toBe('broadcast');
    expect(decided(host, neighbour, '10.88.0.1')).toContain('dropped: there is no way back');
  });

  test('the way back is looked up with the mark only where src_valid_mark says so', () => {
    const rules = ['0: from all lookup 255', '5: from all fwmark 0x1 lookup 100', '32766: from all lookup 254'].map(
      (text) => rule(text),
    );
    const marked = (value: string): string => {
      const sysctls = { 'net.ipv4.conf.eth0.rp_filter': '1', 'net.ipv4.conf.eth0.src_valid_mark': value };
      const host = router({ sysctls, rules, routes: [...routes, 'default dev eth0 table 100'] });
      return decided(host, '203.0.113.5', '10.88.0.1', 'eth0', { mark: 1 });
    };
    expect(marked('1')).toBe('local');
    expect(marked('0')).toContain('dropped: the way back');
  });
});

describe('a host that does not forward', () => {
  const sysctls = { 'net.ipv4.conf.eth0.forwarding': '0', 'net.ipv6.conf.all.forwarding': '0' };

  test('names the switch: of the device in IPv4, of all in IPv6', () => {
    expect(decided(router({ sysctls }), neighbour, '203.0.113.5')).toBe('off: net.ipv4.conf.eth0.forwarding = 0');
    expect(decided(router({ sysctls }), 'fd00:88::10', 'fd00:9::1')).toBe('off: net.ipv6.conf.all.forwarding = 0');
    const forced = { ...sysctls, 'net.ipv6.conf.eth0.force_forwarding': '1' };
    expect(decided(router({ sysctls: forced }), 'fd00:88::10', 'fd00:9::1')).toBe('forward');
  });

  // `ip_error` answers only where the device forwards; IPv6 answers either way.
  test.each<[string, readonly string[], string, string, string]>([
    ['no route', [], '203.0.113.5', 'refused: network unreachable', 'refused: silently'],
    ['unreachable', ['unreachable 203.0.113.0/24'], '203.0.113.5', 'refused: host unreachable', 'refused: silently'],
    [
      'prohibit',
      ['prohibit 203.0.113.0/24'],
      '203.0.113.5',
      'refused: administratively prohibited',
      'refused: silently',
    ],
    ['blackhole', ['blackhole 203.0.113.0/24'], '203.0.113.5', 'refused: silently', 'refused: silently'],
    ['IPv6: no route', [], 'fd00:9::1', 'refused: no route', 'refused: no route'],
    ['IPv6: unreachable', ['unreachable fd00:9::/64'], 'fd00:9::1', 'refused: no route', 'refused: no route'],
    [
      'IPv6: prohibit',
      ['prohibit fd00:9::/64'],
      'fd00:9::1',
      'refused: administratively prohibited',
      'refused: administratively prohibited',
    ],
  ])('says nothing of a route that does not serve: %s', (_name, own, to, told, silent) => {
    const from = to.includes(':') ? 'fd00:88::10' : neighbour;
    expect(decided(router({ routes: own }), from, to)).toBe(told);
    expect(decided(router({ routes: own, sysctls }), from, to)).toBe(silent);
  });
});
