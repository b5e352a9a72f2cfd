/** Labs of firewall rules, by each tool. */
import type { CauseLab } from './cause-lab.ts';
import {
  askUdp,
  containerHost,
  curl,
  overlaidHosts,
  ping,
  threeTiers,
  tierRules,
  udpEcho,
  webServer,
} from './topology.ts';

const filter = (...lines: readonly string[]): string => ['*filter', ...lines, 'COMMIT', ''].join('\n');
const legacy = (...rules: readonly (readonly string[])[]) =>
  rules.map((rule) => ({ host: 'host', argv: ['iptables-legacy', ...rule] }));
const masquerade =
  'table ip masq { chain post { type nat hook postrouting priority 100; oifname "up0" masquerade; }; }';

/** A router that passes on no VXLAN, and what is said of it. */
const closedToTunnels =
  'table ip f { chain forward { type filter hook forward priority 0; policy accept; udp dport 4789 counter drop; }; }';
const stopsTunnel = { cause: 'firewall-drop', host: 'router', stage: 'forward', namedBy: 'model' } as const;
/** Fixed link-layer addresses, which both hosts know, as those who set up such networks write them. */
const known = [
  { host: 'left', argv: ['ip', 'link', 'set', 'vx0', 'address', '02:00:00:00:00:01'] },
  { host: 'right', argv: ['ip', 'link', 'set', 'vx0', 'address', '02:00:00:00:00:02'] },
  { host: 'left', argv: ['ip', 'neigh', 'add', '10.244.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'vx0'] },
  { host: 'right', argv: ['ip', 'neigh', 'add', '10.244.0.1', 'lladdr', '02:00:00:00:00:01', 'dev', 'vx0'] },
];

/** A program of traffic control, in classic BPF (bpf(4)), that returns TC_ACT_SHOT for every IPv4 packet. */
const dropsEverything = (host: string, device: string, direction: 'ingress' | 'egress') => [
  { host, argv: ['tc', 'qdisc', 'add', 'dev', device, 'clsact'] },
  {
    host,
    argv: ['tc', 'filter', 'add', 'dev', device, direction, 'protocol', 'ip', 'bpf', 'da', 'bytecode', '1,6 0 0 2,'],
  },
];
const onlyTheKernel =
  'the snapshot shows that a program is asked, and nobody but the kernel knows that it dropped the packet';

/** See the file's head. */
export const firewallLabs: readonly CauseLab[] = [
  {
    name: 'firewall-drop: a container asks its neighbour by the host, a rule of iptables',
    spec: containerHost({
      host: { iptables: filter('-A INPUT -p tcp -m tcp --dport 8080 -j DROP') },
    }),
    command: curl('box', '10.88.0.1:8080/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'host',
      stage: 'input',
      rule: '-A INPUT -p tcp -m tcp --dport 8080 -j DROP',
      namedBy: 'rule-trace',
    },
  },
  {
    name: 'firewall-drop: the policy of FORWARD, iptables on nft',
    spec: containerHost({
      host: { iptables: filter(':FORWARD DROP [0:0]', '-A FORWARD -i up0 -j ACCEPT'), nft: masquerade },
    }),
    command: curl('box', '203.0.113.1/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'host',
      stage: 'forward',
      rule: 'policy drop',
      namedBy: 'rule-trace',
    },
    mends: true,
  },
  {
    name: 'firewall-drop: the policy of FORWARD, legacy iptables',
    spec: containerHost({ host: { nft: masquerade } }),
    before: legacy(['-P', 'FORWARD', 'DROP'], ['-A', 'FORWARD', '-i', 'up0', '-j', 'ACCEPT']),
    command: curl('box', '203.0.113.1/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'host',
      stage: 'forward',
      rule: 'policy drop',
      namedBy: 'model',
    },
    mends: true,
  },
  {
    name: 'firewall-drop: a rule of nftables, IPv6',
    spec: containerHost({
      host: {
        nft: 'table inet guard { chain guard { type filter hook forward priority 0; iifname "br0" tcp dport 80 drop; }; }',
      },
      outside: { routes: ['fd00:88::/64 via 2001:db8:113::2'], services: {} },
    }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'host',
      stage: 'forward',
      rule: 'iifname "br0" tcp dport 80 drop',
      namedBy: 'rule-trace',
    },
  },
  {
    name: "firewall-drop: the container's own output",
    spec: containerHost({ box: { iptables: filter('-A OUTPUT -p tcp -m tcp --dport 80 -j DROP') } }),
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'box',
      stage: 'output',
      rule: '-A OUTPUT -p tcp -m tcp --dport 80 -j DROP',
      namedBy: 'rule-trace',
    },
    mends: true,
  },
  {
    name: 'firewall-drop: containers kept apart on one bridge, by br_netfilter',
    spec: containerHost({ host: { iptables: filter('-A FORWARD -i br0 -o br0 -j DROP') } }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1'] }],
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'host',
      stage: 'forward',
      rule: '-A FORWARD -i br0 -o br0 -j DROP',
      namedBy: 'rule-trace',
    },
    mends: true,
  },
  {
    name: 'firewall-drop: the first segment passes, what follows does not',
    spec: containerHost({
      host: {
        iptables: filter(
          ':FORWARD DROP [0:0]',
          '-A FORWARD -i br0 -p tcp -m conntrack --ctstate NEW -j ACCEPT',
          '-A FORWARD -o br0 -m conntrack --ctstate ESTABLISHED -j ACCEPT',
        ),
        nft: masquerade,
      },
    }),
    command: curl('box', '203.0.113.1/'),
    expected: {
      outcome: 'stalled',
      cause: 'firewall-drop',
      host: 'host',
      stage: 'forward',
      rule: 'policy drop',
      namedBy: 'model',
    },
    mends: true,
  },
  {
    name: 'firewall-drop: containers kept apart by a rule for bridges',
    spec: containerHost({
      host: {
        nft: 'table bridge guard { chain apart { type filter hook forward priority 0; ip saddr 10.88.0.10 tcp dport 80 drop; }; }',
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'host',
      stage: 'bridge',
      rule: 'ip saddr 10.88.0.10 tcp dport 80 drop',
      namedBy: 'rule-trace',
    },
  },
  {
    name: 'firewall-drop-reply: no rule lets answers come back',
    spec: containerHost({
      host: { iptables: filter(':FORWARD DROP [0:0]', '-A FORWARD -i br0 -j ACCEPT'), nft: masquerade },
    }),
    command: curl('box', '203.0.113.1/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop-reply',
      host: 'host',
      stage: 'forward',
      rule: 'policy drop',
      namedBy: 'rule-trace',
    },
    mends: true,
  },
  ...(
    [
      ['a ping', ping('box', '203.0.113.1'), 'icmp'],
      ['a datagram', askUdp('box', '203.0.113.1'), 'udp'],
    ] as const
  ).map(
    ([what, command, protocol]): CauseLab => ({
      name: `firewall-drop-reply: the answer to ${what}, seen until the rule`,
      spec: containerHost({
        host: { iptables: filter(`-A FORWARD -i up0 -p ${protocol} -j DROP`) },
        outside: { routes: ['10.88.0.0/16 via 203.0.113.2'], services: { echo: udpEcho('0.0.0.0', 5353) } },
      }),
      command,
      expected: {
        outcome: 'timeout',
        cause: 'firewall-drop-reply',
        host: 'host',
        stage: 'forward',
        rule: `-A FORWARD -i up0 -p ${protocol} -j DROP`,
        namedBy: 'rule-trace',
      },
      mends: true,
    }),
  ),
  ...(
    [
      ['TCP', curl('host', '203.0.113.1/')],
      ['a ping', ping('host', '203.0.113.1')],
      ['a datagram', askUdp('host', '203.0.113.1')],
    ] as const
  ).map(
    ([what, command]): CauseLab => ({
      name: `firewall-drop-reply: ${what} of the host itself, answered from out of sight`,
      spec: containerHost({
        host: { iptables: filter(':INPUT DROP [0:0]', '-A INPUT -i lo -j ACCEPT') },
        outside: { services: { web: webServer('0.0.0.0', 80), echo: udpEcho('0.0.0.0', 5353) } },
      }),
      beyond: ['outside'],
      command,
      expected: {
        outcome: 'timeout',
        cause: 'firewall-drop-reply',
        host: 'host',
        stage: 'input',
        rule: 'policy drop',
        namedBy: 'rule-trace',
      },
      mends: true,
    }),
  ),
  {
    name: 'firewall-drop-reply: legacy iptables, answered from out of sight',
    spec: containerHost({ host: { nft: masquerade } }),
    beyond: ['outside'],
    before: legacy(['-P', 'FORWARD', 'DROP'], ['-A', 'FORWARD', '-i', 'br0', '-j', 'ACCEPT']),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'firewall-drop-reply', host: 'host', stage: 'forward', rule: 'policy drop' },
    mends: true,
  },
  {
    name: 'firewall-drop: the policy of FORWARD, both ways, towards what is out of sight',
    spec: containerHost({ host: { iptables: filter(':FORWARD DROP [0:0]'), nft: masquerade } }),
    beyond: ['outside'],
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'firewall-drop', host: 'host', stage: 'forward', rule: 'policy drop' },
    mends: true,
  },
  {
    name: 'firewall-drop-reply: three tiers, and no rule lets answers come back',
    spec: threeTiers(...tierRules.onwards),
    command: curl('app', '10.3.0.10:3306/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop-reply',
      host: 'router',
      stage: 'forward',
      rule: 'policy drop',
    },
    mends: true,
  },
  {
    name: 'firewall-drop: three tiers, and the first asks the last',
    spec: threeTiers(tierRules.back, ...tierRules.onwards),
    command: curl('web', '10.3.0.10:3306/'),
    expected: { outcome: 'timeout', cause: 'firewall-drop', host: 'router', stage: 'forward', rule: 'policy drop' },
    mends: true,
  },
  {
    name: 'firewall-drop-reply: legacy iptables',
    spec: containerHost({ host: { nft: masquerade } }),
    before: legacy(['-P', 'FORWARD', 'DROP'], ['-A', 'FORWARD', '-i', 'br0', '-j', 'ACCEPT']),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'firewall-drop-reply', host: 'host', stage: 'forward', rule: 'policy drop' },
    mends: true,
  },
  {
    name: 'firewall-drop-reply: nftables, IPv6',
    spec: containerHost({
      host: {
        nft: 'table inet guard { chain guard { type filter hook forward priority 0; policy drop; iifname "br0" accept; }; }',
      },
      outside: { routes: ['fd00:88::/64 via 2001:db8:113::2'], services: { web: webServer('::', 80) } },
    }),
    command: curl('box', '[2001:db8:113::1]/'),
    expected: { outcome: 'timeout', cause: 'firewall-drop-reply', host: 'host', stage: 'forward', rule: 'policy drop' },
    mends: true,
  },
  {
    name: 'firewall-drop: a database that one client may ask on 3306',
    spec: containerHost({
      web: {
        services: { db: webServer('0.0.0.0', 3306) },
        iptables: filter(':INPUT DROP [0:0]', '-A INPUT -s 10.88.0.30/32 -p tcp -m tcp --dport 3306 -j ACCEPT'),
      },
    }),
    command: curl('box', '10.88.0.20:3306/'),
    expected: { outcome: 'timeout', cause: 'firewall-drop', host: 'web', stage: 'input', rule: 'policy drop' },
    mends: true,
  },
  {
    name: 'firewall-drop: IPv6, legacy ip6tables',
    spec: containerHost({ web: { services: { web: webServer('::', 80) } } }),
    before: [{ host: 'web', argv: ['ip6tables-legacy', '-A', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'DROP'] }],
    command: curl('box', '[fd00:88::20]/'),
    expected: {
      outcome: 'timeout',
      cause: 'firewall-drop',
      host: 'web',
      stage: 'input',
      rule: '-A INPUT -p tcp -m tcp --dport 80 -j DROP',
    },
    mends: true,
  },
  {
    name: 'firewall-reject: IPv6, prohibited, ip6tables',
    spec: containerHost({ web: { services: { web: webServer('::', 80) } } }),
    before: [
      {
        host: 'web',
        argv: 'ip6tables -A INPUT -p tcp --dport 80 -j REJECT --reject-with icmp6-adm-prohibited'.split(' '),
      },
    ],
    command: curl('box', '[fd00:88::20]/'),
    expected: {
      outcome: 'unreachable',
      cause: 'firewall-reject',
      host: 'web',
      stage: 'input',
      rule: '-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp6-adm-prohibited',
    },
    mends: true,
  },
  {
    name: 'conntrack-invalid: nftables',
    spec: containerHost({
      web: { routes: ['10.88.0.10/32 via 10.88.0.1'] },
      host: {
        nft: 'table inet guard { chain guard { type filter hook forward priority 0; ct state invalid drop; }; }',
      },
    }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0'] }],
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'timeout',
      cause: 'conntrack-invalid',
      host: 'host',
      stage: 'forward',
      rule: 'ct state invalid drop',
    },
  },
  {
    name: 'conntrack-invalid: legacy iptables',
    spec: containerHost({ web: { routes: ['10.88.0.10/32 via 10.88.0.1'] } }),
    before: [
      { host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0'] },
      ...legacy(['-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP']),
    ],
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'timeout',
      cause: 'conntrack-invalid',
      host: 'host',
      stage: 'forward',
      rule: '-A FORWARD -m conntrack --ctstate INVALID -j DROP',
    },
  },
  {
    name: 'firewall-reject: port unreachable, iptables',
    spec: containerHost({ web: { iptables: filter('-A INPUT -p tcp -m tcp --dport 80 -j REJECT') } }),
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'refused',
      cause: 'firewall-reject',
      host: 'web',
      stage: 'input',
      rule: '-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
      namedBy: 'rule-trace',
    },
    mends: true,
  },
  {
    name: 'firewall-reject: prohibited, nftables',
    spec: containerHost({
      host: {
        nft: `${masquerade}\ntable inet guard { chain guard { type filter hook forward priority 0; ip saddr 10.88.0.0/16 tcp dport 80 reject with icmpx admin-prohibited; }; }`,
      },
    }),
    command: curl('box', '203.0.113.1/'),
    expected: {
      outcome: 'unreachable',
      cause: 'firewall-reject',
      host: 'host',
      stage: 'forward',
      rule: 'ip saddr 10.88.0.0/16 tcp dport 80 reject with icmpx admin-prohibited',
      namedBy: 'rule-trace',
    },
    mends: true,
  },
  {
    name: 'firewall-reject: the first segment passes, the next is reset, nftables',
    spec: containerHost({
      web: {
        nft: 'table inet guard { chain guard { type filter hook input priority 0; tcp flags & (syn | ack) == syn accept; tcp dport 80 reject with tcp reset\n}\n}',
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'reset',
      cause: 'firewall-reject',
      host: 'web',
      stage: 'input',
      rule: 'tcp dport 80 reject with tcp reset',
    },
    mends: true,
  },
  {
    name: 'firewall-reject: a reset, legacy iptables',
    spec: containerHost({ host: {} }),
    before: legacy(['-A', 'INPUT', '-p', 'tcp', '--dport', '8080', '-j', 'REJECT', '--reject-with', 'tcp-reset']),
    command: curl('box', '10.88.0.1:8080/'),
    expected: {
      outcome: 'refused',
      cause: 'firewall-reject',
      host: 'host',
      stage: 'input',
      rule: '-A INPUT -p tcp -m tcp --dport 8080 -j REJECT --reject-with tcp-reset',
      namedBy: 'model',
    },
  },
  {
    name: 'firewall-reject: a database that one client may ask',
    spec: containerHost({
      web: {
        iptables: filter(
          '-A INPUT -s 10.88.0.30/32 -p tcp -m tcp --dport 80 -j ACCEPT',
          '-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited',
        ),
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'unreachable',
      cause: 'firewall-reject',
      host: 'web',
      stage: 'input',
      rule: '-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited',
      namedBy: 'rule-trace',
    },
    mends: true,
  },
  {
    name: 'conntrack-invalid: the answer comes by a host that never saw the request',
    spec: containerHost({
      web: { routes: ['10.88.0.10/32 via 10.88.0.1'] },
      host: { iptables: filter('-A FORWARD -m conntrack --ctstate INVALID -j DROP') },
    }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0'] }],
    command: curl('box', '10.88.0.20/'),
    expected: {
      outcome: 'timeout',
      cause: 'conntrack-invalid',
      host: 'host',
      stage: 'forward',
      rule: '-A FORWARD -m conntrack --ctstate INVALID -j DROP',
      namedBy: 'rule-trace',
    },
  },
  {
    name: 'bpf-drop: a program where packets come in',
    spec: containerHost(),
    before: dropsEverything('web', 'eth0', 'ingress'),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'timeout', cause: 'bpf-drop', host: 'web', stage: 'ingress' },
    blind: { 'no kernel': onlyTheKernel },
  },
  {
    name: 'bpf-drop: a program at the port of a bridge',
    spec: containerHost(),
    before: dropsEverything('host', 'veth0', 'ingress'),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'timeout', cause: 'bpf-drop', host: 'host', stage: 'bridge' },
    blind: { 'no kernel': onlyTheKernel },
  },
  {
    name: 'bpf-drop: a program where a router sends it on',
    spec: containerHost({ host: { nft: masquerade } }),
    before: dropsEverything('host', 'up0', 'egress'),
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'bpf-drop', host: 'host', stage: 'egress' },
    blind: { 'no kernel': onlyTheKernel },
  },
  {
    name: 'firewall-drop: a router does not pass on the packets of a VXLAN',
    spec: overlaidHosts(closedToTunnels),
    before: known,
    command: curl('left', '10.244.0.2/'),
    expected: { outcome: 'timeout', ...stopsTunnel },
    mends: true,
  },
  {
    name: 'firewall-drop: a router does not pass on the question for a neighbour in a VXLAN',
    spec: overlaidHosts(closedToTunnels),
    command: curl('left', '10.244.0.2/', 5),
    expected: { outcome: 'unreachable', ...stopsTunnel },
    mends: true,
  },
];
