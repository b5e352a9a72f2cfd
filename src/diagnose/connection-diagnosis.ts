/** What is to be said of one connection: the cause that fits, the hops up to where it ended, and how sure that is. */

import { wasAnswered } from '../flow/connection.ts';
import { formatEndpoint } from '../inet/address.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import { closedByApplication, noResponseFromApplication, resetByApplication } from './application.ts';
import { type Context, ownerOf } from './context.ts';
import {
  type Certainty,
  type ConnectionDiagnosis,
  type Endpoint,
  type EvidenceItem,
  type Hop,
  isFailure,
  type RuleName,
} from './diagnosis.ts';
import { dnsError, dnsTimeout } from './dns.ts';
import { duplicateAddress } from './duplicate.ts';
import { answerJourney } from './end-at.ts';
import { errnoName } from './errno.ts';
import { answerFault, modelFault, routingLoop } from './faults.ts';
import type { Cause, Finding } from './finding.ts';
import { firewallDropped, firewallReject, replyDropped, ruleTraced } from './firewall.ts';
import { replyHops, requestHops } from './hops.ts';
import { httpProxyInTheWay } from './http-proxy.ts';
import { bridgeDown, interfaceDown, loopbackDown } from './link.ts';
import { dnatNotAppliedToLocal } from './local-nat.ts';
import { ephemeralPortsExhausted } from './local-port.ts';
import { hairpinNatMissing, missingMasquerade } from './nat.ts';
import { answerByOtherDevice, bridgePortDetached, routeWrongDevice } from './neighbour.ts';
import { mtuBlackHole } from './path-mtu.ts';
import { programDropped } from './program-drop.ts';
import { dnatMissing } from './published.ts';
import { noReplyFromRemote, refusedByRemote, rejectedByRemote, resetByMiddlebox } from './remote.ts';
import {
  answerNotForwarded,
  answerPathFiltered,
  ipForwardOff,
  noReturnRoute,
  noRoute,
  noRouteOnTheWay,
  reversePathFilter,
} from './routing.ts';
import { isUnseen, silenceTells } from './silence.ts';
import { listenerOnOtherAddress, listenerOnOtherDevice, listenerOtherFamily, noListener } from './socket.ts';
import { staleNatEntry } from './stale-entry.ts';
import { plaintextToTls, tlsAlert, tlsToPlaintext } from './tls.ts';
import { conntrackTableFull, snatExhausted } from './tracking-limits.ts';
import { answerUnanswered, neighbourUnresolved } from './unanswered.ts';
import { unnamedText, unreadText } from './unnamed.ts';
import { netnsText } from './words.ts';

/** Every cause; the first that fits is taken. They exclude each other by what they ask for. */
const causes: readonly Cause[] = [
  httpProxyInTheWay,
  duplicateAddress,
  ruleTraced,
  programDropped,
  staleNatEntry,
  conntrackTableFull,
  snatExhausted,
  dnatNotAppliedToLocal,
  hairpinNatMissing,
  dnatMissing,
  listenerOnOtherAddress,
  listenerOtherFamily,
  listenerOnOtherDevice,
  noListener,
  firewallReject,
  firewallDropped,
  replyDropped,
  ephemeralPortsExhausted,
  loopbackDown,
  noRoute,
  noRouteOnTheWay,
  bridgeDown,
  modelFault,
  routingLoop,
  bridgePortDetached,
  routeWrongDevice,
  neighbourUnresolved,
  interfaceDown,
  ipForwardOff,
  reversePathFilter,
  missingMasquerade,
  answerByOtherDevice,
  answerNotForwarded,
  answerPathFiltered,
  answerFault,
  answerUnanswered,
  noReturnRoute,
  mtuBlackHole,
  dnsError,
  tlsToPlaintext,
  plaintextToTls,
  tlsAlert,
  resetByMiddlebox,
  resetByApplication,
  closedByApplication,
  noResponseFromApplication,
  // What follows speaks where nothing above knows what stopped the packet.
  rejectedByRemote,
  refusedByRemote,
  dnsTimeout,
  noReplyFromRemote,
];

function errnoOf({ kernel, connection }: Context): string | null {
  const event = kernel?.socketError?.event;
  const told = event?.kind === 'socket-error' ? errnoName(event.error) : null;
  return told ?? connection.errno;
}

/** What is shown, with where it is from. */
function keyOf(item: EvidenceItem): string {
  return Object.values(item).join('\n');
}

