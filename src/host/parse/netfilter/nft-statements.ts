/** The statements of nft's rules, from its JSON: libnftables-json(5), "STATEMENTS". */

import { unreachableBy } from '../../../inet/icmp.ts';
import { ipProtocol } from '../../../inet/protocol.ts';
import type { Expression, Operand, RejectWith, RuleCounter, Translation, Verdict } from '../../netfilter.ts';
import { asInteger, asRecord, asText, type JsonRecord, jsonText } from '../json.ts';
import { anyBit, equals, field, icmpxReasons, match, verdict } from './build.ts';
import { areNeighbours, joined, type NegatedMatch } from './merged.ts';
import {
  elementsOf,
  operandOf,
  operandsOf,
  soleMember,
  type TypeName,
  typeOfOperand,
  unknownOperand,
  wordsOf,
} from './nft-operands.ts';
import { icmpCodes, icmpv6Codes, lookUp } from './symbols.ts';

/** Greater than every number that a packet's field can hold. */
const beyond = 1n << 128n;

/** Statements after which the packet goes on as it was, as far as rules and addresses are concerned. */
const inert: ReadonlySet<string> = new Set(
  'counter,log,flow,dup,last,comment,secmark,tunnel,ct helper,ct timeout,ct expectation'.split(','),
);

/** Statements that let go on what a rate, an amount or a number of connections allows. */
const limiting: ReadonlySet<string> = new Set(['limit', 'quota', 'ct count', 'meter']);

/** Extensions of iptables that change nothing that rules or routes look at. */
const inertTargets: ReadonlySet<string> = new Set(['LOG', 'NFLOG', 'TCPMSS', 'CHECKSUM', 'TRACE', 'AUDIT', 'CLASSIFY']);

const isTcp = equals(field('meta l4proto'), BigInt(ipProtocol.tcp));

function maybe(raw: unknown): Expression {
  return { kind: 'maybe', text: jsonText(raw) };
}

function comparison(op: string, operand: Operand, raw: unknown): Expression | null {
  const bound = operandOf(raw, typeOfOperand(operand));
  if (bound.kind !== 'constant' || typeof bound.value !== 'bigint') return null;
  const { value } = bound;
  switch (op) {
    case '<':
      return match(operand, value === 0n ? [] : [{ low: 0n, high: value - 1n }]);
    case '<=':
      return match(operand, [{ low: 0n, high: value }]);
    case '>':
      return match(operand, [{ low: value + 1n, high: beyond }]);
    case '>=':
      return match(operand, [{ low: value, high: beyond }]);
    case 'in':
      return anyBit(operand, value);
    case '!':
      return anyBit(operand, value, true);
    default:
      return null;
  }
}

/** `fib … oif missing` and `exists` are false and true there. */
function routeExists(operand: Operand, right: unknown, negated: boolean): Expression | null {
  if (operand.kind !== 'fib' || operand.result !== 'device' || typeof right !== 'boolean') return null;
  return match(operand, [{ name: '', prefix: false }], right !== negated);
}

function matchOf(content: JsonRecord): Expression | null {
  const { left, right } = content;
  const op = asText(content['op']) ?? '==';
  const key = operandsOf(left);
  const [first] = key;
  if (first === undefined) return null;
  const isSet = asRecord(right)?.['set'] !== undefined || (typeof right === 'string' && right.startsWith('@'));
  if (op !== '==' && op !== '!=' && !(op === 'in' && isSet)) return comparison(op, first, right);
  const negated = op === '!=';
  if (Array.isArray(right)) {
    // Flags, all of them: a set would say that it is one.
    const bits = operandOf(right, typeOfOperand(first));
    if (bits.kind !== 'constant' || typeof bits.value !== 'bigint') return null;
    return match(first, [{ low: bits.value, high: bits.value }], negated);
  }
  const exists = routeExists(first, right, negated);
  if (exists !== null) return exists;
  const among = elementsOf(right, key.map(typeOfOperand), [], () => null);
  return among === null ? null : { kind: 'match', key, negated, among };
}

