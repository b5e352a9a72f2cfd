/**
 * Causes that the model names by itself: a packet is stopped at a port of a bridge, at a full queue, by an address that may
 * not be there. Each is a row: the kernel's reason that proves it, the words, and the change that mends it.
 */

import { requestPacket, wasAnswered } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import type { Fault, ModelPacket, Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Certainty, EvidenceItem, Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { kernelEvidence } from './kernel-reading.ts';
import { commandsOf, withNamespace, withPort, withPortsOpen, withSetting, wouldWork } from './what-if.ts';
import { askedText, inNetns, netnsText, serverText } from './words.ts';

/** A change of the host, in words, as a command, and in the model. */
interface Change {
  readonly summary: string;
  readonly commands: readonly (readonly string[])[];
  readonly host: HostState;
  /** Where it is made, unless at the place of the fault, and the packet that is sent then, unless the same. */
  readonly netns?: string;
  readonly packet?: ModelPacket;
}

/** What is said of a fault. */
interface FaultWords {
  /** The kernel's drop reasons that prove it; where it has none of its own, none. */
  readonly reasons: readonly string[];
  readonly explain: (step: Step) => string;
  readonly mend: (host: HostState, step: Step, context: Context) => Change | null;
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
    commands: [['bridge', 'link', 'set', 'dev', device, ...flag]],
    host: withPort(host, step.netns, device, change),
  };
}

/** The setting that the step quotes, switched on. */
function settingOn(host: HostState, { quotes, netns }: Step, summary: string): Change | null {
  const name = quotes[0]?.text.split(' ', 1)[0] ?? '';
  if (!name.startsWith('net.')) return null;
  return { summary, commands: [['sysctl', '-w', `${name}=1`]], host: withSetting(host, netns, name) };
}

function floodFlag({ detail }: Step): 'flood' | 'bcast_flood' | 'mcast_flood' {
  return detail.includes('bcast_flood') ? 'bcast_flood' : detail.includes('mcast_flood') ? 'mcast_flood' : 'flood';
}

const nothing = (): null => null;

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
    commands: [['sysctl', '-w', `${setting}=${usualTimeToLive}`]],
    host,
    netns: clientNetns,
    packet: { ...packet, timeToLive: usualTimeToLive },
  };
}

const words: Readonly<Record<Fault, FaultWords>> = {
  'accept-queue-full': {
    reasons: ['TCP_LISTEN_OVERFLOW'],
    explain: ({ detail }) =>
      `A new connection waits in the listener's queue until the program accepts it. That queue is full: ${detail}. The kernel drops what comes now and says nothing, so that the client tries again. The program is stuck, or slower than its clients are many: look at what it does. Its queue is longer with a larger backlog of listen(), as far as net.core.somaxconn allows.`,
    mend: nothing,
  },
  'localnet-not-routable': {
    reasons: ['IP_LOCALNET'],
    explain: ({ detail }) =>
      `${detail}. Addresses of 127.0.0.0/8 mean "this host itself": by default the kernel lets them neither in nor out by any other device. A rule that translates to or from such an address leads nowhere then.`,
    mend: (host, step) =>
      settingOn(
        host,
        step,
        'Let 127.0.0.0/8 pass that device. Whoever is beside it then reaches what listens on loopback there, unless a rule of the firewall keeps them off. To keep it over a reboot, write it to a file in /etc/sysctl.d.',
      ),
  },
  'source-is-local': {
    reasons: ['IP_LOCAL_SOURCE'],
    explain: ({ detail, netns }) =>
      `The packet came back to ${netnsText(netns)} with ${detail}. No packet of its own may come from outside, so it is dropped. That is what happens when a container asks for its own published port and the router sends the packet back without changing its source.`,
    mend: nothing,
  },
  'ttl-exceeded': {
    reasons: ['IP_INHDR'],
    explain: ({ netns }) =>
      `Every host that passes a packet on counts its time to live down by one; at ${netnsText(netns)} nothing was left of it. Either it was sent with too little, or it went in a circle.`,
    mend: (host, _step, context) => longerLife(host, context),
  },
  'bridge-port-blocked': {
    reasons: ['BRIDGE_INGRESS_STP_STATE'],
    explain: ({ detail }) =>
      `A bridge is a switch in software, and each of its ports has a state. ${detail}: it neither takes nor gives frames. The spanning tree protocol does so to a port that would close a circle, and for some seconds to every port that is new.`,
    mend: (host, { netns, device }) => {
      const port = host.namespaces.get(netns)?.bridgePorts.find((one) => one.device === device);
      if (port === undefined) return null;
      return {
        summary: `Turn the spanning tree protocol off on ${port.bridge}, if no cables form a circle there: with one, frames would go round for ever. Or wait: a new port opens after twice the bridge's forward delay, 30 seconds mostly.`,
        commands: [
          ['ip', 'link', 'set', port.bridge, 'type', 'bridge', 'stp_state', '0'],
          ['bridge', 'link', 'set', 'dev', port.device, 'state', '3'],
        ],
        host: withPortsOpen(host, netns, port.bridge),
      };
    },
  },
  'bridge-port-isolated': {
    reasons: [],
    explain: ({ detail }) =>
      `${detail}: ports that are isolated talk to the others, and not to each other. Somebody wanted to keep these neighbours apart.`,
    mend: (host, step) =>
      portFlag(step, host, ['isolated', 'off'], { isolated: false }, 'Take one of the two out of isolation.'),
  },
  'bridge-hairpin-off': {
    reasons: [],
    explain: ({ detail }) =>
      `Whom it is for is behind the very port by which it came into the bridge: ${detail}. A switch never sends a frame back where it came from, unless it is told to.`,
    mend: (host, step) =>
      portFlag(step, host, ['hairpin', 'on'], { hairpin: true }, 'Let the port send frames back where they came from.'),
  },
  'bridge-flood-off': {
    reasons: ['NO_TX_TARGET'],
    explain: ({ detail }) =>
      `A bridge that does not know where an address is sends the frame to all ports, except to those that are not to get such frames. ${detail}.`,
    mend: (host, step) => {
      const flag = floodFlag(step);
      const fields = { flood: 'flood', bcast_flood: 'broadcastFlood', mcast_flood: 'multicastFlood' } as const;
      return portFlag(step, host, [flag, 'on'], { [fields[flag]]: true }, 'Let the port get what the bridge floods.');
    },
  },
  'bridge-vlan-filtered': {
    reasons: [],
    explain: ({ detail }) => `The bridge filters by VLAN: ${detail}.`,
    mend: nothing,
  },
  'stale-neighbour': {
    reasons: ['OTHERHOST'],
    explain: ({ detail, netns }) =>
      `${netnsText(netns)} did not ask who has the address, since its neighbour table says so; and what it says is wrong: ${detail}. The frames go to nobody.`,
    mend: (host, step) => {
      const [entry] = step.quotes;
      const neighbours = host.namespaces.get(step.netns)?.neighbours ?? [];
      const wrong = neighbours.find(({ source }) => source === entry);
      if (wrong === undefined) return null;
      return {
        summary:
          'Forget the wrong entry; the kernel then asks who has the address. Whoever wrote it down may do so again.',
        commands: [['ip', 'neigh', 'del', wrong.address, 'dev', wrong.device]],
        host: withNamespace(host, step.netns, (namespace) => ({
          ...namespace,
          neighbours: namespace.neighbours.filter((one) => one !== wrong),
        })),
      };
    },
  },
};

