/** Rule sets, packets and places for tests, each in one line. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuleTable } from '../../../src/host/netfilter.ts';
import { parseNftTables } from '../../../src/host/parse/netfilter/nft-tables.ts';
import { parseXtablesTables } from '../../../src/host/parse/netfilter/xtables-tables.ts';
import { parseNftText } from '../../../src/host/parse/nft-text.ts';
import { formatAddress, inPrefix, parseAddress } from '../../../src/inet/address.ts';
import { evaluateHook } from '../../../src/model/netfilter/hook.ts';
import {
  firstPacket,
  type HookPlace,
  type HostView,
  type NetfilterPacket,
} from '../../../src/model/netfilter/packet.ts';
import type { Outcome } from '../../../src/model/netfilter/state.ts';

/** The tables of a save. */
export function saved(
  text: string,
  engine: 'iptables-nft' | 'iptables-legacy' = 'iptables-nft',
  family: 'ip' | 'ip6' = 'ip',
): RuleTable[] {
  return parseXtablesTables(text, `${family === 'ip' ? 'iptables' : 'ip6tables'}-save -c`, engine, family, new Map());
}

/** A rule of a built-in chain that takes some packets, and nobody can say which. */
export function sometimes(chain: string, target: string): RuleTable[] {
  const table = target.startsWith('DNAT') ? 'nat' : 'filter';
  const rule = `-A ${chain} -p tcp -m statistic --mode random --probability 0.5 -j ${target}`;
  return saved([`*${table}`, `:${chain} ACCEPT [0:0]`, rule, 'COMMIT', ''].join('\n'));
}

/** The tables of `nft -j list ruleset`. */
export function listed(json: string, text = ''): RuleTable[] {
  return parseNftTables(json, 'nft -j list ruleset', parseNftText(text)) ?? [];
}

/**
 * A rule set of this directory. For nftables, `NAME.nft` is what was loaded and `NAME.nft.json` what nft 1.0.6 listed
 * then.
 */
export function ruleset(name: string): RuleTable[] {
  const text = readFileSync(join(import.meta.dirname, 'rulesets', name), 'utf8');
  if (name.endsWith('.json')) return listed(text);
  return saved(text, 'iptables-nft', name.endsWith('.ip6tables') ? 'ip6' : 'ip');
}

/** One table `inet t` with a base chain `c`, as nft lists it; further items go before. */
export function chainOf(
  hook: string,
  rules: readonly (readonly unknown[])[],
  { type = 'filter', priority = 0, policy = 'accept', family = 'inet', table = 't', items = [] as unknown[] } = {},
): RuleTable[] {
  const place = { family, table };
  const list = [
    { table: { family, name: table, handle: 1 } },
    { chain: { ...place, name: 'c', handle: 1, type, hook, prio: priority, policy } },
    ...items,
    ...rules.map((expr, index) => ({ rule: { ...place, chain: 'c', handle: index + 2, expr } })),
  ];
  return listed(JSON.stringify({ nftables: list }));
}

/** An address as a number. */
export function address(text: string): bigint {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed.value;
}

const protocols = { icmp: 1, tcp: 6, udp: 17, 'ipv6-icmp': 58 } as const;

/** A first packet, by `tcp 10.0.0.1:40000 > 10.0.0.2:80`, `udp …`, or `icmp 10.0.0.1 > 10.0.0.2` (an echo request). */
export function packet(text: string, part: Partial<NetfilterPacket> = {}): NetfilterPacket {
  const [, protocol = '', from = '', fromPort, to = '', toPort] =
    /^(\S+) \[?([\d.a-f:]*?)\]?(?::(\d+))? > \[?([\d.a-f:]*?)\]?(?::(\d+))?$/.exec(text) ?? [];
  if (protocol !== 'icmp' && protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'ipv6-icmp') {
    throw new Error(`${text} is no packet`);
  }
  const isIcmp = protocol === 'icmp' || protocol === 'ipv6-icmp';
  return firstPacket({
    family: from.includes(':') ? 6 : 4,
    protocol: protocols[protocol],
    source: address(from),
    destination: address(to),
    sourcePort: fromPort === undefined ? null : Number(fromPort),
    destinationPort: toPort === undefined ? null : Number(toPort),
    icmpType: isIcmp ? (protocol === 'icmp' ? 8 : 128) : null,
    icmpCode: isIcmp ? 0 : null,
    ...part,
  });
}

/** A hook on the IP path, by `forward eth0 docker0`; `-` for a device that the packet has not. */
export function at(text: string, part: Partial<HookPlace> = {}): HookPlace {
  const [hook = '', input = '-', output = '-'] = text.split(' ');
  const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'] as const;
  const found = hooks.find((one) => one === hook);
  if (found === undefined) throw new Error(`${hook} is no hook`);
  const device = (name: string): string => (name === '-' ? '' : name);
  return {
    hook: found,
    layer: 'ip',
    input: device(input),
    output: device(output),
    inputPort: '',
    outputPort: '',
    ...part,
  };
}

/** A host with these addresses by device. */
export function hostWith(devices: Readonly<Record<string, string>>): HostView {
  const own = Object.entries(devices);
  return {
    addressType(family, value, _from, device) {
      const text = formatAddress({ family, value });
      if (inPrefix(text, '224.0.0.0', 4)) return 'multicast';
      if (text === '255.255.255.255') return 'broadcast';
      const isLocal = own.some(([name, mine]) => mine === text && (device === null || device === name));
      return isLocal || inPrefix(text, '127.0.0.0', 8) ? 'local' : 'unicast';
    },
    routeDevice: () => null,
    hasReversePath: () => null,
    isLoopback: (device) => device === 'lo',
    masqueradeAddress: (_family, device) => parseAddress(devices[device] ?? '')?.value ?? null,
    redirectAddress: (_family, device) => parseAddress(devices[device] ?? '')?.value ?? null,
  };
}

function endpoint(family: 4 | 6, value: bigint | null, port: number | null): string {
  const text = value === null ? '?' : formatAddress({ family, value });
  return port === null ? text : `${family === 6 ? `[${text}]` : text}:${port}`;
}

/** An end in one line: what becomes of the packet, its tuple where it is translated, and by which rule. */
export function describeOutcome({ ending, packet: after, translatedBy, passed }: Outcome): string {
  const { family, source, destination, sourcePort, destinationPort } = after;
  switch (ending.kind) {
    case 'accept': {
      const tuple = `${endpoint(family, source, sourcePort)} > ${endpoint(family, destination, destinationPort)}`;
      const by = (translatedBy ?? passed.at(-1))?.text;
      const mark = after.mark === 0n ? '' : ` mark ${after.mark}`;
      return `accept${translatedBy === null ? '' : ` ${tuple}`}${mark}${by === undefined ? '' : ` by ${by}`}`;
    }
    case 'reject': {
      const answer = ending.with === 'tcp-reset' ? ending.with : family === 4 ? ending.with.four : ending.with.six;
      return `reject ${typeof answer === 'string' ? answer : `icmp ${answer?.type}/${answer?.code}`} by ${ending.by.text}`;
    }
    case 'unknown':
      return `unknown: ${ending.reason}`;
    case 'drop':
    case 'queue':
    default:
      return `${ending.kind} by ${ending.by.text}`;
  }
}

/** What the rules do at a place, every way a line. */
export function outcomes(
  tables: readonly RuleTable[],
  place: string | HookPlace,
  sent: NetfilterPacket,
  host: HostView = hostWith({}),
): string[] {
  return evaluateHook(tables, typeof place === 'string' ? at(place) : place, sent, host).map(describeOutcome);
}
