/**
 * What most labs of causes are: two containers on a host's bridge, and the world beyond its uplink.
 *
 *   box 10.88.0.10 ── veth0 ┐                              outside 203.0.113.1
 *                           br0 10.88.0.1 :host: 203.0.113.2 up0 ── eth0
 *   web 10.88.0.20 ── veth1 ┘
 */
import type { HostSpec, LabSpec, ServiceSpec } from '../spec.ts';
import type { HostCommand } from './cause-lab.ts';

/** A web server; answers 200. */
export function webServer(address: string, port: number): ServiceSpec {
  const place = address.includes(':') ? `[${address}]` : address;
  return {
    argv: () => [
      'python3',
      '-m',
      'http.server',
      '--bind',
      address,
      '--directory',
      '/usr/share/zoneinfo/Etc',
      String(port),
    ],
    // Python's listens for both families.
    listens: address === '::' ? `*:${port}` : `${place}:${port}`,
  };
}

/** A server at one address that answers 200. (Python's own looks for the name of an address of its own, in vain.) */
export function plainServer(address: string, port: number): ServiceSpec {
  const family = address.includes(':') ? 'AF_INET6' : 'AF_INET';
  const code = [
    'import socket',
    `s = socket.create_server(("${address}", ${port}), family=socket.${family})`,
    'while True:',
    '  c, _ = s.accept()',
    '  c.recv(1000)',
    '  c.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")',
    '  c.close()',
  ].join('\n');
  return { argv: () => ['python3', '-c', code], listens: webServer(address, port).listens };
}

/** curl on a host, that waits as long as a person would. */
export function curl(host: string, url: string, seconds = 2): HostCommand {
  return { host, argv: ['curl', '-sS', '-o', '/dev/null', '-m', String(seconds), `http://${url}`] };
}

/** A server of datagrams at one address that sends back what it gets. */
export function udpEcho(address: string, port: number): ServiceSpec {
  const code = [
    'import socket',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    `s.bind(("${address}", ${port}))`,
    'while True: s.sendto(*s.recvfrom(600))',
  ].join('\n');
  return { argv: () => ['python3', '-c', code], listens: `${address}:${port}` };
}

/**
 * Sends a datagram to port 5353, twice at most; ends with 1 unless one comes back.
 *
 * @param from The port that it asks from; 0: any.
 */
export function askUdp(host: string, address: string, from = 0): HostCommand {
  const code = [
    'import socket, sys',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    's.settimeout(1)',
    `s.bind(("", ${from}))`,
    `s.connect(("${address}", 5353))`,
    'for _ in range(2):',
    '  s.send(b"hello")',
    '  try: sys.exit(len(s.recv(600)) == 0)',
    '  except TimeoutError: pass',
    'sys.exit(1)',
  ].join('\n');
  return { host, argv: ['python3', '-c', code] };
}

/** One ping, that waits as long as a person would. */
export function ping(host: string, address: string): HostCommand {
  return { host, argv: ['ping', '-c', '1', '-W', '2', address] };
}

/** Entries of datagrams stay in the host's connection table for as long as a lab takes; else for half a minute. */
export const lastingDatagrams: HostCommand = {
  host: 'host',
  argv: ['sysctl', '-qw', 'net.netfilter.nf_conntrack_udp_timeout=600'],
};

