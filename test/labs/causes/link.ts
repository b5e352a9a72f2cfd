/** Labs of links, bridges and neighbours. */
import type { HostSpec } from '../spec.ts';
import type { CauseLab } from './cause-lab.ts';
import { containerHost, curl, macvlanHost, webServer } from './topology.ts';

const ip = (host: string, ...argv: readonly string[]) => ({ host, argv: ['ip', ...argv] });
const port = (device: string, ...argv: readonly string[]) => ({
  host: 'host',
  argv: ['bridge', 'link', 'set', 'dev', device, ...argv],
});
const ask = curl('box', '10.88.0.20/', 5);

/** A host asked for a neighbour, and nobody answered. */
const unresolvedAt = (host: string) =>
  ({ outcome: 'unreachable', cause: 'neighbour-unresolved', host, stage: 'neighbour' }) as const;

const twinMac = '02:00:00:00:00:20';
/** A container that has the address of `web` as well, and serves nothing. */
const twin: HostSpec = { addresses: { eth0: ['10.88.0.20/16'] }, routes: [] };

/** A TAP device, a port of the bridge, that a program holds open for a while and does not read. */
const heldTap = {
  host: 'host',
  argv: [
    'sh',
    '-c',
    'ip tuntap add tap0 mode tap && ip link set tap0 master br0 up && { python3 -c "$1" </dev/null >/dev/null 2>&1 & } && for i in $(seq 100); do ip link show tap0 | grep -q LOWER_UP && exit; sleep 0.1; done; exit 1',
    'sh',
    'import fcntl, struct, time\nf = open("/dev/net/tun", "rb+", buffering=0)\nfcntl.ioctl(f, 0x400454ca, struct.pack("16sH", b"tap0", 0x1002))\ntime.sleep(30)',
  ],
};

