/** All rule sets that are held to the kernel. */
import { dockerLabs } from './docker.ts';
import { firewallLabs } from './firewalls.ts';
import { kubeProxyLab } from './kube-proxy.ts';
import { podmanLabs } from './podman.ts';
import type { RulesetLab } from './ruleset-lab.ts';

/** See the file's head. */
export const rulesetLabs: readonly RulesetLab[] = [...dockerLabs, ...podmanLabs, ...firewallLabs, kubeProxyLab];
