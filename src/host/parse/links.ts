/** Interfaces and their addresses: `ip -j -d -s link` and `ip -j addr`, see ip-link(8) and ip-address(8). */

import { snapshotCommand } from '../snapshot-commands.ts';
import type { ForwardingEntry, Link, LinkAddress, LinkProgram, Quote } from '../state.ts';
import { asInteger, asRecord, asRecords, asText, asTexts, type JsonRecord } from './json.ts';
import { scopeNumber } from './scope.ts';
import { named, type Sections, words } from './section.ts';
import { parseVxlan, type UnjoinedVxlan } from './vxlan.ts';

/** Another link: its index, and its namespace as this one numbers it, null for this very one. */
interface FarLink {
  readonly index: number;
  readonly netnsId: number | null;
}

/** A link before those that it belongs to are looked for in the other namespaces. */
export interface UnjoinedLink extends Omit<Link, 'peer' | 'lower' | 'vxlan'> {
  /** The other end of a veth pair. */
  readonly far: FarLink | null;
  /** What a macvlan stands on. */
  readonly below: FarLink | null;
  readonly vxlan: UnjoinedVxlan | null;
}

function linkText(record: JsonRecord, index: number, name: string): string {
  const farIndex = asInteger(record['link_index']);
  const lower = asText(record['link']) ?? (farIndex === null ? null : `if${farIndex}`);
  return words(
    `${index}: ${lower === null ? name : `${name}@${lower}`}: <${asTexts(record['flags']).join(',')}>`,
    named('mtu', asInteger(record['mtu'])),
    asRecord(record['xdp']) !== null && 'xdp',
    named('qdisc', asText(record['qdisc'])),
    named('master', asText(record['master'])),
    named('state', asText(record['operstate'])),
    named(`link/${asText(record['link_type']) ?? 'none'}`, asText(record['address'])),
    named('link-netnsid', asInteger(record['link_netnsid'])),
  );
}

const addressFlags = ['secondary', 'tentative', 'dadfailed', 'deprecated', 'temporary', 'noprefixroute'] as const;

function addressText(record: JsonRecord, local: string, prefixLength: number): string {
  const peer = asText(record['address']);
  return words(
    asText(record['family']),
    peer === null ? `${local}/${prefixLength}` : `${local} peer ${peer}/${prefixLength}`,
    named('brd', asText(record['broadcast'])),
    named('scope', asText(record['scope'])),
    ...addressFlags.map((flag) => record[flag] === true && flag),
    asText(record['label']),
  );
}

function parseAddresses(sections: Sections): Map<number, LinkAddress[]> {
  const byIndex = new Map<number, LinkAddress[]>();
  for (const link of sections.records(snapshotCommand.addresses)) {
    const index = asInteger(link['ifindex']);
    if (index === null) continue;
    const addresses: LinkAddress[] = [];
    for (const record of asRecords(link['addr_info']) ?? []) {
      const address = asText(record['local']);
      const prefixLength = asInteger(record['prefixlen']);
      if (address === null || prefixLength === null) continue;
      addresses.push({
        family: record['family'] === 'inet6' ? 6 : 4,
        address,
        peer: asText(record['address']),
        prefixLength,
        scope: scopeNumber(record['scope']),
        flags: addressFlags.filter((flag) => record[flag] === true),
        source: sections.quoteLater(snapshotCommand.addresses, () => addressText(record, address, prefixLength)),
      });
    }
    byIndex.set(index, addresses);
  }
  return byIndex;
}

function kindOf(record: JsonRecord): string {
  const kind = asText(asRecord(record['linkinfo'])?.['info_kind']);
  if (kind !== null) return kind;
  return record['link_type'] === 'loopback' ? 'loopback' : 'device';
}

/** The link that `ip` prints behind `@`. */
function farLink(record: JsonRecord, indexByName: ReadonlyMap<string, number>): FarLink | null {
  const netnsId = asInteger(record['link_netnsid']);
  const farIndex = asInteger(record['link_index']);
  if (farIndex !== null) return { index: farIndex, netnsId };
  // Both are in this namespace: `ip` names the other one.
  const inside = indexByName.get(asText(record['link']) ?? '');
  return inside === undefined ? null : { index: inside, netnsId: null };
}

