/** Labs of routing. */
import type { HostSpec, LabSpec, ServiceSpec } from '../spec.ts';
import type { CauseLab, HostCommand } from './cause-lab.ts';
import { containerHost, curl, ping, webServer } from './topology.ts';

const masquerade =
  'table ip masq { chain post { type nat hook postrouting priority 100; oifname "up0" masquerade; }; }';
const ip = (host: string, ...argv: readonly string[]) => ({ host, argv: ['ip', ...argv] });

/** Two networks, and a router between that is nobody's way into the world. */
function routed(router: HostSpec = {}, far: HostSpec = {}): LabSpec {
  return {
    hosts: {
      router: {
        addresses: { in0: ['10.88.0.1/24'], out0: ['10.99.0.1/24'] },
        sysctls: { 'net.ipv4.ip_forward': '1' },
        ...router,
      },
      box: { addresses: { eth0: ['10.88.0.10/24'] }, routes: ['default via 10.88.0.1'] },
      far: {
        addresses: { eth0: ['10.99.0.10/24'] },
        routes: ['10.88.0.0/24 via 10.99.0.1'],
        services: { web: webServer('0.0.0.0', 80) },
        ...far,
      },
    },
    veths: [
      ['router:in0', 'box:eth0'],
      ['router:out0', 'far:eth0'],
    ],
  };
}

const ask = curl('box', '10.99.0.10/');

/** Reads all of a request, each in a thread of its own, and answers; with so many bytes. */
function reader(answer: number, family: 4 | 6 = 4): ServiceSpec {
  const code = [
    'import socket, threading',
    'def serve(c):',
    '  f, n = c.makefile("rb"), 0',
    '  for line in f:',
    '    if line.lower().startswith(b"content-length:"): n = int(line.split(b":")[1])',
    '    if line == b"\\r\\n": break',
    '  f.read(n)',
    '  c.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")',
    `  c.sendall(bytes(${answer}))`,
    '  f.close()',
    '  c.close()',
    family === 4
      ? 's = socket.create_server(("0.0.0.0", 80))'
      : 's = socket.create_server(("::", 80), family=socket.AF_INET6)',
    'while True: threading.Thread(target=serve, args=s.accept()[:1]).start()',
  ].join('\n');
  return { argv: () => ['python3', '-c', code], listens: family === 4 ? '0.0.0.0:80' : '[::]:80' };
}

/**
 * Waits until the IPv6 addresses of a host serve. A SYN that waits for that makes TCP believe in a round trip of a second,
 * and what it sends again then comes late.
 */
const settled = (host: string): HostCommand => ({
  host,
  argv: [
    'sh',
    '-c',
    'for i in $(seq 50); do [ -n "$(ip -6 -o addr show tentative)" ] || exit 0; sleep 0.1; done; exit 1',
  ],
});

/** A request of many segments. */
const upload = (host: string, url: string): HostCommand => {
  // What vanishes is sent again after pauses that grow: some of them are to be seen.
  const { argv } = curl(host, url, 5);
  return { host, argv: [...argv, '-d', '@/usr/share/zoneinfo/tzdata.zi'] };
};

/**
 * A container host with a VPN beside its uplink, and somebody beyond the router outside:
 *
 *   box 10.88.0.10 ── br0 :host: up0 203.0.113.2 ── 203.0.113.1 outside ── 198.51.100.9 client
 *                          wg0 10.9.0.2 ── 10.9.0.1 vpn
 */
