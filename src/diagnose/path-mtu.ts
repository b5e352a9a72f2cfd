/**
 * Full packets vanish and small ones pass: somewhere on the way less fits than the sender thinks, and the ICMP error that
 * would tell it so (RFC 1191, RFC 8201) is not made, or does not come back.
 */

import type { StuckSegment } from '../flow/stuck.ts';
import { stuckSegment } from '../flow/stuck.ts';
import type { HostState, Link } from '../host/state.ts';
import { ruleName } from '../model/hook.ts';
import { journey, replyJourney } from '../model/journey.ts';
import type { Journey, Step } from '../model/step.ts';
import { numberOf } from '../wire/fields.ts';
import type { Context } from './context.ts';
import type { EvidenceItem, Fix } from './diagnosis.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { layerOf } from './payload.ts';
import { writerOf } from './shell.ts';
import { commandsOf, withLink } from './what-if.ts';
import { askedText, capitalised, clientText, inNetns, netnsText, serverText } from './words.ts';

const ipv6Header = 40;

/** Bytes of the IP packet; null where its header is not there to read. */
function packetLength(context: Context, { packet }: StuckSegment): number | null {
  const four = layerOf(context, packet, 'ip');
  if (four !== null) return numberOf(four, 'ip.len');
  const six = layerOf(context, packet, 'ipv6');
  const payload = six === null ? null : numberOf(six, 'ipv6.plen');
  return payload === null ? null : payload + ipv6Header;
}

/** The way of a packet of this length that this end sends. */
function wayOf(
  { packet, clientNetns }: Context,
  host: HostState,
  by: StuckSegment['by'],
  length: number,
): Journey | null {
  if (clientNetns === null) return null;
  if (by === 'client') return journey(host, { ...packet, length }, clientNetns);
  return replyJourney(host, journey(host, packet, clientNetns), length);
}

/** Where the packet does not fit. */
interface Narrow {
  readonly way: Journey;
  readonly step: Step;
  readonly link: Link;
}

function narrowOf(host: HostState, way: Journey | null, length: number): Narrow | null {
  const step = way?.steps.at(-1);
  const link = host.namespaces.get(step?.netns ?? '')?.links.find(({ name }) => name === step?.device);
  if (way === null || step?.verdict !== 'dropped' || link === undefined) return null;
  const isDevice = step.stage === 'egress' || step.stage === 'ingress';
  return isDevice && link.mtu > 0 && link.mtu < length ? { way, step, link } : null;
}

/** A router would have told the sender; a switch or a cable tells nobody. */
function isRouter({ way }: Narrow): boolean {
  return 'answer' in way.end && way.end.answer !== null && way.end.answer.icmp !== null;
}

/** What became of the router's error, and the state that says so; null where by the model it comes back. */
function silenceOf(
  host: HostState,
  narrow: Narrow,
): { readonly text: string; readonly evidence: EvidenceItem[] } | null {
  const { way, step } = narrow;
  if (!isRouter(narrow)) {
    return {
      text: `No router stands there, which would have told the sender: a cable and a bridge drop what is too large for them without a word`,
      evidence: [],
    };
  }
  const error = replyJourney(host, way);
  const last = error?.steps.at(-1);
  if (error === null || error.end.kind === 'returned' || last === undefined) return null;
  const stop =
    last.rule === undefined
      ? last.detail
      : `${ruleName(last.rule)} ${inNetns(last.netns)} stops it: \`${last.rule.text.replaceAll('`', "'")}\``;
  return {
    text: `${capitalised(netnsText(step.netns))} tells the sender so, by an ICMP error ("fragmentation needed", of IPv6 "packet too big"), and that error does not come back: ${stop}`,
    evidence: last.quotes.map((quote) => ({ kind: 'snapshot', ...quote })),
  };
}

/** True when packets of this length come through. */
function passes(context: Context, host: HostState, by: StuckSegment['by'], length: number): boolean {
  const end = wayOf(context, host, by, length)?.end.kind;
  return end === (by === 'client' ? 'accepted' : 'returned') || end === 'leaves-view';
}