function isPlace(hop: Hop, { where, direction }: Finding): boolean {
  return (
    hop.direction === (direction ?? 'request') &&
    hop.netns === where.netns &&
    hop.stage === where.stage &&
    hop.device === where.device
  );
}

/** Where a hop belongs that the model does not have, as nothing stands there. */
function placeFor({ where }: Finding, hops: readonly Hop[]): number {
  // The route is looked up first, in the same call.
  if (where.stage === 'send' || where.stage === 'output') return hops.findIndex(({ stage }) => stage === 'route') + 1;
  const isSameHost = ({ stage, netns }: Hop): boolean => stage === 'ingress' && netns === where.netns;
  if (where.stage === 'prerouting') return hops.findLastIndex(isSameHost) + 1;
  const isWayOut = ({ stage, netns, device }: Hop): boolean =>
    stage === 'egress' && netns === where.netns && device === where.device;
  // The last hook comes just before it leaves by the device; who has the address is asked then, and by the same device.
  const isBefore = where.stage === 'postrouting' || where.stage === 'neighbour';
  const out = isBefore ? hops.findIndex(isWayOut) : -1;
  return out < 0 ? hops.length : out;
}

/** The hops up to where it ended, and that one as the finding tells it; what passed there goes on. */
function upTo(finding: Finding, hops: readonly Hop[], first: number): Hop[] {
  const { where, direction = 'request', verdict, detail, evidence } = finding;
  const known = hops.findIndex((hop) => isPlace(hop, finding));
  const at = known < 0 ? placeFor(finding, hops) : known;
  const shown = hops[known]?.evidence ?? [];
  const keys = new Set(shown.map(keyOf));
  const own: Hop = {
    index: 0,
    direction,
    ...where,
    verdict,
    detail,
    time: hops[known]?.time ?? null,
    evidence: [...shown, ...evidence.filter((item) => !keys.has(keyOf(item)))],
  };
  const after = known < 0 ? at : at + 1;
  const told = [...hops.slice(0, at), own, ...(verdict === 'passed' ? hops.slice(after) : [])];
  return told.map((hop, index) => ({ ...hop, index: first + index }));
}

/** The way there and, where it ended on that or was only asked for, back. */
function hopsOf(context: Context, finding: Finding | null): Hop[] {
  const all = requestHops(context);
  if (finding?.direction !== 'reply') {
    const there = finding === null ? all : upTo(finding, all, 1);
    return [...there, ...replyHops(context, there.length + 1)];
  }
  const first = all.length + 1;
  const back = replyHops({ ...context, wayBack: answerJourney(context) }, first);
  // A way that does not come by that place is not the one that it took.
  const isItsWay = context.wayBack !== null || back.some((hop) => isPlace(hop, finding));
  return [...all, ...upTo(finding, isItsWay ? back : [], first)];
}

function certaintyOf(context: Context, finding: Finding | null): Certainty {
  if (finding !== null) return finding.certainty;
  if (context.connection.outcome !== 'ok') return 'inferred';
  return (context.kernel?.established ?? null) === null ? 'observed' : 'proven';
}

/** The namespace of the server: where the journey ends at a socket; without one, the sole owner of the address. */
function serverNetns({ connection, host, journey }: Context): string | null {
  const last = journey?.steps.at(-1);
  // Answered where nothing listens, it was answered from where rules sent it.
  const elsewhere = journey?.mayBeRedirected === true && journey.end.kind === 'refused' && wasAnswered(connection);
  if (elsewhere) return null;
  if (last?.stage === 'socket') return last.netns;
  // What leaves the host's view may meet another machine of the same address.
  return host === null || journey?.end.kind === 'leaves-view' ? null : ownerOf(host, connection.server.address);
}

/** The rule by the names that scripts read. */
function ruleNameOf({ family, table, chain, rule, text }: RuleReference, namedBy: RuleName['namedBy']): RuleName {
  const place = { family, table, chain };
  if (rule === null) return { ...place, policy: text.replace(/^policy /, ''), text, namedBy };
  const { handle, position, comment, counter } = rule;
  return {
    ...place,
    ...(handle === null ? { position } : { handle }),
    text,
    ...(comment !== null && { comment }),
    ...(counter !== null && { counter }),
    namedBy,
  };
}

