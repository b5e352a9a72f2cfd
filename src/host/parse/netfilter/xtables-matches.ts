/** The matches of iptables(8) and iptables-extensions(8) as expressions, in the forms in which iptables-save writes them. */

import { prefixRange } from '../../../inet/address.ts';
import {
  type Atom,
  anyNumber,
  connectionStateBit,
  connectionStatusBit,
  type Elements,
  type Expression,
  type Operand,
  statusShift,
} from '../../netfilter.ts';
import { anyBit, equals, field, masked, match } from './build.ts';
import { joinedPorts } from './merged.ts';
import { lookUp, protocols, symbolsByType, tcpFlags } from './symbols.ts';
import { atomOf, macNumber, numberOf, valueOf } from './values.ts';
import { extensionHeaderMatch } from './xtables-headers.ts';
import type { Extension, Option } from './xtables-options.ts';

/** The IP version of the rules, whose fields have its name. */
export interface Version {
  readonly ip: 'ip' | 'ip6';
  /** The protocol that `-p` of the rule names, in nft's words. */
  readonly transport: string;
}

/** The expression of an option; null when it is not understood. */
type Reader = (option: Option, version: Version, extension: Extension) => Expression | null;

/** The atoms of all parts; null when one is none. */
function atoms(parts: readonly string[], read: (part: string) => Atom | null): Atom[] | null {
  const all: Atom[] = [];
  for (const part of parts) {
    const atom = read(part);
    if (atom === null) return null;
    all.push(atom);
  }
  return all;
}

function among(operand: Operand, found: readonly Atom[] | null, negated: boolean): Expression | null {
  return found === null ? null : match(operand, found, negated);
}

/** `80`, `80:90`, `:90`, `80:`. */
function numberRange(text: string): Atom | null {
  const [first = '', last = first] = text.split(':');
  const low = first === '' ? 0n : numberOf(first);
  const high = last === '' ? 0xffff_ffffn : numberOf(last);
  return low === null || high === null ? null : { low, high };
}

/** `10.0.0.1-10.0.0.9`. */
function addressRange(text: string): Atom | null {
  const [low, high] = text.split('-').map((end) => valueOf(end, null));
  return typeof low === 'bigint' && typeof high === 'bigint' ? { low, high } : null;
}

function list(text: string | undefined): string[] {
  return (text ?? '').split(',');
}

/** The bits that names stand for; null when one is not known. */
function bitsOf(text: string | undefined, symbols: Readonly<Record<string, bigint>>): bigint | null {
  let bits = 0n;
  for (const name of list(text)) {
    const bit = lookUp(symbols, name.toLowerCase());
    if (bit === undefined) return null;
    bits |= bit;
  }
  return bits;
}

/** `VALUE` or `VALUE/MASK`. */
function maskedNumber(operand: Operand, { values, negated }: Option): Expression | null {
  const [value = null, mask = null] = (values[0] ?? '').split('/').map((part) => numberOf(part));
  return value === null ? null : equals(masked(operand, mask), value, negated);
}

/** `10.0.0.0/8`, or `10.0.3.0/255.0.255.0`, which may have holes. */
function address(operand: Operand, { values, negated }: Option): Expression | null {
  const [text = '', length] = (values[0] ?? '').split('/');
  const parsed = valueOf(text, null);
  if (typeof parsed !== 'bigint') return null;
  if (length === undefined) return equals(operand, parsed, negated);
  if (/^\d+$/.test(length))
    return among(
      operand,
      atoms([text], (own) => prefixRange(own, Number(length))),
      negated,
    );
  const mask = valueOf(length, null);
  return typeof mask === 'bigint' ? equals(masked(operand, mask), parsed & mask, negated) : null;
}

/** `eth0`, or `br+` for all that begin so. */
function device(operand: Operand, { values: [name = ''], negated }: Option): Expression {
  const isPrefix = name.endsWith('+');
  return match(operand, [{ name: isPrefix ? name.slice(0, -1) : name, prefix: isPrefix }], negated);
}

function protocolNumber(text: string): bigint | null {
  return lookUp(protocols, text) ?? numberOf(text);
}

/** The protocol that `-p` names, as nft calls its header; `th` when it has none of the usual ones. */
export function transportOf(general: readonly Option[]): string {
  const option = general.find(({ name, negated }) => name === '-p' && !negated);
  const number = protocolNumber(option?.values[0] ?? '');
  return ['tcp', 'udp', 'sctp', 'dccp', 'udplite'].find((name) => lookUp(protocols, name) === number) ?? 'th';
}

