/** Labs of address translation. */
import type { CauseLab } from './cause-lab.ts';
import { askUdp, containerHost, curl, lastingDatagrams, udpEcho, webServer } from './topology.ts';

const publish = '-A PREROUTING -d 203.0.113.2/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80';
const nat = (...rules: readonly string[]): string => ['*nat', ...rules, 'COMMIT', ''].join('\n');

/** With br_netfilter, answers that cross the bridge are translated back, too. */
const unfilteredBridge = [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0'] }];

const legacy = (...argv: readonly string[]) => ({ host: 'host', argv: ['iptables-legacy', ...argv] });

/** A datagram to the published port, from the port that the command asks from later. */
const sendOnce = `python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4000))
s.sendto(b"hello", ("203.0.113.2", 5353))'`;

/** See the file's head. */
export const natLabs: readonly CauseLab[] = [
  {
    name: 'no-listener: a service mesh whose sidecar is not there',
    spec: containerHost({
      box: {
        iptables: nat(
          '-A OUTPUT -m owner --uid-owner 1337 -j RETURN',
          '-A OUTPUT -m owner --gid-owner 1337 -j RETURN',
          '-A OUTPUT -d 127.0.0.1/32 -j RETURN',
          '-A OUTPUT -p tcp -j REDIRECT --to-ports 15001',
        ),
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'refused', cause: 'no-listener', host: 'box', stage: 'socket' },
  },
  {
    name: 'no-listener: a Service one of whose endpoints does not listen, taken by chance',
    spec: containerHost({
      host: {
        iptables: nat(
          // By the model it may be either; by the kernel's counter it is the second one.
          '-A PREROUTING -d 10.96.0.50/32 -p tcp -m statistic --mode nth --every 1000 --packet 999 -j DNAT --to-destination 10.88.0.20:80',
          '-A PREROUTING -d 10.96.0.50/32 -p tcp -j DNAT --to-destination 203.0.113.1:8080',
          '-A POSTROUTING -s 10.88.0.0/16 -o up0 -j MASQUERADE',
        ),
      },
    }),
    command: curl('box', '10.96.0.50/'),
    expected: { outcome: 'refused', cause: 'no-listener', host: 'outside', stage: 'socket' },
  },
  {
    name: 'missing-masquerade: a container asks the world',
    spec: containerHost(),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'missing-masquerade', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'missing-masquerade: the rule names another network',
    spec: containerHost({ host: { iptables: nat('-A POSTROUTING -s 10.99.0.0/16 -o up0 -j MASQUERADE') } }),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'missing-masquerade', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'dnat-not-applied-to-local: the host asks for the port that it publishes',
    spec: containerHost({ host: { iptables: nat(publish) } }),
    command: curl('host', '203.0.113.2:8080/'),
    expected: { outcome: 'refused', cause: 'dnat-not-applied-to-local', host: 'host', stage: 'output' },
    mends: true,
  },
  {
    name: 'dnat-not-applied-to-local: localhost, by nftables',
    spec: containerHost({
      host: {
        nft: 'table ip publish { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to 10.88.0.20:80; }; }',
      },
    }),
    command: curl('host', '127.0.0.1:8080/'),
    expected: { outcome: 'refused', cause: 'dnat-not-applied-to-local', host: 'host', stage: 'output' },
    mends: true,
  },
  {
    name: 'dnat-missing: a port that outsiders ask for, by iptables',
    spec: containerHost({ host: { iptables: nat('-A POSTROUTING -s 10.88.0.0/16 -o up0 -j MASQUERADE') } }),
    command: curl('outside', '203.0.113.2/'),
    expected: { outcome: 'refused', cause: 'dnat-missing', host: 'host', stage: 'prerouting' },
    mends: true,
  },
  {
    name: 'dnat-missing: the host asks localhost for the port of its container',
    spec: containerHost(),
    command: curl('host', '127.0.0.1/'),
    expected: { outcome: 'refused', cause: 'dnat-missing', host: 'host', stage: 'output' },
    mends: true,
  },
  {
    name: 'dnat-missing: IPv6, the rule is for another port',
    spec: containerHost({
      web: { services: { web: webServer('::', 80) } },
      host: {
        nft: 'table ip6 publish { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to [fd00:88::20]:80; }; }',
      },
    }),
    command: curl('outside', '[2001:db8:113::2]/'),
    expected: { outcome: 'refused', cause: 'dnat-missing', host: 'host', stage: 'prerouting' },
    mends: true,
  },
  {
    name: 'hairpin-nat-missing: a container asks its neighbour by the published port',
    spec: containerHost({ host: { iptables: nat(publish) } }),
    before: unfilteredBridge,
    command: curl('box', '203.0.113.2:8080/'),
    expected: { outcome: 'timeout', cause: 'hairpin-nat-missing', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'hairpin-nat-missing: by nftables',
    spec: containerHost({
      host: {
        nft: 'table inet publish { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat ip to 10.88.0.20:80; }; }',
      },
    }),
    before: unfilteredBridge,
    command: curl('box', '203.0.113.2:8080/'),
    expected: { outcome: 'timeout', cause: 'hairpin-nat-missing', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'localnet-not-routable: a port of loopback is published',
    spec: containerHost({
      host: {
        iptables: nat('-A PREROUTING -i br0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 127.0.0.1:80'),
        services: { web: webServer('127.0.0.1', 80) },
      },
    }),
    command: curl('box', '10.88.0.1:8080/'),
    expected: { outcome: 'timeout', cause: 'localnet-not-routable', host: 'host', stage: 'route' },
    mends: true,
  },
  {
    name: 'localnet-not-routable: the host asks localhost for a container',
    spec: containerHost({
      host: {
        iptables: nat('-A OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80'),
      },
    }),
    command: curl('host', '127.0.0.1:8080/'),
    expected: { outcome: 'timeout', cause: 'localnet-not-routable', host: 'host', stage: 'output' },
    mends: true,
  },
  {
    name: 'missing-masquerade: IPv6, a unique local address',
    spec: containerHost({ outside: { services: { web: webServer('::', 80) } } }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'timeout', cause: 'missing-masquerade', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'missing-masquerade: legacy iptables, for another network',
    spec: containerHost(),
    before: [legacy('-t', 'nat', '-A', 'POSTROUTING', '-s', '10.99.0.0/16', '-o', 'up0', '-j', 'MASQUERADE')],
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'missing-masquerade', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'dnat-not-applied-to-local: localhost:8080, legacy iptables',
    spec: containerHost(),
    before: [
      legacy(
        '-t',
        'nat',
        '-A',
        'PREROUTING',
        '-p',
        'tcp',
        '--dport',
        '8080',
        '-j',
        'DNAT',
        '--to-destination',
        '10.88.0.20:80',
      ),
    ],
    command: curl('host', 'localhost:8080/'),
    expected: { outcome: 'refused', cause: 'dnat-not-applied-to-local', host: 'host', stage: 'output' },
  },
  {
    name: 'dnat-not-applied-to-local: IPv6',
    spec: containerHost({
      web: { services: { web: webServer('::', 80) } },
      host: {
        nft: 'table ip6 publish { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to [fd00:88::20]:80; }; }',
      },
    }),
    command: curl('host', '[2001:db8:113::2]:8080/'),
    expected: { outcome: 'refused', cause: 'dnat-not-applied-to-local', host: 'host', stage: 'output' },
    mends: true,
  },
  {
    name: 'hairpin-nat-missing: legacy iptables',
    spec: containerHost(),
    before: [
      ...unfilteredBridge,
      legacy(
        '-t',
        'nat',
        '-A',
        'PREROUTING',
        '-d',
        '203.0.113.2',
        '-p',
        'tcp',
        '--dport',
        '8080',
        '-j',
        'DNAT',
        '--to-destination',
        '10.88.0.20:80',
      ),
    ],
    command: curl('box', '203.0.113.2:8080/'),
    expected: { outcome: 'timeout', cause: 'hairpin-nat-missing', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'hairpin-nat-missing: IPv6',
    spec: containerHost({
      web: { services: { web: webServer('::', 80) } },
      host: {
        nft: 'table ip6 publish { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to [fd00:88::20]:80; }; }',
      },
    }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-ip6tables=0'] }],
    command: curl('box', '[2001:db8:113::2]:8080/'),
    expected: { outcome: 'timeout', cause: 'hairpin-nat-missing', host: 'host', stage: 'postrouting' },
    mends: true,
  },
  {
    name: 'source-is-local: a container asks for its own published port',
    spec: containerHost({ host: { iptables: nat(publish) } }),
    before: unfilteredBridge,
    command: curl('web', '203.0.113.2:8080/'),
    expected: { outcome: 'timeout', cause: 'source-is-local', host: 'web', stage: 'route' },
  },
  {
    name: 'stale-nat-entry: a service has moved, and who asks from one port is still sent to the old place',
    spec: containerHost({
      web: { services: { echo: udpEcho('10.88.0.20', 5353) } },
      host: { iptables: nat('-A PREROUTING -d 203.0.113.2/32 -p udp -j DNAT --to-destination 10.88.0.30:5353') },
    }),
    before: [
      lastingDatagrams,
      { host: 'outside', argv: ['sh', '-c', sendOnce] },
      {
        host: 'host',
        argv: 'iptables -t nat -R PREROUTING 1 -d 203.0.113.2/32 -p udp -j DNAT --to-destination 10.88.0.20:5353'.split(
          ' ',
        ),
      },
    ],
    command: askUdp('outside', '203.0.113.2', 4000),
    expected: { outcome: 'timeout', cause: 'stale-nat-entry', host: 'host', stage: 'prerouting' },
    mends: true,
  },
];
