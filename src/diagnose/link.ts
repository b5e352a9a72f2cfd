/** Causes of a device that is down: the packet is to leave by it, or to pass it, and cannot. */

import type { HostState, Link } from '../host/state.ts';
import { isLoopback } from '../inet/address.ts';
import type { Context } from './context.ts';
import type { Fix } from './diagnosis.ts';
import { endAt } from './end-at.ts';
import type { Cause } from './finding.ts';
import { kernelEvidence } from './kernel-reading.ts';
import { certaintyByErrno, errnoSentence } from './met-errno.ts';
import { commandsOf, withLinkUp, withLoopback, withPortsOpen, wouldWork } from './what-if.ts';
import { askedText, inNetns, serverText } from './words.ts';

const routesGone = ' Routes that somebody added by it went away when it was set down: see that they are there again.';

/** Sets a device up; `changed` is the host as it is then. */
function setUp(context: Context, netns: string, { name }: Link, changed: HostState, note = ''): Fix {
  return {
    summary: `Set ${name} up ${inNetns(netns)}.${note}`,
    commands: commandsOf(['ip', 'link', 'set', name, 'up']),
    netns,
    verified: wouldWork(context, changed),
  };
}

/** Asked for by its own loopback address, a host without a loopback device has no route. */
export const loopbackDown: Cause = (context) => {
  const step = endAt(context, 'route', ['unroutable']);
  const { host } = context;
  const link = host?.namespaces.get(step?.netns ?? '')?.links.find(({ kind }) => kind === 'loopback');
  if (host === null || step === null || link === undefined || link.up || !isLoopback(context.packet.destination)) {
    return null;
  }
  const changed = withLoopback(withLinkUp(host, step.netns, link.name), step.netns, link.name);
  return {
    cause: 'loopback-down',
    certainty: certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'route' },
    verdict: 'failed',
    detail: `${link.name} is down, and with it every route to ${context.packet.destination}`,
    evidence: [{ kind: 'snapshot', ...link.source }],
    summary: `${serverText(context)} could not be reached: ${link.name} is down ${inNetns(step.netns)}.`,
    explanation: [
      askedText(context),
      `What a host sends to itself goes over its loopback device, ${link.name}. In a new network namespace that device is there and down; until somebody sets it up, 127.0.0.1 cannot be reached.${errnoSentence(context)}`,
    ],
    fixes: [setUp(context, step.netns, link, changed)],
    alternatives: [],
  };
};

/** A device on the way is down. */
export const interfaceDown: Cause = (context) => {
  const step = endAt(context, 'egress', ['dropped']);
  const { host } = context;
  const link = host?.namespaces.get(step?.netns ?? '')?.links.find(({ name }) => name === step?.device);
  if (step === null || host === null || link === undefined || (link.up && link.carrier)) return null;
  const changed = withLinkUp(host, step.netns, link.name);
  const fix = setUp(context, step.netns, link, changed, ' Whoever set it down may have had a reason.');
  const summary = `${serverText(context)} could not be reached: ${step.detail} ${inNetns(step.netns)}.`;
  const other = link.up
    ? `It is set up, but its other end is not, or nothing is plugged in: look there.`
    : 'It was set down, or never set up.';
  return {
    ...(link.kind === 'loopback' ? { cause: 'loopback-down' } : { cause: 'interface-down' }),
    certainty: certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'egress' },
    verdict: 'dropped',
    detail: step.detail,
    evidence: [],
    summary,
    explanation: [
      askedText(context),
      `The packet was to leave by ${link.name}, and ${step.detail}. ${other}${errnoSentence(context)}`,
    ],
    fixes: link.up ? [] : [fix],
    alternatives: [],
  };
};

const portClosed = 'BRIDGE_INGRESS_STP_STATE';

/** A bridge on the way is down: each of its ports is disabled then. */
export const bridgeDown: Cause = (context) => {
  const step = endAt(context, 'bridge', ['dropped']);
  const { host, kernel } = context;
  const namespace = host?.namespaces.get(step?.netns ?? '');
  const bridge = namespace?.bridgePorts.find(({ device }) => device === step?.device)?.bridge;
  const link = namespace?.links.find(({ name }) => name === bridge);
  if (step?.fault?.kind !== 'bridge-port-blocked' || host === null || link === undefined || link.up) return null;
  const drop = kernel?.drop ?? null;
  const said = drop?.event.kind === 'drop' && drop.event.reason === portClosed;
  const changed = withPortsOpen(withLinkUp(host, step.netns, link.name), step.netns, link.name);
  return {
    cause: 'interface-down',
    certainty: said ? 'proven' : certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'bridge' },
    verdict: 'dropped',
    detail: `${link.name}, the bridge that ${step.device} is a port of, is down`,
    evidence: [...(said && drop !== null ? [kernelEvidence(drop)] : []), { kind: 'snapshot', ...link.source }],
    summary: `${serverText(context)} could not be reached: the bridge ${link.name} is down ${inNetns(step.netns)}.`,
    explanation: [
      askedText(context),
      `A bridge is a switch in software. ${link.name} is set down, and a switch that is off passes no frame from any port to any other.${errnoSentence(context)}`,
    ],
    fixes: [setUp(context, step.netns, link, changed, routesGone)],
    alternatives: [],
  };
};
