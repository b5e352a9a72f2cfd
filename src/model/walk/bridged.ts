/** br_netfilter: the IP rules of a host see what goes from port to port of its bridges, where that is switched on. */

import type { NamespaceState } from '../../host/state.ts';
import { showsBridged } from '../bridge.ts';
import { unusableReason } from '../frame.ts';
import { hooksAcross } from '../hook.ts';
import type { AskFirewall } from '../segment.ts';
import type { ModelPacket, Step } from '../step.ts';
import { isTranslated, type Walk } from './walk.ts';

/** Asks the rules on behalf of a packet that is on its way over bridges. */
export function bridgeFirewall(asker: Walk): AskFirewall {
  return (namespace, { bridge, from, to }, sent = asker.packet, mark = 0) => {
    const steps: Step[] = [];
    if (!showsBridged(namespace, sent.family)) return { steps, end: null };
    const walk = asker.bridged(sent, mark);
    // A port without a carrier is disabled (`br_port_carrier_check`): nothing is forwarded to it.
    const isForwarded = unusableReason(to) === null;
    for (const [stage, devices] of hooksAcross(bridge.name, from.name, to.name)) {
      if (stage !== 'prerouting' && !isForwarded) return { steps, end: null };
      const { ways, ends } = walk.visit({ namespace, stage, devices, device: bridge.name });
      const [way, ...others] = ways;
      if (way === undefined) {
        const [first] = ends;
        if (first === undefined) return { steps, end: null };
        // What answers in its place does so in its connection with this namespace.
        return { steps: [...steps, first.step], end: first.end, traveller: first.traveller ?? walk.traveller };
      }
      asker.alternatives.push(...ends.map((one) => walk.endState(one.end, one.traveller)));
      walk.take(namespace, stage, way);
      if (way.step !== null && stage !== 'prerouting') steps.push(way.step);
      // Another source changes nothing about where the bridge sends it: so answers of what DNAT sent here go back.
      if (others.length > 0 || walk.packet.destination !== sent.destination) {
        const reason = `the rules of ${namespace.name} give what crosses ${bridge.name} another destination, and the model does not follow that`;
        const place = { netns: namespace.name, device: bridge.name, stage, quotes: [] } as const;
        const step: Step = { ...place, verdict: 'unknown', detail: reason };
        return { steps: [...steps, step], end: { kind: 'undetermined', reason, answer: null } };
      }
    }
    asker.tracked.splice(0, asker.tracked.length, ...walk.tracked);
    const { mark: _before, ...before } = sent;
    const { mark: after = 0, ...packet } = walk.packet;
    const passed = { steps, end: null, ...(after === mark ? {} : { mark: after }) };
    if (!isTranslated(before, packet) && isAboutSame(before, packet)) return passed;
    return { ...passed, traveller: { packet, connection: null } };
  };
}

/** False when what an ICMP error quotes was translated back: the error's own ends may stay as they are. */
function isAboutSame({ quoted: before }: Pick<ModelPacket, 'quoted'>, { quoted: after }: Pick<ModelPacket, 'quoted'>) {
  return before?.destination === after?.destination && before?.destinationPort === after?.destinationPort;
}

/**
 * `br_nf_pre_routing_finish`: what br_netfilter translated to a neighbour on the same bridge, the bridge forwards, so it
 * may not leave by the port that it came in by. The steps up to there, or null.
 */
export function keptBack({ translatedBehind }: Walk, namespace: NamespaceState, steps: readonly Step[]): Step[] | null {
  const port = namespace.bridgePorts.find(({ device }) => device === translatedBehind);
  if (port === undefined || port.hairpin) return null;
  const { device, source } = port;
  const at = steps.findIndex((one) => one.netns === namespace.name && one.device === device && one.stage === 'egress');
  if (at < 0) return null;
  const detail = `the frame would have to leave by ${device}, where it came in, and hairpin is off there`;
  const place = { netns: namespace.name, device, stage: 'bridge', quotes: [source] } as const;
  return [...steps.slice(0, at), { ...place, verdict: 'dropped', detail, fault: { kind: 'bridge-hairpin-off' } }];
}
