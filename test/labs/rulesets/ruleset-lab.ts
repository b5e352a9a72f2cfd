/**
 * The rule set of a tool, loaded on a host of a lab, and what becomes of connections there. The same declaration is built
 * as a lab, for the kernel's word, and as a state for the model (`test/model/declared-host.ts`).
 *
 * In each, `host` (eth0 192.0.2.10) has its containers on bridges and its default route by `outside` (192.0.2.1), which
 * has 198.51.100.7 too and knows the way to the containers' networks: nothing but rules keeps it out.
 */
import { readFileSync } from 'node:fs';
import type { HostSpec, LabSpec, ServiceSpec } from '../spec.ts';
import type { Lab } from '../standing-lab.ts';

/**
 * `[FROM, DESTINATION, WHAT]`: what a program on FROM meets that connects to DESTINATION. WHAT is what the service there
 * says, `web 172.17.0.2:80 sees 192.0.2.1`; `timeout`; or connect()'s error. Where chance decides, the hosts that may
 * serve it: `outside or web`.
 */
export type Path = readonly [from: string, destination: string, what: string];

/** See the file's head. */
export interface RulesetLab {
  readonly name: string;
  /** A file of `test/model/netfilter/rulesets`, loaded on `host`. */
  readonly rules: string;
  readonly spec: LabSpec;
  /** With br_netfilter switched on, as it is in every namespace once it is loaded. */
  readonly paths: readonly Path[];
  /** Those that end otherwise where it is not; null where the tool asks for it. */
  readonly withoutBridgeNetfilter: readonly Path[] | null;
}

/** br_netfilter's switch in a namespace. */
export const bridgeNetfilter = 'net.bridge.bridge-nf-call-iptables';

/** Whether br_netfilter is loaded, and switched on in the namespace of a host. */
export async function hasBridgeNetfilter(lab: Lab, host: string): Promise<boolean> {
  return (await lab.run(host, ['sysctl', '-n', bridgeNetfilter])).stdout.trim() === '1';
}

/** The paths with br_netfilter switched off. */
export function pathsWithout({ paths, withoutBridgeNetfilter }: RulesetLab): readonly Path[] {
  return paths.map((path) => withoutBridgeNetfilter?.find(([from, to]) => from === path[0] && to === path[1]) ?? path);
}

/** A bridge of the host, with the containers on it by name. */
interface Network {
  readonly bridge: string;
  readonly gateway: string;
  readonly prefixLength: number;
  readonly containers: Readonly<Record<string, string>>;
}

const tellScript = `
import socket, sys
name, address, port = sys.argv[1:]
server = socket.create_server((address, int(port)), backlog=64)
while True:
    connection, peer = server.accept()
    own = connection.getsockname()
    connection.sendall(f'{name} {own[0]}:{own[1]} sees {peer[0]}'.encode())
    connection.close()
`;

/** A service that says who it is, at which address it was reached, and from which. */
function teller(name: string, listens: string): ServiceSpec {
  const [address = '', port = ''] = listens.split(':');
  return { argv: () => ['python3', '-c', tellScript, name, address, port], listens };
}

/** Services of a host that say who they are, by where they listen. */
export function tellers(name: string, ...places: readonly string[]): Record<string, ServiceSpec> {
  return Object.fromEntries(places.map((place) => [place, teller(name, place)]));
}

/** The text of a rule set: for nft, what was loaded. */
function rulesText(name: string): string {
  return readFileSync(new URL(`../../model/netfilter/rulesets/${name}`, import.meta.url), 'utf8');
}

function rulesOf(name: string): Pick<HostSpec, 'nft' | 'iptables'> {
  return name.endsWith('.nft') ? { nft: rulesText(name) } : { iptables: rulesText(name) };
}

/** The lab of `RulesetLab`, with what a tool adds to its hosts. Containers serve port 80, and 81 where nobody expects it. */
export function hostWithRules(
  rules: string,
  networks: readonly Network[],
  more: Readonly<Record<string, HostSpec>> = {},
): LabSpec {
  const plugged = networks.flatMap(({ containers, ...network }) =>
    Object.entries(containers).map(([name, address]) => ({ name, address, ...network })),
  );
  const portsOf = (bridge: string) => plugged.filter((one) => one.bridge === bridge).map(({ name }) => `to-${name}`);
  const containers = plugged.map(({ name, address, gateway, prefixLength }): [string, HostSpec] => [
    name,
    {
      addresses: { eth0: [`${address}/${prefixLength}`] },
      routes: [`default via ${gateway}`],
      services: tellers(name, '0.0.0.0:80', '0.0.0.0:81'),
      ...more[name],
    },
  ]);
  return {
    hosts: {
      outside: {
        addresses: { eth0: ['192.0.2.1/24', '198.51.100.7/32'] },
        routes: networks.map(({ gateway, prefixLength }) => {
          const network =
            prefixLength === 16 ? gateway.replace(/\.\d+\.\d+$/, '.0.0') : gateway.replace(/\.\d+$/, '.0');
          return `${network}/${prefixLength} via 192.0.2.10`;
        }),
        services: tellers('outside', '0.0.0.0:80'),
        ...more['outside'],
      },
      host: {
        bridges: Object.fromEntries(networks.map(({ bridge }) => [bridge, portsOf(bridge)])),
        addresses: {
          eth0: ['192.0.2.10/24'],
          ...Object.fromEntries(
            networks.map(({ bridge, gateway, prefixLength }) => [bridge, [`${gateway}/${prefixLength}`]]),
          ),
        },
        routes: ['default via 192.0.2.1'],
        ...rulesOf(rules),
        ...more['host'],
        sysctls: { 'net.ipv4.ip_forward': '1', ...more['host']?.sysctls },
      },
      ...Object.fromEntries(containers),
    },
    veths: [['host:eth0', 'outside:eth0'], ...plugged.map(({ name }) => [`host:to-${name}`, `${name}:eth0`] as const)],
  };
}