function optionsOf(
  record: JsonRecord,
  kind: string,
): Pick<UnjoinedLink, 'mode' | 'vrfTable' | 'vlanFiltering' | 'vxlan'> {
  const data = asRecord(asRecord(record['linkinfo'])?.['info_data']) ?? {};
  return {
    mode: kind === 'macvlan' || kind === 'ipvlan' ? asText(data['mode']) : null,
    vrfTable: kind === 'vrf' ? asInteger(data['table']) : null,
    vlanFiltering: kind === 'bridge' && data['vlan_filtering'] === 1,
    vxlan: kind === 'vxlan' ? parseVxlan(record, data) : null,
  };
}

/** What `ip netns` knows of a namespace, where it names any: see ip-netns(8). */
export interface NamespaceNames {
  readonly own: readonly string[];
  /** Names of other namespaces by the number that this one has for them; null for a number of one without a name. */
  readonly byNumber: ReadonlyMap<number, string | null>;
}

/** One namespace's links, and what tells to which others they belong. */
export interface UnjoinedNamespace {
  readonly links: readonly UnjoinedLink[];
  readonly names: NamespaceNames;
  readonly forwardingEntries: readonly ForwardingEntry[];
}

/** The names that `ip netns` gives a namespace, and those that it knows by number; both may be empty. */
export function parseNamespaceNames(sections: Sections): NamespaceNames {
  const byNumber = new Map<number, string | null>();
  for (const record of sections.records(snapshotCommand.namespaceNumbers)) {
    const number = asInteger(record['nsid']);
    if (number !== null) byNumber.set(number, asText(record['name']));
  }
  const own = (sections.text(snapshotCommand.namespaceName) ?? '').split('\n').filter((name) => name !== '');
  return { own, byNumber };
}

/** XDP by rtnetlink's IFLA_XDP, which is there when a program is attached; tc-filter(8) by what it lists. */
function programsOf(sections: Sections, record: JsonRecord, name: string, source: Quote): LinkProgram[] {
  const filters = (['ingress', 'egress'] as const).flatMap((direction): LinkProgram[] => {
    const command = `${snapshotCommand.trafficFilters} ${name} ${direction}`;
    const listed = sections.find(command)?.text.trim() ?? '';
    const [first = ''] = listed.split('\n');
    const what = 'a filter of traffic control (tc)';
    return listed === '' ? [] : [{ direction, what, source: sections.quote(command, first) }];
  });
  return asRecord(record['xdp']) === null
    ? filters
    : [{ direction: 'ingress', what: 'an XDP program', source }, ...filters];
}

/** The interfaces of a namespace, their peers not joined yet. */
export function parseLinks(sections: Sections): UnjoinedLink[] {
  const records = sections.records(snapshotCommand.links);
  const addresses = parseAddresses(sections);
  const indexByName = new Map(
    records.map((record) => [asText(record['ifname']) ?? '', asInteger(record['ifindex']) ?? 0] as const),
  );
  const links: UnjoinedLink[] = [];
  for (const record of records) {
    const index = asInteger(record['ifindex']);
    const name = asText(record['ifname']);
    if (index === null || name === null) continue;
    const kind = kindOf(record);
    const flags = asTexts(record['flags']);
    const source = sections.quoteLater(snapshotCommand.links, () => linkText(record, index, name));
    links.push({
      index,
      name,
      kind,
      mac: asText(record['address']),
      mtu: asInteger(record['mtu']) ?? 0,
      up: flags.includes('UP'),
      carrier: flags.includes('LOWER_UP'),
      arp: !flags.includes('NOARP'),
      master: asText(record['master']),
      ...optionsOf(record, kind),
      far: kind === 'veth' ? farLink(record, indexByName) : null,
      below: kind === 'macvlan' ? farLink(record, indexByName) : null,
      addresses: addresses.get(index) ?? [],
      programs: programsOf(sections, record, name, source),
      source,
    });
  }
  return links;
}
