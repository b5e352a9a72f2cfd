/**
 * What runs inside a namespace to describe it: one constant script of read-only commands, and how its output is cut
 * into sections.
 *
 * The script gets a random token. After each command it prints `TOKEN EXITCODE COMMAND` on standard output and `TOKEN`
 * on standard error, so that the text between two marks is what the command printed, verbatim.
 */

import type { CommandOutput } from './snapshot.ts';
import { snapshotCommand as command, unreadRuleModules } from './snapshot-commands.ts';

/** The first sections: the links, and which namespaces are behind them. Whoever captures frames waits for these. */
export const linkSections = 3;

/** Sockets beyond this number tell no more of what is wrong, and take long to list. */
const mostConnectedSockets = 4096;

/** Listing more conntrack entries than this takes longer than the rest of the snapshot. */
const mostConntrackEntries = 20_000;

/**
 * The script, for `sh -c SCRIPT sh TOKEN NFT`. After the links and the namespaces' names it waits for a line on standard input, and ends when
 * that closes: so the links of all namespaces are known before the rest of any, and nothing outlives whoever asked. NFT
 * is `yes` when the kernel has nf_tables: asking `nft` (or the `iptables` that is built on it) would load it otherwise.
 *
 * `iptables-legacy-save` is run only for tables that are loaded, since `iptables-legacy` creates what it lists; the
 * save commands create nothing. `conntrack -L` is run only where conntrack is there already.
 */
