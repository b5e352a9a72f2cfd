/**
 * VXLAN devices: what `ip -d link` says of them (rtnetlink's IFLA_VXLAN_*), and the namespace that they send in, which is that
 * where they were made (IFLA_LINK_NETNSID), whichever they were moved to.
 */

import type { Link, Vxlan } from '../state.ts';
import { asInteger, asText, type JsonRecord } from './json.ts';
import type { UnjoinedNamespace } from './links.ts';
import type { LoweredLink } from './macvlan.ts';

/** A VXLAN device before the namespace that it sends in is looked for. */
export interface UnjoinedVxlan extends Omit<Vxlan, 'underlay'> {
  /** That namespace as the device's own numbers it, null for this very one. */
  readonly netnsId: number | null;
}

/**
 * Options that make a device do more than look up where an address is: frames go where a program says, are answered by the
 * device, are sent round the route, or have headers of another form.
 */
const unmodelledOptions = [
  'external',
  'vnifilter',
  'proxy',
  'rsc',
  'gpe',
  'gbp',
  'remcsum_tx',
  'remcsum_rx',
  'udp_zero_csum6_tx',
] as const;

/**
 * Of an element of `ip -j -d link`, and its `info_data`; null where the numbers are missing. What programs tell where to send
 * (`external`) has none of its own, and some versions print none: 0.
 */
export function parseVxlan(record: JsonRecord, data: JsonRecord): UnjoinedVxlan | null {
  const [network, port] = [asInteger(data['id']), asInteger(data['port'])];
  if ((network === null || port === null) && data['external'] !== true) return null;
  const timeToLive = asInteger(data['ttl']);
  return {
    network: network ?? 0,
    port: port ?? 0,
    family: ['local6', 'remote6', 'group6'].some((name) => asText(data[name]) !== null) ? 6 : 4,
    local: asText(data['local']) ?? asText(data['local6']),
    // 0 is the kernel's word for the host's own, and what is inherited is a text.
    timeToLive: timeToLive === 0 ? null : timeToLive,
    learning: data['learning'] === true,
    unmodelled: unmodelledOptions.find((option) => data[option] === true) ?? null,
    netnsId: asInteger(record['link_netnsid']),
  };
}

/** Only `ip netns` has names for the numbers: no other trace of the device is found where it was made. */
function underlayOf(
  namespaces: ReadonlyMap<string, UnjoinedNamespace>,
  here: string,
  { netnsId }: UnjoinedVxlan,
): string | null {
  if (netnsId === null) return here;
  const known = namespaces.get(here)?.names.byNumber.get(netnsId) ?? null;
  if (known === null) return null;
  return [...namespaces].find(([, { names }]) => names.own.includes(known))?.[0] ?? null;
}

/** The links of each namespace, VXLAN devices with the namespace that they send in. */
export function joinUnderlays(
  namespaces: ReadonlyMap<string, UnjoinedNamespace>,
  links: ReadonlyMap<string, readonly LoweredLink[]>,
): Map<string, Link[]> {
  const joined = (here: string, { vxlan: unjoined, ...link }: LoweredLink): Link => {
    if (unjoined === null) return { ...link, vxlan: null };
    const { netnsId: _number, ...vxlan } = unjoined;
    return { ...link, vxlan: { ...vxlan, underlay: underlayOf(namespaces, here, unjoined) } };
  };
  return new Map([...links].map(([name, own]) => [name, own.map((link) => joined(name, link))]));
}
