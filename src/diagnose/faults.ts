/**
 * Causes that the model names by itself: a packet is stopped at a port of a bridge, at a full queue, by an address that may
 * not be there. Each is a row: the kernel's reason that proves it, the words, and the change that mends it.
 */

import { answerPacket, requestPacket, wasAnswered } from '../flow/connection.ts';
import type { ForwardingEntry, HostState, Neighbour } from '../host/state.ts';
import { type Fault, type ModelPacket, ownSteps, type Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Fix } from './diagnosis.ts';
import { answerWay } from './end-at.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { type KernelRecord, kernelEvidence } from './kernel-reading.ts';
import { letLoopbackOut } from './local-nat.ts';
import { natTableOf } from './nat-rule.ts';
import { commandsOf, withNamespace, withPort, withPortsOpen, withSetting, wouldWork } from './what-if.ts';
import {
  answerArrived,
  askedText,
  capitalised,
  inNetns,
  joinWords,
  netnsText,
  serverText,
  unheardText,
} from './words.ts';

/** A change of the host, in words, as commands, and in the model. */
interface Change {
  readonly summary: string;
  /** None where they cannot be written down. */
  readonly commands: readonly string[];
  readonly host: HostState;
  /** Where it is made, unless at the place of the fault, and the packet that is sent then, unless the same. */
  readonly netns?: string;
  readonly packet?: ModelPacket;
}

/** All but those of routing, which `routing.ts` tells. */
type NamedFault = Exclude<Fault, { readonly kind: 'ip-forward-off' | 'reverse-path-filter' }>;

/** What is said of a fault. */
interface FaultWords {
  /** The kernel's drop reasons that prove it; where it has none of its own, none. */
  readonly reasons: readonly string[];
  readonly explain: (step: Step) => string;
}

function portFlag(
  step: Step,
  host: HostState,
  flag: readonly [string, string],
  change: object,
  summary: string,
): Change {
  const device = step.device ?? '';
  return {
    summary,
    commands: commandsOf(['bridge', 'link', 'set', 'dev', device, ...flag]),
    host: withPort(host, step.netns, device, change),
  };
}

/** A setting of the place, switched on; null without one. */
function settingOn(host: HostState, netns: string, name: string | null, summary: string): Change | null {
  return name === null
    ? null
    : { summary, commands: commandsOf(['sysctl', '-w', `${name}=1`]), host: withSetting(host, netns, name) };
}

/** What a port is not sent, in the model's words. */
const floodFields = { flood: 'flood', bcast_flood: 'broadcastFlood', mcast_flood: 'multicastFlood' } as const;

/** What Linux sends with, unless it is told otherwise (IPDEFTTL, include/uapi/linux/ip.h). */
const usualTimeToLive = 64;

/** More hops for what the client sends, where it was seen to send with fewer than others do. */
function longerLife(host: HostState, { packet, clientNetns, journey: way }: Context): Change | null {
  const { timeToLive = usualTimeToLive } = packet;
  const device = way?.steps.find(({ stage }) => stage === 'egress')?.device ?? null;
  if (clientNetns === null || device === null || timeToLive >= usualTimeToLive) return null;
  const setting =
    packet.family === 4 ? 'net.ipv4.ip_default_ttl' : `net.ipv6.conf.${device.replaceAll('.', '/')}.hop_limit`;
  return {
    summary: `It was sent with ${timeToLive}, where ${usualTimeToLive} is usual. Send with that, unless the program or a rule sets it: then mend those.`,
    commands: commandsOf(['sysctl', '-w', `${setting}=${usualTimeToLive}`]),
    host,
    netns: clientNetns,
    packet: { ...packet, timeToLive: usualTimeToLive },
  };
}

