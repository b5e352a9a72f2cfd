/** Hosts for tests: one that has everything, and what may be different. */

import type { HostFacts, ToolFact } from '../../src/doctor/facts.ts';

/** All capabilities of Linux 6. */
const allCapabilities = 0x1ffffffffffn;

/** The middle of a `format` file: see Documentation/trace/events.rst. */
function format(name: string, ...fields: readonly string[]): string {
  return `name: ${name}\nID: 7\nformat:\n${fields.map((field) => `\tfield:${field};\toffset:8;\tsize:4;\tsigned:0;\n`).join('')}\nprint fmt: ""\n`;
}

/** Events whose reason is told. */
const reasonFormats = {
  drop: format('kfree_skb', 'void * skbaddr', 'enum skb_drop_reason reason'),
  reset: format('tcp_send_reset', 'const void * skbaddr', 'enum sk_rst_reason reason'),
};

/** Events of an older kernel. */
export const plainFormats = {
  drop: format('kfree_skb', 'void * skbaddr', 'void * location'),
  reset: format('tcp_send_reset', 'const void * skbaddr', 'int state'),
};

/** The formats of the events that are used. */
export const formats: ReadonlyMap<string, string> = new Map([
  ['net/net_dev_queue', format('net_dev_queue', 'void * skbaddr')],
  ['net/netif_receive_skb', format('netif_receive_skb', 'void * skbaddr')],
  ['fib/fib_table_lookup', format('fib_table_lookup', 'u32 tb_id')],
  ['tcp/tcp_send_reset', reasonFormats.reset],
  ['skb/kfree_skb', reasonFormats.drop],
  ['sock/inet_sk_error_report', format('inet_sk_error_report', 'int error')],
  ['syscalls/sys_exit_connect', format('sys_exit_connect', 'long ret')],
  ['sock/inet_sock_set_state', format('inet_sock_set_state', 'int newstate')],
]);

const toolNames = [
  'tcpdump',
  'ip',
  'bridge',
  'ss',
  'nsenter',
  'unshare',
  'nft',
  'iptables-save',
  'iptables-nft-save',
  'iptables-legacy-save',
  'conntrack',
  'podman',
];

/** Tools that are installed, those named left out. */
export function toolsWithout(...absent: readonly string[]): ToolFact[] {
  return toolNames.map((name) => {
    const installed = !absent.includes(name);
    return { name, installed, version: installed ? '1.2.3' : null, lacksJson: false };
  });
}

/** A host that has everything, but for these differences. */
export function factsWith(differences: Partial<HostFacts> = {}): HostFacts {
  return {
    kernelRelease: '6.18.44',
    root: true,
    capabilities: allCapabilities,
    aptGet: true,
    tools: toolsWithout(),
    capBuilt: true,
    nodeVersion: '24.21.0',
    nftables: true,
    ownerTables: null,
    tracefs: { unavailable: null, mounted: true, formats },
    namespaces: { found: 3, missing: [] },
    containers: { running: new Map([['podman', 2]]), missing: new Map() },
    ...differences,
  };
}
