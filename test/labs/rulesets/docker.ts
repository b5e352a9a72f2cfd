/** Docker 28 with its userland proxy: a container on the default bridge with a published port, and one elsewhere. */
import { hostWithRules, type Path, type RulesetLab, tellers } from './ruleset-lab.ts';

/** Docker's own resolver, in the namespace of every container on a network that a person made. */
const embeddedResolver = `*nat
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER_OUTPUT - [0:0]
:DOCKER_POSTROUTING - [0:0]
-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:41731
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:49180
-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p tcp -m tcp --sport 41731 -j SNAT --to-source :53
-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp --sport 49180 -j SNAT --to-source :53
COMMIT
`;

const networks = [
  {
    bridge: 'docker0',
    gateway: '172.17.0.1',
    prefixLength: 16,
    containers: { web: '172.17.0.2', box: '172.17.0.3' },
  },
  { bridge: 'br-5c1e2f3a4b6d', gateway: '172.18.0.1', prefixLength: 16, containers: { other: '172.18.0.2' } },
];

const specOf = (rules: string) =>
  hostWithRules(rules, networks, {
    // Its docker-proxy.
    host: { services: tellers('host', '0.0.0.0:8080') },
    other: {
      iptables: embeddedResolver,
      services: { ...tellers('other', '0.0.0.0:80', '127.0.0.11:41731') },
    },
  });

const paths: readonly Path[] = [
  ['outside', '192.0.2.10:8080', 'web 172.17.0.2:80 sees 192.0.2.1'],
  ['outside', '192.0.2.10:9000', 'ECONNREFUSED'],
  ['outside', '172.17.0.2:80', 'timeout'],
  ['outside', '172.17.0.3:80', 'timeout'],
  ['web', '198.51.100.7:80', 'outside 198.51.100.7:80 sees 192.0.2.10'],
  ['other', '198.51.100.7:80', 'outside 198.51.100.7:80 sees 192.0.2.10'],
  ['other', '127.0.0.11:53', 'other 127.0.0.11:41731 sees 127.0.0.1'],
  ['box', '172.17.0.2:80', 'web 172.17.0.2:80 sees 172.17.0.3'],
  ['box', '172.17.0.2:82', 'ECONNREFUSED'],
  // From its own bridge the published port is the proxy's; from another it is translated like anybody's.
  ['box', '192.0.2.10:8080', 'host 192.0.2.10:8080 sees 172.17.0.3'],
  ['web', '192.0.2.10:8080', 'host 192.0.2.10:8080 sees 172.17.0.2'],
  ['other', '192.0.2.10:8080', 'web 172.17.0.2:80 sees 172.17.0.1'],
  ['other', '172.17.0.2:80', 'timeout'],
  ['box', '172.18.0.2:80', 'timeout'],
  ['host', '192.0.2.10:8080', 'web 172.17.0.2:80 sees 192.0.2.10'],
  ['host', '127.0.0.1:8080', 'host 127.0.0.1:8080 sees 127.0.0.1'],
  ['host', '172.17.0.2:81', 'web 172.17.0.2:81 sees 172.17.0.1'],
];

/** See the file's head. */
export const dockerLabs: readonly RulesetLab[] = ['docker.iptables', 'docker.nft'].map((rules) => ({
  name: `Docker, ${rules}`,
  rules,
  spec: specOf(rules),
  paths,
  withoutBridgeNetfilter: [],
}));
