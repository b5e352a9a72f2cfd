/** The targets of iptables(8) and iptables-extensions(8) as expressions, in the forms in which iptables-save writes them. */

import { addressBits, prefixRange } from '../../../inet/address.ts';
import { unreachableBy } from '../../../inet/icmp.ts';
import type { Expression, Operand, Operator, RejectWith, Translation } from '../../netfilter.ts';
import { constant, field, masked, verdict } from './build.ts';
import { icmpCodes, icmpv6Codes, lookUp } from './symbols.ts';
import { numberOf, valueOf } from './values.ts';
import type { Version } from './xtables-matches.ts';
import type { Extension } from './xtables-options.ts';

const allBits = 0xffff_ffffn;

/** Targets after which the packet goes on as it was, as far as rules and addresses are concerned. */
const inert: ReadonlySet<string> = new Set(
  'LOG NFLOG ULOG TCPMSS TCPOPTSTRIP CHECKSUM CLASSIFY SET AUDIT TRACE ECN SECMARK CONNSECMARK LED IDLETIMER RATEEST TEE'.split(
    ' ',
  ),
);

/** Targets that write a header's field; with which value is of no concern, so it is not known afterwards. */
const rewritten: Readonly<Record<string, string>> = {
  TTL: 'ip ttl',
  HL: 'ip6 hoplimit',
  DSCP: 'dscp',
  TOS: 'dscp',
  HMARK: 'meta mark',
};

type Options = ReadonlyMap<string, readonly string[]>;

function unknown(text: string): Expression {
  return verdict({ kind: 'unknown', text });
}

/** What iptables calls an ICMP error by (libipt_REJECT, libip6t_REJECT). */
const rejections4: Readonly<Record<string, string>> = {
  'icmp-net-unreachable': 'net-unreachable',
  'icmp-host-unreachable': 'host-unreachable',
  'icmp-proto-unreachable': 'prot-unreachable',
  'icmp-port-unreachable': 'port-unreachable',
  'icmp-net-prohibited': 'net-prohibited',
  'icmp-host-prohibited': 'host-prohibited',
  'icmp-admin-prohibited': 'admin-prohibited',
};
const rejections6: Readonly<Record<string, string>> = {
  'icmp6-no-route': 'no-route',
  'icmp6-adm-prohibited': 'admin-prohibited',
  'icmp6-addr-unreachable': 'addr-unreachable',
  'icmp6-port-unreachable': 'port-unreachable',
  'icmp6-policy-fail': 'policy-fail',
  'icmp6-reject-route': 'reject-route',
};