const words: Readonly<Record<NamedFault['kind'], FaultWords>> = {
  'accept-queue-full': {
    reasons: ['TCP_LISTEN_OVERFLOW'],
    explain: ({ detail }) =>
      `A new connection waits in the listener's queue until the program accepts it. That queue is full: ${detail}. The kernel drops what comes now and says nothing, so that the client tries again. The program is stuck, or slower than its clients are many: look at what it does. Its queue is longer with a larger backlog of listen(), as far as net.core.somaxconn allows.`,
  },
  'localnet-not-routable': {
    reasons: ['IP_LOCALNET'],
    explain: ({ detail }) =>
      `${capitalised(detail)}. Addresses of 127.0.0.0/8 mean "this host itself": by default the kernel lets them neither in nor out by any other device. A rule that translates to or from such an address leads nowhere then.`,
  },
  'source-is-local': {
    reasons: ['IP_LOCAL_SOURCE'],
    explain: ({ detail, netns }) =>
      `The packet came back to ${netnsText(netns)} with ${detail}. No packet of its own may come from outside, so it is dropped. That is what happens when a container asks for its own published port and the router sends the packet back without changing its source.`,
  },
  'ttl-exceeded': {
    reasons: ['IP_INHDR'],
    explain: ({ netns }) =>
      `Every host that passes a packet on counts its time to live down by one; at ${netnsText(netns)} nothing was left of it. Either it was sent with too little, or it went in a circle.`,
  },
  'bridge-port-blocked': {
    reasons: ['BRIDGE_INGRESS_STP_STATE'],
    explain: ({ detail, fault }) =>
      fault?.kind === 'bridge-port-blocked' && fault.shutOut !== undefined
        ? `${detail}. A locked port lets in only what comes from addresses that somebody has put in the bridge's table there, as a switch does until a machine has shown who it is (IEEE 802.1X).`
        : `A bridge is a switch in software, and each of its ports has a state. ${detail}: it neither takes nor gives frames. The spanning tree protocol does so to a port that would close a circle, and for some seconds to every port that is new.`,
  },
  'bridge-port-isolated': {
    reasons: [],
    explain: ({ detail }) =>
      `${detail}: ports that are isolated talk to the others, and not to each other. Somebody wanted to keep these neighbours apart.`,
  },
  'bridge-hairpin-off': {
    reasons: [],
    explain: ({ detail }) =>
      `Whom it is for is behind the very port by which it came into the bridge: ${detail}. A switch never sends a frame back where it came from, unless it is told to.`,
  },
  'bridge-flood-off': {
    reasons: ['NO_TX_TARGET'],
    explain: ({ detail }) =>
      `A bridge that does not know where an address is sends the frame to all ports, except to those that are not to get such frames. ${detail}.`,
  },
  'bridge-vlan-filtered': {
    reasons: [],
    explain: ({ detail }) => `The bridge filters by VLAN: ${detail}.`,
  },
  'stale-neighbour': {
    reasons: ['OTHERHOST'],
    explain: ({ detail, netns }) =>
      `${capitalised(netnsText(netns))} did not ask who has the address, since its neighbour table says so; and what it says is wrong: ${detail}. The frames go to nobody.`,
  },
};

/** Opens a port that its bridge keeps shut. */
function openPort(host: HostState, { netns, device }: Step): Change | null {
  const port = host.namespaces.get(netns)?.bridgePorts.find((one) => one.device === device);
  if (port === undefined) return null;
  return {
    summary: `Turn the spanning tree protocol off on ${port.bridge}, if no cables form a circle there: with one, frames would go round for ever. Or wait: a new port opens after twice the bridge's forward delay, 30 seconds mostly.`,
    commands: commandsOf(
      ['ip', 'link', 'set', port.bridge, 'type', 'bridge', 'stp_state', '0'],
      ['bridge', 'link', 'set', 'dev', port.device, 'state', '3'],
    ),
    host: withPortsOpen(host, netns, port.bridge),
  };
}

