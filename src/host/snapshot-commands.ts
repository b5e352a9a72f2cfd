/**
 * The command lines whose outputs a snapshot keeps: what runs them names the outputs by them, and parsers find them so. A
 * change makes the outputs of earlier cases unknown.
 */

/** By what they tell. */
export const snapshotCommand = {
  /** The first of them: every namespace has links. */
  links: 'ip -j -d -s link',
  namespaceNumbers: 'ip -j netns list-id',
  namespaceName: 'ip netns identify',
  addresses: 'ip -j addr',
  routes4: 'ip -j -4 route show table all',
  routes6: 'ip -j -6 route show table all',
  rules4: 'ip -j -4 rule',
  rules6: 'ip -j -6 rule',
  nextHops: 'ip -j nexthop',
  /** With a device and a direction: only of devices whose filters are asked. */
  trafficFilters: 'tc filter show dev',
  neighbours: 'ip -j neigh',
  proxyNeighbours: 'ip -j neigh show proxy',
  bridgePorts: 'bridge -j -d link',
  portVlans: 'bridge -j vlan',
  forwardingEntries: 'bridge -s -j fdb',
  /** As cases have it that were recorded earlier: without when an address was heard. */
  earlierForwardingEntries: 'bridge -j fdb',
  tcpListeners: 'ss -HOtlnpe',
  udpListeners: 'ss -HOulnpe',
  connectedSockets: 'ss -HOtune state connected',
  nftJson: 'nft -j list ruleset',
  nftText: 'nft -a list ruleset',
  iptables: 'iptables-save -c',
  ip6tables: 'ip6tables-save -c',
  legacyIptables: 'iptables-legacy-save -c',
  legacyIp6tables: 'ip6tables-legacy-save -c',
  legacyTables: 'cat /proc/net/ip_tables_names',
  legacyTables6: 'cat /proc/net/ip6_tables_names',
  /** Its failure shows that the kernel has no nf_tables, so that nothing can stand there. */
  nftModule: 'ls -d /sys/module/nf_tables',
  /** Without it what iptables looks up in sets is not known. */
  ipsets: 'ipset save',
  /** There only where IPVS is loaded. */
  virtualServices: 'cat /proc/net/ip_vs',
  sysctls: 'grep -sH . net/*',
  /** Missing where there is no conntrack, or where its table is too long to list. */
  connections: 'conntrack -L -o extended,id',
  /** Only where that is told of IPv4 alone. */
  connections6: 'conntrack -L -f ipv6 -o extended,id',
} as const;

/** Modules of rules that no other tool tells of. Those that are loaded are listed, if any is. */
export const unreadRuleModules = ['ebtable_filter', 'ebtable_nat', 'ebtable_broute', 'arptable_filter'] as const;

/** Where iproute2 keeps names: what its distribution brought, then the administrator's, which outweighs it. */
export const iprouteFolders = ['/usr/lib/iproute2', '/usr/share/iproute2', '/etc/iproute2'] as const;

/** What stands in a snapshot for a file that was read. */
export function fileCommand(path: string): string {
  return `cat ${path}`;
}

/** Whether what was read is a file of iproute2 that names routing tables: `rt_tables`, or one of `rt_tables.d`. */
export function readsTableNames(command: string): boolean {
  return iprouteFolders.some((folder) => {
    const main = fileCommand(`${folder}/rt_tables`);
    return command === main || (command.startsWith(`${main}.d/`) && command.endsWith('.conf'));
  });
}
