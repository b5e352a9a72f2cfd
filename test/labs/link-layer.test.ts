/**
 * What bridges, veths and neighbours do with frames, by VLANs, switches of ports, ARP and sizes: what `nettrace path` and the
 * model predict, beside what connect() and ping meet.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { journey } from '../../src/model/journey.ts';
import { describeLab } from './available.ts';
import { containerHost, webServer } from './causes/topology.ts';
import { buildLab, type Lab } from './lab.ts';
import { connectThere, hasten, predict } from './predicting.ts';
import { snapshot } from './routing/observe.ts';

const names = ['box', 'host', 'web', 'outside'] as const;
type Name = (typeof names)[number];

const macs = { box: '02:00:00:00:00:10', web: '02:00:00:00:00:20' } as const;
const [neighbour, neighbour6, server, server6] = [
  '10.88.0.20:80',
  '[fd00:88::20]:80',
  '10.88.0.1:80',
  '[fd00:88::1]:80',
];
const [outside, outside6] = ['203.0.113.1:80', '[2001:db8:113::1]:80'];

/** A change at a host, and what takes it back. */
type Change = readonly [where: Name, change: string, back: string];

const filtering: Change = [
  'host',
  'ip link set br0 type bridge vlan_filtering 1',
  'ip link set br0 type bridge vlan_filtering 0',
];
/** The bridge's own VLAN 1, with other flags. */
const ownVlan = (flags: string): Change => [
  'host',
  `bridge vlan del dev br0 vid 1 self; bridge vlan add dev br0 vid 1 ${flags} self`,
  'bridge vlan add dev br0 vid 1 pvid untagged self',
];
const inVlan10 = (device: string): Change => [
  'host',
  `bridge vlan add dev ${device} vid 10 pvid untagged`,
  `bridge vlan del dev ${device} vid 10; bridge vlan add dev ${device} vid 1 pvid untagged`,
];
/** Switches of a port, each with how it is usually. */
const port = (device: string, ...switches: readonly (readonly [name: string, value: string])[]): Change => {
  const usual: Readonly<Record<string, string>> = { on: 'off', off: 'on' };
  const set = (words: string): string => `bridge link set dev ${device} ${words}`;
  return [
    'host',
    set(switches.map((one) => one.join(' ')).join(' ')),
    set(switches.map(([name, value]) => `${name} ${usual[value]}`).join(' ')),
  ];
};
const entry = (of: 'box' | 'web', device: string, flags = ''): Change => [
  'host',
  `bridge fdb replace ${macs[of]} dev ${device} master static ${flags}`,
  // It may have moved meanwhile.
  `for port in veth0 veth1; do bridge fdb del ${macs[of]} dev $port master 2>/dev/null || true; done`,
];
const withoutArp = (where: Name, device: string): Change => [
  where,
  `ip link set ${device} arp off`,
  `ip link set ${device} arp on`,
];
const known = (where: 'box' | 'web', address: string, of: 'box' | 'web'): Change => [
  where,
  `ip neigh replace ${address} lladdr ${macs[of]} dev eth0 nud permanent`,
  `ip neigh del ${address} dev eth0`,
];
const isolated = port('veth0', ['isolated', 'on']);
const isolatedToo = port('veth1', ['isolated', 'on']);
const setting = (name: string): Change => ['host', `sysctl -qw ${name}=1`, `sysctl -qw ${name}=0`];

/** Who asks for what, and gets it in spite of the changes, or does not. */
interface Asked {
  readonly from: 'box' | 'host';
  readonly gets?: readonly string[];
  readonly misses?: readonly string[];
}

