/**
 * Causes beyond what is seen: the packet left this host as it should, and what came back, or did not, comes from outside.
 * Of a capture without a snapshot nothing is known but frames: then all of the way is outside, and the cause no more than
 * inferred.
 */

import type { Frame } from '../case/evidence.ts';
import { fromClient, refusalFrames, requestPacket, resetPacket, wasAnswered } from '../flow/connection.ts';
import type { IcmpError, Packet } from '../flow/packet.ts';
import type { Step } from '../model/step.ts';
import { icmpText } from '../wire/icmp-names.ts';
import { icmpv6Text } from '../wire/icmpv6-names.ts';
import { type Context, kernelFoundNoSocket, ownersOf } from './context.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { kernelEvidence } from './kernel-reading.ts';
import { timeToLiveOf } from './payload.ts';
import { silenceTells } from './silence.ts';
import { askedText, capitalised, dropText, proofAdvice, serverText } from './words.ts';

/** Where this host's view ends: the last device of a journey that leaves it, or nowhere without a snapshot. */
interface Edge {
  /** Null without a snapshot. */
  readonly step: Step | null;
  readonly where: Finding['where'];
  /** What lies there, in a sentence: `beyond host:eth0`. */
  readonly beyond: string;
  /** The same with what it means for this host. */
  readonly beyondView: string;
  /** A network namespace lies there that was not looked into: what this host's kernel says may be of there. */
  readonly isOwnKernel: boolean;
}

function edgeOf({ host, journey }: Context): Edge | null {
  if (host === null) {
    const beyond = 'the side of the server';
    const where = { netns: null, device: null, stage: 'remote' } as const;
    return { step: null, where, beyond, beyondView: beyond, isOwnKernel: false };
  }
  if (journey?.end.kind !== 'leaves-view') return null;
  // It may be behind any of several ports of a bridge.
  const isSomewhere = journey.end.asker !== undefined;
  const step = isSomewhere ? journey.steps.at(-1) : journey.steps.findLast(({ stage }) => stage === 'egress');
  if (step === undefined) return null;
  const { netns } = step;
  const link = host.namespaces.get(netns)?.links.find(({ name }) => name === step.device);
  const device = isSomewhere ? (link?.master ?? step.device) : step.device;
  const beyond = `beyond ${netns}:${device}`;
  const beyondView = `${beyond}, where this host's view ends`;
  return {
    step,
    where: { netns, device, stage: 'remote' },
    beyond,
    beyondView,
    isOwnKernel: link?.kind === 'veth' && !isSomewhere,
  };
}

function leavesText({ journey }: Context): string {
  return journey?.end.kind === 'leaves-view' ? `${capitalised(journey.end.reason)}. ` : '';
}

const settle =
  'This is a capture without the state of a host: record on the host that refuses, or on the one that asks, with nettrace run, to settle it.';

/** What a bare capture cannot tell apart. */
function bareRivals({ host, connection }: Context): Finding['alternatives'] {
  if (host !== null) return [];
  const { protocol, server } = connection;
  const look = `on the machine that has ${server.address}: ss -${protocol === 'tcp' ? 't' : 'u'}lnp 'sport = :${server.port}'`;
  return [
    { cause: 'no-listener', tellApart: `${look} shows nothing` },
    { cause: 'listener-on-other-address', tellApart: `${look} shows another address` },
    { cause: 'firewall-reject', tellApart: `${look} shows a listener for this address` },
  ];
}

const ownKernel =
  "Beyond it lies a network namespace of this host that was not looked into: this host's kernel says that it";

