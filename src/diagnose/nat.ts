/** Causes of address translation: it is missing where it is needed, or stands where the packet does not come by. */

import { requestPacket, wasAnswered } from '../flow/connection.ts';
import type { HostState, NamespaceState } from '../host/state.ts';
import { inPrefix, sameAddress } from '../model/address.ts';
import { formatEndpoint } from '../model/deliver.ts';
import { passHook, ruleName } from '../model/hook.ts';
import { replyJourney } from '../model/journey.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import type { Journey, ModelPacket, Step } from '../model/step.ts';
import { requestAt } from '../model/traveller.ts';
import type { Context } from './context.ts';
import type { Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { addNatRule, natTableOf } from './nat-rule.ts';
import { commandsOf, withSetting, wouldWork } from './what-if.ts';
import { askedText, inNetns, netnsText, serverText } from './words.ts';

/** RFC 1918, RFC 6598, RFC 4193: addresses to which the rest of the world has no way. */
const privateNetworks = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
] as const;

function isPrivate(address: string): boolean {
  return privateNetworks.some(
    ([prefix, length]) => prefix.includes(':') === address.includes(':') && inPrefix(address, prefix, length),
  );
}

function owns({ links }: NamespaceState, address: string): boolean {
  return links.some(({ addresses }) => addresses.some((own) => sameAddress(own.address, address)));
}

/** The network of an address, by the router's own address in it; the address alone where there is none. */
function networkOf({ links }: NamespaceState, address: string): string {
  for (const own of links.flatMap(({ addresses }) => addresses)) {
    if (own.address.includes(':') !== address.includes(':')) continue;
    if (own.prefixLength > 0 && inPrefix(address, own.address, own.prefixLength)) {
      return `${networkAddress(own.address, own.prefixLength)}/${own.prefixLength}`;
    }
  }
  return address;
}

/** What iptables and nft accept as a network: they clear the host's bits themselves, a reader would stumble. */
function networkAddress(address: string, length: number): string {
  if (address.includes(':')) return address;
  const bytes = address.split('.').map(Number);
  return bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * index)))).join('.');
}

/** The device of the default route: where the host's way into the world begins. */
function uplinks({ routes }: NamespaceState, family: 4 | 6): string[] {
  return routes
    .filter((route) => route.family === family && route.prefixLength === 0 && route.type === 'unicast')
    .flatMap(({ nextHops }) => nextHops.map(({ device }) => device));
}

function ipWord({ family }: ModelPacket): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** The router that sent it on last, and by which device. */
function lastForward({ steps }: Journey): { readonly forward: Step; readonly out: Step } | null {
  const at = steps.findLastIndex(({ stage, verdict }) => stage === 'forward' && verdict === 'passed');
  const forward = steps[at];
  const out = steps.slice(at).find(({ stage, netns }) => stage === 'egress' && netns === forward?.netns);
  return forward === undefined || out === undefined ? null : { forward, out };
}

/** The first step at which the request was translated. */
function translatedStep({ steps }: Journey): Step | null {
  return steps.find(({ verdict }) => verdict === 'translated') ?? null;
}

const failed: readonly string[] = ['timeout', 'unreachable', 'refused', 'reset', 'unknown'];

/** A private source leaves by the uplink as it is: no answer finds the way back. */
export const missingMasquerade: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way === null || connection.outcome !== 'timeout' || wasAnswered(connection)) return null;
  const router = lastForward(way);
  const namespace = host.namespaces.get(router?.forward.netns ?? '');
  const { source } = way.arrived;
  const device = router?.out.device ?? '';
  if (router === null || namespace === undefined || !isPrivate(source) || owns(namespace, source)) return null;
  if (!uplinks(namespace, way.arrived.family).includes(device)) return null;
  const back = way.end.kind === 'accepted' ? replyJourney(host, way) : null;
  const isLost = back === null ? way.end.kind === 'leaves-view' : back.end.kind !== 'returned' && isBeyond(back, way);
  if (!isLost) return null;
  const [seen] = framesAt(context, requestPacket(connection)?.frames ?? [], router.out);
  // Beyond the host's view nothing but the sight of it says that it left so.
  if (back === null && seen === undefined) return null;
  const { netns } = router.out;
  const network = networkOf(namespace, source);
  const rule = {
    hook: 'postrouting',
    iptables: ['-s', network, '-o', device, '-j', 'MASQUERADE'],
    nft: [ipWord(way.arrived), 'saddr', network, 'oifname', device, 'masquerade'],
  } as const;
  const place = natTableOf(namespace.ruleTables, way.arrived.family, null);
  const change = addNatRule(host, netns, place, rule);
  const fixes: Fix[] =
    change === null
      ? []
      : [
          {
            summary: `Let ${netnsText(netns)} put its own address into what leaves by ${device} from ${network} (masquerade); it translates the answers back. To keep it over a reboot, add it where the rules of this machine are written.`,
            commands: change.commands,
            netns,
            verified: wouldWork(context, change.host),
          },
        ];
  return {
    cause: 'missing-masquerade',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: { netns, device, stage: 'postrouting' },
    verdict: 'passed',
    detail: `it leaves by ${device} with the private source ${source}`,
    evidence: seen === undefined ? [] : [frameEvidence(context, seen)],
    summary: `${serverText(context)} did not answer: the packet left ${netnsText(netns)} by ${device} with the private source ${source}, to which nobody out there has a way back.`,
    explanation: [
      askedText(context),
      `${source} is an address of a private network: it means something on this host alone. Whoever gets the packet sends its answer to ${source}, and no router outside knows where that is. A host that lets its containers into the world puts its own address in the place of theirs (masquerade, or SNAT), and translates the answers back. No rule of ${netnsText(netns)} did so here.`,
    ],
    fixes,
    alternatives:
      back === null
        ? [
            {
              cause: 'no-reply-from-remote',
              tellApart: `the network beyond ${device} knows the way to ${network} (a routed container network): then the packet was lost there`,
            },
          ]
        : [],
  };
};

