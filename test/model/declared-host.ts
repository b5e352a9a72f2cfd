/** The declaration of a lab as a state for the model: what the tools would print if it were built. */

import type { HostState, Link, NamespaceState } from '../../src/host/state.ts';
import { inPrefix } from '../../src/inet/address.ts';
import { bridgeNetfilter } from '../labs/rulesets/ruleset-lab.ts';
import type { HostSpec, LabSpec } from '../labs/spec.ts';
import { host, link, loopback, namespace, port } from './hosts.ts';
import { saved } from './netfilter/tables.ts';

type Place = readonly [host: string, device: string];

function placeOf(text: string): Place {
  const [name = '', device = ''] = text.split(':');
  return [name, device];
}

/** A link-layer address that no other device of the lab has. */
function macOf(host: string, index: number): string {
  const octets = [...Buffer.from(host.padEnd(4, '-')).subarray(0, 4), index];
  return ['02', ...octets.map((octet) => octet.toString(16).padStart(2, '0'))].join(':');
}

/** The devices of a host with their addresses; an end of a veth pair has the index that `indexOf` gives it. */
function linksOf(name: string, spec: HostSpec, veths: LabSpec['veths'], indexOf: (place: string) => number): Link[] {
  const addressesOf = (device: string) => spec.addresses?.[device] ?? [];
  const bridges = Object.entries(spec.bridges ?? {});
  const masterOf = (device: string) => bridges.find(([, ports]) => ports.includes(device))?.[0] ?? null;
  const ends = veths
    .flatMap(([one, other]) => [
      [one, other],
      [other, one],
    ])
    .filter(([own = '']) => placeOf(own)[0] === name)
    .map(([own = '', other = '']) => {
      const [, device] = placeOf(own);
      const addresses = addressesOf(device);
      const peer = `${placeOf(other)[0]}:${indexOf(other)}`;
      const index = indexOf(own);
      return link(device, { index, mac: macOf(name, index), addresses, peer, master: masterOf(device) });
    });
  return [
    loopback(),
    ...bridges.map(([device], at) =>
      link(device, { index: 100 + at, mac: macOf(name, 100 + at), kind: 'bridge', addresses: addressesOf(device) }),
    ),
    ...ends,
  ];
}

/** Connected routes, and those of the declaration with the device that their gateway is on. */
function routesOf(links: readonly Link[], routes: readonly string[]): string[] {
  const connected = links.flatMap(({ name, addresses }) =>
    addresses
      .filter(({ family, prefixLength }) => family === 4 && prefixLength < 32 && name !== 'lo')
      .map(({ address, prefixLength }) => ({ name, address, prefixLength })),
  );
  return [
    'local 127.0.0.0/8 dev lo src 127.0.0.1',
    ...connected.map(({ name, address, prefixLength }) => `${address}/${prefixLength} dev ${name}`),
    ...routes.map((route) => {
      const gateway = route.split(' via ')[1] ?? '';
      const on = connected.find(({ address, prefixLength }) => inPrefix(gateway, address, prefixLength));
      return `${route} dev ${on?.name ?? ''}`;
    }),
  ];
}

/**
 * The state of the hosts of a declaration, IPv4 alone. `ruleTables` are the hosts' whose rules are not for
 * iptables-restore; `switched` is br_netfilter's switch in each.
 */
export function declaredHost(
  { hosts, veths }: LabSpec,
  ruleTables: Readonly<Record<string, NamespaceState['ruleTables']>>,
  switched: '0' | '1',
): HostState {
  const places = veths.flat();
  const indexOf = (place: string): number => 2 + places.indexOf(place);
  const states = Object.entries(hosts).map(([name, spec]) => {
    const links = linksOf(name, spec, veths, indexOf);
    const { 'net.ipv4.ip_forward': forwards = '0', ...sysctls } = spec.sysctls ?? {};
    return namespace(name, {
      links,
      routes: routesOf(links, spec.routes ?? []),
      listeners: Object.values(spec.services ?? {}).map(({ listens }) => `tcp ${listens}`),
      bridgePorts: Object.entries(spec.bridges ?? {}).flatMap(([bridge, ports]) =>
        ports.map((one) => port(one, bridge)),
      ),
      sysctls: {
        ...Object.fromEntries(links.map((one) => [`net.ipv4.conf.${one.name}.forwarding`, forwards])),
        [bridgeNetfilter]: switched,
        ...sysctls,
      },
      ruleTables: ruleTables[name] ?? saved(spec.iptables ?? ''),
    });
  });
  return host(...states);
}
