/** Labs of links, bridges and neighbours. */
import type { HostSpec } from '../spec.ts';
import type { CauseLab } from './cause-lab.ts';
import { containerHost, curl, webServer } from './topology.ts';

const ip = (host: string, ...argv: readonly string[]) => ({ host, argv: ['ip', ...argv] });
const port = (device: string, ...argv: readonly string[]) => ({
  host: 'host',
  argv: ['bridge', 'link', 'set', 'dev', device, ...argv],
});
const ask = curl('box', '10.88.0.20/', 5);

const twinMac = '02:00:00:00:00:20';
/** A container that has the address of `web` as well, and serves nothing. */
const twin: HostSpec = { addresses: { eth0: ['10.88.0.20/16'] }, routes: [] };

/** See the file's head. */
export const linkLabs: readonly CauseLab[] = [
  {
    name: 'neighbour-unresolved: nobody has the address',
    spec: containerHost(),
    command: curl('box', '10.88.0.77/', 5),
    expected: { outcome: 'unreachable', cause: 'neighbour-unresolved', host: 'host', stage: 'neighbour' },
  },
  {
    name: 'neighbour-unresolved: IPv6',
    spec: containerHost(),
    command: curl('box', '[fd00:88::77]/', 5),
    expected: { outcome: 'unreachable', cause: 'neighbour-unresolved', host: 'host', stage: 'neighbour' },
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
        argv: ['sh', '-c', `ping -c 1 -W 1 ${address}; sleep 1.1`],
      })),
    ],
    command: curl('box', '10.88.0.20/', 3),
    expected: { outcome: 'timeout', cause: 'duplicate-address', host: 'web', stage: 'neighbour' },
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
