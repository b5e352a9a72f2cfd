/** Who answers the packet of a journey, with what, and bound to what. */

import type { NamespaceState } from '../host/state.ts';
import { isLinkLocal6, isLoopback, isUnspecified, sameAddress, unspecifiedAddress } from '../inet/address.ts';
import { type IcmpError, unreachable } from '../inet/icmp.ts';
import { tcpFlag } from '../inet/protocol.ts';
import { ownsAddress } from './neighbour.ts';
import { chooseOrigins, routeQuery } from './output.ts';
import { end } from './progress.ts';
import { lookUpRoute } from './routing.ts';
import { vrfOf } from './rule.ts';
import { settingOf } from './setting.ts';
import { selectAddress6 } from './source.ts';
import { type Journey, type ModelPacket, ownSteps } from './step.ts';
import { echoReply } from './traveller.ts';
import type { Question } from './walk/walk.ts';

/** Flags of the answers to a SYN. */
const synAck = tcpFlag.syn | tcpFlag.ack;
const rstAck = tcpFlag.reset | tcpFlag.ack;
/** What answers a packet. */
export interface Answering {
  readonly netns: string;
  /** The ICMP error; null for what answers in the protocol of the packet. */
  readonly icmp: IcmpError | null;
  /** It is made out of the packet while that has its connection. */
  readonly isMade: boolean;
}

/** Null when nobody answers, or the sender's call itself fails. */
export function answering({ end: reached, packet: { protocol, family } }: Journey): Answering | null {
  if (reached.kind === 'accepted') return { netns: reached.netns, icmp: null, isMade: false };
  if (reached.kind === 'refused') {
    // Where sockets are looked for, the connection is let go (`nf_reset_ct` in `__udp4_lib_rcv`).
    const icmp = protocol === 'udp' ? unreachable('port', family) : null;
    return { netns: reached.netns, icmp, isMade: false };
  }
  const answer = 'answer' in reached ? reached.answer : null;
  if (answer === null) return null;
  const resets = reached.kind === 'rejected' && reached.reset && protocol === 'tcp';
  return resets || answer.icmp !== null ? { netns: answer.netns, icmp: answer.icmp, isMade: true } : null;
}

/** Why the answer is not sent, or what is not known of it; null where nothing keeps it. */
export function unsentReason(
  { links }: NamespaceState,
  { arrived, end: reached }: Journey,
): Pick<Journey, 'end'> | null {
  const { protocol, family, source, destination } = arrived;
  if (protocol === 'tcp' && reached.kind === 'accepted' && family === 4 && isUnspecified(source)) {
    return end('undetermined', 'the packet came from no address, and what becomes of an answer to none is not known');
  }
  // IPv6 looks the way to an address that means something on one device alone up on the device of the address that was
  // asked (`rt6_need_strict`): any answer's to a link-local one, a reset's to ::1 (`tcp_v6_send_response`).
  const isReset = protocol === 'tcp' && reached.kind === 'refused' && family === 6;
  const isStrict = isLinkLocal6(source) || (isReset && isLoopback(source));
  const [asker, asked] = [source, destination].map((own) =>
    links.find(({ addresses }) => addresses.some(({ address }) => sameAddress(address, own))),
  );
  if (!isStrict || asker === undefined || asked === undefined || asker === asked) return null;
  return end('dropped', `no ${isReset ? 'reset' : 'answer'} is sent to ${source} from an address of ${asked.name}`);
}

/**
 * What an ICMP error is sent from: the address that was asked, where the host has it (`icmp_send`); in IPv6 the one that
 * the device it came in by would choose towards the sender, unless the route names one (`icmp6_send`); else (unspecified)
 * what the route gives.
 */
function errorSource(namespace: NamespaceState, there: Journey): string {
  const { source, destination, family } = there.arrived;
  if (ownsAddress(namespace, destination)) return destination;
  const unchosen = unspecifiedAddress[family];
  const entered = entryOf(namespace, there);
  if (family === 4 || entered === null) return unchosen;
  const way = lookUpRoute(
    namespace,
    routeQuery({ protocol: 'icmp', family, source: unchosen, destination: source, destinationPort: 0 }, null),
  );
  if (way.kind === 'route' && way.route.preferredSource !== null) return unchosen;
  return selectAddress6(namespace, entered, source) ?? unchosen;
}

/**
 * A rule's RST to what came over a bridge leaves by the very port, to the address that the frame was sent from, where
 * br_netfilter knows both (`nf_send_reset`). Null of all other answers.
 */
export function straightBack({ end: reached, sender }: Journey): Question['straight'] {
  if (reached.kind !== 'rejected' || !reached.reset || reached.port === null || sender === null) return null;
  return { device: reached.port, mac: sender };
}