/** The other end refused, outside of what the snapshot shows. */
export const refusedByRemote: Cause = (context) => {
  const { connection, journey, kernel } = context;
  const edge = edgeOf(context);
  const reset = resetPacket(connection);
  if (connection.outcome !== 'refused' || edge === null || reset === null) return null;
  const [seen] = edge.step === null ? [] : framesAt(context, reset.frames, edge.step);
  const sent = kernel?.resetSent ?? null;
  const isFromOwnKernel = edge.isOwnKernel && seen !== undefined && kernelFoundNoSocket(context);
  if (sent !== null && !isFromOwnKernel) return null;
  const shown = seen ?? reset.frames[0];
  const unsure = seen === undefined && (journey?.assumptions.length ?? 0) > 0 && !context.kernelComplete;
  const notCaptured =
    edge.step !== null && seen === undefined
      ? `Nothing was captured at ${edge.step.netns}:${edge.step.device}, so that it came from there is what the state of this host says. `
      : '';
  return {
    cause: 'refused-by-remote',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: edge.where,
    verdict: 'refused',
    detail: `a reset (RST) came back from ${edge.beyond}`,
    evidence: [
      ...(shown === undefined ? [] : [frameEvidence(context, shown)]),
      ...(sent === null ? [] : [kernelEvidence(sent)]),
    ],
    summary: `${serverText(context)} refused the connection: the reset came from ${edge.beyondView}.`,
    explanation: [
      askedText(context),
      `${leavesText(context)}A reset (RST) came back, which a program reports as "connection refused". ${notCaptured}${
        sent === null
          ? `Either nothing listens on port ${connection.server.port} of that machine, at the address that was asked, or a firewall there or on the way answered in its name. To tell the two apart, look on that machine.`
          : `${ownKernel} sent the reset, for want of a socket. Nothing listens there on port ${connection.server.port}, at the address that was asked.`
      }`,
      ...(context.host === null ? [settle] : []),
    ],
    fixes: [],
    alternatives: unsure
      ? [
          {
            cause: 'firewall-reject',
            tellApart: `${proofAdvice(context)}: the kernel then says NETFILTER_DROP when a rule of this host did it`,
          },
        ]
      : bareRivals(context),
  };
};

function meaning({ family, type, code }: IcmpError): string {
  return family === 4 ? icmpText(type, code) : icmpv6Text(type, code);
}

/** An ICMP error came back from outside: a router or firewall on the way, or the server's own kernel. */
export const rejectedByRemote: Cause = (context) => {
  const { connection } = context;
  const edge = edgeOf(context);
  const [error] = connection.errors;
  // Not every error is told to the program (RFC 1122, 4.1.3.3): it then waits in vain.
  const failed = ['unreachable', 'refused', 'timeout'].includes(connection.outcome) && !wasAnswered(connection);
  if (!failed || edge === null || error === undefined || resetPacket(connection) !== null) return null;
  const [seen] = edge.step === null ? [] : framesAt(context, refusalFrames(connection), edge.step);
  // Its sender's address is one of this host's, and nothing shows that it came in from beyond.
  if (seen === undefined && context.host !== null && ownersOf(context.host, error.sender).length > 0) return null;
  const itself = error.sender === connection.server.address;
  return {
    cause: 'rejected-by-remote',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: edge.where,
    verdict: 'rejected',
    detail: `${error.sender} answered with the ICMP error "${meaning(error)}"`,
    evidence: [frameEvidence(context, seen ?? error.frame)],
    summary: `${serverText(context)} could not be reached: ${itself ? 'it' : error.sender} answered with the ICMP error "${meaning(error)}".`,
    explanation: [
      askedText(context),
      `${leavesText(context)}An ICMP error came back, "${meaning(error)}"${connection.errno === null ? ', of which the program was not told' : `, which a program meets as ${connection.errno}`}. ${
        itself
          ? 'It was sent in the name of the server itself: its kernel, or its firewall.'
          : `It was sent by ${error.sender}, a machine on the way that would not or could not pass the packet on: look there, at its routes and its firewall.`
      }`,
      ...(context.host === null ? [settle] : []),
    ],
    fixes: [],
    alternatives: [],
  };
};