/** The answer ends where nobody knows the way on: at the far end itself, or outside of this view. */
function isBeyond(back: Journey, way: Journey): boolean {
  const last = back.steps.at(-1);
  const far = 'netns' in way.end ? way.end.netns : null;
  return back.end.kind === 'leaves-view' || last?.netns === far || back.end.kind === 'unroutable';
}

/** The answer comes straight back, from an address that was not asked. */
export const hairpinNatMissing: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way?.end.kind !== 'accepted' || !failed.includes(connection.outcome)) return null;
  const step = translatedStep(way);
  const back = step === null ? null : replyJourney(host, way);
  const last = back?.steps.at(-1);
  const isStranger = last?.stage === 'socket' && last.verdict === 'refused' && last.netns === context.clientNetns;
  if (step === null || back === null || !isStranger) return null;
  const { source, destination, destinationPort, protocol } = way.arrived;
  const out = way.steps.find(({ stage, netns }) => stage === 'egress' && netns === step.netns);
  const { netns } = step;
  const answers = connection.packets.flatMap(({ frames, facts }) =>
    facts.tcp?.syn === true && facts.tcp.ack ? frames : [],
  );
  const [seen] = answers;
  const namespace = host.namespaces.get(netns);
  const device = out?.device ?? null;
  const target = protocol === 'icmp' ? [] : ['-p', protocol, '-m', protocol, '--dport', String(destinationPort)];
  const network = namespace === undefined ? source : networkOf(namespace, source);
  const rule = {
    hook: 'postrouting',
    iptables: ['-s', network, '-d', destination, ...target, '-j', 'MASQUERADE'],
    nft: [
      ipWord(way.arrived),
      'saddr',
      network,
      ipWord(way.arrived),
      'daddr',
      destination,
      ...(protocol === 'icmp' ? [] : [protocol, 'dport', String(destinationPort)]),
      'masquerade',
    ],
  } as const;
  const place = natTableOf(namespace?.ruleTables ?? [], way.arrived.family, step.rule ?? null);
  const change = addNatRule(host, netns, place, rule);
  return {
    cause: 'hairpin-nat-missing',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: { netns, device, stage: 'postrouting' },
    verdict: 'failed',
    detail: `its source ${source} is left as it is, so that ${destination} answers it directly`,
    evidence: seen === undefined ? [] : [frameEvidence(context, seen)],
    summary: `${serverText(context)} did not answer in its own name: it sent the request back to ${formatEndpoint(destination, destinationPort)}, a neighbour of the client, and that one answered directly.`,
    explanation: [
      askedText(context),
      `${netnsText(netns)} changed where the packet goes (${step.detail}), and not where it comes from. So ${destination} sees a neighbour's address as its source and answers straight to it, past ${netnsText(netns)}, which alone could translate the answer back. The client gets an answer from ${formatEndpoint(destination, destinationPort)}, which it never asked, and throws it away.`,
      `What goes back into the network that it came from needs both ends translated (hairpin NAT). The other way out: inside that network, ask for ${formatEndpoint(destination, destinationPort)} itself.`,
    ],
    fixes:
      change === null
        ? []
        : [
            {
              summary: `Let ${netnsText(netns)} put its own address into such requests (masquerade), so that the answers come back by it; ${destination} then sees ${netnsText(netns)} as the client. To keep it over a reboot, add it where the rules of this machine are written.`,
              commands: change.commands,
              netns,
              verified: wouldWork(context, change.host),
            },
          ],
    alternatives: [],
  };
};

