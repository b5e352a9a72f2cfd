/**
 * Fixes for a rule that stops a packet: one that lets this packet pass, in front of it, by the tool that owns the chain.
 * Each is tried on the model: the rule is added to the snapshot and the packet sent again.
 */

import { isSameTable, type Rule, type RuleTable } from '../host/netfilter.ts';
import { parseXtablesTables } from '../host/parse/netfilter/xtables-tables.ts';
import type { HostState } from '../host/state.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import type { ModelPacket, Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Fix } from './diagnosis.ts';
import { shellCommand, writerOf } from './shell.ts';
import { whatIsLeft, withNamespace, wouldWork } from './what-if.ts';
import { inNetns } from './words.ts';

/** A rule as arguments of both tools. */
interface Permission {
  /** The IP version that it is for; null for any. */
  readonly family: 4 | 6 | null;
  readonly iptables: readonly string[];
  readonly nft: readonly string[];
}

/** What lets just this packet pass. */
function permissionFor({ protocol, family, source, destination, destinationPort }: ModelPacket): Permission {
  const ip = family === 4 ? 'ip' : 'ip6';
  const addresses = {
    iptables: ['-s', source, '-d', destination],
    nft: [ip, 'saddr', source, ip, 'daddr', destination],
  };
  if (protocol === 'icmp') {
    const name = family === 4 ? 'icmp' : 'ipv6-icmp';
    return { family, iptables: [...addresses.iptables, '-p', name], nft: [...addresses.nft, 'meta', 'l4proto', name] };
  }
  const port = String(destinationPort);
  return {
    family,
    iptables: [...addresses.iptables, '-p', protocol, '-m', protocol, '--dport', port],
    nft: [...addresses.nft, protocol, 'dport', port],
  };
}

const answers: Permission = {
  family: null,
  iptables: ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'],
  nft: ['ct', 'state', 'established,related'],
};

/** The rule as the model has it: what iptables would save is read by its parser, for either tool. */
function ruleOf({ family: table }: RuleReference, chain: string, { family, iptables }: Permission): Rule | null {
  const line = `*filter\n:${chain} - [0:0]\n-A ${chain} ${iptables.join(' ')} -j ACCEPT\nCOMMIT\n`;
  const words = table === 'ip6' || family === 6 ? 'ip6' : 'ip';
  const tables = parseXtablesTables(line, '', 'iptables-nft', words, new Map());
  return tables[0]?.chains.get(chain)?.rules[0] ?? null;
}

/** The host with one more rule in a chain, in front of a rule (null: behind them all). */
function withRule(host: HostState, netns: string, reference: RuleReference, added: Rule): HostState {
  const ruleTables = (host.namespaces.get(netns)?.ruleTables ?? []).map((table): RuleTable => {
    if (!isSameTable(table, { ...reference, name: reference.table })) return table;
    const chain = table.chains.get(reference.chain);
    if (chain === undefined) return table;
    const at = reference.rule === null ? chain.rules.length : reference.rule.position - 1;
    const rules = [...chain.rules.slice(0, at), added, ...chain.rules.slice(at)];
    return { ...table, chains: new Map(table.chains).set(chain.name, { ...chain, rules }) };
  });
  return withNamespace(host, netns, (namespace) => ({ ...namespace, ruleTables }));
}

/** How the rule is added in the chain itself. */
function directCommand({ engine, family, table, chain, rule, command }: RuleReference, { iptables, nft }: Permission) {
  if (engine === 'nft') {
    const handle = rule?.handle ?? null;
    const place = [handle === null ? 'add' : 'insert', 'rule', family, table, chain];
    const before = handle === null ? [] : ['handle', String(handle)];
    return ['nft', ...place, ...before, ...nft, 'accept'];
  }
  const program = writerOf(command);
  const place = rule === null ? ['-A', chain] : ['-I', chain, String(rule.position)];
  return [program, ...(table === 'filter' ? [] : ['-t', table]), ...place, ...iptables, '-j', 'ACCEPT'];
}

/** Who writes the chain, and loses what is added beside it at its next reload. */
function ownerOf({ chain, table, family }: RuleReference): string | null {
  if (/^ufw6?-/.test(chain)) return 'ufw';
  if (table === 'firewalld') return 'firewalld';
  if (chain.startsWith('DOCKER') || table.startsWith('docker-')) return 'Docker';
  if (/netavark/i.test(`${chain} ${table}`)) return 'Podman';
  if (/^(?:KUBE|cali|CNI|FLANNEL)-?/.test(chain) || table === 'kube-proxy') return 'Kubernetes';
  if (chain.startsWith('LIBVIRT') || table.startsWith('libvirt')) return 'libvirt';
  return family === 'inet' && table === 'fw4' ? 'OpenWrt' : null;
}