/** What NAT made of it: as it was seen, else by the model of the host; null where nothing translates it. */
function translatedEnds(context: Context): ConnectionDiagnosis['translated'] {
  const { journey, host, connection } = context;
  const { client, server } = connection.translated ?? {};
  const owner = (address: string): string | null => (host === null ? null : ownerOf(host, address));
  if (client !== undefined && server !== undefined) {
    return {
      source: { ...shownEnd(context, client), netns: owner(client.address), name: null },
      destination: { ...shownEnd(context, server), netns: owner(server.address), name: null },
    };
  }
  if (journey === null || journey.forms.length < 2) return null;
  const { source, sourcePort = null, destination, destinationPort } = journey.arrived;
  return {
    source: { ...shownEnd(context, { address: source, port: sourcePort }), netns: owner(source), name: null },
    destination: {
      ...shownEnd(context, { address: destination, port: destinationPort }),
      netns: owner(destination),
      name: null,
    },
  };
}

/** An end as it is told: a ping has no port. */
function shownEnd(
  { connection }: Context,
  { address, port }: Pick<Endpoint, 'address' | 'port'>,
): Pick<Endpoint, 'address' | 'port'> {
  return { address, port: connection.protocol === 'icmp' ? null : port };
}

/** A silence that nobody is known to have waited out, or in which nobody is known to have asked. */
function meansNothing(context: Context): boolean {
  if (isUnseen(context)) return true;
  return context.connection.outcome === 'timeout' && !silenceTells(context);
}

/** What a failure says of the attempts beside it, where rules choose among destinations; nothing where they do not. */
function choiceText({ journey }: Context): string[] {
  const step = journey?.steps.find(({ choices }) => choices !== undefined);
  if (step === undefined || journey === null) return [];
  const { destination, destinationPort } = journey.arrived;
  const sent = formatEndpoint(destination, destinationPort);
  return [
    `The rules of ${netnsText(step.netns)} choose among ${step.choices} destinations, and sent this attempt to ${sent}. Another attempt may be sent elsewhere, and end otherwise.`,
  ];
}

function findCause(context: Context): Finding | null {
  for (const cause of causes) {
    const finding = cause(context);
    if (finding !== null) return finding;
  }
  return null;
}

/** What is to be said of one connection. */
export function diagnoseConnection(context: Context): ConnectionDiagnosis {
  const { connection, clientNetns, serverName } = context;
  const finding = findCause(context);
  const hops = hopsOf(context, finding);
  const source: Endpoint = { ...shownEnd(context, connection.client), netns: clientNetns, name: null };
  const destination: Endpoint = {
    ...shownEnd(context, connection.server),
    netns: serverNetns(context),
    name: serverName,
  };
  const unnamed = unnamedText(context);
  const outcome = finding?.outcome ?? (finding === null && meansNothing(context) ? 'unknown' : connection.outcome);
  return {
    protocol: connection.protocol,
    source,
    destination,
    translated: translatedEnds(context),
    outcome,
    errno: connection.outcome === 'ok' ? null : errnoOf(context),
    cause: finding?.cause ?? null,
    certainty: certaintyOf(context, finding),
    where:
      finding === null
        ? null
        : {
            ...finding.where,
            hop: hops.findLast((hop) => isPlace(hop, finding))?.index ?? null,
            rule: finding.rule === undefined ? null : ruleNameOf(finding.rule, finding.namedBy ?? 'model'),
          },
    summary: finding?.summary ?? unnamed.summary,
    explanation: [...(finding ?? unnamed).explanation, ...(isFailure(outcome) ? choiceText(context) : [])],
    hops,
    fixes: finding?.fixes ?? [],
    alternatives: finding?.alternatives ?? [],
    frames: connection.frames.map(({ number }) => number),
  };
}

/** What the headers of a connection's packets say, and no more. */
export function glanceAtConnection(context: Context): ConnectionDiagnosis {
  const { connection } = context;
  const { protocol, client, server, errno } = connection;
  // A datagram may want no answer.
  const silent = connection.outcome === 'timeout' && protocol === 'udp';
  return {
    protocol,
    source: { ...shownEnd(context, client), netns: null, name: null },
    destination: { ...shownEnd(context, server), netns: null, name: null },
    translated: translatedEnds(context),
    outcome: silent ? 'unknown' : connection.outcome,
    errno,
    cause: null,
    certainty: connection.outcome === 'ok' ? 'observed' : 'inferred',
    where: null,
    summary: unreadText(context),
    explanation: [],
    hops: [],
    fixes: [],
    alternatives: [],
    frames: connection.frames.map(({ number }) => number),
  };
}
