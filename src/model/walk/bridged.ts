/** br_netfilter: the IP rules of a host see what goes from port to port of its bridges, where that is switched on. */

import type { NamespaceState } from '../../host/state.ts';
import type { AskFirewall } from '../segment.ts';
import type { Step } from '../step.ts';
import type { Walk } from './walk.ts';

/** True when br_netfilter shows bridged packets to the IP rules of the namespace. */
export function showsBridged(namespace: NamespaceState, family: 4 | 6): boolean {
  const tables = family === 4 ? 'iptables' : 'ip6tables';
  return namespace.sysctls.get(`net.bridge.bridge-nf-call-${tables}`)?.value === '1';
}

/** Asks the rules on behalf of a packet that is on its way over bridges. */
export function bridgeFirewall(asker: Walk): AskFirewall {
  return (namespace, { bridge, from, to }) => {
    const steps: Step[] = [];
    if (!showsBridged(namespace, asker.packet.family)) return { steps, end: null };
    const ports = { inputPort: from.name, outputPort: to.name };
    const walk = asker.bridged();
    for (const [stage, devices] of [
      ['prerouting', { input: bridge.name, inputPort: from.name }],
      ['forward', { input: bridge.name, output: bridge.name, ...ports }],
      ['postrouting', { output: bridge.name, ...ports }],
    ] as const) {
      const before = walk.packet;
      const { ways, ends } = walk.visit({ namespace, stage, devices, device: bridge.name });
      const [way, ...others] = ways;
      if (way === undefined) {
        const [first] = ends;
        return first === undefined ? { steps, end: null } : { steps: [...steps, first.step], end: first.end };
      }
      asker.alternatives.push(...ends.map((one) => one.end));
      walk.take(namespace, stage, way);
      if (way.step !== null && stage !== 'prerouting') steps.push(way.step);
      if (others.length > 0 || before.destination !== walk.packet.destination || before.source !== walk.packet.source) {
        const reason = `the rules of ${namespace.name} translate what crosses ${bridge.name}, and the model does not follow that`;
        const place = { netns: namespace.name, device: bridge.name, stage, quotes: [] } as const;
        const step: Step = { ...place, verdict: 'unknown', detail: reason };
        return { steps: [...steps, step], end: { kind: 'undetermined', reason, answer: null } };
      }
    }
    asker.tracked.splice(0, asker.tracked.length, ...walk.tracked);
    return { steps, end: null };
  };
}
