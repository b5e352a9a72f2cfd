/**
 * The table of nftables that marks packets for the rule trace (`meta nftrace`, nft(8)). Pure.
 *
 * It decides nothing: every chain accepts. It does not look at connection tracking, which a rule that did would switch on
 * in a namespace that has none.
 */

import { asRecords, asText, parseJson } from '../host/parse/json.ts';
import { isTraceTable } from '../host/trace-table-name.ts';
import { parseAddress } from '../inet/address.ts';

/** The addresses of a namespace by which its packets are told from others'. */
export interface NamespaceAddresses {
  /** Of every device. */
  readonly all: readonly string[];
  /** Of those that others reach: without the loopback device's. */
  readonly outward: readonly string[];
}

/** A host with more addresses is told by the first. */
const mostAddresses = 256;

/** Reads `ip -j addr`; what is no address is left out. */
export function readAddresses(json: string): NamespaceAddresses {
  const found = (asRecords(parseJson(json)) ?? []).flatMap((device) =>
    (asRecords(device['addr_info']) ?? []).flatMap(({ local }) => {
      const address = asText(local);
      const isLoopback = device['link_type'] === 'loopback';
      return address === null || parseAddress(address) === null ? [] : { address, isLoopback };
    }),
  );
  const first = (some: typeof found): string[] => some.slice(0, mostAddresses).map(({ address }) => address);
  return { all: first(found), outward: first(found.filter(({ isLoopback }) => !isLoopback)) };
}

/** Tables of these families are made where the namespace has some of them itself. */
export type TraceFamily = 'inet' | 'bridge';

/**
 * Which tables to make beside those that `nft list tables` printed; none where nobody's rules stand. Rules for IP see what
 * crosses a bridge as well where br_netfilter shows it to them.
 */
export function traceFamilies(tables: readonly string[]): TraceFamily[] {
  const others = tables
    .map((line) => line.split(' '))
    .filter(([word, , name = '']) => word === 'table' && !isTraceTable(name));
  const families = new Set(others.map(([, family]) => (family === 'bridge' ? 'bridge' : 'inet')));
  return [...families];
}

/**
 * Where packets are marked: as they come in, as they are sent, and once more when an answer has got back the address that
 * NAT took from it. The mark stays with a packet until it leaves the namespace.
 */
const hooks = ['prerouting', 'forward', 'output'] as const;

/** In front of everything but what the kernel itself puts first (NF_IP_PRI_FIRST). */
const priority = -2_147_483_647;

/**
 * The first packets of a connection are SYN and SYN-ACK; of other protocols nothing tells which is the first. A flood of
 * either is traced by its first packets alone, and does not keep the other from being traced.
 */
const kinds = [
  { name: 'tcp', matches: ['tcp flags & syn == syn'], limit: 'rate 50/second burst 100 packets' },
  {
    name: 'other',
    matches: [
      'meta l4proto { icmp, udp }',
      // Without the discovery of neighbours.
      'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, echo-reply }',
    ],
    limit: 'rate 25/second burst 50 packets',
  },
] as const;

function addressRules(addresses: readonly string[], then: string): string[] {
  const set = (of: readonly string[]): string => `{ ${of.join(', ')} }`;
  const four = addresses.filter((address) => !address.includes(':'));
  const six = addresses.filter((address) => address.includes(':'));
  return [
    ...(four.length === 0 ? [] : [`ip saddr ${set(four)} ${then}`, `ip daddr ${set(four)} ${then}`]),
    ...(six.length === 0 ? [] : [`ip6 saddr ${set(six)} ${then}`, `ip6 daddr ${set(six)} ${then}`]),
  ];
}

/**
 * The commands for `nft -i`, a line each, of which the last one never returns: it prints what the kernel tells of marked
 * packets. The tables belong to that process (`flags owner`): they vanish with it, however it ends.
 *
 * @param addresses One end of a packet has to be one of these.
 */
export function traceCommands(name: string, families: readonly TraceFamily[], addresses: readonly string[]): string {
  const chain = (chainName: string, rules: readonly string[]): string => `chain ${chainName} { ${rules.join('; ')}; }`;
  const marking = kinds.flatMap(({ name: kind, limit }) => [
    chain(`${kind}-first`, [`limit ${limit} meta nftrace set 1`]),
    chain(`${kind}-ends`, addressRules(addresses, `goto ${kind}-first`)),
  ]);
  const choosing = kinds.flatMap(({ name: kind, matches }) => matches.map((match) => `${match} goto ${kind}-ends`));
  const hooked = hooks.map((hook) =>
    chain(hook, [`type filter hook ${hook} priority ${priority}`, 'policy accept', ...choosing]),
  );
  const chains = [...marking, ...hooked].join('; ');
  const tables = families.map((family) => `table ${family} ${name} { flags owner; ${chains}; }`);
  return `${[...tables, 'monitor trace'].join('\n')}\n`;
}
