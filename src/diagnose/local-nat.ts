/** A published port that is asked for by the very host that publishes it: its rule stands where only others come by. */

import { wasAnswered } from '../flow/connection.ts';
import type { HostState, NamespaceState } from '../host/state.ts';
import { formatEndpoint, inPrefix } from '../inet/address.ts';
import { passHook, ruleName } from '../model/hook.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import type { ModelPacket } from '../model/step.ts';
import { requestAt } from '../model/traveller.ts';
import { type Context, kernelFoundNoSocket } from './context.ts';
import type { Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { addNatRule, dnatRule, type NatChange, type NatTable, natTableOf } from './nat-rule.ts';
import { commandsOf, withSetting, wouldWork } from './what-if.ts';
import { askedText, inNetns, netnsText, serverText } from './words.ts';

/** The rule at prerouting that would translate the packet, had an outsider sent it by some device; and what it makes of it. */
export function outsiderRule(
  namespace: NamespaceState,
  sent: ModelPacket,
): { readonly rule: RuleReference; readonly becomes: ModelPacket } | null {
  const packet = outsiders(sent);
  for (const { name, kind } of namespace.links) {
    if (kind === 'loopback') continue;
    const devices = { input: name, output: '', inputPort: '', outputPort: '' };
    const visit = {
      namespace,
      stage: 'prerouting',
      hook: 'prerouting',
      layer: 'ip',
      devices,
      device: name,
      packet,
      doubted: false,
      broadcast: false,
    } as const;
    const { ways } = passHook({ ...visit, seen: requestAt(packet) });
    const [way] = ways;
    const rule = way?.step?.rule;
    if (way === undefined || rule === undefined || ways.length > 1) continue;
    return { rule, becomes: way.traveller.packet };
  }
  return null;
}

/** A published port, asked for by the very host that publishes it: the rule stands where only others come by. */
export const dnatNotAppliedToLocal: Cause = (context) => {
  const { connection, host, journey: way, clientNetns } = context;
  if (host === null || way === null || clientNetns === null || connection.outcome !== 'refused') return null;
  // The kernel told of another end.
  if (context.kernel?.drop && !kernelFoundNoSocket(context)) return null;
  const namespace = host.namespaces.get(clientNetns);
  const isOwn = way.end.kind === 'refused' && way.end.netns === clientNetns && way.forms.length === 1;
  if (namespace === undefined || !isOwn || wasAnswered(connection)) return null;
  const found = outsiderRule(namespace, way.packet);
  if (found === null) return null;
  const { rule, becomes } = found;
  const there = formatEndpoint(becomes.destination, becomes.destinationPort);
  return {
    cause: 'dnat-not-applied-to-local',
    certainty: context.kernel?.resetSent ? 'proven' : 'inferred',
    where: { netns: clientNetns, device: 'lo', stage: 'output' },
    verdict: 'passed',
    detail: `no rule of the output hook translates it; ${ruleName(rule)} does so for others`,
    evidence: [{ kind: 'snapshot', netns: clientNetns, command: rule.command, text: rule.text }],
    summary: `${serverText(context)} refused: ${netnsText(clientNetns)} publishes that port for others, by a rule at prerouting, and its own requests do not come by there.`,
    explanation: [
      askedText(context),
      `Whoever asks from outside is sent on to ${there}, by ${ruleName(rule)}: \`${rule.text.replaceAll('`', "'")}\`. It stands in the prerouting hook, which sees what comes in by a device. What ${netnsText(clientNetns)} itself sends passes the output hook instead, and no rule there does the same. So the request stayed ${inNetns(clientNetns)}, where nothing listens on port ${way.packet.destinationPort}.`,
      `From ${netnsText(clientNetns)} itself, ${there} may be asked for directly.`,
    ],
    fixes: localFixes(context, namespace, rule, becomes),
    alternatives: [],
  };
};

/** The packet as it would be, had an outsider sent it. */
function outsiders({ boundDevice: _device, user: _user, group: _group, ...packet }: ModelPacket): ModelPacket {
  return { ...packet, source: packet.family === 4 ? '203.0.113.1' : '2001:db8::1' };
}

/**
 * A rule at the output hook that sends what the namespace itself asks for on to `becomes`, beside the rule that does so for
 * others (null: there is none); for a loopback address also what lets such a packet out, and its answer in.
 */
export function localFixes(
  context: Context,
  namespace: NamespaceState,
  beside: RuleReference | null,
  becomes: ModelPacket,
): Fix[] {
  const { host, packet } = context;
  if (host === null) return [];
  const place = natTableOf(namespace.ruleTables, becomes.family, beside);
  const first = addNatRule(host, namespace.name, place, dnatRule('output', packet, becomes, place));
  if (first === null) return [];
  const summary = `Translate what ${netnsText(namespace.name)} itself asks for as well, at its output hook. To keep it over a reboot, add it where the rules of this machine are written.`;
  const fix: Fix = {
    summary,
    commands: first.commands,
    netns: namespace.name,
    verified: wouldWork(context, first.host),
  };
  if (fix.verified) return [fix];
  const device = namespace.routes
    .filter(
      ({ type, prefixLength, prefix }) => type === 'unicast' && inPrefix(becomes.destination, prefix, prefixLength),
    )
    .toSorted((a, b) => b.prefixLength - a.prefixLength)[0]?.nextHops[0]?.device;
  if (device === undefined) return [fix];
  return [withLoopback(context, first, place, { namespace: namespace.name, device, summary }) ?? fix];
}

function withLoopback(
  context: Context,
  first: NatChange,
  place: NatTable,
  told: { readonly namespace: string; readonly device: string; readonly summary: string },
): Fix | null {
  const { namespace, device, summary } = told;
  const second = letLoopbackOut(first.host, namespace, place, device);
  if (second === null) return null;
  const parts = [first.commands, second.commands];
  return {
    summary: `${summary} As the address is one of loopback, ${device} must be told to take such packets, and their source be translated; whoever is beside ${device} then reaches what listens on loopback, unless a rule keeps them off.`,
    // Each without the others mends nothing.
    commands: parts.every((part) => part.length > 0) ? parts.flat() : [],
    netns: namespace,
    verified: wouldWork(context, second.host),
  };
}

/**
 * Lets packets from loopback addresses out by a device, with the device's address for theirs, to which nobody could answer;
 * without commands where they cannot be told, null where the rule cannot.
 */
export function letLoopbackOut(host: HostState, netns: string, place: NatTable, device: string): NatChange | null {
  const setting = `net.ipv4.conf.${device.replaceAll('.', '/')}.route_localnet`;
  const change = addNatRule(withSetting(host, netns, setting), netns, place, {
    family: 4,
    hook: 'postrouting',
    iptables: ['-s', '127.0.0.0/8', '-o', device, '-j', 'MASQUERADE'],
    nft: ['ip', 'saddr', '127.0.0.0/8', 'oifname', device, 'masquerade'],
  });
  if (change === null) return null;
  const parts = [commandsOf(['sysctl', '-w', `${setting}=1`]), change.commands];
  return { ...change, commands: parts.every((part) => part.length > 0) ? parts.flat() : [] };
}
