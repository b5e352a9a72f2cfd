/**
 * How a host is wired, as a tree of plain text:
 *
 *   host
 *   |- eth0       hardware, 192.0.2.5/24, default route by 192.0.2.1
 *   `- podman0    bridge, 10.88.0.1/16
 *      `- veth0   veth, cable to web:eth0
 */

import { formatEndpoint } from '../inet/address.ts';
import type { Topology, TopologyDevice, TopologyNamespace } from '../topology/topology.ts';
import { escapeAll } from './escape.ts';
import { wrapText } from './wrap.ts';

const columns = 80;

/** No wider are names with their branches: those that are push their own line alone. */
const widestName = 30;

/** Branches of no more: a bridge of bonds of devices is three deep, and a snapshot may be anybody's. */
const deepestBranch = 6;

/** Where a reader looks first: the host's ways out, then what joins others. */
function rank({ kind, ports }: TopologyDevice): number {
  if (kind === 'loopback') return 0;
  if (kind === 'device') return 1;
  return ports.length > 0 || kind === 'bridge' ? 2 : 3;
}

function byRank(devices: readonly TopologyDevice[]): TopologyDevice[] {
  return devices.toSorted((first, second) => rank(first) - rank(second) || first.index - second.index);
}

/** `network 42 in UDP packets to port 4789, over host`. */
function tunnelClause({ network, port, local, underlay }: NonNullable<TopologyDevice['vxlan']>, netns: string): string {
  const from = local === null ? '' : ` from ${local}`;
  const over =
    underlay === null ? ', over a namespace that was not found' : underlay === netns ? '' : `, over ${underlay}`;
  return `network ${network} in UDP packets${from} to port ${port}${over}`;
}

function clauses({ kind, addresses, defaultRoutes, peer, lower, vxlan }: TopologyDevice, netns: string): string[] {
  return [
    kind === 'device' ? 'hardware' : kind,
    ...addresses,
    ...defaultRoutes.map(({ family, gateway }) => {
      const route = family === 4 ? 'default route' : 'IPv6 default route';
      return gateway === null ? `${route}, without a gateway` : `${route} by ${gateway}`;
    }),
    ...(peer === null ? [] : [`cable to ${peer.netns}:${peer.device}`]),
    ...(lower === null ? [] : [`on the wire of ${lower.netns}:${lower.device}`]),
    ...(vxlan === null ? [] : [tunnelClause(vxlan, netns)]),
  ];
}

/** One device as the tree shows it: the branches that lead to it, and those that go on below. */
interface Row {
  readonly branch: string;
  readonly below: string;
  readonly device: TopologyDevice;
}

function* rowsOf(
  devices: readonly TopologyDevice[],
  portsOf: ReadonlyMap<string, readonly TopologyDevice[]>,
  stem = '',
  depth = 1,
): Generator<Row> {
  const ordered = byRank(devices);
  for (const [index, device] of ordered.entries()) {
    const isLast = index === ordered.length - 1;
    const below = `${stem}${isLast ? '   ' : '|  '}`;
    yield { branch: `${stem}${isLast ? '`- ' : '|- '}`, below, device };
    if (depth < deepestBranch) yield* rowsOf(portsOf.get(device.name) ?? [], portsOf, below, depth + 1);
  }
}

function namespaceRows({ devices }: TopologyNamespace): Row[] {
  const names = new Set(devices.map(({ name }) => name));
  const isPort = ({ master }: TopologyDevice): boolean => master !== null && names.has(master);
  const portsOf = Map.groupBy(devices.filter(isPort), ({ master }) => master ?? '');
  return [
    ...rowsOf(
      devices.filter((device) => !isPort(device)),
      portsOf,
    ),
  ];
}

function rowLines({ branch, below, device }: Row, netns: string, nameWidth: number): string[] {
  const head = `${branch}${device.name}`.padEnd(nameWidth);
  const indent = below.padEnd(nameWidth + 2);
  const [first = '', ...rest] = wrapText(clauses(device, netns).join(', '), indent, columns);
  return [
    `${head}  ${first.slice(indent.length)}`,
    ...rest,
    ...device.remarks.flatMap((remark) => wrapText(`! ${remark}`, indent, columns)),
  ];
}

type Container = NonNullable<TopologyNamespace['container']>;

/** As Docker writes it: `8080->80/tcp`. */
function portText({ protocol, hostAddress, hostPort, port }: NonNullable<Container['ports']>[number]): string {
  const host = hostAddress === null ? String(hostPort) : formatEndpoint(hostAddress, hostPort);
  return `${host}->${port}/${protocol}`;
}

/** A range is published port by port: more than these tell no more. */
const mostPorts = 6;

function portsText(ports: NonNullable<Container['ports']>): string {
  const more = ports.length - mostPorts;
  const shown = ports.slice(0, mostPorts).map(portText);
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(' and ');
}

/** `web  (podman container 4ac1…, network podman, publishes 8080->80/tcp)`. */
function titleLines(name: string, { id, runtime, networks, ports }: Container): string[] {
  const what = runtime === 'kubernetes' ? 'Kubernetes pod' : `${runtime} container`;
  const joined = networks?.length === 1 ? 'network' : 'networks';
  const told = [
    `${what} ${id.slice(0, 12)}`,
    ...(networks === null || networks.length === 0 ? [] : [`${joined} ${networks.join(' and ')}`]),
    ...(ports === null || ports.length === 0 ? [] : [`publishes ${portsText(ports)}`]),
  ];
  const indent = ' '.repeat(name.length + 2);
  const [first = '', ...rest] = wrapText(`(${told.join(', ')})`, indent, columns);
  return [`${name}  ${first.trimStart()}`, ...rest];
}

function namespaceLines(namespace: TopologyNamespace): string[] {
  const { name, container } = namespace;
  const rows = namespaceRows(namespace);
  const widths = rows.map(({ branch, device }) => branch.length + device.name.length);
  const nameWidth = Math.min(widestName, Math.max(0, ...widths));
  return [
    '',
    ...(container === null ? [name] : titleLines(name, container)),
    ...(rows.length === 0 ? ['   no device is known here'] : rows.flatMap((row) => rowLines(row, name, nameWidth))),
  ];
}

/** The whole text, with a final line feed; escaped. */
export function formatTopology(untrusted: Topology): string {
  const { namespaces, missing } = escapeAll(untrusted);
  const count = namespaces.length;
  const lines = [
    `${count} network namespace${count === 1 ? '' : 's'}`,
    ...namespaces.flatMap(namespaceLines),
    ...(missing.length === 0
      ? []
      : ['', ...missing.flatMap((sentence) => wrapText(`Missing: ${sentence}`, '', columns))]),
  ];
  return `${lines.join('\n')}\n`;
}