function rejectWith(content: JsonRecord | null): RejectWith | null {
  const type = asText(content?.['type']);
  const reason = asText(content?.['expr']) ?? 'port-unreachable';
  if (type === 'tcp reset') return 'tcp-reset';
  if (type === null || type === 'icmpx') return lookUp(icmpxReasons, reason) ?? null;
  const code = lookUp(type === 'icmp' ? icmpCodes : icmpv6Codes, reason);
  if (code === undefined) return null;
  return type === 'icmp'
    ? { four: unreachableBy(Number(code), 4), six: null }
    : { four: null, six: unreachableBy(Number(code), 6) };
}

/** A verdict by its statement; null for what is none. */
export function verdictOf(raw: unknown): Verdict | null {
  const [name = '', content] = soleMember(raw) ?? [];
  const record = asRecord(content);
  switch (name) {
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
    case 'queue':
      return { kind: name };
    case 'jump':
    case 'goto': {
      const chain = asText(record?.['target']);
      return chain === null ? { kind: 'unknown', text: jsonText(raw) } : { kind: name, chain };
    }
    case 'reject': {
      const answer = rejectWith(record);
      return answer === null ? { kind: 'unknown', text: jsonText(raw) } : { kind: 'reject', with: answer };
    }
    default:
      return null;
  }
}

const translations = {
  dnat: { end: 'destination', how: 'to' },
  redirect: { end: 'destination', how: 'redirect' },
  snat: { end: 'source', how: 'to' },
  masquerade: { end: 'source', how: 'masquerade' },
} as const;

function isTranslation(name: string): name is keyof typeof translations {
  return Object.hasOwn(translations, name);
}

/** Of a range the kernel keeps the packet's own port where that lies in it; of a number that it picks it does not. */
function portOf(raw: unknown): Operand {
  const operand = operandOf(raw, null);
  return operand.kind === 'one-of' && soleMember(raw)?.[0] !== 'range' ? unknownOperand(raw) : operand;
}

function translation(name: keyof typeof translations, content: JsonRecord): Translation {
  const { addr, port, family } = content;
  // With `netmap` the map gives a prefix, and the host's bits stay.
  const isPrefix = wordsOf(content['type_flags']).includes('prefix') || asRecord(addr)?.['prefix'] !== undefined;
  return {
    kind: 'translate',
    ...translations[name],
    family: family === 'ip' ? 4 : family === 'ip6' ? 6 : null,
    address: addr === undefined ? null : isPrefix ? unknownOperand(addr) : operandOf(addr, null),
    port: port === undefined ? null : portOf(port),
    random: wordsOf(content['flags']).some((flag) => flag === 'random' || flag === 'fully-random'),
  };
}

function mangle(raw: unknown, content: JsonRecord): Expression | null {
  const target = operandOf(content['key'], null);
  if (target.kind !== 'field') return null;
  // A zone is another table of connections.
  if (/^ct (?:\w+ )?zone$/.test(target.name)) return unknown(raw);
  // What ARP is made to say decides who answers, and what is learnt.
  if (target.name.startsWith('arp ')) return unknown(raw);
  return { kind: 'set', field: target.name, value: operandOf(content['value'], typeOfOperand(target)) };
}

function verdictMap(content: JsonRecord): Expression | null {
  const key = operandsOf(content['key']);
  const types: TypeName[] = key.map(typeOfOperand);
  const among = elementsOf(content['data'], types, [], verdictOf);
  return among === null ? null : { kind: 'verdict-map', key, among };
}

/** `add @set { … }`; a limit inside decides whether the rule goes on. */
function setStatement(raw: unknown, content: JsonRecord | null): Expression[] {
  const inner: unknown = content?.['stmt'];
  const limits = Array.isArray(inner) && inner.some((one) => limiting.has(soleMember(one)?.[0] ?? ''));
  return limits ? [maybe(raw)] : [];
}