/** See the file's head. */
export const linkLabs: readonly CauseLab[] = [
  {
    name: 'neighbour-unresolved: nobody has the address',
    spec: containerHost(),
    command: curl('box', '10.88.0.77/', 5),
    expected: unresolvedAt('host'),
  },
  {
    name: 'neighbour-unresolved: IPv6',
    spec: containerHost(),
    command: curl('box', '[fd00:88::77]/', 5),
    expected: unresolvedAt('host'),
  },
  {
    name: 'duplicate-address: the host asks one of two containers, and the other one answers first',
    spec: containerHost({ box: twin }),
    before: [
      ip('box', 'link', 'set', 'eth0', 'address', twinMac),
      // It asks again after seconds, where others do after a minute.
      ...['base_reachable_time_ms=1000', 'delay_first_probe_time=1'].map((setting) => ({
        host: 'host',
        argv: ['sysctl', '-qw', `net.ipv4.neigh.br0.${setting}`],
      })),
      ip('host', 'neigh', 'replace', '10.88.0.20', 'lladdr', twinMac, 'dev', 'br0', 'nud', 'reachable'),
    ],
    command: curl('host', '10.88.0.20/', 20),
    expected: { outcome: 'refused', cause: 'duplicate-address', host: 'host', stage: 'neighbour' },
    mends: true,
  },
  {
    name: "duplicate-address: the answer goes to another one with the client's address",
    spec: {
      hosts: {
        ...containerHost().hosts,
        host: { bridges: { br0: ['veth0', 'veth1', 'veth2'] }, addresses: { br0: ['10.88.0.1/16'] } },
        twin: { addresses: { eth0: ['10.88.0.10/16'] } },
      },
      veths: [...containerHost().veths, ['host:veth2', 'twin:eth0']],
    },
    before: [
      ip('twin', 'link', 'set', 'eth0', 'address', twinMac),
      // They know each other from before; then the twin was heard.
      ...[
        ['box', '10.88.0.20'],
        ['twin', '10.88.0.20'],
      ].map(([host = '', address = '']) => ({
        host,
        argv: ['sh', '-c', `ping -c 1 -W 1 ${address} && sleep 1.1`],
      })),
    ],
    command: curl('box', '10.88.0.20/', 3),
    expected: { outcome: 'timeout', cause: 'duplicate-address', host: 'web', stage: 'neighbour' },
  },
  {
    name: 'neighbour-unresolved: the router asks for who is not there',
    spec: containerHost({ outside: { routes: ['10.88.0.0/16 via 203.0.113.2'] } }),
    command: curl('outside', '10.88.0.77/', 5),
    expected: unresolvedAt('host'),
  },
  {
    name: 'neighbour-unresolved: who has the address is told not to answer (arp_ignore)',
    spec: containerHost(),
    before: [{ host: 'web', argv: ['sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=8'] }],
    command: ask,
    expected: unresolvedAt('web'),
  },
  {
    name: 'neighbour-unresolved: a container with a macvlan asks its host',
    spec: macvlanHost(),
    command: curl('box', '192.0.2.7/', 5),
    expected: unresolvedAt('box'),
  },
  {
    name: 'neighbour-unresolved: a host asks its container with a macvlan',
    spec: macvlanHost(),
    command: curl('host', '192.0.2.3/', 5),
    expected: unresolvedAt('host'),
  },
  {
    name: 'neighbour-unresolved: a TAP device on the bridge, whose program does not answer',
    spec: containerHost(),
    before: [heldTap],
    command: curl('box', '10.88.0.30/', 5),
    expected: unresolvedAt('host'),
    blind: {
      'no kernel': 'who is behind the TAP device no snapshot says, and without the kernel nothing tells of connect()',
    },
  },
  {
    name: 'stale-neighbour: IPv6',
    spec: containerHost({ web: { services: { web: webServer('::', 80) } } }),
    before: [
      ip('box', 'neigh', 'replace', 'fd00:88::20', 'lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'permanent'),
    ],
    command: curl('box', '[fd00:88::20]/', 5),
    expected: { outcome: 'timeout', cause: 'stale-neighbour', host: 'box', stage: 'neighbour' },
    mends: true,
  },
  {
    name: 'bridge-hairpin-off: a container asks for its own published port, through br_netfilter',
    spec: containerHost({
      host: {
        iptables:
          '*nat\n-A PREROUTING -d 203.0.113.2/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80\n-A POSTROUTING -s 10.88.0.20/32 -d 10.88.0.20/32 -p tcp -m tcp --dport 80 -j MASQUERADE\nCOMMIT\n',
      },
    }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1'] }],
    command: curl('web', '203.0.113.2:8080/'),
    expected: { outcome: 'timeout', cause: 'bridge-hairpin-off', host: 'host', stage: 'bridge' },
    mends: true,
  },
  {
    name: 'stale-neighbour: a permanent entry that is wrong',
    spec: containerHost(),
    before: [
      ip('box', 'neigh', 'replace', '10.88.0.20', 'lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'permanent'),
    ],
    command: ask,
    expected: { outcome: 'timeout', cause: 'stale-neighbour', host: 'box', stage: 'neighbour' },
    mends: true,
  },
  {
    name: 'interface-down: the port of the neighbour',
    spec: containerHost(),
    before: [ip('host', 'link', 'set', 'veth1', 'down')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'interface-down', host: 'host', stage: 'egress' },
    mends: true,
  },
  {
    name: "interface-down: the neighbour's own device",
    spec: containerHost(),
    before: [ip('web', 'link', 'set', 'eth0', 'down')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'interface-down', host: 'host', stage: 'egress' },
  },
  {
    name: 'loopback-down: set down by hand',
    spec: containerHost({ box: { services: { web: webServer('0.0.0.0', 80) } } }),
    before: [ip('box', 'link', 'set', 'lo', 'down')],
    command: curl('box', '127.0.0.1/'),
    expected: { outcome: 'timeout', cause: 'loopback-down', host: 'box' },
    mends: true,
  },
  {
    name: 'loopback-down: a fresh namespace',
    spec: containerHost({ box: { services: { web: webServer('0.0.0.0', 80) } } }),
    before: [
      ip('box', 'link', 'set', 'lo', 'down'),
      ip('box', 'addr', 'flush', 'dev', 'lo'),
      ip('box', 'route', 'flush', 'table', 'local'),
      ip('box', 'route', 'flush', 'table', 'main'),
    ],
    command: curl('box', '127.0.0.1/'),
    expected: { outcome: 'unreachable', cause: 'loopback-down', host: 'box' },
  },
  {
    name: 'bridge-port-detached: a cable in no bridge',
    spec: containerHost(),
    before: [ip('host', 'link', 'set', 'veth0', 'nomaster')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'bridge-port-detached', host: 'host', stage: 'bridge' },
    mends: true,
  },
  {
    name: 'bridge-port-detached: asked for the host itself',
    spec: containerHost({ host: { services: { web: webServer('0.0.0.0', 80) } } }),
    before: [ip('host', 'link', 'set', 'veth0', 'nomaster')],
    command: curl('box', '10.88.0.1/', 2),
    expected: { outcome: 'timeout', cause: 'bridge-port-detached', host: 'host', stage: 'bridge' },
    mends: true,
  },
  {
    name: 'interface-down: the bridge itself',
    spec: containerHost(),
    before: [ip('host', 'link', 'set', 'br0', 'down')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'interface-down', host: 'host' },
    mends: true,
  },
  {
    name: 'bridge-port-blocked: the spanning tree protocol waits',
    spec: containerHost(),
    before: [
      ip('host', 'link', 'set', 'br0', 'type', 'bridge', 'stp_state', '1'),
      ip('host', 'link', 'set', 'veth1', 'down'),
      ip('host', 'link', 'set', 'veth1', 'up'),
    ],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'bridge-port-blocked', host: 'host', stage: 'bridge' },
    mends: true,
  },
  {
    name: 'bridge-port-blocked: a locked port, by which the question comes',
    spec: containerHost(),
    // What the bridge has heard there before would be let in.
    before: [port('veth0', 'locked', 'on'), ip('host', 'link', 'set', 'veth0', 'type', 'bridge_slave', 'fdb_flush')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'bridge-port-blocked', host: 'host', stage: 'bridge' },
    mends: true,
  },
  {
    name: 'bridge-port-blocked: a locked port, by which the answer comes',
    spec: containerHost(),
    before: [port('veth1', 'locked', 'on'), ip('host', 'link', 'set', 'veth1', 'type', 'bridge_slave', 'fdb_flush')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'bridge-port-blocked', host: 'host', stage: 'bridge' },
    mends: true,
  },
  {
    name: 'bridge-port-isolated: both',
    spec: containerHost(),
    before: [port('veth0', 'isolated', 'on'), port('veth1', 'isolated', 'on')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'bridge-port-isolated', host: 'host', stage: 'bridge' },
    mends: true,
  },
  {
    name: 'bridge-flood-off: the question is not passed on',
    spec: containerHost(),
    before: [port('veth1', 'bcast_flood', 'off')],
    command: ask,
    expected: { outcome: 'unreachable', cause: 'bridge-flood-off', host: 'host', stage: 'bridge' },
    mends: true,
  },
];