/** Docker's own chain for its users comes first in FORWARD, and Docker leaves it alone. */
const dockerUsers = 'DOCKER-USER';

function dockerReference(context: Context, { netns }: Step, reference: RuleReference): RuleReference | null {
  const tables = context.host?.namespaces.get(netns)?.ruleTables ?? [];
  const chain = tables
    .find(({ engine, family, name }) => engine === reference.engine && family === reference.family && name === 'filter')
    ?.chains.get(dockerUsers);
  const [first] = chain?.rules ?? [];
  return chain === undefined ? null : { ...reference, table: 'filter', chain: dockerUsers, rule: first ?? null };
}

/** What is to pass. */
interface Wanted {
  readonly permission: Permission;
  /** What else may have to, when the first alone does not do. */
  readonly back: Permission | null;
  /** The first clause of a sentence. */
  readonly what: string;
}

function fixWith(context: Context, step: Step, reference: RuleReference, { permission, back, what }: Wanted): Fix[] {
  const { host } = context;
  const owner = ownerOf(reference);
  const target = owner === 'Docker' && step.stage === 'forward' ? dockerReference(context, step, reference) : null;
  const place = target ?? reference;
  // A rule that was added after the snapshot is in none.
  if (host === null || place.rule?.position === 0) return [];
  const one = addition(host, step, place, [permission]);
  if (one === null) return [];
  const alone = wouldWork(context, one.host);
  const two = alone || back === null ? null : addition(host, step, place, [permission, back]);
  const isBoth = two !== null && wouldWork(context, two.host);
  const { commands } = isBoth ? two : one;
  const where =
    target === null ? `in front of ${reference.rule === null ? 'the policy' : 'that rule'}` : `in ${dockerUsers}`;
  const alsoBack = isBoth
    ? `, and ${back === answers ? 'the answers to what was let pass' : 'those of the other way'}`
    : '';
  const keeps =
    owner === null || target !== null
      ? 'To keep it over a reboot, add it where the rules of this machine are written.'
      : `The chain belongs to ${owner}, which loses what is added beside it when it writes its rules again: to keep it, say the same to ${owner}.`;
  const verified = alone || isBoth;
  const left = verified ? null : whatIsLeft(context, one.host);
  const behind = left === null ? '' : ` That alone will not do: by the model of this host, ${left}.`;
  const summary = `${what} ${where} ${inNetns(step.netns)}${alsoBack}. ${keeps}${behind}`;
  return [{ summary, commands, netns: step.netns, verified }];
}

/** The host with these rules in front of one, and the commands that put them there; null where none can be shown. */
function addition(
  host: HostState,
  { netns }: Step,
  place: RuleReference,
  permissions: readonly Permission[],
): { readonly host: HostState; readonly commands: string[] } | null {
  let changed = host;
  const commands: string[] = [];
  for (const permission of permissions) {
    const added = ruleOf(place, place.chain, permission);
    const command = shellCommand(directCommand(place, permission));
    if (added === null || command === null) return null;
    changed = withRule(changed, netns, place, added);
    commands.push(command);
  }
  return { host: changed, commands };
}

/** Rules that let a tunnel's packets pass: they go to the same port both ways. */
function carrierFixes(
  context: Context,
  step: Step,
  reference: RuleReference,
  { network, packet }: NonNullable<Step['carrier']>,
): Fix[] {
  const { source, destination } = packet;
  const what = `Let the packets of VXLAN ${network} from ${source} to ${destination} pass,`;
  const back = permissionFor({ ...packet, source: destination, destination: source });
  return fixWith(context, step, reference, { permission: permissionFor(packet), back, what });
}

/** A rule that lets the request pass, which is `packet` where the rule stands. */
export function acceptFixes(context: Context, step: Step, reference: RuleReference, packet: ModelPacket): Fix[] {
  if (step.carrier !== undefined) return carrierFixes(context, step, reference, step.carrier);
  const what = `If ${packet.source} may ask for this, let just that pass,`;
  // The answers may come by the same chain: they need a rule of their own.
  return fixWith(context, step, reference, { permission: permissionFor(packet), back: answers, what });
}

/** A rule that lets the answers of what was let pass come back. */
export function answerFixes(context: Context, step: Step, reference: RuleReference): Fix[] {
  if (step.carrier !== undefined) return carrierFixes(context, step, reference, step.carrier);
  const what = 'Let the answers to what was let pass come back,';
  return fixWith(context, step, reference, { permission: answers, back: null, what });
}
