/** The socket's causes: the packet arrived, and no socket took it. */

import { refusalFrames } from '../flow/connection.ts';
import type { Listener } from '../host/state.ts';
import { formatEndpoint, isLoopback, unspecifiedAddress } from '../inet/address.ts';
import { ruleName } from '../model/hook.ts';
import { takesAddress, takesFamily } from '../model/socket.ts';
import type { ModelPacket, Step } from '../model/step.ts';
import { type Context, kernelFoundNoSocket } from './context.ts';
import type { Certainty } from './diagnosis.ts';
import type { Cause, Finding } from './finding.ts';
import { framesAt } from './hops.ts';
import { listenerFixes, mends } from './listener-fix.ts';
import { outsiderRule } from './local-nat.ts';
import {
  clientText,
  inNetns,
  joinWords,
  listenerText,
  netnsText,
  ownerText,
  proofAdvice,
  serverText,
  wayText,
} from './words.ts';

/** A refusal at a socket of a host in the snapshot. */
export interface Refusal {
  readonly context: Context;
  readonly step: Step;
  /** The packet as it came to the socket: translated by the rules on its way. */
  readonly packet: ModelPacket;
  /** Listeners that have the port, though they do not take this packet. */
  readonly samePort: readonly Listener[];
  readonly certainty: Certainty;
}

/** A firewall may forge the answer: without the kernel's word that a socket was missing, one that may is a rival. */
function firewallMayForge(context: Context): boolean {
  return (context.journey?.assumptions.length ?? 0) > 0;
}

/** The refusal, when the state says that no socket takes the packet and nothing speaks for another sender of the RST. */
export function findRefusal(context: Context): Refusal | null {
  const { connection, journey } = context;
  if (connection.outcome !== 'refused' || journey?.end.kind !== 'refused') return null;
  const step = journey.steps.at(-1);
  if (step === undefined) return null;
  const said = kernelFoundNoSocket(context);
  // The kernel tells of every RST that it sends: one that it did not send was made by something else.
  if (context.kernelComplete && !said && connection.protocol === 'tcp') return null;
  // What dropped the datagram was said, and that it was dropped here was not: rules may have sent it elsewhere.
  if (context.kernelComplete && !said && journey.mayBeRedirected) return null;
  const seen = seenAt(context, step);
  const certainty = said ? 'proven' : seen && !firewallMayForge(context) ? 'observed' : 'inferred';
  return { context, step, packet: journey.arrived, samePort: journey.end.samePort, certainty };
}

/** True when the refusal was seen at the device behind which the socket is, or no device lies between (loopback). */
function seenAt(context: Context, step: Step): boolean {
  return framesAt(context, refusalFrames(context.connection), step).length > 0;
}

function askedText({ context, step, packet }: Refusal): string {
  const { connection } = context;
  const own = context.clientNetns === step.netns;
  const { destination, destinationPort } = packet;
  const isSame = destination === connection.server.address && destinationPort === connection.server.port;
  const translated = isSame
    ? ''
    : `rules on the way (NAT) made that ${formatEndpoint(destination, destinationPort)}, and `;
  const where = own
    ? `${destination} is an address of ${netnsText(step.netns)} itself, so the packet never left it`
    : `${destination} is an address of ${netnsText(step.netns)}`;
  return [
    `${clientText(context)} asked for ${serverText(context)}; ${translated}${where}.`,
    own ? null : wayText(context),
  ]
    .filter((text) => text !== null)
    .join(' ');
}

function answerText({ context, step }: Refusal): string {
  const answer = context.connection.protocol === 'tcp' ? 'a reset (RST)' : 'an ICMP error (port unreachable)';
  return `So the kernel of ${netnsText(step.netns)} answered with ${answer}, which a program reports as "connection refused".`;
}

function refusedText(context: Context): string {
  return `${serverText(context)} refused the ${context.connection.protocol === 'tcp' ? 'connection' : 'packet'}`;
}