/** The settings of a host that routes. */
export const forwarding = { 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' } as const;

/**
 * Three tiers, each in a network of its own, and a router between them that passes on nothing but what these rules let:
 *
 *   web 10.1.0.10 ── w0 ┐
 *   app 10.2.0.10 ── a0 ├ router
 *   db  10.3.0.10 ── d0 ┘
 */
export function threeTiers(...rules: readonly string[]): LabSpec {
  const tier = (network: number, service: ServiceSpec): HostSpec => ({
    addresses: { eth0: [`10.${network}.0.10/24`] },
    routes: [`default via 10.${network}.0.1`],
    services: { service },
  });
  return {
    hosts: {
      router: {
        addresses: { w0: ['10.1.0.1/24'], a0: ['10.2.0.1/24'], d0: ['10.3.0.1/24'] },
        sysctls: forwarding,
        iptables: ['*filter', ':FORWARD DROP [0:0]', ...rules.map((rule) => `-A FORWARD ${rule}`), 'COMMIT', ''].join(
          '\n',
        ),
      },
      web: tier(1, webServer('0.0.0.0', 80)),
      app: tier(2, webServer('0.0.0.0', 8080)),
      db: tier(3, webServer('0.0.0.0', 3306)),
    },
    veths: [
      ['router:w0', 'web:eth0'],
      ['router:a0', 'app:eth0'],
      ['router:d0', 'db:eth0'],
    ],
  };
}

/** The rules of `threeTiers` by which each tier may ask the next, and the one that lets answers come back. */
export const tierRules = {
  onwards: ['-i w0 -o a0 -p tcp -m tcp --dport 8080 -j ACCEPT', '-i a0 -o d0 -p tcp -m tcp --dport 3306 -j ACCEPT'],
  back: '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
} as const;

type Extras = Partial<Record<'box' | 'web' | 'host' | 'outside', HostSpec>>;

/** The lab, with what a cause adds to its hosts; `routes` and `services` take the place of the usual ones. */
export function containerHost({ box, web, host, outside }: Extras = {}): LabSpec {
  return {
    hosts: {
      host: {
        bridges: { br0: ['veth0', 'veth1'] },
        addresses: { br0: ['10.88.0.1/16', 'fd00:88::1/64'], up0: ['203.0.113.2/24', '2001:db8:113::2/64'] },
        routes: ['default via 203.0.113.1', 'default via 2001:db8:113::1'],
        sysctls: forwarding,
        ...host,
      },
      box: {
        addresses: { eth0: ['10.88.0.10/16', 'fd00:88::10/64'] },
        routes: ['default via 10.88.0.1', 'default via fd00:88::1'],
        ...box,
      },
      web: {
        addresses: { eth0: ['10.88.0.20/16', 'fd00:88::20/64'] },
        routes: ['default via 10.88.0.1', 'default via fd00:88::1'],
        services: { web: webServer('0.0.0.0', 80) },
        ...web,
      },
      outside: {
        addresses: { eth0: ['203.0.113.1/24', '2001:db8:113::1/64'] },
        services: { web: webServer('0.0.0.0', 80) },
        ...outside,
      },
    },
    veths: [
      ['host:veth0', 'box:eth0'],
      ['host:veth1', 'web:eth0'],
      ['host:up0', 'outside:eth0'],
    ],
  };
}

/**
 * A container on the wire of its host, by a macvlan on the host's own device:
 *
 *   box 192.0.2.3 ── mv0 ┐
 *   host 192.0.2.7 ──── up0 ── eth0 outside 192.0.2.1
 */
export function macvlanHost(): LabSpec {
  const services = { web: webServer('0.0.0.0', 80) };
  return {
    hosts: {
      outside: { addresses: { eth0: ['192.0.2.1/24'] }, services },
      host: { addresses: { up0: ['192.0.2.7/24'] }, services },
      box: { addresses: { mv0: ['192.0.2.3/24'] }, services },
    },
    veths: [['host:up0', 'outside:eth0']],
    macvlans: [['box:mv0', 'host:up0', 'bridge']],
  };
}

/**
 * Two hosts in a network of their own, by VXLAN, with a router between them:
 *
 *   left 10.244.0.1 ── vx0 :: eth0 192.0.2.2 ── e0 router e1 ── eth0 198.51.100.2 :: vx0 ── 10.244.0.2 right
 *
 * @param rules What the router's firewall is, for `nft -f`.
 */
export function overlaidHosts(rules?: string): LabSpec {
  const vxlan = 'id 42 dstport 4789';
  const routed = { sysctls: { 'net.ipv4.ip_forward': '1' }, ...(rules === undefined ? {} : { nft: rules }) };
  return {
    hosts: {
      left: {
        addresses: { eth0: ['192.0.2.2/24'], vx0: ['10.244.0.1/24'] },
        routes: ['default via 192.0.2.1'],
      },
      router: { ...routed, addresses: { e0: ['192.0.2.1/24'], e1: ['198.51.100.1/24'] } },
      right: {
        addresses: { eth0: ['198.51.100.2/24'], vx0: ['10.244.0.2/24'] },
        routes: ['default via 198.51.100.1'],
        services: { web: webServer('10.244.0.2', 80) },
      },
    },
    veths: [
      ['left:eth0', 'router:e0'],
      ['right:eth0', 'router:e1'],
    ],
    vxlans: [
      ['left:vx0', `${vxlan} local 192.0.2.2 remote 198.51.100.2`],
      ['right:vx0', `${vxlan} local 198.51.100.2 remote 192.0.2.2`],
    ],
  };
}