/** Have the router write into each SYN what fits: both ends then send no more. */
function clampFix(context: Context, host: HostState, { step, link }: Narrow, by: StuckSegment['by']): Fix {
  const tables = host.namespaces.get(step.netns)?.ruleTables ?? [];
  const own = context.packet.family === 4 ? 'ip' : 'ip6';
  const saved = tables.find(({ engine, family }) => engine !== 'nft' && family === own);
  const program = saved === undefined ? undefined : writerOf(saved.command);
  const commands =
    program === undefined
      ? commandsOf(
          ['nft', 'add', 'table', 'inet', 'nettrace'],
          ['nft', 'add', 'chain', 'inet', 'nettrace', 'forward', '{ type filter hook forward priority -150; }'],
          [
            'nft',
            'add',
            'rule',
            'inet',
            'nettrace',
            'forward',
            'tcp',
            'flags',
            'syn',
            'tcp',
            'option',
            'maxseg',
            'size',
            'set',
            'rt',
            'mtu',
          ],
        )
      : commandsOf([
          program,
          '-t',
          'mangle',
          '-A',
          'FORWARD',
          '-p',
          'tcp',
          '-m',
          'tcp',
          '--tcp-flags',
          'SYN,RST',
          'SYN',
          '-j',
          'TCPMSS',
          '--clamp-mss-to-pmtu',
        ]);
  return {
    summary: `Let ${netnsText(step.netns)} write into each new TCP connection that it passes on how much fits (MSS clamping), so that both ends send no more at once. That mends TCP, whoever swallows the ICMP error. To keep it over a reboot, add it where the rules of this machine are written.`,
    commands,
    netns: step.netns,
    verified: passes(context, host, by, link.mtu),
  };
}

/** Let the device take what the sender's takes. */
function widenFix(
  context: Context,
  host: HostState,
  { step, link }: Narrow,
  by: StuckSegment['by'],
  length: number,
): Fix {
  return {
    summary: `Let ${link.name} take as much as the devices beside it. Where it was made smaller for a tunnel behind it, make theirs smaller instead: all devices of one network need one MTU.`,
    commands: commandsOf(['ip', 'link', 'set', link.name, 'mtu', String(length)]),
    netns: step.netns,
    verified: passes(context, withLink(host, step.netns, link.name, { mtu: length }), by, length),
  };
}

/** What was seen, in words: how often it was sent, and what came through. */
function seenText({ frames, by, heardSince }: StuckSegment, length: number): string {
  const alive = heardSince ? ', while the other end went on acknowledging what is smaller' : '';
  return `The connection was opened. Then the ${by} sent a packet of ${length} bytes, ${frames.length} times over, and it was never acknowledged${alive}.`;
}

function common(context: Context, stuck: StuckSegment): Pick<Finding, 'cause' | 'outcome' | 'verdict' | 'evidence'> {
  // Where it was sent first, and how far it was seen to come at last.
  const shown = [stuck.frames[0], stuck.packet.frames.at(-1)].filter((frame) => frame !== undefined);
  return {
    cause: 'mtu-black-hole',
    outcome: stuck.largestAcknowledged > 0 ? 'stalled' : 'timeout',
    verdict: 'dropped',
    evidence: shown.map((frame) => frameEvidence(context, frame)),
  };
}