/** It left as it should, and nothing came back. */
export const noReplyFromRemote: Cause = (context) => {
  const { connection, kernel } = context;
  const edge = edgeOf(context);
  const request = requestPacket(connection);
  const drop = kernel?.drop ?? null;
  if (connection.outcome !== 'timeout' || edge === null || request === null || wasAnswered(connection)) return null;
  if (!silenceTells(context)) return null;
  if (connection.errors.length > 0) return null;
  const [seen] = edge.step === null ? [] : framesAt(context, request.frames, edge.step);
  // With a snapshot, only the sight of it on its way out says that it left.
  if (edge.step !== null && seen === undefined) return null;
  const droppedBeyond = edge.isOwnKernel && seen !== undefined && drop !== null && drop.source.timeNs > seen.timeNs;
  if (drop !== null && !droppedBeyond) return null;
  const dropped = dropText(context);
  const tries = connection.packets.filter((packet) => fromClient(connection, packet)).length;
  const asked = connection.protocol === 'tcp' ? 'The request to connect (SYN)' : 'The datagram';
  return {
    cause: 'no-reply-from-remote',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: edge.where,
    verdict: 'failed',
    detail: `nothing came back from ${edge.beyond}`,
    evidence: [frameEvidence(context, seen ?? request.facts.frame), ...(drop === null ? [] : [kernelEvidence(drop)])],
    summary: `${serverText(context)} did not answer: nothing came back from ${edge.beyondView}.`,
    explanation: [
      askedText(context),
      `${leavesText(context)}${asked} was seen ${tries === 1 ? 'once' : `${tries} times`}, and neither an answer nor an error came back. ${
        dropped === null
          ? 'It was lost beyond, or dropped by a firewall that says nothing, or the machine is not there, or its answer does not find the way back.'
          : `${ownKernel} ${dropped}.`
      }`,
      ...(context.host === null ? [settle] : []),
    ],
    fixes: [],
    alternatives:
      context.host === null
        ? [
            {
              cause: 'firewall-drop',
              tellApart:
                'a capture at the server shows the request coming in: then something there drops it or its answer',
            },
          ]
        : [],
  };
};

/** Packets of the server that are compared with its reset: one way gives all of them the same number. */
const comparedPackets = 64;

/** A reset in the server's name that came another way than all that the server sent. */
interface Forged {
  readonly frame: Frame;
  readonly left: number;
  readonly servers: number;
  readonly shown: Frame;
}

/** Where, at one capture point, the reset has another number of hops left than every packet of the server's. */
function forgedReset({ connection, evidence }: Context, reset: Packet): Forged | null {
  const own = connection.packets
    .filter((packet) => !fromClient(connection, packet) && packet.facts.tcp?.reset !== true)
    .slice(0, comparedPackets);
  for (const frame of reset.frames) {
    const beside = own.flatMap(({ frames }) => frames.filter((one) => one.interfaceIndex === frame.interfaceIndex));
    const [shown] = beside;
    const left = timeToLiveOf(evidence, frame);
    const [servers, ...others] = new Set(beside.map((one) => timeToLiveOf(evidence, one)));
    if (shown === undefined || left === null || servers === undefined || servers === null) continue;
    if (others.length === 0 && servers !== left) return { frame, left, servers, shown };
  }
  return null;
}

/** It opened, and then a reset came that another machine than the server seems to have sent. */
export const resetByMiddlebox: Cause = (context) => {
  const { connection, kernel } = context;
  const edge = edgeOf(context);
  const reset = resetPacket(connection);
  if (connection.outcome !== 'reset' || edge === null || reset === null || kernel?.resetSent) return null;
  const forged = fromClient(connection, reset) ? null : forgedReset(context, reset);
  if (forged === null) return null;
  const { left, servers } = forged;
  return {
    cause: 'reset-by-middlebox',
    certainty: 'inferred',
    where: edge.where,
    verdict: 'failed',
    detail: `a reset (RST) came from ${edge.beyond} with a time to live of ${left}, and the server's packets with ${servers}`,
    evidence: [frameEvidence(context, forged.shown), frameEvidence(context, forged.frame)],
    summary: `${serverText(context)} accepted the connection, and then it was reset: not by the server, it seems, but by a machine on the way.`,
    explanation: [
      askedText(context),
      `${leavesText(context)}The connection was accepted, and a reset (RST) came back in the server's name, which a program reports as "connection reset by peer". Every host that passes a packet on counts its time to live down by one, so what comes from one machine by one way has the same number left: ${servers} in all that the server sent, and ${left} in the reset. So it seems to have set out elsewhere: at a firewall, a filter against intrusion, a load balancer or a proxy.`,
      'Ask who runs the machines on the way what they reset, and why: an idle connection that was forgotten, or words that are forbidden.',
    ],
    fixes: [],
    alternatives: [
      {
        cause: 'reset-by-application',
        tellApart: 'a capture at the server shows the reset going out there',
      },
    ],
  };
};