/** One of the general options; null when it is not understood. */
export function generalMatch(option: Option, { ip }: Version): Expression | null {
  switch (option.name) {
    case '-s':
      return address(field(`${ip} saddr`), option);
    case '-d':
      return address(field(`${ip} daddr`), option);
    case '-i':
      return device(field('meta iifname'), option);
    case '-o':
      return device(field('meta oifname'), option);
    case '-p': {
      const number = protocolNumber(option.values[0] ?? '');
      return number === null ? null : equals(field('meta l4proto'), number, option.negated);
    }
    case '-f':
      return equals(field('ip fragment'), 1n, option.negated);
    default:
      return null;
  }
}

const port =
  (end: 'sport' | 'dport'): Reader =>
  ({ values, negated }, { transport }) =>
    among(field(`${transport} ${end}`), atoms(list(values[0]), numberRange), negated);

/** Either of the two ports, as two numbers of which one may be any. */
const eitherPort: Reader = ({ values, negated }, { transport }) => {
  const ranges = atoms(list(values[0]), numberRange);
  if (ranges === null) return null;
  const keys = ranges.flatMap((range) => [
    [range, anyNumber],
    [anyNumber, range],
  ]);
  return {
    kind: 'match',
    key: [field(`${transport} sport`), field(`${transport} dport`)],
    negated,
    among: { kind: 'elements', elements: keys.map((key) => ({ key, data: null })) },
  };
};

const numbers =
  (name: string): Reader =>
  ({ values, negated }) =>
    among(field(name), atoms(list(values[0]), numberRange), negated);

const ttl = (limits: (value: bigint) => Atom): Reader => {
  return ({ values: [text], negated }, { ip }) => {
    const value = numberOf(text);
    return value === null ? null : match(field(ip === 'ip' ? 'ip ttl' : 'ip6 hoplimit'), [limits(value)], negated);
  };
};

const hopLimits: Readonly<Record<'eq' | 'lt' | 'gt', Reader>> = {
  eq: ttl((value) => atomOf(value)),
  lt: ttl((value) => ({ low: 0n, high: value - 1n })),
  gt: ttl((value) => ({ low: value + 1n, high: 255n })),
};

/** `TYPE` or `TYPE/CODE`, both of which are read at once. */
const icmp =
  (protocol: 'icmp' | 'icmpv6'): Reader =>
  ({ values: [text = ''], negated }) => {
    const [type = '', code] = text.split('/');
    // 255, which iptables-save calls `any`, stands for every type, whatever the code.
    if (protocol === 'icmp' && (type === 'any' || type === '255')) return equals(field('meta l4proto'), 1n, negated);
    const number = numberOf(type) ?? lookUp(symbolsByType[`${protocol}_type`] ?? {}, type) ?? null;
    if (number === null) return null;
    if (code === undefined) return equals(field(`${protocol} type`), number, negated);
    const codeNumber = numberOf(code);
    if (codeNumber === null) return null;
    return {
      kind: 'match',
      key: [field(`${protocol} type`), field(`${protocol} code`)],
      negated,
      among: { kind: 'elements', elements: [{ key: [atomOf(number), atomOf(codeNumber)], data: null }] },
    };
  };

/**
 * States, among which iptables counts SNAT and DNAT, which are bits of the status for the kernel. They are read by one
 * field, the status' bits above those of the state.
 */
const statesAndTranslations = {
  ...connectionStateBit,
  snat: connectionStatusBit.snat << statusShift,
  dnat: connectionStatusBit.dnat << statusShift,
};

const connectionState: Reader = ({ values, negated }) => {
  const bits = bitsOf(values[0], statesAndTranslations);
  return bits === null ? null : anyBit(field('ct state-and-status'), bits, negated);
};

const connectionStatus: Reader = ({ values, negated }) => {
  // None of no bits is ever set: `NONE` never matches, whatever iptables-extensions(8) promises.
  const symbols = { ...connectionStatusBit, seen_reply: connectionStatusBit['seen-reply'], none: 0n };
  const bits = bitsOf(values[0], symbols);
  return bits === null ? null : anyBit(field('ct status'), bits, negated);
};