function rejectWith(options: Options, { ip }: Version): RejectWith | null {
  const name = options.get('--reject-with')?.[0] ?? (ip === 'ip' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable');
  if (name === 'tcp-reset') return 'tcp-reset';
  const [names, codes] = ip === 'ip' ? [rejections4, icmpCodes] : [rejections6, icmpv6Codes];
  const code = lookUp(codes, lookUp(names, name) ?? '');
  if (code === undefined) return null;
  return ip === 'ip'
    ? { four: unreachableBy(Number(code), 4), six: null }
    : { four: null, six: unreachableBy(Number(code), 6) };
}

/** A port's bits. */
const portBits = 0xffffn;

/**
 * `80-90/8080`: 80 for 8080, 81 for 8081, and so on, and again from 80 on behind the last one (NF_NAT_RANGE_PROTO_OFFSET of
 * `nf_nat_l4proto_unique_tuple`).
 */
function shiftedPort(low: bigint, high: bigint, base: bigint): Operand {
  const operation = (operator: Operator, left: Operand, right: bigint): Operand => {
    return { kind: 'operation', operator, left, right: constant(right) };
  };
  // By how much the port is beyond the base, in the sixteen bits that the kernel has for it.
  const offset = operation('and', operation('add', field('th dport'), portBits + 1n - base), portBits);
  return operation('add', operation('mod', offset, high - low + 1n), low);
}

/** `80`; `80-90`, of which the kernel takes one; or `80-90/8080`. */
function portOperand(text: string): Operand {
  const [range = '', offset] = text.split('/');
  const [low, high = low] = range.split('-').map(numberOf);
  if (low === undefined || low === null || high === undefined || high === null) return { kind: 'unknown', text };
  if (offset !== undefined && low !== high) {
    const base = numberOf(offset);
    if (base === null || base > portBits || high < low) return { kind: 'unknown', text };
    return shiftedPort(low, high, base);
  }
  return low === high ? constant(low) : { kind: 'one-of', low, high };
}

function addressOperand(text: string): Operand {
  const [low, high = low] = text.split('-').map((end) => valueOf(end, null));
  if (typeof low !== 'bigint' || typeof high !== 'bigint') return { kind: 'unknown', text };
  return low === high ? constant(low) : { kind: 'one-of', low, high };
}

/** `10.0.0.1:80`, `:80`, `10.0.0.1-10.0.0.9:80-90`, `[fd00::1]:80`, `fd00::1`. */
function destinationOf(text: string): { address: Operand | null; port: Operand | null } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  const plain = bracketed === null && text.split(':').length <= 2 ? /^([^:]*)(?::(.*))?$/.exec(text) : null;
  const [, address = bracketed === null && plain === null ? text : '', port = ''] = bracketed ?? plain ?? [];
  return {
    address: address === '' ? null : addressOperand(address),
    port: port === '' ? null : portOperand(port),
  };
}

/** The kernel is told to choose the port. */
function isRandom(options: Options): boolean {
  return options.has('--random') || options.has('--random-fully');
}

function translation(part: Partial<Translation> & Pick<Translation, 'end' | 'how'>): Expression {
  return { kind: 'translate', family: null, address: null, port: null, random: false, ...part };
}

function portsOf(options: Options): Operand | null {
  const ports = options.get('--to-ports')?.[0];
  return ports === undefined ? null : portOperand(ports);
}

/** The network's bits from the prefix, the host's from the packet. */
function netmap(options: Options, { ip }: Version, chain: string): Expression {
  const [network = '', length] = (options.get('--to')?.[0] ?? '').split('/');
  const interval = prefixRange(network, Number(length ?? addressBits[ip === 'ip' ? 4 : 6]));
  if (interval === null) return unknown('NETMAP');
  // Destinations where the kernel translates those (xt_NETMAP), whichever chain of one's own the rule stands in.
  const end = chain === 'PREROUTING' || chain === 'OUTPUT' ? 'destination' : 'source';
  if (!['PREROUTING', 'OUTPUT', 'INPUT', 'POSTROUTING'].includes(chain)) return unknown('NETMAP in a chain of its own');
  const own = masked(field(`${ip} ${end === 'destination' ? 'daddr' : 'saddr'}`), interval.low ^ interval.high);
  return translation({
    end,
    how: 'to',
    address: { kind: 'operation', operator: 'or', left: own, right: constant(interval.low) },
  });
}

/** `--set-xmark VALUE/MASK`: clears the mask's bits, then flips the value's. */
function xmark(name: string, text: string | undefined): Expression {
  const [value = null, mask = allBits] = (text ?? '').split('/').map(numberOf);
  if (value === null || mask === null) return unknown(`${name} ${text ?? ''}`);
  return { kind: 'set', field: name, value: xored(masked(field(name), ~mask & allBits), constant(value)) };
}

function xored(left: Operand, right: Operand): Operand {
  return { kind: 'operation', operator: 'xor', left, right };
}

/** `--left-shift-mark N`, `--right-shift-mark N`: CONNMARK moves what it has masked (`connmark_tg_shift`). */
function shifted(value: Operand, options: Options): Operand | null {
  for (const [option, operator] of [
    ['--left-shift-mark', 'shl'],
    ['--right-shift-mark', 'shr'],
  ] as const) {
    if (!options.has(option)) continue;
    const bits = numberOf(options.get(option)?.[0]);
    return bits === null ? null : { kind: 'operation', operator, left: value, right: constant(bits) };
  }
  return value;
}