function finding(
  refusal: Refusal,
  cause: string,
  rest: Pick<Finding, 'summary' | 'explanation' | 'fixes' | 'detail'>,
): Finding {
  const { context, step, certainty } = refusal;
  const rival = {
    cause: 'firewall-reject',
    tellApart: `${proofAdvice(context)}: the kernel then says NO_SOCKET when it was no firewall`,
  };
  return {
    cause,
    certainty,
    where: { netns: step.netns, device: step.device, stage: 'socket' },
    verdict: 'refused',
    evidence: [],
    alternatives: certainty === 'inferred' && firewallMayForge(context) ? [rival] : [],
    ...rest,
  };
}

function fixesFor({ context, step, packet: arrived }: Refusal, listener: Listener): Finding['fixes'] {
  const { host, clientNetns, packet } = context;
  if (host === null || clientNetns === null) return [];
  return listenerFixes({ host, packet, address: arrived.destination, start: clientNetns, netns: step.netns, listener });
}

/** `ssh (pid 812)` and where it listens, all of the port's listeners told: `127.0.0.1:19001 and [::1]:19001`. */
function boundText(
  samePort: readonly Listener[],
  first: Listener,
): { owner: string; addresses: string; sole: boolean } {
  const own = samePort.filter(({ process }) => process?.pid === first.process?.pid);
  const addresses = [first, ...own.filter((one) => one !== first)].map(listenerText);
  return { owner: ownerText(first), addresses: joinWords(addresses), sole: own.length === samePort.length };
}

function loopbackText(listener: Listener, netns: string, clientNetns: string | null): string {
  if (!isLoopback(listener.address)) return `A request to ${listenerText(listener)} would be taken.`;
  if (clientNetns === netns)
    return `A request to ${listenerText(listener)} from inside ${netnsText(netns)} would be taken.`;
  return `${listener.address} is the loopback address: it is reached from inside ${netnsText(netns)} alone, which is why the same request works there and from nowhere else.`;
}

/** Nothing listens on the port at all. */
export const noListener: Cause = (context) => {
  const refusal = findRefusal(context);
  if (refusal === null || refusal.samePort.length > 0) return null;
  const { destinationPort: port, protocol } = refusal.packet;
  const { netns } = refusal.step;
  const published = publishedForOthers(context, refusal);
  return finding(refusal, 'no-listener', {
    detail: `nothing listens on ${protocol} port ${port} ${inNetns(netns)}`,
    summary: `${refusedText(context)}: nothing listens on ${protocol} port ${port} ${inNetns(netns)}.`,
    explanation: [
      askedText(refusal),
      `There it was delivered, and met no socket: no process ${inNetns(netns)} listens on ${protocol} port ${port}, on any address. ${published ?? 'Either the service is not running, or it listens on another port or in another network namespace.'}`,
      answerText(refusal),
    ],
    fixes:
      published !== null
        ? []
        : [
            {
              summary: `This lists what listens there. Ask for the port that the service has, or start the service that should listen on port ${port} ${inNetns(netns)}.`,
              commands: [protocol === 'tcp' ? 'ss -ltnp' : 'ss -lunp'],
              netns,
              verified: wouldBeServed(refusal),
            },
          ],
  });
};

/** True when a service on every address would take the packet, and its answer comes back. */
function wouldBeServed({ context, step: { netns }, packet: arrived }: Refusal): boolean {
  const { host, packet, clientNetns } = context;
  const { protocol, family, destinationPort: port } = arrived;
  if (host === null || clientNetns === null || (protocol !== 'tcp' && protocol !== 'udp')) return false;
  const service: Listener = {
    protocol,
    family,
    address: unspecifiedAddress[family],
    port,
    v6Only: false,
    device: null,
    queue: { waiting: 0, limit: 1 },
    process: null,
    source: { netns, command: '', text: '' },
  };
  return mends(host, packet, clientNetns, netns, service);
}

/**
 * Where the port is published, and not for this client, what is said of it; else null. Docker's rules leave out its own
 * bridges: what containers ask for comes to its userland proxy, if that runs.
 */
