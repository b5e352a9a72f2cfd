/** Labs of routing. */
import type { LabSpec } from '../spec.ts';
import type { CauseLab } from './cause-lab.ts';
import { containerHost, curl, webServer } from './topology.ts';

const masquerade =
  'table ip masq { chain post { type nat hook postrouting priority 100; oifname "up0" masquerade; }; }';
const ip = (host: string, ...argv: readonly string[]) => ({ host, argv: ['ip', ...argv] });

/** Two networks, and a router between that is nobody's way into the world. */
function routed(
  router: Partial<LabSpec['hosts'][string]> = {},
  back: readonly string[] = ['10.88.0.0/24 via 10.99.0.1'],
): LabSpec {
  return {
    hosts: {
      router: {
        addresses: { in0: ['10.88.0.1/24'], out0: ['10.99.0.1/24'] },
        sysctls: { 'net.ipv4.ip_forward': '1' },
        ...router,
      },
      box: { addresses: { eth0: ['10.88.0.10/24'] }, routes: ['default via 10.88.0.1'] },
      far: { addresses: { eth0: ['10.99.0.10/24'] }, routes: back, services: { web: webServer('0.0.0.0', 80) } },
    },
    veths: [
      ['router:in0', 'box:eth0'],
      ['router:out0', 'far:eth0'],
    ],
  };
}

const ask = curl('box', '10.99.0.10/');

/** See the file's head. */
export const routingLabs: readonly CauseLab[] = [
  {
    name: 'no-route: no default route',
    spec: containerHost({ box: { routes: [] } }),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'unreachable', cause: 'no-route', host: 'box', stage: 'route' },
  },
  {
    name: 'no-route: IPv6',
    spec: containerHost({ box: { routes: [] } }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'unreachable', cause: 'no-route', host: 'box', stage: 'route' },
  },
  {
    name: 'route-unreachable',
    spec: containerHost({ box: { routes: ['unreachable 203.0.113.0/24'] } }),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'unreachable', cause: 'route-unreachable', host: 'box', stage: 'route' },
  },
  {
    name: 'route-prohibit',
    spec: containerHost({ box: { routes: ['prohibit 203.0.113.0/24'] } }),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'unreachable', cause: 'route-prohibit', host: 'box', stage: 'route' },
  },
  {
    name: 'route-blackhole',
    spec: containerHost({ box: { routes: ['blackhole 203.0.113.0/24'] } }),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'unreachable', cause: 'route-blackhole', host: 'box', stage: 'route' },
  },
  {
    name: 'no-return-route: the far end knows its own network alone',
    spec: routed({}, []),
    command: ask,
    expected: { outcome: 'timeout', cause: 'no-return-route', host: 'far', stage: 'route' },
  },
  {
    name: 'no-return-route: the web tier of three has no way back',
    spec: containerHost({ web: { routes: [] }, outside: { routes: ['10.88.0.0/16 via 203.0.113.2'] } }),
    command: curl('outside', '10.88.0.20/'),
    expected: { outcome: 'timeout', cause: 'no-return-route', host: 'web', stage: 'route' },
  },
  {
    name: 'ip-forward-off: between two networks',
    spec: routed({ sysctls: { 'net.ipv4.ip_forward': '0' } }),
    command: ask,
    expected: { outcome: 'timeout', cause: 'ip-forward-off', host: 'router', stage: 'forward' },
    mends: true,
  },
  {
    name: 'ip-forward-off: a container and the world',
    spec: containerHost({ host: { sysctls: { 'net.ipv4.ip_forward': '0' }, nft: masquerade } }),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'ip-forward-off', host: 'host', stage: 'forward' },
    mends: true,
  },
  {
    name: 'ip-forward-off: IPv6',
    spec: containerHost({
      host: { sysctls: { 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '0' } },
      outside: { routes: ['fd00:88::/64 via 2001:db8:113::2'], services: { web: webServer('::', 80) } },
    }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'timeout', cause: 'ip-forward-off', host: 'host', stage: 'forward' },
    mends: true,
  },
  {
    name: 'reverse-path-filter: the way back is by another device',
    spec: routed(),
    before: [
      { host: 'box', argv: ['ping', '-c', '1', '-W', '1', '10.88.0.1'] },
      { host: 'router', argv: ['sysctl', '-qw', 'net.ipv4.conf.in0.rp_filter=1'] },
      ip('router', 'route', 'add', '10.88.0.10/32', 'dev', 'out0'),
    ],
    command: ask,
    expected: { outcome: 'timeout', cause: 'reverse-path-filter', host: 'router', stage: 'route' },
  },
  {
    name: 'reverse-path-filter: no way back at all, loose',
    spec: routed(),
    before: [
      { host: 'box', argv: ['ping', '-c', '1', '-W', '1', '10.88.0.1'] },
      ip('box', 'addr', 'add', '192.0.2.7/32', 'dev', 'lo'),
      ip('box', 'route', 'replace', 'default', 'via', '10.88.0.1', 'src', '192.0.2.7'),
      { host: 'router', argv: ['sysctl', '-qw', 'net.ipv4.conf.in0.rp_filter=2'] },
    ],
    command: ask,
    expected: { outcome: 'timeout', cause: 'reverse-path-filter', host: 'router', stage: 'route' },
  },
  {
    name: 'routing-loop: two routers, each of which takes the other for the way',
    spec: {
      hosts: {
        one: {
          addresses: { in0: ['10.88.0.1/24'], mid: ['10.77.0.1/24'] },
          routes: ['default via 10.77.0.2'],
          sysctls: { 'net.ipv4.ip_forward': '1' },
        },
        two: {
          addresses: { mid: ['10.77.0.2/24'] },
          routes: ['default via 10.77.0.1'],
          sysctls: { 'net.ipv4.ip_forward': '1' },
        },
        box: { addresses: { eth0: ['10.88.0.10/24'] }, routes: ['default via 10.88.0.1'] },
      },
      veths: [
        ['one:in0', 'box:eth0'],
        ['one:mid', 'two:mid'],
      ],
    },
    command: curl('box', '198.51.100.7/'),
    expected: { outcome: 'unreachable', cause: 'routing-loop', stage: 'forward' },
  },
  {
    name: 'route-wrong-device: two ends with one network, the answer leaves by the other',
    spec: {
      hosts: {
        host: {
          addresses: { va: ['10.88.0.1/24'], vb: ['10.88.0.2/24'] },
          services: { web: webServer('0.0.0.0', 80) },
        },
        first: { addresses: { eth0: ['10.88.0.10/24'] } },
        second: { addresses: { eth0: ['10.88.0.20/24'] } },
      },
      veths: [
        ['host:va', 'first:eth0'],
        ['host:vb', 'second:eth0'],
      ],
    },
    command: curl('second', '10.88.0.2/'),
    expected: { outcome: 'timeout', cause: 'route-wrong-device', host: 'host', stage: 'route' },
    mends: true,
  },
  {
    name: 'route-wrong-device: the host asks the second of two',
    spec: {
      hosts: {
        host: { addresses: { va: ['10.88.0.1/24'], vb: ['10.88.0.2/24'] } },
        first: { addresses: { eth0: ['10.88.0.10/24'] } },
        second: { addresses: { eth0: ['10.88.0.20/24'] }, services: { web: webServer('0.0.0.0', 80) } },
      },
      veths: [
        ['host:va', 'first:eth0'],
        ['host:vb', 'second:eth0'],
      ],
    },
    command: curl('host', '10.88.0.20/', 5),
    expected: { outcome: 'unreachable', cause: 'route-wrong-device', host: 'host', stage: 'route' },
    mends: true,
  },
];
