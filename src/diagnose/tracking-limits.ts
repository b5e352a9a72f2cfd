/**
 * Connection tracking has no room for one more: its table is full, or every port that a rule may give as the source is
 * taken. The kernel drops the first packet between its hooks, and no rule counts it (`nf_conntrack_in`,
 * `__nf_conntrack_confirm` in net/netfilter/nf_conntrack_core.c).
 */

import { wasAnswered } from '../flow/connection.ts';
import type { ConnectionEntry, Operand } from '../host/netfilter.ts';
import type { HostState, NamespaceState, Quote } from '../host/state.ts';
import { formatEndpoint, sameAddress } from '../inet/address.ts';
import { ipProtocol } from '../inet/protocol.ts';
import { ruleName } from '../model/hook.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import { settingOf } from '../model/setting.ts';
import type { Journey, ModelPacket, Step } from '../model/step.ts';
import { trackedIn } from '../model/traveller.ts';
import type { Context } from './context.ts';
import type { EvidenceItem, Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { droppedAfterRouting, netfilterDrop } from './firewall-stop.ts';
import { lastReached, snapshotEvidence } from './hops.ts';
import { kernelEvidence } from './kernel-reading.ts';
import { writerOf } from './shell.ts';
import { commandsOf } from './what-if.ts';
import { askedText, capitalised, inNetns, netnsText, serverText } from './words.ts';

/** A connection that may have ended so: nobody answered it, and the kernel, where it says anything, says no other thing. */
interface Unanswered {
  readonly host: HostState;
  readonly way: Journey;
  /** The kernel's word that netfilter dropped the request; null where it was not heard. */
  readonly drop: EvidenceItem | null;
}

function unanswered({ connection, host, journey: way, kernel, evidence }: Context): Unanswered | null {
  // Of a packet that nobody sent the model says where it ends; see `trackingDoubts`.
  if (connection.frames.length === 0 && evidence.session === null) return null;
  const failed = connection.outcome === 'timeout' || connection.outcome === 'unreachable';
  if (host === null || way === null || !failed || wasAnswered(connection) || kernel?.resetSent) return null;
  const record = kernel?.drop ?? null;
  const isOther = record?.event.kind === 'drop' && record.event.reason !== netfilterDrop;
  return isOther ? null : { host, way, drop: record === null ? null : kernelEvidence(record) };
}

const settings = { count: 'net.netfilter.nf_conntrack_count', limit: 'net.netfilter.nf_conntrack_max' } as const;

/** The hook at which a connection enters the table of a host: where it comes in, or where it is sent. */
function entranceAt(steps: readonly Step[], position: number): 'prerouting' | 'output' | null {
  const [stage, following] = [steps[position]?.stage, steps[position + 1]?.stage];
  // What comes in for a macvlan above the device comes to the macvlan's host.
  if (stage === 'ingress' && following !== 'ingress') return 'prerouting';
  return stage === 'route' && position === 0 ? 'output' : null;
}

/** A table without room on the way. */
function fullTable(host: HostState, way: Journey) {
  const last = way.steps.at(-1);
  for (const [position, step] of way.steps.entries()) {
    const { netns, device } = step;
    const namespace = host.namespaces.get(netns);
    const stage = entranceAt(way.steps, position);
    // A rule at that very hook may come before the table, and stops the packet with room in it as well.
    if (namespace === undefined || stage === null || (last?.netns === netns && last.stage === stage)) continue;
    const [count, limit] = [settingOf(namespace, settings.count), settingOf(namespace, settings.limit)];
    // A limit of 0 is none.
    if (limit.value > 0 && count.value >= limit.value && !isTracked(namespace, way)) {
      return { where: { netns, device, stage }, position, count, limit };
    }
  }
  return null;
}

function isTracked(namespace: NamespaceState, { forms }: Journey): boolean {
  return forms.some(
    (packet) => trackedIn(namespace, { packet, connection: null }, [], 'request').seen.connection.entry,
  );
}

/** See the file's head. */
export const conntrackTableFull: Cause = (context) => {
  const open = unanswered(context);
  const full = open === null ? null : fullTable(open.host, open.way);
  if (open === null || full === null) return null;
  const { where, position, count, limit } = full;
  const { kernel } = context;
  // What was routed had passed prerouting.
  if (where.stage === 'prerouting' && kernel !== null && droppedAfterRouting(kernel)) return null;
  if (lastReached(context, open.way.steps) > position) return null;
  const place = netnsText(where.netns);
  const fix: Fix = {
    summary:
      'Make the table larger: twice as large here. An entry takes some 300 bytes of memory. One limit holds for all of the host, and is set in its own namespace. To keep it over a reboot, write it to a file in /etc/sysctl.d.',
    commands: commandsOf(['sysctl', '-w', `${settings.limit}=${2 * limit.value}`]),
    netns: 'host',
    verified: false,
  };
  return {
    cause: 'conntrack-table-full',
    certainty: open.drop === null ? 'inferred' : 'proven',
    where,
    verdict: 'dropped',
    detail: `the connection table is full, with ${count.value} entries of ${limit.value}`,
    evidence: [...[...count.quotes, ...limit.quotes].map(snapshotEvidence), ...(open.drop === null ? [] : [open.drop])],
    summary: `${serverText(context)} was not reached: the connection table of ${place} is full, and takes no new connection.`,
    explanation: [
      askedText(context, open.way.steps[position + 1]),
      `${capitalised(place)} keeps a list of connections (conntrack), which may have ${limit.value} entries and has ${count.value}. Connections that stand in it go on. The kernel drops the first packet of a new one, unless it finds an entry that it may forget; no rule counts that, and its log says: nf_conntrack: table full, dropping packet.`,
      `See what fills the table ${inNetns(where.netns)}: conntrack -L. One client or one destination with most of the entries is a scan, a flood or a program that opens a connection for each request; entries of TCP that nobody closed stay for five days.`,
    ],
    fixes: [fix],
    alternatives: [],
  };
};

/** The ports that a rule may give as the source; null where it leaves the port, or its ports are not written in it. */
function portsOf({ rule }: RuleReference): { readonly low: bigint; readonly high: bigint } | null {
  const translation = rule?.expressions.find((one) => one.kind === 'translate' && one.end === 'source');
  const port: Operand | null = translation?.kind === 'translate' ? translation.port : null;
  if (port?.kind === 'constant' && typeof port.value === 'bigint') return { low: port.value, high: port.value };
  return port?.kind === 'one-of' ? port : null;
}

/** States of TCP whose entry gives its port to another connection (`nf_nat_may_kill`, net/netfilter/nf_nat_core.c). */
const givenUp: readonly (string | null)[] = ['LAST_ACK', 'TIME_WAIT', 'CLOSE'];

/** The entries by which the ports of an address towards one destination are taken, one a port. */
function holders(
  { connections }: NamespaceState,
  { protocol, source, destination, destinationPort }: ModelPacket,
  { low, high }: { readonly low: bigint; readonly high: bigint },
): readonly ConnectionEntry[] {
  const number = protocol === 'icmp' ? null : ipProtocol[protocol];
  const byPort = new Map<number, ConnectionEntry>();
  for (const entry of connections) {
    const { reply } = entry;
    const port = reply.destinationPort;
    if (entry.protocol !== number || port === null || givenUp.includes(entry.state)) continue;
    if (reply.sourcePort !== destinationPort || BigInt(port) < low || BigInt(port) > high) continue;
    if (!sameAddress(reply.source, destination) || !sameAddress(reply.destination, source)) continue;
    byPort.set(port, entry);
  }
  return [...byPort.values()];
}

/** Where a rule gives the packet another source on its way, whose ports are all taken. */
function takenPorts(host: HostState, way: Journey) {
  for (const [position, step] of way.steps.entries()) {
    const namespace = host.namespaces.get(step.netns);
    const rule = step.stage === 'postrouting' ? step.rule : undefined;
    const ports = rule === undefined ? null : portsOf(rule);
    if (namespace === undefined || rule === undefined || ports === null || isTracked(namespace, way)) continue;
    for (const form of way.forms.slice(1)) {
      const entries = holders(namespace, form, ports);
      if (entries.length > 0 && BigInt(entries.length) > ports.high - ports.low) {
        return { step, position, rule, form, entries, ports };
      }
    }
  }
  return null;
}

const quotedEntries = 3;

/** See the file's head. */
export const snatExhausted: Cause = (context) => {
  const open = unanswered(context);
  const taken = open === null ? null : takenPorts(open.host, open.way);
  if (open === null || taken === null || lastReached(context, open.way.steps) > taken.position) return null;
  const { step, form, entries, ports } = taken;
  const rule = ruleName(taken.rule);
  const { netns } = step;
  const place = netnsText(netns);
  const there = formatEndpoint(form.destination, form.destinationPort);
  const isOne = ports.low === ports.high;
  const range = isOne ? `port ${ports.low}` : `ports ${ports.low} to ${ports.high}`;
  const quotes = entries
    .slice(0, quotedEntries)
    .flatMap(({ listed }): Quote[] => (listed === null ? [] : [{ netns, ...listed }]));
  return {
    cause: 'snat-exhausted',
    certainty: open.drop === null ? 'inferred' : 'proven',
    where: { netns, device: step.device, stage: step.stage },
    verdict: 'dropped',
    detail: `${rule} gives ${form.source} as the source with ${range}, and towards ${there} ${isOne ? 'that is' : 'all of those are'} taken`,
    evidence: [...quotes.map(snapshotEvidence), ...(open.drop === null ? [] : [open.drop])],
    summary: `${serverText(context)} was not reached: ${place} has no port left to send the connection on from ${form.source}.`,
    explanation: [
      askedText(context, step),
      `${capitalised(rule)} (${inNetns(netns)}) makes ${form.source} the source of what goes out, with ${range}. Answers are told apart by their ports, so towards one and the same address and port each port serves one connection at a time. By the table of connections ${servesText(entries.length)} one already, and the kernel drops the first packet of another one; no rule counts that.`,
      `Connections to other destinations are not concerned, and this one will work once another ends. See who holds the ports ${inNetns(netns)}: conntrack -L -p ${form.protocol} -r ${form.destination} --reply-port-src ${form.destinationPort}.`,
    ],
    fixes: [
      {
        summary:
          'Let the rule use more ports, or none of its own: without ports in the rule the kernel chooses among all of them. More source addresses are more ports, too. This lists the rule.',
        commands: commandsOf(listingOf(taken.rule)),
        netns,
        verified: false,
        onlyShows: true,
      },
    ],
    alternatives: [],
  };
};

/** What a prediction leaves open, one clause each: a table or a range that is full now has room once a connection ends. */
export function trackingDoubts(host: HostState, way: Journey): string[] {
  const [full, taken] = [fullTable(host, way), takenPorts(host, way)];
  return [
    ...(full === null
      ? []
      : [
          `${full.where.netns}, ${full.where.stage}: the connection table is full (${full.count.value} of ${full.limit.value}), and the packet is dropped unless the kernel finds an entry that it may forget`,
        ]),
    ...(taken === null
      ? []
      : [
          `${taken.step.netns}, postrouting: every port that ${ruleName(taken.rule)} may give is taken towards that destination, and the packet is dropped unless one becomes free`,
        ]),
  ];
}

function servesText(count: number): string {
  if (count === 1) return 'it serves';
  return count === 2 ? 'both serve' : `all ${count} serve`;
}

function listingOf({ engine, command, family, table, chain }: RuleReference): readonly string[] {
  if (engine === 'nft') return ['nft', '-a', 'list', 'table', family, table];
  return [writerOf(command), '-t', table, '-S', chain];
}
