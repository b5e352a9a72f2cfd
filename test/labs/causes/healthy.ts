/** Labs in which nothing is wrong: nettrace has to say so. */
import type { CauseLab } from './cause-lab.ts';
import { containerHost, curl, ping, webServer } from './topology.ts';

const published = [
  '*nat',
  '-A PREROUTING -d 203.0.113.2/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
  '-A OUTPUT -d 203.0.113.2/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
  '-A POSTROUTING -s 10.88.0.0/16 -d 10.88.0.20/32 -p tcp -j MASQUERADE',
  '-A POSTROUTING -s 10.88.0.0/16 -o up0 -j MASQUERADE',
  'COMMIT',
  '*filter',
  ':FORWARD DROP [0:0]',
  '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A FORWARD -i br0 -j ACCEPT',
  '-A FORWARD -d 10.88.0.20/32 -p tcp -m tcp --dport 80 -j ACCEPT',
  'COMMIT',
  '',
].join('\n');

const expected = { outcome: 'ok', cause: null } as const;
const python = (code: string): readonly string[] => ['python3', '-c', code];

/** A resolver that says 10.88.0.20 to every question. */
const resolver = {
  argv: () =>
    python(
      [
        'import socket',
        's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
        's.bind(("0.0.0.0", 53))',
        'while True:',
        '  q, a = s.recvfrom(600)',
        '  s.sendto(q[:2] + bytes([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]) + q[12:q.index(0, 12) + 5] + bytes([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 88, 0, 20]), a)',
      ].join('\n'),
    ),
  listens: '0.0.0.0:53',
};

/** See the file's head. */
export const healthyLabs: readonly CauseLab[] = [
  {
    name: 'healthy: neighbours on a bridge',
    spec: containerHost(),
    command: curl('box', '10.88.0.20/'),
    expected,
  },
  {
    name: 'healthy: a ping across the bridge',
    spec: containerHost(),
    command: ping('box', '10.88.0.20'),
    expected,
  },
  {
    name: 'healthy: a ping by IPv6 and a router',
    spec: containerHost({ outside: { routes: ['fd00:88::/64 via 2001:db8:113::2'] } }),
    command: ping('box', '2001:db8:113::1'),
    expected,
  },
  {
    name: 'healthy: IPv6',
    spec: containerHost({ web: { services: { web: webServer('::', 80) } } }),
    command: curl('box', '[fd00:88::20]/'),
    expected,
  },
  {
    name: 'healthy: a container and the world, masqueraded',
    spec: containerHost({ host: { iptables: published } }),
    command: curl('box', '203.0.113.1/'),
    expected,
  },
  {
    name: 'healthy: a published port from outside',
    spec: containerHost({ host: { iptables: published } }),
    command: curl('outside', '203.0.113.2:8080/'),
    expected,
  },
  {
    name: 'healthy: a published port from the host itself',
    spec: containerHost({ host: { iptables: published } }),
    command: curl('host', '203.0.113.2:8080/'),
    expected,
  },
  {
    name: 'healthy: a published port from a neighbour (hairpin)',
    spec: containerHost({ host: { iptables: published } }),
    command: curl('box', '203.0.113.2:8080/'),
    expected,
  },
  {
    name: 'healthy: nftables and connection states',
    spec: containerHost({
      host: {
        nft: 'table inet guard { chain guard { type filter hook forward priority 0; policy drop; ct state established,related accept; ip saddr 10.88.0.0/16 tcp dport { 80, 443 } ct state new accept; }; chain post { type nat hook postrouting priority 100; oifname "up0" masquerade; }; }',
      },
    }),
    command: curl('box', '203.0.113.1/'),
    expected,
  },
  {
    name: 'healthy: bridged, with br_netfilter and rules that let it pass',
    spec: containerHost({ host: { iptables: published } }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1'] }],
    command: curl('box', '10.88.0.20/'),
    expected,
  },
  {
    name: 'healthy: loopback',
    spec: containerHost({ box: { services: { web: webServer('127.0.0.1', 8080) } } }),
    command: curl('box', '127.0.0.1:8080/'),
    expected,
  },
  {
    name: 'healthy: a name by DNS over UDP',
    spec: containerHost({ web: { services: { web: webServer('0.0.0.0', 80), dns: resolver } } }),
    command: {
      host: 'box',
      argv: python(
        'import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(2)\ns.connect(("10.88.0.20", 53))\ns.send(b"\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x03web\\x04test\\x00\\x00\\x01\\x00\\x01")\nprint(len(s.recv(600)))',
      ),
    },
    expected,
  },
  {
    name: 'healthy: eight megabytes, segments larger than the MTU, checksums unfilled',
    spec: containerHost({
      web: {
        services: {
          web: {
            argv: () =>
              python(
                'import socket\ns = socket.create_server(("0.0.0.0", 80))\nwhile True:\n  c, _ = s.accept()\n  c.recv(1000)\n  c.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + bytes(8000000))\n  c.close()',
              ),
            listens: '0.0.0.0:80',
          },
        },
      },
    }),
    command: curl('box', '10.88.0.20/', 5),
    expected,
  },
  {
    name: 'healthy: lost packets, sent again',
    spec: containerHost(),
    before: [
      { host: 'host', argv: ['tc', 'qdisc', 'add', 'dev', 'veth0', 'root', 'netem', 'loss', '20%', 'seed', '7'] },
    ],
    command: curl('box', '10.88.0.20/', 20),
    expected,
  },
];