function publishedForOthers({ host, clientNetns, journey: way }: Context, { step, packet }: Refusal): string | null {
  const namespace = host?.namespaces.get(step.netns);
  if (namespace === undefined || way === null || way.forms.length > 1 || clientNetns === step.netns) return null;
  const found = outsiderRule(namespace, packet);
  if (found === null) return null;
  const { rule, becomes } = found;
  const there = formatEndpoint(becomes.destination, becomes.destinationPort);
  return `Others who ask for it are sent on to ${there}, by ${ruleName(rule)} (\`${rule.text.replaceAll('`', "'")}\`), and what comes in here by ${step.device} is not. Either a rule before it keeps that out, as Docker's do for a proxy of its own (docker-proxy) which would listen here, or the rule itself does. Ask for ${there} itself where that can be reached, or publish the port for ${step.device} as well.`;
}

/** The port has a listener, bound to another address. */
export const listenerOnOtherAddress: Cause = (context) => {
  const refusal = findRefusal(context);
  const packet = refusal?.packet ?? context.packet;
  const listener = refusal?.samePort.find(
    (one) => takesFamily(one, packet.family) && !takesAddress(one, packet.destination),
  );
  if (refusal === null || listener === undefined) return null;
  if (refusal.samePort.some((one) => takesFamily(one, packet.family) && takesAddress(one, packet.destination)))
    return null;
  const { netns } = refusal.step;
  const { owner, addresses, sole } = boundText(refusal.samePort, listener);
  return finding(refusal, 'listener-on-other-address', {
    detail: `${owner} has the port, but on ${addresses}`,
    summary: `${refusedText(context)}: ${sole ? "the port's only listener" : 'a listener of the port'}, ${owner}, is bound to ${addresses}, and this packet is addressed to ${packet.destination}.`,
    explanation: [
      askedText(refusal),
      `There no socket took it. A listener takes only packets that carry the address that it is bound to. ${ownerText(listener, 'A process that could not be named')} listens on port ${listener.port}, but on ${addresses}. ${loopbackText(listener, netns, context.clientNetns)}`,
      answerText(refusal),
    ],
    fixes: fixesFor(refusal, listener),
  });
};

/** The port has a listener, of the other address family alone. */
export const listenerOtherFamily: Cause = (context) => {
  const refusal = findRefusal(context);
  const packet = refusal?.packet ?? context.packet;
  if (refusal === null || refusal.samePort.some((one) => takesFamily(one, packet.family))) return null;
  const [listener] = refusal.samePort;
  if (listener === undefined) return null;
  const [asked, bound] = packet.family === 4 ? ['IPv4', 'IPv6'] : ['IPv6', 'IPv4'];
  return finding(refusal, 'listener-other-family', {
    detail: `${ownerText(listener)} has the port, for ${bound} alone`,
    summary: `${refusedText(context)}: ${ownerText(listener)} listens on port ${listener.port} for ${bound} alone, and this is ${asked}.`,
    explanation: [
      askedText(refusal),
      `There no socket took it: ${ownerText(listener)} listens on ${listenerText(listener)}, which takes ${bound} and no ${asked}.`,
      answerText(refusal),
    ],
    fixes: fixesFor(refusal, listener),
  });
};

/** The port has a listener for this address, bound to another device. */
export const listenerOnOtherDevice: Cause = (context) => {
  const refusal = findRefusal(context);
  const packet = refusal?.packet ?? context.packet;
  const listener = refusal?.samePort.find(
    (one) => one.device !== null && takesFamily(one, packet.family) && takesAddress(one, packet.destination),
  );
  if (refusal === null || listener === undefined) return null;
  return finding(refusal, 'listener-on-other-device', {
    detail: `${ownerText(listener)} has the port, bound to the device ${listener.device}`,
    summary: `${refusedText(context)}: ${ownerText(listener)} takes only what comes in by ${listener.device}, and this came in by ${refusal.step.device}.`,
    explanation: [
      askedText(refusal),
      `There no socket took it: ${ownerText(listener)} listens on ${listenerText(listener)}, but is bound to the device ${listener.device} (SO_BINDTODEVICE), and this packet came in by ${refusal.step.device}.`,
      answerText(refusal),
    ],
    fixes: fixesFor(refusal, listener),
  });
};