const connectionAddress =
  (direction: 'original' | 'reply', end: 'saddr' | 'daddr'): Reader =>
  (option, { ip }) =>
    address(field(`ct ${direction} ${ip} ${end}`), option);

const ranges =
  (end: 'saddr' | 'daddr'): Reader =>
  ({ values, negated }, { ip }) =>
    among(field(`${ip} ${end}`), atoms(values.slice(0, 1), addressRange), negated);

/** In IPv6 UNICAST is any such address, one of the host too; beside other types it only narrows them (`match_type6`). */
function addressTypes(text: string | undefined, { ip }: Version): string[] {
  const names = list(text).map((name) => name.toLowerCase());
  if (ip === 'ip' || !names.includes('unicast')) return names;
  const others = names.filter((name) => name !== 'unicast');
  return others.length > 0 ? others : ['unicast', 'local', 'anycast', 'unreachable', 'prohibit', 'blackhole', 'throw'];
}

const addressType =
  (end: 'saddr' | 'daddr'): Reader =>
  ({ values, negated }, version, { options }) => {
    const limit = options.find(({ name }) => name.startsWith('--limit-iface-'))?.name;
    const side = limit === '--limit-iface-in' ? 'iif' : limit === '--limit-iface-out' ? 'oif' : null;
    const names = addressTypes(values[0], version).map((name) => atomOf(name));
    return match({ kind: 'fib', result: 'type', address: end, device: side, byMark: false }, names, negated);
  };

const flags: Reader = ({ values: [mask, set], negated }) => {
  const all = { ...tcpFlags, none: 0n, all: 0x3fn };
  const [maskBits, setBits] = [bitsOf(mask, all), bitsOf(set, all)];
  return maskBits === null || setBits === null ? null : equals(masked(field('tcp flags'), maskBits), setBits, negated);
};

const owner =
  (name: string): Reader =>
  ({ values: [text = ''], negated }) =>
    among(field(name), atoms([text.replace('-', ':')], numberRange), negated);

/** What a set of the kernel's ipset is looked up with, one direction a part of its key. */
const ipset: Reader = ({ values: [name = '', directions = ''], negated }, { ip, transport }) => {
  // Which parts a set has is told by its type alone; of one part it can only be an address.
  const parts = directions.split(',');
  const key = parts.map((part, index) => {
    const side = part === 'src' ? 's' : 'd';
    return index === 0 ? field(`${ip} ${side}addr`) : field(`${transport} ${side}port`);
  });
  const elements: Elements = { kind: 'named', name };
  return { kind: 'match', key, negated, among: elements };
};

const bridgePorts =
  (side: 'in' | 'out'): Reader =>
  ({ name, values: [text], negated }) => {
    const operand = field(side === 'in' ? 'physdev in' : 'physdev out');
    if (text !== undefined) return device(operand, { name, values: [text], negated });
    return match(operand, [{ name: '', prefix: false }], !negated);
  };

/** Packets that a bridge forwards from port to port have both. */
const isBridged: Reader = ({ negated }) => equals(field('physdev bridged'), 1n, negated);

const reversePath: Reader = (_option, _version, { options }) => {
  const given = new Set(options.map(({ name }) => name));
  const operand: Operand = {
    kind: 'reverse-path',
    loose: given.has('--loose'),
    acceptsLocal: given.has('--accept-local'),
    byMark: given.has('--validmark'),
  };
  return equals(operand, 1n, given.has('--invert'));
};

const mac: Reader = ({ values: [text = ''], negated }) => {
  const number = macNumber(text);
  return number === null ? null : equals(field('ether saddr'), number, negated);
};

const packetType: Reader = ({ values: [name = ''], negated }) =>
  match(field('meta pkttype'), [atomOf(name === 'unicast' ? 'host' : name)], negated);

