/**
 * How a host is wired, out of its snapshot: namespaces, bridges with their ports, veth pairs, addresses, ways out. The
 * document is `nettrace.topology/1`; its names are fixed by docs/json.md. Pure; texts of the host stay raw.
 */

import { parseSnapshot } from '../host/parse/parse-snapshot.ts';
import { routingTable } from '../host/route-numbers.ts';
import type { NamespaceSnapshot, Snapshot } from '../host/snapshot.ts';
import type { Link, NamespaceState, Route, Vxlan } from '../host/state.ts';
import { isLinkLocal6, isMulticast } from '../inet/address.ts';

/** A network interface and what it is connected to. */
export interface TopologyDevice {
  readonly name: string;
  readonly index: number;
  /** The kernel's `info_kind` (`veth`, `bridge`, …), `loopback`, or `device` for hardware. */
  readonly kind: string;
  readonly mac: string | null;
  readonly mtu: number;
  /** Administratively up. */
  readonly up: boolean;
  readonly carrier: boolean;
  /** `10.88.0.1/16`. */
  readonly addresses: readonly string[];
  /** Default routes that leave by it. */
  readonly defaultRoutes: readonly { readonly family: 4 | 6; readonly gateway: string | null }[];
  /** The bridge, bond or VRF that it is a port of. */
  readonly master: string | null;
  /** Names of its own ports. */
  readonly ports: readonly string[];
  /** The other end of a veth pair; null for another kind, and where no namespace that was found has it. */
  readonly peer: { readonly netns: string; readonly device: string } | null;
  /** The device that a macvlan stands on; null for another kind, and where it was not found. */
  readonly lower: { readonly netns: string; readonly device: string } | null;
  /**
   * Of a VXLAN device: its network, its UDP port, the address that it sends from (null: as the route says), and the namespace
   * that it sends in (null: none that was found). Null for another kind.
   */
  readonly vxlan: Pick<Vxlan, 'network' | 'port' | 'local' | 'underlay'> | null;
  /** One clause each: what is odd about it. */
  readonly remarks: readonly string[];
}

/** A network namespace. */
export interface TopologyNamespace {
  readonly name: string;
  readonly container: NamespaceSnapshot['container'];
  /** In the order of their numbers. */
  readonly devices: readonly TopologyDevice[];
}

/** The whole document. */
export interface Topology {
  readonly schema: 'nettrace.topology/1';
  readonly namespaces: readonly TopologyNamespace[];
  /** One sentence each: what is not known, and why. */
  readonly missing: readonly string[];
}

function isDefault({ type, prefixLength, table }: Route): boolean {
  return type === 'unicast' && prefixLength === 0 && table === routingTable.main;
}

function carrierRemark({ kind }: Link): string {
  if (kind === 'veth') return 'has no carrier: its other end is down';
  if (kind !== 'bridge') return 'has no carrier: nothing is plugged in, or the other side is down';
  return 'has no carrier: none of its ports is up';
}

/**
 * Something is sent by the device, or to this host's address on it. What the kernel gives to each device that is up does not
 * count: its link-local address and the routes for such and for multicast.
 */
function isInUse({ name, addresses }: Link, routes: readonly Route[]): boolean {
  return (
    addresses.some(({ address }) => !isLinkLocal6(address)) ||
    routes.some(
      ({ type, prefix, nextHops }) =>
        type === 'unicast' &&
        !isLinkLocal6(prefix) &&
        !isMulticast(prefix) &&
        nextHops.some(({ device }) => device === name),
    )
  );
}

/** What a newcomer would look for in vain. */
function remarksOf(link: Link, { links, routes }: NamespaceState, ports: readonly Link[], farKnown: boolean): string[] {
  const { kind, up, carrier, master } = link;
  const hasMaster = links.some(({ name }) => name === master);
  const isEmptyBridge = kind === 'bridge' && ports.length === 0;
  const leadsNowhere = kind === 'veth' && master === null && !isInUse(link, routes);
  return [
    ...(up ? [] : ['is down']),
    // A bridge without ports never has a carrier.
    ...(up && !carrier && !isEmptyBridge ? [carrierRemark(link)] : []),
    ...(isEmptyBridge ? ['has no ports: nothing is connected to it'] : []),
    ...(kind === 'veth' && !farKnown ? ['its other end is in no namespace that was found'] : []),
    ...(leadsNowhere ? ['is plugged into nothing here: it has no address of its own, no route and no bridge'] : []),
    ...(master !== null && !hasMaster ? [`is a port of ${master}, which was not found`] : []),
  ];
}

function deviceOf(link: Link, namespace: NamespaceState): TopologyDevice {
  const { links, routes } = namespace;
  const { name, index, kind, mac, mtu, up, carrier, addresses, master, peer, lower, vxlan } = link;
  const ports = links.filter((other) => other.master === name);
  const { netns = null, device = null } = peer ?? {};
  const far = netns === null || device === null ? null : { netns, device };
  return {
    name,
    index,
    kind,
    mac,
    mtu,
    up,
    carrier,
    addresses: addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    defaultRoutes: routes
      .filter(isDefault)
      .flatMap(({ family, nextHops }) =>
        nextHops.flatMap(({ device: by, gateway }) => (by === name ? [{ family, gateway }] : [])),
      ),
    master,
    ports: ports.map((port) => port.name),
    peer: far,
    lower,
    vxlan: vxlan && { network: vxlan.network, port: vxlan.port, local: vxlan.local, underlay: vxlan.underlay },
    remarks: remarksOf(link, namespace, ports, far !== null),
  };
}

/** Commands that a topology rests on; of the others' failures it need not tell. */
const concerning = /^`(?:ip|bridge)\b/;

/** The topology that a snapshot shows. Never throws: what could not be read is in `missing`. */
export function describeTopology(snapshot: Snapshot): Topology {
  const { namespaces, problems } = parseSnapshot(snapshot);
  const containers = new Map(snapshot.namespaces.map(({ name, container }) => [name, container]));
  const relevant = problems.filter(({ clause }) => concerning.test(clause));
  return {
    schema: 'nettrace.topology/1',
    namespaces: [...namespaces.values()].map((namespace) => ({
      name: namespace.name,
      container: containers.get(namespace.name) ?? null,
      devices: namespace.links
        .map((link) => deviceOf(link, namespace))
        .sort((first, second) => first.index - second.index),
    })),
    missing: [
      ...snapshot.missing,
      ...relevant.map(({ netns, clause }) => (netns === null ? `${clause}.` : `In ${netns}, ${clause}.`)),
    ],
  };
}
