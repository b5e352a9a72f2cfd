/** The firewalls that people set up by hand: ufw with its default policy, firewalld with a zone for the world. */
import { hostWithRules, type RulesetLab, tellers } from './ruleset-lab.ts';

const networks = [
  { bridge: 'podman0', gateway: '10.88.0.1', prefixLength: 16, containers: { web: '10.88.0.4', box: '10.88.0.9' } },
];

/** See the file's head. */
export const firewallLabs: readonly RulesetLab[] = [
  {
    name: 'ufw',
    rules: 'ufw.iptables',
    spec: hostWithRules('ufw.iptables', networks, {
      host: { services: tellers('host', '0.0.0.0:443', '0.0.0.0:8080') },
    }),
    withoutBridgeNetfilter: [],
    paths: [
      ['outside', '192.0.2.10:443', 'host 192.0.2.10:443 sees 192.0.2.1'],
      ['outside', '192.0.2.10:80', 'ECONNREFUSED'],
      ['outside', '192.0.2.10:8080', 'timeout'],
      ['host', '127.0.0.1:8080', 'host 127.0.0.1:8080 sees 127.0.0.1'],
      ['host', '192.0.2.10:8080', 'host 192.0.2.10:8080 sees 192.0.2.10'],
      ['host', '198.51.100.7:80', 'outside 198.51.100.7:80 sees 192.0.2.10'],
      ['host', '10.88.0.4:80', 'web 10.88.0.4:80 sees 10.88.0.1'],
      ['box', '192.0.2.10:443', 'host 192.0.2.10:443 sees 10.88.0.9'],
      ['box', '10.88.0.1:8080', 'timeout'],
      // What people run into who have ufw beside their containers: it forwards nothing.
      ['box', '198.51.100.7:80', 'timeout'],
      ['outside', '10.88.0.4:80', 'timeout'],
    ],
  },
  {
    name: 'firewalld',
    rules: 'firewalld.nft',
    spec: hostWithRules('firewalld.nft', networks, { host: { services: tellers('host', '0.0.0.0:22', '0.0.0.0:23') } }),
    withoutBridgeNetfilter: [],
    paths: [
      ['outside', '192.0.2.10:22', 'host 192.0.2.10:22 sees 192.0.2.1'],
      ['outside', '192.0.2.10:23', 'EHOSTUNREACH'],
      // By `--add-forward-port`, with masquerading in the zone.
      ['outside', '192.0.2.10:8080', 'web 10.88.0.4:80 sees 192.0.2.1'],
      ['outside', '10.88.0.4:80', 'EHOSTUNREACH'],
      ['box', '198.51.100.7:80', 'outside 198.51.100.7:80 sees 192.0.2.10'],
      ['box', '10.88.0.1:23', 'host 10.88.0.1:23 sees 10.88.0.9'],
      ['box', '10.88.0.4:80', 'web 10.88.0.4:80 sees 10.88.0.9'],
      // Forward ports are for who comes in by the zone.
      ['box', '192.0.2.10:8080', 'ECONNREFUSED'],
      ['host', '192.0.2.10:8080', 'ECONNREFUSED'],
      ['host', '127.0.0.1:23', 'host 127.0.0.1:23 sees 127.0.0.1'],
      ['host', '198.51.100.7:80', 'outside 198.51.100.7:80 sees 192.0.2.10'],
    ],
  },
];