function extension(raw: unknown, content: JsonRecord | null): Expression[] {
  const name = asText(content?.['name']) ?? '';
  if (content?.['type'] === 'match') return name === 'comment' ? [] : [maybe(raw)];
  return inertTargets.has(name) ? [] : [unknown(raw)];
}

function unknown(raw: unknown): Expression {
  return verdict({ kind: 'unknown', text: jsonText(raw) });
}

/** What one statement does; nothing for one after which a packet goes on as it was. */
function expressionsOf(raw: unknown): Expression[] {
  const [name, content] = soleMember(raw) ?? [];
  // What this nft could not put into JSON is a string.
  if (name === undefined) return [unknown(raw)];
  if (inert.has(name)) return [];
  if (limiting.has(name)) return [maybe(raw)];
  const ending = verdictOf(raw);
  if (ending !== null) return [verdict(ending)];
  const record = asRecord(content);
  if (isTranslation(name)) return [translation(name, record ?? {})];
  switch (name) {
    case 'match':
      return [(record === null ? null : matchOf(record)) ?? maybe(raw)];
    case 'vmap':
      return [(record === null ? null : verdictMap(record)) ?? unknown(raw)];
    case 'mangle': {
      // Ends the rule for what is no TCP, or lacks the option (`nft_exthdr_tcp_set_eval`); which it has is not known.
      if (soleMember(record?.['key'])?.[0] === 'tcp option') return [isTcp, equals(field('tcp option'), 1n)];
      // Options and extension headers are no field that rules or routes look at.
      const set = record === null ? null : mangle(raw, record);
      return set === null ? [] : [set];
    }
    case 'reset':
      // Takes an option out of TCP's header, which is no field here; ends the rule for others (`nft_exthdr_tcp_strip_eval`).
      return [isTcp];
    case 'notrack':
      return [{ kind: 'notrack' }];
    case 'set':
    case 'map':
      return setStatement(raw, record);
    case 'xt':
      return extension(raw, record);
    default:
      // fwd, synproxy, tproxy, and whatever comes after this was written.
      return [unknown(raw)];
  }
}

/** The field of `field != value`; null for any other statement, of a set (`@name`) too. */
function negatedField(raw: unknown): string | null {
  const content = asRecord(asRecord(raw)?.['match']);
  const payload = asRecord(asRecord(content?.['left'])?.['payload']);
  const right = content?.['right'];
  const isValue = typeof right === 'number' || (typeof right === 'string' && !right.startsWith('@'));
  if (content?.['op'] !== '!=' || payload === null || !isValue) return null;
  return `${asText(payload['protocol'])} ${asText(payload['field'])}`;
}

/** What the statements of one rule do, in their order. */
export function ruleExpressions(statements: readonly unknown[]): Expression[] {
  const found: Expression[] = [];
  let neighbours: readonly NegatedMatch[] = [];
  for (const raw of statements) {
    const expressions = expressionsOf(raw);
    const [first] = expressions;
    const field = negatedField(raw);
    const negated = field !== null && first?.kind === 'match' ? { field, match: first } : null;
    if (negated !== null && areNeighbours(neighbours, negated)) {
      neighbours = [...neighbours, negated];
      continue;
    }
    found.push(...joined(neighbours), ...(negated === null ? expressions : []));
    neighbours = negated === null ? [] : [negated];
  }
  return [...found, ...joined(neighbours)];
}

/** The counter among a rule's statements. */
export function counterOf(statements: readonly unknown[]): RuleCounter | null {
  for (const statement of statements) {
    const counter = asRecord(asRecord(statement)?.['counter']);
    const [packets, bytes] = [asInteger(counter?.['packets']), asInteger(counter?.['bytes'])];
    if (packets !== null && bytes !== null) return { packets, bytes };
  }
  return null;
}
