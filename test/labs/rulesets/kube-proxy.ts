/** A node of Kubernetes whose kube-proxy uses iptables: a service with an endpoint here and one on another node. */
import { hostWithRules, type RulesetLab, tellers } from './ruleset-lab.ts';

const networks = [
  {
    bridge: 'cni0',
    gateway: '10.244.0.1',
    prefixLength: 24,
    containers: { web: '10.244.0.5', dns: '10.244.0.3', box: '10.244.0.7' },
  },
];

/** `outside` is the other node as well. */
const spec = hostWithRules('kube-proxy.iptables', networks, {
  outside: {
    addresses: { eth0: ['192.0.2.1/24', '198.51.100.7/32', '10.244.1.6/32'] },
    services: tellers('outside', '0.0.0.0:80', '10.244.1.6:8080'),
  },
  web: { services: tellers('web', '0.0.0.0:8080') },
  dns: { services: tellers('dns', '0.0.0.0:53') },
});

/** See the file's head. */
export const kubeProxyLab: RulesetLab = {
  name: 'kube-proxy, iptables',
  rules: 'kube-proxy.iptables',
  spec,
  // Without, answers from the same bridge are strangers.
  withoutBridgeNetfilter: null,
  paths: [
    ['box', '10.96.0.20:80', 'outside or web'],
    ['host', '10.96.0.20:80', 'outside or web'],
    ['outside', '192.0.2.10:30080', 'outside or web'],
    ['box', '10.96.0.10:53', 'dns 10.244.0.3:53 sees 10.244.0.7'],
    ['host', '10.96.0.10:53', 'dns 10.244.0.3:53 sees 10.244.0.1'],
    ['box', '10.96.0.99:80', 'ECONNREFUSED'],
    ['host', '10.96.0.99:80', 'ECONNREFUSED'],
    ['box', '10.244.0.5:8080', 'web 10.244.0.5:8080 sees 10.244.0.7'],
  ],
};