/** The device by which a packet came into the namespace where it ended; null of the namespace's own. */
function entryOf(namespace: NamespaceState, { steps }: Journey): string | null {
  const entered = ownSteps(steps).findLast(({ stage: at }) => at === 'ingress');
  return entered?.netns === namespace.name ? entered.device : null;
}

/**
 * The device that an answer is bound to: the one that the socket is bound to (`inet_csk_route_req`); to an address that means
 * something on one link alone, the one it came in by (`tcp_v6_init_req`, `tcp_v6_send_response`, `icmpv6_echo_reply`,
 * `icmp6_send`); of what the kernel answers in a VRF, the VRF (`inet_request_bound_dev_if`, `icmp_reply`, `icmp_route_lookup`).
 * A rule's reset is bound to none but that (`nf_send_reset6`).
 */
function answeringDevice(namespace: NamespaceState, there: Journey): Pick<ModelPacket, 'boundDevice'> {
  const { end: reached, arrived } = there;
  const listener = reached.kind === 'accepted' ? reached.listener : null;
  if (listener !== null && listener.device !== null) return { boundDevice: listener.device };
  const entered = entryOf(namespace, there);
  if (entered === null) return {};
  const isReset = reached.kind === 'rejected' && reached.reset;
  if (isLinkLocal6(arrived.source) && !isReset) return { boundDevice: entered };
  const vrf = vrfOf(namespace, entered);
  // A program that is bound to nothing answers datagrams as it sends any other.
  const isPrograms = listener !== null && arrived.protocol === 'udp';
  return vrf === null || isPrograms ? {} : { boundDevice: vrf.name };
}

/**
 * The mark of the answer: of a connection that is taken, the request's where `tcp_fwmark_accept` says so
 * (`inet_request_mark`); of what the kernel answers without a socket, where `fwmark_reflect` does (IP4_REPLY_MARK).
 */
function answeringMark(namespace: NamespaceState, { end: reached, arrived }: Journey): Pick<ModelPacket, 'mark'> {
  const { mark, protocol, family } = arrived;
  const hasSocket = reached.kind === 'accepted' && reached.listener !== null;
  const name = hasSocket ? 'net.ipv4.tcp_fwmark_accept' : `net.ipv${family}.fwmark_reflect`;
  const isKept = settingOf(namespace, name).value !== 0 && !(hasSocket && protocol === 'udp');
  return isKept && mark !== undefined ? { mark } : {};
}

/** What answers in the protocol of the packet, wherever that is. */
function plainAnswer({ arrived }: Journey, tcpFlags: number): ModelPacket {
  const { protocol, family, source, destination, destinationPort, sourcePort } = arrived;
  return {
    protocol,
    family,
    source: destination,
    destination: source,
    destinationPort: sourcePort ?? 0,
    ...(protocol === 'icmp' ? { icmp: echoReply(family) } : { sourcePort: destinationPort }),
    ...(protocol === 'tcp' ? { tcpFlags } : {}),
  };
}

/** The SYN-ACK, datagram or echo reply of somebody beyond the host's view. */
export function outsideAnswer(there: Journey): ModelPacket {
  return plainAnswer(there, synAck);
}

/** The answer of the namespace: the SYN-ACK, RST, datagram or echo reply, or the ICMP error about the packet. */
export function answerOf(namespace: NamespaceState, there: Journey, icmp: IcmpError | null): ModelPacket {
  const plain =
    icmp === null
      ? plainAnswer(there, there.end.kind === 'accepted' ? synAck : rstAck)
      : errorTo(namespace, there, icmp);
  return { ...plain, ...answeringDevice(namespace, there), ...answeringMark(namespace, there) };
}

/** The ICMP error about it. */
function errorTo(namespace: NamespaceState, there: Journey, icmp: IcmpError): ModelPacket {
  const { family, source, destination, destinationPort, sourcePort } = there.arrived;
  return {
    protocol: 'icmp',
    family,
    source: errorSource(namespace, there),
    destination: source,
    destinationPort: sourcePort ?? 0,
    icmp,
    quoted: { destination, destinationPort },
  };
}

/**
 * What is assumed of the answer: a program that takes datagrams for any address answers from the one that the route gives,
 * unless it says which (IP_PKTINFO, ip(7)), and who asked from a connected socket hears no other than whom it asked.
 */
export function answerAssumptions(namespace: NamespaceState, { end: reached }: Journey, answer: ModelPacket): string[] {
  const listener = reached.kind === 'accepted' ? reached.listener : null;
  if (answer.protocol !== 'udp' || listener === null || !isUnspecified(listener.address)) return [];
  const unchosen = { ...answer, source: unspecifiedAddress[answer.family] };
  const other = chooseOrigins(namespace, unchosen).find(({ source }) => !sameAddress(source, answer.source));
  if (other === undefined) return [];
  return [
    `${namespace.name}, send: the program answers from ${answer.source}, at which it was asked; one that leaves that to the kernel answers from ${other.source}`,
  ];
}