const cases: readonly (readonly [name: string, changes: readonly Change[], ...asked: Asked[]])[] = [
  ['one VLAN for all', [filtering], { from: 'box', gets: [neighbour, server, server6, outside] }],
  [
    'the ports in another VLAN than the host',
    [filtering, inVlan10('veth0'), inVlan10('veth1')],
    { from: 'box', gets: [neighbour, neighbour6], misses: [server, server6, outside] },
    { from: 'host', gets: [outside], misses: [neighbour] },
  ],
  [
    'the host in no VLAN',
    [filtering, ['host', 'bridge vlan del dev br0 vid 1 self', 'bridge vlan add dev br0 vid 1 pvid untagged self']],
    { from: 'box', gets: [neighbour, neighbour6], misses: [server, server6] },
    { from: 'host', gets: [outside], misses: [neighbour, neighbour6] },
  ],
  [
    'the host in the VLAN with a tag',
    [filtering, ownVlan('')],
    { from: 'box', gets: [neighbour], misses: [server, server6] },
    { from: 'host', misses: [neighbour] },
  ],
  [
    'the host sends without a tag, and gets frames with one',
    [filtering, ownVlan('pvid')],
    { from: 'box', gets: [neighbour], misses: [server] },
    { from: 'host', misses: [neighbour, neighbour6] },
  ],
  [
    'the host gets frames without a tag, and has no VLAN to send in',
    [filtering, ownVlan('untagged')],
    { from: 'box', gets: [neighbour], misses: [server] },
    { from: 'host', misses: [neighbour] },
  ],
  [
    'a locked port',
    [port('veth0', ['locked', 'on'])],
    { from: 'box', misses: [neighbour, neighbour6, server] },
    { from: 'host', gets: [neighbour] },
  ],
  [
    'a locked port that the sender is known at',
    [port('veth0', ['locked', 'on']), entry('box', 'veth0')],
    { from: 'box', gets: [neighbour, neighbour6, server] },
  ],
  [
    'a locked port, and the sender known at another',
    [port('veth0', ['locked', 'on']), entry('box', 'veth1')],
    { from: 'box', misses: [neighbour, server] },
  ],
  [
    'a locked port of whoever has to answer',
    [port('veth1', ['locked', 'on'])],
    { from: 'box', gets: [server], misses: [neighbour, neighbour6] },
  ],
  [
    'a locked port in a VLAN',
    [filtering, port('veth0', ['locked', 'on']), entry('box', 'veth0')],
    { from: 'box', gets: [neighbour, server] },
  ],
  [
    'a port where the bridge does not learn',
    [port('veth1', ['learning', 'off'])],
    { from: 'box', gets: [neighbour, neighbour6, server] },
  ],
  [
    'a port where it does not learn, and that gets nothing for unknown addresses',
    [port('veth1', ['learning', 'off'], ['flood', 'off'])],
    { from: 'box', gets: [server], misses: [neighbour, neighbour6] },
    { from: 'host', misses: [neighbour] },
  ],
  [
    'such a port, and an entry by hand',
    [port('veth1', ['learning', 'off'], ['flood', 'off']), entry('web', 'veth1')],
    { from: 'box', gets: [neighbour, neighbour6] },
  ],
  [
    'such a port of who asks',
    [port('veth0', ['learning', 'off'], ['flood', 'off'])],
    { from: 'box', misses: [neighbour, neighbour6, server] },
    { from: 'host', misses: ['10.88.0.10:80'] },
  ],
  [
    'a port that gets nothing for unknown addresses, where it learns',
    [port('veth1', ['flood', 'off'])],
    { from: 'box', gets: [neighbour, neighbour6] },
  ],
  [
    'an entry by hand at the wrong port, until the address is heard',
    [entry('web', 'veth0')],
    { from: 'box', gets: [neighbour] },
  ],
  [
    'an entry that sticks to the wrong port',
    [entry('web', 'veth0', 'sticky')],
    { from: 'box', gets: [server], misses: [neighbour, neighbour6] },
  ],
  [
    'who has the address, without ARP',
    [withoutArp('web', 'eth0')],
    { from: 'box', gets: [server], misses: [neighbour, neighbour6] },
  ],
  [
    'who asks, without ARP',
    [withoutArp('box', 'eth0')],
    { from: 'box', misses: [neighbour, neighbour6, server, outside] },
  ],
  [
    'who asks, without ARP, and with an entry by hand',
    [withoutArp('box', 'eth0'), known('box', '10.88.0.20', 'web'), known('web', '10.88.0.10', 'box')],
    { from: 'box', gets: [neighbour], misses: [server] },
  ],
  [
    'who asks, without ARP, and with an entry by hand, though nobody answers whoever answers',
    [withoutArp('box', 'eth0'), known('box', '10.88.0.20', 'web')],
    { from: 'box', misses: [neighbour] },
  ],
  [
    'who answers, without ARP, though the way there is known',
    [known('box', '10.88.0.20', 'web'), withoutArp('web', 'eth0')],
    { from: 'box', misses: [neighbour] },
  ],
  [
    'the bridge, without ARP',
    [withoutArp('host', 'br0')],
    { from: 'box', gets: [neighbour], misses: [server, server6] },
    { from: 'host', gets: [outside], misses: [neighbour, neighbour6] },
  ],
  ['a port, without ARP', [withoutArp('host', 'veth1')], { from: 'box', gets: [neighbour, neighbour6, server] }],
  [
    "by the subnet's router",
    [['box', 'ip -6 route replace default via fd00:88::', 'ip -6 route replace default via fd00:88::1']],
    { from: 'box', gets: [outside6] },
  ],
  [
    "by the subnet's router, which is none",
    [
      ['box', 'ip -6 route replace default via fd00:88::', 'ip -6 route replace default via fd00:88::1'],
      ['host', 'sysctl -qw net.ipv6.conf.all.forwarding=0', 'sysctl -qw net.ipv6.conf.all.forwarding=1'],
    ],
    { from: 'box', misses: [outside6] },
  ],
  ['isolated ports', [isolated, isolatedToo], { from: 'box', gets: [server], misses: [neighbour] }],
  [
    'isolated ports, and a host between them',
    [isolated, isolatedToo, setting('net.ipv4.conf.br0.proxy_arp_pvlan')],
    { from: 'box', gets: [server, neighbour], misses: [neighbour6] },
  ],
  [
    'isolated ports, and a host whose every device is between them',
    [isolated, isolatedToo, setting('net.ipv4.conf.all.proxy_arp_pvlan')],
    { from: 'box', gets: [neighbour] },
  ],
  [
    'isolated ports, and a host between them that does not forward',
    [
      isolated,
      isolatedToo,
      setting('net.ipv4.conf.br0.proxy_arp_pvlan'),
      ['host', 'sysctl -qw net.ipv4.conf.br0.forwarding=0', 'sysctl -qw net.ipv4.conf.br0.forwarding=1'],
    ],
    { from: 'box', gets: [server], misses: [neighbour] },
  ],
];