const besideVpn: LabSpec = {
  hosts: {
    host: {
      bridges: { br0: ['veth0'] },
      sysctls: { 'net.ipv4.ip_forward': '1' },
      addresses: { br0: ['10.88.0.1/16'], up0: ['203.0.113.2/24'], wg0: ['10.9.0.2/24'] },
      routes: ['default via 203.0.113.1'],
      services: { web: webServer('0.0.0.0', 8080) },
    },
    box: {
      addresses: { eth0: ['10.88.0.10/16'] },
      routes: ['default via 10.88.0.1'],
      services: { web: webServer('0.0.0.0', 80) },
    },
    outside: {
      sysctls: { 'net.ipv4.ip_forward': '1' },
      addresses: { eth0: ['203.0.113.1/24'], eth1: ['198.51.100.1/24'] },
      routes: ['10.88.0.0/16 via 203.0.113.2'],
    },
    client: { addresses: { eth0: ['198.51.100.9/24'] }, routes: ['default via 198.51.100.1'] },
    vpn: { addresses: { eth0: ['10.9.0.1/24'] } },
  },
  veths: [
    ['host:veth0', 'box:eth0'],
    ['host:up0', 'outside:eth0'],
    ['outside:eth1', 'client:eth0'],
    ['host:wg0', 'vpn:eth0'],
  ],
};

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
    name: 'no-route: the host has none to pass it on by',
    spec: containerHost({ host: { routes: [] } }),
    command: curl('box', '198.51.100.1/'),
    expected: { outcome: 'unreachable', cause: 'no-route', host: 'host', stage: 'route' },
  },
  {
    name: 'no-route: the same of a ping',
    spec: containerHost({ host: { routes: [] } }),
    command: ping('box', '198.51.100.1'),
    expected: { outcome: 'unreachable', cause: 'no-route', host: 'host', stage: 'route' },
  },
  {
    name: 'route-prohibit: the host passes nothing on to it, IPv6',
    spec: containerHost({ host: { routes: ['prohibit 2001:db8:5::/64'] } }),
    command: curl('box', '[2001:db8:5::1]/'),
    expected: { outcome: 'unreachable', cause: 'route-prohibit', host: 'host', stage: 'route' },
  },
  {
    name: 'route-blackhole: the host swallows it',
    spec: containerHost({ host: { routes: ['blackhole 198.51.100.0/24'] } }),
    command: curl('box', '198.51.100.1/'),
    expected: { outcome: 'timeout', cause: 'route-blackhole', host: 'host', stage: 'route' },
  },
  {
    name: 'neighbour-unresolved: a ping to nobody',
    spec: containerHost(),
    command: ping('box', '10.88.0.99'),
    expected: { outcome: 'timeout', cause: 'neighbour-unresolved', host: 'host', stage: 'neighbour' },
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
    spec: routed({}, { routes: [] }),
    command: ask,
    expected: { outcome: 'timeout', cause: 'no-return-route', host: 'far', stage: 'route' },
  },
  {
    name: 'no-route: a namespace of its own, with nothing in it but loopback',
    spec: { hosts: { none: {} }, veths: [] },
    command: curl('none', '10.88.0.20/'),
    expected: { outcome: 'unreachable', cause: 'no-route', host: 'none', stage: 'route' },
  },
  {
    name: 'route-unreachable: IPv6',
    spec: containerHost({ box: { routes: ['unreachable 2001:db8:113::/64'] } }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'unreachable', cause: 'route-unreachable', host: 'box', stage: 'route' },
  },
  {
    name: 'route-prohibit: IPv6',
    spec: containerHost({ box: { routes: ['prohibit 2001:db8:113::/64'] } }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'unreachable', cause: 'route-prohibit', host: 'box', stage: 'route' },
  },
  {
    name: 'route-blackhole: IPv6',
    spec: containerHost({ box: { routes: ['blackhole 2001:db8:113::/64'] } }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'unreachable', cause: 'route-blackhole', host: 'box', stage: 'route' },
  },
  {
    name: 'no-return-route: IPv6',
    spec: containerHost({
      web: { routes: [], services: { web: webServer('::', 80) } },
      outside: { routes: ['fd00:88::/64 via 2001:db8:113::2'], services: {} },
    }),
    command: curl('outside', '[fd00:88::20]/'),
    expected: { outcome: 'timeout', cause: 'no-return-route', host: 'web', stage: 'route' },
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
    name: 'mtu-black-hole: a narrow way on, and a rule of the router drops what it would tell',
    spec: routed(
      { iptables: '*filter\n-A OUTPUT -p icmp -m icmp --icmp-type fragmentation-needed -j DROP\nCOMMIT\n' },
      { services: { web: reader(3) } },
    ),
    before: [ip('router', 'link', 'set', 'out0', 'mtu', '1300')],
    command: upload('box', '10.99.0.10/'),
    expected: { outcome: 'stalled', cause: 'mtu-black-hole', host: 'router', stage: 'egress' },
    mends: true,
  },
  {
    name: 'mtu-black-hole: a narrow way back, and the server drops all ICMP',
    spec: routed(
      {},
      {
        services: { web: reader(100_000) },
        nft: 'table ip guard { chain in { type filter hook input priority 0; ip protocol icmp drop; }; }',
      },
    ),
    before: [ip('router', 'link', 'set', 'in0', 'mtu', '1300')],
    command: curl('box', '10.99.0.10/', 3),
    expected: { outcome: 'stalled', cause: 'mtu-black-hole', host: 'router', stage: 'egress' },
    mends: true,
  },
  {
    name: 'mtu-black-hole: a port of the bridge takes less than its neighbours',
    spec: containerHost({ web: { services: { web: reader(3) } } }),
    before: [ip('host', 'link', 'set', 'veth1', 'mtu', '1300')],
    command: { host: 'box', argv: [...curl('box', '10.88.0.20/', 3).argv, '-d', 'x'.repeat(1300)] },
    expected: { outcome: 'timeout', cause: 'mtu-black-hole', host: 'host', stage: 'egress' },
    mends: true,
  },
  {
    name: 'mtu-black-hole: IPv6',
    spec: containerHost({
      host: {
        nft: 'table ip6 guard { chain out { type filter hook output priority 0; icmpv6 type packet-too-big drop; }; }',
      },
      outside: { routes: ['fd00:88::/64 via 2001:db8:113::2'], services: { web: reader(3, 6) } },
    }),
    before: [ip('host', 'link', 'set', 'up0', 'mtu', '1300'), settled('host')],
    command: upload('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'stalled', cause: 'mtu-black-hole', host: 'host', stage: 'egress' },
    mends: true,
  },
  {
    name: 'ttl-exceeded: sent with too little',
    spec: routed({}, {}),
    before: [{ host: 'box', argv: ['sysctl', '-qw', 'net.ipv4.ip_default_ttl=1'] }],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'ttl-exceeded', host: 'router', stage: 'forward' },
    mends: true,
  },
  {
    name: 'ttl-exceeded: IPv6',
    spec: containerHost({
      outside: { routes: ['fd00:88::/64 via 2001:db8:113::2'], services: { web: webServer('::', 80) } },
    }),
    before: [{ host: 'box', argv: ['sysctl', '-qw', 'net.ipv6.conf.eth0.hop_limit=1'] }],
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'unreachable', cause: 'ttl-exceeded', host: 'host', stage: 'forward' },
    mends: true,
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
    name: 'route-wrong-device: a rule sends the answers of containers into a VPN',
    spec: besideVpn,
    before: [
      ip('host', 'rule', 'add', 'from', '10.88.0.0/16', 'lookup', '100', 'pref', '100'),
      ip('host', 'route', 'add', 'default', 'via', '10.9.0.1', 'dev', 'wg0', 'table', '100'),
    ],
    command: curl('outside', '10.88.0.10/'),
    expected: { outcome: 'timeout', cause: 'route-wrong-device', host: 'host', stage: 'route' },
    mends: true,
  },
  {
    name: 'route-wrong-device: a VPN takes all answers, also those to who asks from outside',
    spec: besideVpn,
    before: [
      ip('host', 'rule', 'add', 'not', 'fwmark', '0xca6c', 'lookup', '51820', 'pref', '100'),
      ip('host', 'rule', 'add', 'lookup', 'main', 'suppress_prefixlength', '0', 'pref', '90'),
      ip('host', 'route', 'add', 'default', 'dev', 'wg0', 'table', '51820'),
    ],
    command: curl('client', '203.0.113.2:8080/'),
    expected: { outcome: 'timeout', cause: 'route-wrong-device', host: 'host', stage: 'route' },
    mends: true,
  },
  {
    name: 'route-wrong-device: a VPN takes what the host asks its container',
    spec: besideVpn,
    before: [
      ip('host', 'rule', 'add', 'not', 'fwmark', '0xca6c', 'lookup', '51820', 'pref', '100'),
      ip('host', 'route', 'add', 'default', 'dev', 'wg0', 'table', '51820'),
    ],
    command: curl('host', '10.88.0.10/', 4),
    expected: { outcome: 'unreachable', cause: 'route-wrong-device', host: 'host', stage: 'route' },
    mends: true,
  },
  {
    name: 'ip-forward-off: on the device that answers come in by',
    spec: containerHost({ outside: { routes: ['10.88.0.0/16 via 203.0.113.2'] } }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.ipv4.conf.up0.forwarding=0'] }],
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'ip-forward-off', host: 'host', stage: 'forward' },
    mends: true,
  },
  {
    name: 'ip-forward-off: the same of a ping',
    spec: containerHost({ outside: { routes: ['10.88.0.0/16 via 203.0.113.2'] } }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.ipv4.conf.up0.forwarding=0'] }],
    command: ping('box', '203.0.113.1'),
    expected: { outcome: 'timeout', cause: 'ip-forward-off', host: 'host', stage: 'forward' },
    mends: true,
  },
  {
    name: 'neighbour-unresolved: nobody answers outside for a container with an address from there (NDP proxy)',
    spec: {
      hosts: {
        host: {
          bridges: { br0: ['veth0'] },
          sysctls: { 'net.ipv6.conf.all.forwarding': '1' },
          addresses: { br0: ['2001:db8:113:0:1::1/80'], up0: ['2001:db8:113::2/64'] },
        },
        box: {
          addresses: { eth0: ['2001:db8:113:0:1::10/80'] },
          routes: ['default via 2001:db8:113:0:1::1'],
        },
        outside: { addresses: { eth0: ['2001:db8:113::1/64'] }, services: { web: webServer('::', 80) } },
      },
      veths: [
        ['host:veth0', 'box:eth0'],
        ['host:up0', 'outside:eth0'],
      ],
    },
    command: curl('box', '[2001:db8:113::1]/', 4),
    expected: { outcome: 'timeout', cause: 'neighbour-unresolved', host: 'outside', stage: 'neighbour' },
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