export const collectScript = `
token=$1
nft=$2
named() {
  label=$1
  shift
  if command -v "$1" >/dev/null 2>&1; then
    "$@"
    code=$?
  else
    code=none
  fi
  printf '%s %s %s\\n' "$token" "$code" "$label"
  printf '%s\\n' "$token" >&2
}
run() { named "$*" "$@"; }
legacy() {
  run cat "$1"
  { read -r first <"$1"; } 2>/dev/null && [ -n "$first" ] || return 0
  if command -v "$2" >/dev/null 2>&1; then run "$2" -c; else run "$3" -c; fi
}
run ${command.links}
run ${command.namespaceNumbers}
run ${command.namespaceName}
read -r go || exit 1
exec </dev/null
run ${command.addresses}
run ${command.routes4}
run ${command.routes6}
run ${command.rules4}
run ${command.rules6}
run ${command.nextHops}
if command -v tc >/dev/null 2>&1; then
  tc qdisc show | while read -r _ kind _ _ device _; do
    case $kind in clsact | ingress) run ${command.trafficFilters} "$device" ingress ;; esac
    case $kind in clsact) run ${command.trafficFilters} "$device" egress ;; esac
  done
fi
run ${command.neighbours}
run ${command.proxyNeighbours}
run ${command.bridgePorts}
run ${command.portVlans}
run ${command.forwardingEntries}
run ${command.tcpListeners}
run ${command.udpListeners}
connected() { ${command.connectedSockets} | head -n ${mostConnectedSockets}; }
named '${command.connectedSockets}' connected
run cat /proc/net/snmp /proc/net/netstat
if [ "$nft" = yes ]; then
  run ${command.nftJson}
  run ${command.nftText}
  run ${command.iptables}
  run ${command.ip6tables}
else
  run ${command.nftModule}
fi
legacy /proc/net/ip_tables_names iptables-legacy-save iptables-save
legacy /proc/net/ip6_tables_names ip6tables-legacy-save ip6tables-save
loaded=
for module in ${unreadRuleModules.join(' ')}; do
  if [ -e "/sys/module/$module" ]; then loaded="$loaded /sys/module/$module"; fi
done
if [ -n "$loaded" ]; then run ls -d $loaded; fi
# The list of sets is empty where the kernel has none: asking ipset would load it.
if [ -e /sys/module/ip_set ] && command -v ipset >/dev/null 2>&1; then run ${command.ipsets}; fi
if [ -e /proc/net/ip_vs ]; then run ${command.virtualServices}; fi
cd /proc/sys
named '${command.sysctls}' grep -sH . \\
  net/ipv4/ip_forward net/ipv4/ip_nonlocal_bind net/ipv4/ip_local_port_range net/ipv4/icmp_echo_ignore_all \\
  net/ipv4/icmp_ratelimit net/ipv4/tcp_syn_linear_timeouts net/ipv4/tcp_l3mdev_accept net/ipv4/udp_l3mdev_accept \\
  net/ipv4/fib_multipath_hash_policy net/ipv4/icmp_errors_use_inbound_ifaddr net/core/somaxconn \\
  net/ipv4/fwmark_reflect net/ipv4/tcp_fwmark_accept net/ipv6/fwmark_reflect net/ipv6/icmp/echo_ignore_all \\
  net/ipv4/conf/*/forwarding net/ipv4/conf/*/rp_filter net/ipv4/conf/*/route_localnet net/ipv4/conf/*/accept_local \\
  net/ipv4/conf/*/src_valid_mark net/ipv4/conf/*/proxy_arp net/ipv4/conf/*/arp_ignore net/ipv4/conf/*/arp_filter \\
  net/ipv4/conf/*/proxy_arp_pvlan \\
  net/ipv4/conf/*/arp_announce net/ipv4/conf/*/ignore_routes_with_linkdown net/ipv4/conf/*/send_redirects \\
  net/ipv4/conf/*/bc_forwarding \\
  net/ipv6/bindv6only net/ipv6/conf/*/forwarding net/ipv6/conf/*/force_forwarding net/ipv6/conf/*/disable_ipv6 \\
  net/ipv6/conf/*/proxy_ndp net/ipv6/conf/*/use_tempaddr net/ipv6/conf/*/ignore_routes_with_linkdown \\
  net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables net/bridge/bridge-nf-call-arptables \\
  net/netfilter/nf_conntrack_max net/netfilter/nf_conntrack_count net/netfilter/nf_conntrack_tcp_loose
count=$(cat net/netfilter/nf_conntrack_count 2>/dev/null)
if [ "$count" = 0 ]; then
  # Listing none takes as long as listing the other namespaces' entries.
  named '${command.connections}' true
elif [ -n "$count" ] && [ "$count" -le ${mostConntrackEntries} ]; then
  # On standard error it says its version: up to 1.4.6 it lists IPv4 alone unless told otherwise.
  { said=$(run ${command.connections} 2>&1 >&3); } 3>&1
  printf '%s\\n' "$said" >&2
  case $said in *'conntrack v1.4.'[0-6]' '*) run ${command.connections6} ;; esac
fi
`;

const newline = 0x0a;

/** A mark is a token, an exit code and a command: nothing of ours is longer. */
const longestMark = 256;

/** The standard error of each command, in order. */
function errorTexts(standardError: Buffer, token: string): string[] {
  return standardError.toString('utf8').split(`${token}\n`);
}

/**
 * Cuts what the script has printed so far into sections; a section that is not finished is left out. Standard error is
 * kept for commands that failed.
 */
export function splitSections(standardOutput: Buffer, standardError: Buffer, token: string): CommandOutput[] {
  const outputs: CommandOutput[] = [];
  const errors = errorTexts(standardError, token);
  const mark = Buffer.from(`${token} `);
  for (let start = 0; ; ) {
    const at = standardOutput.indexOf(mark, start);
    if (at < 0) return outputs;
    const end = standardOutput.indexOf(newline, at);
    if (end < 0 || end - at > longestMark) return outputs;
    const [code = '', ...words] = standardOutput.toString('utf8', at + mark.length, end).split(' ');
    const exitCode = code === 'none' ? null : Number(code);
    outputs.push({
      command: words.join(' '),
      exitCode,
      text: standardOutput.toString('utf8', start, at),
      error: exitCode === 0 ? '' : (errors[outputs.length] ?? '').trimEnd(),
    });
    start = end + 1;
  }
}