/** The rule at prerouting that would translate the packet, had it come in by a device; and what it makes of it. */
function outsiderRule(
  namespace: NamespaceState,
  packet: ModelPacket,
): { readonly rule: RuleReference; readonly becomes: ModelPacket } | null {
  for (const { name, kind } of namespace.links) {
    if (kind === 'loopback') continue;
    const devices = { input: name, output: '', inputPort: '', outputPort: '' };
    const visit = {
      namespace,
      stage: 'prerouting',
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
  if (host === null || way === null || clientNetns === null || !failed.includes(connection.outcome)) return null;
  const namespace = host.namespaces.get(clientNetns);
  const isOwn = way.end.kind === 'refused' && way.end.netns === clientNetns && way.forms.length === 1;
  if (namespace === undefined || !isOwn || wasAnswered(connection)) return null;
  const found = outsiderRule(namespace, outsiders(way.packet));
  if (found === null) return null;
  const { rule, becomes } = found;
  const { destination, destinationPort, protocol } = way.packet;
  const there = formatEndpoint(becomes.destination, becomes.destinationPort);
  const asked = protocol === 'icmp' ? [] : ['-p', protocol, '-m', protocol, '--dport', String(destinationPort)];
  const local = {
    hook: 'output',
    iptables: ['-d', destination, ...asked, '-j', 'DNAT', '--to-destination', there],
    nft: [
      ipWord(way.packet),
      'daddr',
      destination,
      ...(protocol === 'icmp' ? [] : [protocol, 'dport', String(destinationPort)]),
      'dnat',
      ...(rule.family === 'inet' ? [ipWord(way.packet)] : []),
      'to',
      there,
    ],
  } as const;
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
      `Whoever asks from outside is sent on to ${there}, by ${ruleName(rule)}: \`${rule.text.replaceAll('`', "'")}\`. It stands in the prerouting hook, which sees what comes in by a device. What ${netnsText(clientNetns)} itself sends passes the output hook instead, and no rule there does the same. So the request stayed ${inNetns(clientNetns)}, where nothing listens on port ${destinationPort}.`,
      `From ${netnsText(clientNetns)} itself, ${there} may be asked for directly.`,
    ],
    fixes: localFixes(context, namespace, rule, local, becomes),
    alternatives: [],
  };
};

/** The packet as it would be, had an outsider sent it. */
function outsiders({ boundDevice: _device, user: _user, ...packet }: ModelPacket): ModelPacket {
  return { ...packet, source: packet.family === 4 ? '203.0.113.1' : '2001:db8::1' };
}

/** The rule at the output hook; for a loopback address also what lets such a packet out, and its answer in. */
function localFixes(
  context: Context,
  namespace: NamespaceState,
  beside: RuleReference,
  rule: Parameters<typeof addNatRule>[3],
  becomes: ModelPacket,
): Fix[] {
  const { host } = context;
  if (host === null) return [];
  const place = natTableOf(namespace.ruleTables, becomes.family, beside);
  const first = addNatRule(host, namespace.name, place, rule);
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
  return [withLoopback(context, first, place, { namespace: namespace.name, device, summary, becomes }) ?? fix];
}

function withLoopback(
  context: Context,
  first: { readonly commands: readonly string[]; readonly host: HostState },
  place: Parameters<typeof addNatRule>[2],
  told: {
    readonly namespace: string;
    readonly device: string;
    readonly summary: string;
    readonly becomes: ModelPacket;
  },
): Fix | null {
  const { namespace, device, summary } = told;
  const setting = `net.ipv4.conf.${device}.route_localnet`;
  const rule = {
    hook: 'postrouting',
    iptables: ['-s', '127.0.0.0/8', '-o', device, '-j', 'MASQUERADE'],
    nft: ['ip', 'saddr', '127.0.0.0/8', 'oifname', device, 'masquerade'],
  } as const;
  const second = addNatRule(withSetting(first.host, namespace, setting), namespace, place, rule);
  if (second === null) return null;
  const commands = [...first.commands, ...commandsOf(['sysctl', '-w', `${setting}=1`]), ...second.commands];
  return {
    summary: `${summary} As the address is one of loopback, ${device} must be told to take such packets, and their source be translated; whoever is beside ${device} then reaches what listens on loopback, unless a rule keeps them off.`,
    commands,
    netns: namespace,
    verified: wouldWork(context, second.host),
  };
}