/** Lets an address in by a locked port. */
function letIn(host: HostState, { netns, device, quotes }: Step, mac: string, vlan: number | null): Change | null {
  const port = host.namespaces.get(netns)?.bridgePorts.find((one) => one.device === device);
  const [source] = quotes;
  if (port === undefined || source === undefined) return null;
  const entry: ForwardingEntry = {
    mac,
    device: port.device,
    bridge: port.bridge,
    permanent: false,
    fixed: false,
    locked: false,
    vlan,
    heardAgo: null,
    remote: null,
    source,
  };
  const tagged = vlan === null ? [] : ['vlan', String(vlan)];
  return {
    summary: `Let ${mac} in by that port. Or let everyone in: bridge link set dev ${port.device} locked off. Somebody has locked it, perhaps a program that knows whom to let in: ask there first.`,
    commands: commandsOf(['bridge', 'fdb', 'replace', mac, 'dev', port.device, 'master', 'static', ...tagged]),
    host: withNamespace(host, netns, (namespace) => ({
      ...namespace,
      forwardingEntries: [
        ...namespace.forwardingEntries.filter(
          (one) => one.mac !== mac || one.bridge !== port.bridge || one.vlan !== vlan,
        ),
        entry,
      ],
    })),
  };
}

function forget(host: HostState, { netns }: Step, wrong: Neighbour): Change {
  return {
    summary: 'Forget the wrong entry; the kernel then asks who has the address. Whoever wrote it down may do so again.',
    commands: commandsOf(['ip', 'neigh', 'del', wrong.address, 'dev', wrong.device]),
    host: withNamespace(host, netns, (namespace) => ({
      ...namespace,
      neighbours: namespace.neighbours.filter((one) => one !== wrong),
    })),
  };
}

/** The switch; where nobody could answer a loopback address, the device's address in its place as well. */
function letLocalnetPass(
  { device, setting }: Extract<NamedFault, { readonly kind: 'localnet-not-routable' }>,
  host: HostState,
  { netns }: Step,
  context: Context,
): Change | null {
  const risk =
    'Whoever is beside it then reaches what listens on loopback there, unless a rule of the firewall keeps them off.';
  const switched = settingOn(
    host,
    netns,
    setting,
    `Let 127.0.0.0/8 pass that device. ${risk} To keep it over a reboot, write it to a file in /etc/sysctl.d.`,
  );
  if (switched === null || wouldWork(context, switched.host)) return switched;
  const place = natTableOf(host.namespaces.get(netns)?.ruleTables ?? [], 4, null);
  const out = letLoopbackOut(host, netns, place, device);
  if (out === null || !wouldWork(context, out.host)) return switched;
  const summary = `Let 127.0.0.0/8 leave by ${device}, with the address of ${device} in its place: to 127.0.0.1 nobody could answer. ${risk} To keep it over a reboot, write the one to a file in /etc/sysctl.d, the other where the rules of this machine are written.`;
  return { summary, ...out };
}

/** The change that mends it; null where none is known. */
function mendOf(fault: NamedFault, host: HostState, step: Step, context: Context): Change | null {
  switch (fault.kind) {
    case 'localnet-not-routable':
      return letLocalnetPass(fault, host, step, context);
    case 'ttl-exceeded':
      return longerLife(host, context);
    case 'bridge-port-blocked':
      return fault.shutOut === undefined
        ? openPort(host, step)
        : letIn(host, step, fault.shutOut.mac, fault.shutOut.vlan);
    case 'bridge-port-isolated':
      return portFlag(step, host, ['isolated', 'off'], { isolated: false }, 'Take one of the two out of isolation.');
    case 'bridge-hairpin-off':
      return portFlag(
        step,
        host,
        ['hairpin', 'on'],
        { hairpin: true },
        'Let the port send frames back where they came from.',
      );
    case 'bridge-flood-off': {
      const change = { [floodFields[fault.flag]]: true };
      return portFlag(step, host, [fault.flag, 'on'], change, 'Let the port get what the bridge floods.');
    }
    case 'stale-neighbour':
      return forget(host, step, fault.entry);
    case 'accept-queue-full':
    case 'source-is-local':
    case 'bridge-vlan-filtered':
      break;
  }
  return null;
}

/** The kernel's drop of the request, for one of these reasons. */
function proofOf({ kernel }: Context, reasons: readonly string[]): KernelRecord | null {
  const drop = kernel?.drop ?? null;
  const reason = drop?.event.kind === 'drop' ? drop.event.reason : null;
  return reason !== null && reasons.includes(reason) ? drop : null;
}