/** The device whose MTU is 1400, the settings of br_netfilter, where the packets go, and the length of the largest that comes there. */
const sizes: readonly (readonly [device: string, where: Name, netfilter: '0' | '1', to: string, largest: number])[] = [
  ['veth1', 'host', '0', '10.88.0.20', 1404],
  ['veth0', 'host', '0', '10.88.0.20', 1404],
  ['eth0', 'web', '0', '10.88.0.20', 1404],
  ['eth0', 'box', '0', '10.88.0.20', 1400],
  ['veth1', 'host', '1', '10.88.0.20', 1400],
  ['up0', 'host', '0', '203.0.113.1', 1400],
];

describeLab('links, bridges and neighbours', () => {
  let lab: Lab;
  let filters = false;
  /** Each starts without what was learnt before. */
  const forget = async (): Promise<void> => {
    for (const name of names) await lab.must(name, ['ip', 'neigh', 'flush', 'all']);
    const ports = ['veth0', 'veth1'].map((device) => `ip link set ${device} type bridge_slave fdb_flush`);
    await lab.must('host', ['sh', '-c', ports.join('; ')]);
  };
  const changed = async (changes: readonly Change[], done: () => Promise<void>): Promise<void> => {
    const undone: Change[] = [];
    try {
      for (const change of changes) {
        undone.unshift(change);
        await lab.must(change[0], ['sh', '-ec', change[1]]);
      }
      await done();
    } finally {
      for (const [where, , back] of undone) await lab.must(where, ['sh', '-ec', back]);
    }
  };

  beforeAll(async () => {
    const listening = { services: { web: webServer('::', 80) } };
    lab = await buildLab(
      containerHost({
        box: { routes: ['default via 10.88.0.1', 'default via fd00:88::1'], ...listening },
        host: { sysctls: { 'net.ipv4.ip_forward': '1' }, ...listening },
        web: listening,
        outside: { routes: ['10.88.0.0/16 via 203.0.113.2', 'fd00:88::/64 via 2001:db8:113::2'], ...listening },
      }),
    );
    await hasten(lab, ...names);
    for (const name of ['box', 'web'] as const)
      await lab.must(name, ['ip', 'link', 'set', 'eth0', 'address', macs[name]]);
    // It takes the anycast addresses of its networks when it becomes a router (`dev_forward_change`).
    await lab.must('host', ['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1']);
    await lab.must('host', ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0']);
    const { exitCode } = await lab.run('host', ['sh', '-ec', `${filtering[1]}; ${filtering[2]}`]);
    filters = exitCode === 0;
  });
  afterAll(() => lab?.close());

  test.for(cases)('%s', async ([, changes, ...asked], context) => {
    if (changes.includes(filtering) && !filters) context.skip('bridges of this kernel do not filter by VLAN');
    await changed(changes, async () => {
      for (const { from, gets = [], misses = [] } of asked) {
        const all = [...gets, ...misses];
        await forget();
        const predicted = await Promise.all(all.map((to) => predict(lab, from, to)));
        for (const [at, to] of all.entries()) {
          await forget();
          const met = await connectThere(lab, from, to, 'hastened');
          expect(`${from} to ${to}: ${predicted[at]}`).toBe(`${from} to ${to}: ${met}`);
          expect(`${from} to ${to}: ${met === 'ok -'}`).toBe(`${from} to ${to}: ${gets.includes(to)}`);
        }
      }
    });
  });

  test.each(sizes)('packets by %s of %s (br_netfilter %s) to %s', async (device, where, netfilter, to, largest) => {
    const small: Change = [where, `ip link set ${device} mtu 1400`, `ip link set ${device} mtu 1500`];
    const shown: Change = [
      'host',
      `sysctl -qw net.bridge.bridge-nf-call-iptables=${netfilter}`,
      'sysctl -qw net.bridge.bridge-nf-call-iptables=0',
    ];
    await changed([small, shown], async () => {
      for (const length of [largest, largest + 1]) {
        await forget();
        await lab.must('box', ['ip', 'route', 'flush', 'cache']);
        const state = await snapshot(lab, names);
        const question = {
          protocol: 'icmp',
          family: 4,
          source: '0.0.0.0',
          destination: to,
          destinationPort: 0,
          length,
        } as const;
        const { end } = journey(state, question, lab.netns('box'));
        // The headers of IP and ICMP have 28 bytes.
        const ping = ['ping', '-M', 'do', '-c', '1', '-W', '1', '-s', String(length - 28), to];
        const { exitCode } = await lab.run('box', ping);
        expect([length, end.kind === 'accepted', exitCode === 0]).toEqual([
          length,
          length === largest,
          length === largest,
        ]);
      }
    });
  });
});