/** Proven when the kernel says so; observed when the request was seen at the place, or just before it. */
function certaintyOf(context: Context, step: Step, reasons: readonly string[]): Certainty {
  const drop = context.kernel?.drop?.event;
  if (drop?.kind === 'drop' && drop.reason !== null && reasons.includes(drop.reason)) return 'proven';
  const frames = requestPacket(context.connection)?.frames ?? [];
  return framesAt(context, frames, step).length > 0 ? 'observed' : 'inferred';
}

/** Where the model ends a journey for a reason that has a name. */
export const modelFault: Cause = (context) => {
  const { connection, journey: way, host, kernel } = context;
  const step = way?.steps.at(-1);
  const failed = connection.outcome === 'timeout' || connection.outcome === 'unreachable';
  if (host === null || step?.fault === undefined || !failed || wasAnswered(connection)) return null;
  const { reasons, explain, mend } = words[step.fault];
  const certainty = certaintyOf(context, step, reasons);
  const change = mend(host, step, context);
  const commands = change === null ? [] : commandsOf(...change.commands);
  const fix: Fix[] =
    change === null || commands.length === 0
      ? []
      : [
          {
            summary: change.summary,
            commands,
            netns: change.netns ?? step.netns,
            verified: wouldWork({ ...context, packet: change.packet ?? context.packet }, change.host),
          },
        ];
  const evidence: EvidenceItem[] = [];
  if (certainty === 'proven' && kernel?.drop) evidence.push(kernelEvidence(kernel.drop));
  const [seen] = framesAt(context, requestPacket(connection)?.frames ?? [], step);
  if (seen !== undefined) evidence.push(frameEvidence(context, seen));
  return {
    cause: step.fault,
    certainty,
    where: { netns: step.netns, device: step.device, stage: step.stage },
    verdict: step.verdict,
    detail: step.detail,
    evidence,
    summary: `${serverText(context)} ${connection.outcome === 'timeout' ? 'did not answer' : 'could not be reached'}: ${step.detail} (${inNetns(step.netns)}).`,
    explanation: [askedText(context), explain(step)],
    fixes: fix,
    alternatives: [],
  };
};

/** Hosts that send it to each other until nothing is left of its time to live. */
export const routingLoop: Cause = (context) => {
  const { connection, journey: way } = context;
  const step = way?.steps.findLast(({ stage }) => stage === 'route');
  const failed = connection.outcome === 'timeout' || connection.outcome === 'unreachable';
  if (way?.end.kind !== 'looped' || step === undefined || !failed || wasAnswered(connection)) return null;
  const said = context.kernel?.drop?.event;
  const proven = said?.kind === 'drop' && said.reason === 'IP_INHDR';
  const ring = [...new Set(way.steps.filter(({ stage }) => stage === 'forward').map(({ netns }) => netns))];
  return {
    cause: 'routing-loop',
    certainty: proven ? 'proven' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: 'forward' },
    verdict: 'dropped',
    detail: way.end.reason,
    evidence: proven && context.kernel?.drop ? [kernelEvidence(context.kernel.drop)] : [],
    summary: `${serverText(context)} could not be reached: the packet goes in a circle between ${ring.map(netnsText).join(' and ')}.`,
    explanation: [
      askedText(context),
      `Each of them has a route to ${context.packet.destination} that leads to the other, so they pass the packet to and fro until its time to live is used up. One of the routes is wrong: look at them with ip route get ${context.packet.destination}, ${ring.map(inNetns).join(' and ')}.`,
    ],
    fixes: [],
    alternatives: [],
  };
};