/** Copies bits of one mark to the other: TO = (TO & ~toMask) ^ (FROM & fromMask). */
function copyMark(to: string, from: string, toMask: bigint, fromMask: bigint, options: Options): Expression {
  const moved = shifted(masked(field(from), fromMask), options);
  if (moved === null) return unknown('CONNMARK');
  return { kind: 'set', field: to, value: xored(masked(field(to), ~toMask & allBits), moved) };
}

function connectionMark(options: Options): Expression {
  const maskOf = (name: string): bigint =>
    numberOf(options.get(name)?.[0]) ?? numberOf(options.get('--mask')?.[0]) ?? allBits;
  const [packetMask, ownMask] = [maskOf('--nfmask'), maskOf('--ctmask')];
  if (options.has('--save-mark')) return copyMark('ct mark', 'meta mark', ownMask, packetMask, options);
  if (options.has('--restore-mark')) return copyMark('meta mark', 'ct mark', packetMask, ownMask, options);
  const set = xmark('ct mark', (options.get('--set-xmark') ?? options.get('--set-mark'))?.[0]);
  if (set.kind !== 'set') return set;
  const value = shifted(set.value, options);
  return value === null ? unknown('CONNMARK') : { ...set, value };
}

/** What a target does; nothing when the packet goes on as it was. `chain` is the one that the rule stands in. */
export function targetOf(target: Extension, version: Version, chain: string): Expression[] {
  const options: Options = new Map(target.options.map(({ name, values }) => [name, values]));
  const { name } = target;
  if (inert.has(name)) return [];
  const written = lookUp(rewritten, name);
  if (written !== undefined) return [{ kind: 'set', field: written, value: { kind: 'unknown', text: name } }];
  switch (name) {
    case 'ACCEPT':
      return [verdict({ kind: 'accept' })];
    case 'DROP':
      return [verdict({ kind: 'drop' })];
    case 'RETURN':
      return [verdict({ kind: 'return' })];
    case 'NFQUEUE':
    case 'QUEUE':
      return [verdict({ kind: 'queue' })];
    case 'REJECT': {
      const answer = rejectWith(options, version);
      return [answer === null ? unknown(textOf(target)) : verdict({ kind: 'reject', with: answer })];
    }
    case 'DNAT': {
      const to = destinationOf(options.get('--to-destination')?.[0] ?? '');
      return [translation({ end: 'destination', how: 'to', ...to, random: isRandom(options) })];
    }
    case 'SNAT': {
      const to = destinationOf(options.get('--to-source')?.[0] ?? '');
      return [translation({ end: 'source', how: 'to', ...to, random: isRandom(options) })];
    }
    case 'MASQUERADE':
      return [translation({ end: 'source', how: 'masquerade', port: portsOf(options), random: isRandom(options) })];
    case 'REDIRECT':
      return [translation({ end: 'destination', how: 'redirect', port: portsOf(options), random: isRandom(options) })];
    case 'NETMAP':
      return [netmap(options, version, chain)];
    case 'MARK':
      return [xmark('meta mark', (options.get('--set-xmark') ?? options.get('--set-mark'))?.[0])];
    case 'CONNMARK':
      return [connectionMark(options)];
    case 'NOTRACK':
      return [{ kind: 'notrack' }];
    case 'CT':
      // Helpers, events and timeouts leave the packet as it is; a zone is another table of connections.
      if (options.has('--notrack')) return [{ kind: 'notrack' }];
      return [...options.keys()].some((option) => option.startsWith('--zone')) ? [unknown(textOf(target))] : [];
    default:
      return [unknown(textOf(target))];
  }
}

function textOf({ name, options }: Extension): string {
  return [`-j ${name}`, ...options.flatMap((option) => [option.name, ...option.values])].join(' ');
}
