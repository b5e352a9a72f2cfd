/** Labs in which nothing is wrong: nettrace has to say so. */
import type { CauseLab } from './cause-lab.ts';
import { containerHost, curl, overlaidHosts, ping, plainServer, threeTiers, tierRules, webServer } from './topology.ts';

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

/** Of what comes in every third segment is lost, as on a bad cable: the first SYN, and the request, are sent twice. */
const losing =
  'table netdev cable { chain lose { type filter hook ingress device eth0 priority 0; ip protocol tcp numgen inc mod 3 0 drop; }; }';

const expected = { outcome: 'ok', cause: null } as const;
const python = (code: string): readonly string[] => ['python3', '-c', code];

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
    name: 'healthy: two hosts by VXLAN, with a router between them',
    spec: overlaidHosts(),
    command: curl('left', '10.244.0.2/'),
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
    name: 'healthy: two namespaces on one veth pair',
    spec: {
      hosts: {
        one: { addresses: { veth0: ['10.77.0.1/24'] } },
        two: { addresses: { veth1: ['10.77.0.2/24'] }, services: { web: webServer('0.0.0.0', 80) } },
      },
      veths: [['one:veth0', 'two:veth1']],
    },
    command: curl('one', '10.77.0.2/'),
    expected,
  },
  {
    name: 'healthy: containers barred from each other by FORWARD, which does not see what crosses the bridge',
    spec: containerHost({ host: { iptables: '*filter\n-A FORWARD -i br0 -o br0 -j DROP\nCOMMIT\n' } }),
    before: [{ host: 'host', argv: ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0'] }],
    command: curl('box', '10.88.0.20/'),
    expected,
  },
  {
    name: 'healthy: three tiers, with a rule that lets answers come back',
    spec: threeTiers(tierRules.back, ...tierRules.onwards),
    command: curl('app', '10.3.0.10:3306/'),
    expected,
  },
  {
    name: 'healthy: the one client that may ask the database',
    spec: containerHost({
      web: {
        services: { db: webServer('0.0.0.0', 3306) },
        iptables:
          '*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.88.0.10/32 -p tcp -m tcp --dport 3306 -j ACCEPT\nCOMMIT\n',
      },
    }),
    command: curl('box', '10.88.0.20:3306/'),
    expected,
  },
  {
    name: "healthy: a program of the host on the bridge's address, as a tunnel's end is",
    spec: containerHost({ host: { services: { tunnel: plainServer('10.88.0.1', 19_001) } } }),
    command: curl('box', '10.88.0.1:19001/'),
    expected,
  },
  {
    name: "healthy: a container in the host's own network asks the host",
    spec: containerHost({ host: { services: { web: webServer('0.0.0.0', 8080) } } }),
    command: curl('host', '127.0.0.1:8080/'),
    expected,
  },
  {
    name: 'healthy: loopback',
    spec: containerHost({ box: { services: { web: webServer('127.0.0.1', 8080) } } }),
    command: curl('box', '127.0.0.1:8080/'),
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
    spec: containerHost({ web: { nft: losing } }),
    beyond: ['web'],
    command: curl('box', '10.88.0.20/', 20),
    expected,
  },
];