/** Options by match and name. Those of a match that is not here, or has others, are not understood. */
const readers: Readonly<Record<string, Readonly<Record<string, Reader>>>> = {
  tcp: { '--sport': port('sport'), '--dport': port('dport'), '--tcp-flags': flags },
  udp: { '--sport': port('sport'), '--dport': port('dport') },
  sctp: { '--sport': port('sport'), '--dport': port('dport') },
  multiport: { '--sports': port('sport'), '--dports': port('dport'), '--ports': eitherPort },
  icmp: { '--icmp-type': icmp('icmp') },
  icmp6: { '--icmpv6-type': icmp('icmpv6') },
  iprange: { '--src-range': ranges('saddr'), '--dst-range': ranges('daddr') },
  addrtype: { '--src-type': addressType('saddr'), '--dst-type': addressType('daddr') },
  mark: { '--mark': (option) => maskedNumber(field('meta mark'), option) },
  connmark: { '--mark': (option) => maskedNumber(field('ct mark'), option) },
  state: { '--state': connectionState },
  conntrack: {
    '--ctstate': connectionState,
    '--ctstatus': connectionStatus,
    '--ctproto': numbers('ct original protocol'),
    '--ctorigsrc': connectionAddress('original', 'saddr'),
    '--ctorigdst': connectionAddress('original', 'daddr'),
    '--ctreplsrc': connectionAddress('reply', 'saddr'),
    '--ctrepldst': connectionAddress('reply', 'daddr'),
    '--ctorigsrcport': numbers('ct original proto-src'),
    '--ctorigdstport': numbers('ct original proto-dst'),
    '--ctreplsrcport': numbers('ct reply proto-src'),
    '--ctrepldstport': numbers('ct reply proto-dst'),
    '--ctdir': ({ values, negated }) => equals(field('ct direction'), values[0] === 'REPLY' ? 1n : 0n, negated),
  },
  set: { '--match-set': ipset },
  physdev: {
    '--physdev-in': bridgePorts('in'),
    '--physdev-is-in': bridgePorts('in'),
    '--physdev-out': bridgePorts('out'),
    '--physdev-is-out': bridgePorts('out'),
    '--physdev-is-bridged': isBridged,
  },
  mac: { '--mac-source': mac },
  owner: { '--uid-owner': owner('owner user'), '--gid-owner': owner('owner group') },
  pkttype: { '--pkt-type': packetType },
  length: { '--length': numbers('meta length') },
  ttl: { '--ttl-eq': hopLimits.eq, '--ttl-lt': hopLimits.lt, '--ttl-gt': hopLimits.gt },
  hl: { '--hl-eq': hopLimits.eq, '--hl-lt': hopLimits.lt, '--hl-gt': hopLimits.gt },
  dscp: {
    '--dscp': ({ values: [text], negated }, { ip }) => {
      const value = numberOf(text);
      return value === null ? null : equals(field(`${ip} dscp`), value, negated);
    },
  },
};

/** Options that say how another of the same match reads, or that only affect what is kept. */
const modifiers: ReadonlySet<string> = new Set([
  '--limit-iface-in',
  '--limit-iface-out',
  '--return-nomatch',
  '--comment',
]);

/** A match's options in words, for what is not understood. */
function textOf({ name, options }: Extension): string {
  return [
    `-m ${name}`,
    ...options.flatMap((option) => [...(option.negated ? ['!'] : []), option.name, ...option.values]),
  ].join(' ');
}

/** `recent --set` notes the address and always matches. */
function alwaysMatches({ name, options }: Extension): boolean {
  return name === 'recent' && options.some((option) => option.name === '--set' && !option.negated);
}

/** The expressions of one match. What is not understood may or may not match. */
export function matchesOf(extension: Extension, version: Version): readonly Expression[] {
  if (extension.name === 'comment' || alwaysMatches(extension)) return [];
  if (extension.name === 'rpfilter') {
    const result = reversePath({ name: '', negated: false, values: [] }, version, extension);
    return [result ?? { kind: 'maybe', text: textOf(extension) }];
  }
  const header = extensionHeaderMatch(extension);
  if (header !== undefined) return [header ?? { kind: 'maybe', text: textOf(extension) }];
  const known = lookUp(readers, extension.name) ?? {};
  const expressions: Expression[] = [];
  for (const option of extension.options) {
    if (modifiers.has(option.name)) continue;
    const result = lookUp(known, option.name)?.(option, version, extension) ?? null;
    if (result === null) return [{ kind: 'maybe', text: textOf(extension) }];
    expressions.push(result);
  }
  // Without options only the protocols' own matches say something clear: that -p named it.
  if (expressions.length > 0 || ['tcp', 'udp', 'icmp', 'icmp6', 'sctp'].includes(extension.name)) {
    return joinedPorts(extension, expressions);
  }
  return [{ kind: 'maybe', text: textOf(extension) }];
}