/** Where the model ends the request for a reason that has a name. */
export const modelFault: Cause = (context) => {
  const { connection, journey: way } = context;
  const failed = connection.outcome === 'timeout' || connection.outcome === 'unreachable';
  return failed && !wasAnswered(connection) ? faultAt(context, way?.steps.at(-1), 'request') : null;
};

/** The same of the answer. */
export const answerFault: Cause = (context) => faultAt(context, answerWay(context)?.steps.at(-1), 'reply');

function faultAt(context: Context, step: Step | undefined, direction: 'request' | 'reply'): Finding | null {
  const { connection, host } = context;
  if (host === null || step?.fault === undefined) return null;
  const { fault } = step;
  if (fault.kind === 'ip-forward-off' || fault.kind === 'reverse-path-filter') return null;
  const { reasons, explain } = words[fault.kind];
  const isAnswer = direction === 'reply';
  const [seen] = framesAt(context, (isAnswer ? answerPacket : requestPacket)(connection)?.frames ?? [], step);
  // The kernel's word on drops is of the request.
  const proof = isAnswer ? null : proofOf(context, reasons);
  const certainty = proof !== null ? 'proven' : seen === undefined ? 'inferred' : 'observed';
  const change = mendOf(fault, host, step, context);
  const fix: Fix[] =
    change === null || change.commands.length === 0
      ? []
      : [
          {
            summary: change.summary,
            commands: change.commands,
            netns: change.netns ?? step.netns,
            verified: wouldWork({ ...context, packet: change.packet ?? context.packet }, change.host),
          },
        ];
  const said = isAnswer
    ? unheardText(context)
    : connection.outcome === 'timeout'
      ? 'did not answer'
      : 'could not be reached';
  return {
    cause: fault.kind,
    certainty,
    where: { netns: step.netns, device: step.device, stage: step.stage },
    ...(isAnswer ? { direction } : {}),
    verdict: step.verdict,
    detail: step.detail,
    evidence: [
      ...(proof === null ? [] : [kernelEvidence(proof)]),
      ...(seen === undefined ? [] : [frameEvidence(context, seen)]),
    ],
    summary: `${serverText(context)} ${said}: ${step.detail} (${inNetns(step.netns)}).`,
    explanation: [askedText(context), ...(isAnswer ? [answerArrived] : []), explain(step)],
    fixes: fix,
    alternatives: [],
  };
}

/** Hosts that send it to each other until nothing is left of its time to live. */
export const routingLoop: Cause = (context) => {
  const { connection, journey: way } = context;
  const steps = ownSteps(way?.steps ?? []);
  const step = steps.findLast(({ stage }) => stage === 'route');
  const failed = connection.outcome === 'timeout' || connection.outcome === 'unreachable';
  if (way?.end.kind !== 'looped' || step === undefined || !failed || wasAnswered(connection)) return null;
  const said = context.kernel?.drop?.event;
  const proven = said?.kind === 'drop' && said.reason === 'IP_INHDR';
  const ring = [...new Set(steps.filter(({ stage }) => stage === 'forward').map(({ netns }) => netns))];
  return {
    cause: 'routing-loop',
    certainty: proven ? 'proven' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: 'forward' },
    verdict: 'dropped',
    detail: way.end.reason,
    evidence: proven && context.kernel?.drop ? [kernelEvidence(context.kernel.drop)] : [],
    summary: `${serverText(context)} could not be reached: the packet goes in a circle between ${joinWords(ring.map(netnsText))}.`,
    explanation: [
      askedText(context),
      `Each of them has a route to ${way.arrived.destination} that leads to ${ring.length > 2 ? 'the next one' : 'the other'}, so they pass the packet round until its time to live is used up. One of the routes is wrong: look at them with ip route get ${way.arrived.destination}, ${joinWords(ring.map(inNetns))}.`,
    ],
    fixes: [],
    alternatives: [],
  };
};
