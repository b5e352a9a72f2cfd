/** Podman: a container on its default network with a published port, and two networks that are isolated. */
import { hostWithRules, type Path, type RulesetLab } from './ruleset-lab.ts';

const networks = [
  { bridge: 'podman0', gateway: '10.88.0.1', prefixLength: 16, containers: { web: '10.88.0.4', box: '10.88.0.9' } },
  { bridge: 'podman1', gateway: '10.89.5.1', prefixLength: 24, containers: { apart: '10.89.5.2' } },
  { bridge: 'podman2', gateway: '10.89.6.1', prefixLength: 24, containers: { other: '10.89.6.2' } },
];

const paths: readonly Path[] = [
  ['outside', '192.0.2.10:8080', 'web 10.88.0.4:80 sees 192.0.2.1'],
  ['outside', '192.0.2.10:9000', 'ECONNREFUSED'],
  // Podman shuts nobody out who knows the way.
  ['outside', '10.88.0.4:81', 'web 10.88.0.4:81 sees 192.0.2.1'],
  ['web', '198.51.100.7:80', 'outside 198.51.100.7:80 sees 192.0.2.10'],
  ['apart', '198.51.100.7:80', 'outside 198.51.100.7:80 sees 192.0.2.10'],
  ['box', '10.88.0.4:80', 'web 10.88.0.4:80 sees 10.88.0.9'],
  ['box', '192.0.2.10:8080', 'web 10.88.0.4:80 sees 10.88.0.1'],
  // The bridge would have to send it back out of the port that it came in by.
  ['web', '192.0.2.10:8080', 'timeout'],
  ['apart', '192.0.2.10:8080', 'web 10.88.0.4:80 sees 10.88.0.1'],
  ['apart', '10.88.0.4:81', 'web 10.88.0.4:81 sees 10.88.0.1'],
  ['apart', '10.89.6.2:80', 'timeout'],
  ['other', '10.89.5.2:80', 'timeout'],
  ['host', '192.0.2.10:8080', 'web 10.88.0.4:80 sees 192.0.2.10'],
  ['host', '127.0.0.1:8080', 'web 10.88.0.4:80 sees 10.88.0.1'],
  ['host', '10.88.0.4:81', 'web 10.88.0.4:81 sees 10.88.0.1'],
];

/** See the file's head. */
export const podmanLabs: readonly RulesetLab[] = ['netavark.iptables', 'netavark.nft'].map((rules) => ({
  name: `Podman, ${rules}`,
  rules,
  // Podman lets what came from 127.0.0.1 out to its bridge, where the rules hide the source.
  spec: hostWithRules(rules, networks, { host: { sysctls: { 'net.ipv4.conf.podman0.route_localnet': '1' } } }),
  paths,
  // The packet is routed back to the bridge then.
  withoutBridgeNetfilter: [['web', '192.0.2.10:8080', 'web 10.88.0.4:80 sees 10.88.0.1']],
}));
