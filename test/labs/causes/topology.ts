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

/** curl on a host, that waits as long as a person would. */
export function curl(host: string, url: string, seconds = 2): HostCommand {
  return { host, argv: ['curl', '-sS', '-o', '/dev/null', '-m', String(seconds), `http://${url}`] };
}

/** One ping, that waits as long as a person would. */
export function ping(host: string, address: string): HostCommand {
  return { host, argv: ['ping', '-c', '1', '-W', '2', address] };
}

const forwarding = { 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' } as const;

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