/** The place is in the snapshot. */
function onThisHost(context: Context, host: HostState, stuck: StuckSegment, length: number): Finding | null {
  const { by } = stuck;
  const narrow = narrowOf(host, wayOf(context, host, by, length), length);
  const silence = narrow === null ? null : silenceOf(host, narrow);
  if (narrow === null || silence === null) return null;
  const { step, link } = narrow;
  const beyond = framesAt(context, stuck.packet.frames, step);
  const both = common(context, stuck);
  const fix = isRouter(narrow) ? clampFix(context, host, narrow, by) : widenFix(context, host, narrow, by, length);
  const device: EvidenceItem = { kind: 'snapshot', ...link.source };
  const whose = by === 'client' ? 'the request' : 'the answer';
  return {
    ...both,
    certainty: beyond.length === 0 ? 'observed' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: step.stage },
    ...(by === 'server' ? { direction: 'reply' as const } : {}),
    detail: step.detail,
    // The way there has its devices quoted.
    evidence: [...both.evidence, ...(by === 'server' ? [device] : []), ...silence.evidence],
    summary: `${serverText(context)} was reached, and full packets of ${whose} vanish: ${link.name} ${inNetns(step.netns)} takes ${link.mtu} bytes, they have ${length}, and the sender is not told.`,
    explanation: [
      `${clientText(context)} asked for ${serverText(context)}. ${seenText(stuck, length)}`,
      `Each device takes packets up to a size of its own (its MTU). On the way of ${whose} ${link.name} ${inNetns(step.netns)} takes ${link.mtu} bytes, and TCP forbids that its packets be cut (DF). ${silence.text}. So the sender tries the same again and again.`,
      `See it ${inNetns(narrow.way.start)}: ping -M do -s ${link.mtu} ${narrow.way.packet.destination} gets no answer, and with ${Math.max(link.mtu - 100, 0)} it does.`,
    ],
    fixes: [fix],
    alternatives: [],
  };
}

/** The place is out of sight: that small packets still come through is what tells it from a machine that went away. */
function beyondThisHost(context: Context, stuck: StuckSegment, length: number): Finding | null {
  const { host, journey: way } = context;
  const leaves = way?.end.kind === 'leaves-view';
  // One as large was acknowledged: it is not the size.
  if (stuck.largestAcknowledged >= stuck.packet.facts.payloadLength) return null;
  if (!stuck.heardSince || (host !== null && !(leaves && stuck.by === 'client'))) return null;
  const out = leaves ? way.steps.findLast(({ stage }) => stage === 'egress') : undefined;
  const [far, near] = stuck.by === 'client' ? ['the server', 'the client'] : ['the client', 'the server'];
  return {
    ...common(context, stuck),
    certainty: 'inferred',
    where: { netns: out?.netns ?? null, device: out?.device ?? null, stage: 'remote' },
    detail: `packets of ${length} bytes do not come to ${far}`,
    summary: `${serverText(context)} was reached, and full packets vanish on the way to ${far}: those of ${length} bytes are never acknowledged, smaller ones are.`,
    explanation: [
      `${askedText(context)} ${seenText(stuck, length)}`,
      `Somewhere on the way to ${far} less fits than ${near} thinks (a tunnel, a VPN, an overlay network), and the ICMP error that should tell it so ("fragmentation needed", of IPv6 "packet too big") does not come back: a firewall on the way swallows it.`,
      `Let the router in front of the narrow place clamp the MSS of TCP, or let ICMP pass, or give ${near} a smaller MTU.`,
    ],
    fixes: [],
    alternatives: [
      {
        cause: 'no-reply-from-remote',
        tellApart: `${shownPing(context, stuck, length)}: when neither is answered, ${far} is gone or answers no ping`,
      },
    ],
  };
}

/** What an echo request has before its payload: the headers of IP (RFC 791; RFC 8200) and ICMP, in bytes. */
const echoHeaders = { 4: 20 + 8, 6: 40 + 8 } as const;

/** The sender's check of whether size matters. */
function shownPing({ connection }: Context, { by }: StuckSegment, length: number): string {
  const { address } = by === 'client' ? connection.server : connection.client;
  const payload = Math.max(length - echoHeaders[connection.family], 0);
  return `on the machine of the ${by}, ping -M do -s ${payload} ${address} and the same with -s 500`;
}

/** See the file's head. */
export const mtuBlackHole: Cause = (context) => {
  const stuck = stuckSegment(context.connection);
  const length = stuck === null ? null : packetLength(context, stuck);
  if (stuck === null || length === null) return null;
  const { host } = context;
  return (host === null ? null : onThisHost(context, host, stuck, length)) ?? beyondThisHost(context, stuck, length);
};
