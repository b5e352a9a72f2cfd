/**
 * Neighbour discovery before the rules. Unlike ARP its questions and answers are IP packets (RFC 4861, section 4): the
 * hooks of both hosts see them, as parts of no connection (`noct_valid_new`, nf_conntrack_proto_icmpv6.c).
 */

import type { NamespaceState, Quote } from '../host/state.ts';
import { formatAddress, parseAddress } from '../inet/address.ts';
import { showsBridged } from './bridge.ts';
import { type HookVisit, passHook } from './hook.ts';
import type { ModelPacket } from './step.ts';
import { untrackedPacket } from './traveller.ts';

/** A host at a device. */
interface Seat {
  readonly namespace: NamespaceState;
  readonly device: string;
  /** Where that is a bridge: the port by which it hears the other one. */
  readonly port: string | null;
}

/** Who asks for the link-layer address of whom. */
interface Discovery {
  readonly asker: Seat & { readonly address: string };
  readonly owner: Seat;
  readonly target: string;
}

const solicitation = 135;
const advertisement = 136;

/** ff02::1:ff00:0/104 and the last 24 bits of the address (RFC 4291, section 2.7.1). */
function solicitedNode(address: string): string {
  const lowest = (parseAddress(address)?.value ?? 0n) & 0xff_ffffn;
  return formatAddress({ family: 6, value: 0xff02_0000_0000_0000_0000_0001_ff00_0000n | lowest });
}

/** The rule that stops a message on its way from host to host; null when all hooks let it pass. */
function stopped(from: Seat, to: Seat, packet: ModelPacket): { detail: string; quotes: readonly Quote[] } | null {
  const none = { input: '', output: '', inputPort: '', outputPort: '' };
  const [leaving, coming] = [
    { ...none, output: from.device },
    { ...none, input: to.device, inputPort: showsBridged(to.namespace, 6) ? (to.port ?? '') : '' },
  ];
  const hooks: readonly (readonly [Seat, HookVisit['stage'], HookVisit['devices']])[] = [
    [from, 'output', leaving],
    [from, 'postrouting', leaving],
    [to, 'prerouting', coming],
    [to, 'input', coming],
  ];
  const seen = untrackedPacket(packet);
  for (const [{ namespace, device }, stage, devices] of hooks) {
    const visit = { namespace, stage, devices, device, packet, seen, broadcast: true, doubted: false };
    const { ways, ends } = passHook(visit);
    const [end] = ends;
    if (ways.length === 0 && end !== undefined) return { detail: end.step.detail, quotes: end.step.quotes };
  }
  return null;
}

/** Why the rules keep the asker from learning the address; null when they do not. */
export function stoppedDiscovery({
  asker,
  owner,
  target,
}: Discovery): { why: string; quotes: readonly Quote[] } | null {
  const message = { protocol: 'icmp', family: 6, destinationPort: 0 } as const;
  const icmp = (type: number) => ({ type, code: 0 });
  const question = { ...message, source: asker.address, destination: solicitedNode(target), icmp: icmp(solicitation) };
  const asked = stopped(asker, owner, question);
  if (asked !== null) return { why: `the question did not pass: ${asked.detail}`, quotes: asked.quotes };
  const answer = { ...message, source: target, destination: asker.address, icmp: icmp(advertisement) };
  const answered = stopped(owner, asker, answer);
  return answered === null ? null : { why: `the answer did not pass: ${answered.detail}`, quotes: answered.quotes };
}
