/**
 * Whole cases: the snapshot of a real lab (a container's namespace `portainer` on the bridge `podman0` of `host`), with
 * sockets and firewall as `ss` and `nft` print them, frames from builders, and kernel lines as `trace_pipe` printed them
 * there.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, KernelLine, Session } from '../../src/case/evidence.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import type { ConnectionDiagnosis, Hop } from '../../src/diagnose/diagnosis.ts';
import type { CommandOutput, ProcessRecord, Snapshot } from '../../src/host/snapshot.ts';
import { framesOf, icmpError, reverse, type Sight, startNs, tcp, udp } from '../flow/frames.ts';
import { printed } from '../host/sample.ts';

type Recorded = Omit<Snapshot, 'takenNs'> & { readonly takenNs: string };

const recorded: Recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'samples', 'bridge.json'), 'utf8'));

/** Lines of `ss -HOtlnpe`. */
export const listeners = {
  loopback:
    'LISTEN 0      5       127.0.0.1:19001 0.0.0.0:* users:(("ssh",pid=812,fd=3)) ino:176560 sk:30 cgroup:/ <->\n',
  v6Only:
    'LISTEN 0      5            [::]:19001    [::]:* users:(("python3",pid=813,fd=4)) ino:176561 sk:32 cgroup:/ v6only:1 <->\n',
  onLo: 'LISTEN 0      5      0.0.0.0%lo:19001 0.0.0.0:* users:(("python3",pid=813,fd=5)) ino:176562 sk:31 cgroup:/ <->\n',
  bridge:
    'LISTEN 0      5       10.88.0.1:19001 0.0.0.0:* users:(("python3",pid=813,fd=6)) ino:176563 sk:2f cgroup:/ <->\n',
};

const noNft =
  '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}]}\n';

/** What `nft` prints of a rule set with one rule that rejects port 19001 with an RST. */
export const rejectingRule = {
  json: '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"table": {"family": "inet", "name": "filter", "handle": 1}}, {"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}, {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 2, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 19001}}, {"reject": {"type": "tcp reset"}}]}}]}\n',
  text: 'table inet filter { # handle 1\n\tchain input { # handle 1\n\t\ttype filter hook input priority filter; policy accept;\n\t\ttcp dport 19001 reject with tcp reset # handle 2\n\t}\n}\n',
};

/** The same, of some packets only: nobody can say of which. */
export const sometimesRejectingRule = {
  json: rejectingRule.json.replace('{"reject"', '{"limit": {"rate": 10, "burst": 5, "per": "second"}}, {"reject"'),
  text: rejectingRule.text.replace('reject', 'limit rate 10/second reject'),
};

function outputs(tcpSockets: string, rules: typeof rejectingRule | null): CommandOutput[] {
  return [
    printed('bridge -j fdb', '[]\n'),
    printed('ss -HOtlnpe', tcpSockets),
    printed('ss -HOulnpe', ''),
    printed('nft -j list ruleset', rules?.json ?? noNft),
    printed('nft -a list ruleset', rules?.text ?? ''),
    printed('iptables-save -c', ''),
    printed('ip6tables-save -c', ''),
    printed('cat /proc/net/ip_tables_names', ''),
    printed('cat /proc/net/ip6_tables_names', ''),
  ];
}

/** The snapshot with these listeners and rules in `host`. */
export function snapshotWith(
  sockets: string,
  rules: typeof rejectingRule | null = null,
  processes: readonly ProcessRecord[] = [],
): Snapshot {
  return {
    ...recorded,
    takenNs: BigInt(recorded.takenNs),
    namespaces: recorded.namespaces.map((namespace) => ({
      ...namespace,
      outputs: [...namespace.outputs, ...(namespace.name === 'host' ? outputs(sockets, rules) : outputs('', null))],
    })),
    processes,
  };
}

/** The two ends of every case, by family and protocol. */
export const ends = {
  tcp: { from: '10.88.0.10:51054', to: '10.88.0.1:19001' },
  tcp6: { from: '[fd00:88::10]:51054', to: '[fd00:88::1]:19001' },
  udp: { from: '10.88.0.10:51054', to: '10.88.0.1:19001' },
};

/** Packets between them. */
export const packets = {
  syn: tcp(ends.tcp, { flags: 'SYN', sequence: 100 }),
  reset: tcp(reverse(ends.tcp), { flags: 'RST ACK', sequence: 0, acknowledgement: 101 }),
  synAck: tcp(reverse(ends.tcp), { flags: 'SYN ACK', sequence: 900, acknowledgement: 101 }),
  ack: tcp(ends.tcp, { flags: 'ACK', sequence: 101, acknowledgement: 901 }),
  get: tcp(ends.tcp, { flags: 'PSH ACK', sequence: 101, acknowledgement: 901, text: 'GET / HTTP/1.1' }),
  serverAck: tcp(reverse(ends.tcp), { flags: 'ACK', sequence: 901, acknowledgement: 115 }),
  syn6: tcp(ends.tcp6, { flags: 'SYN', sequence: 100 }),
  reset6: tcp(reverse(ends.tcp6), { flags: 'RST ACK', sequence: 0, acknowledgement: 101 }),
  datagram: udp(ends.udp),
  portUnreachable: icmpError('10.88.0.1', '10.88.0.10', 3, 3, udp(ends.udp)),
};

/** Indexes of the capture points. */
export const at = { container: 0, port: 1, bridge: 2 };

/** A packet seen at each of these points, in that order, microseconds apart. */
export function seen(packet: string, points: readonly number[], afterNs = 0n): Sight[] {
  return points.map((point, index) => ({ at: point, packet, afterNs: afterNs + BigInt(index) * 10_000n }));
}

/** A line of the trace, so many nanoseconds after the start. */
export function kernelLine(
  afterNs: bigint,
  text: string,
  scope: KernelLine['scope'] = 'packets',
  flags = '..s1.',
): KernelLine {
  const timeNs = startNs + afterNs;
  const clock = `${timeNs / 1_000_000_000n}.${String((timeNs % 1_000_000_000n) / 1000n).padStart(6, '0')}`;
  return { timeNs, scope, text: `            curl-14595   [000] ${flags} ${clock}: ${text}` };
}

/** The buffer of the SYN in the lines below. */
export const skb = '00000000c0cc8d3d';

/** The command's own look-up of the route, as its connect() makes it. */
export const lookUp = kernelLine(
  0n,
  'fib_table_lookup: table 254 oif 0 iif 1 proto 6 10.88.0.10/51054 -> 10.88.0.1/19001 tos 0 scope 0 flags 8 ==> dev eth0 gw 0.0.0.0/:: err 0',
  'command',
  '.....',
);

/** The way of the SYN's buffer over the devices; 54 bytes as the frames of these cases. */
export const deviceLines = [
  kernelLine(1_000n, `net_dev_queue: dev=eth0 skbaddr=${skb} len=54`),
  kernelLine(20_000n, `netif_receive_skb: dev=veth0 skbaddr=${skb} len=40`),
  kernelLine(27_000n, `netif_receive_skb: dev=podman0 skbaddr=${skb} len=40`),
  kernelLine(
    32_000n,
    'fib_table_lookup: table 254 oif 0 iif 2 proto 0 10.88.0.10/0 -> 10.88.0.1/0 tos 0 scope 0 flags 0 ==> dev podman0 gw 0.0.0.0/:: err 0',
  ),
];

/** What the kernel says of a packet that met no socket. */
export const noSocketLines = [
  lookUp,
  ...deviceLines,
  kernelLine(
    38_000n,
    `tcp_send_reset: skbaddr=${skb} skaddr=0000000000000000 src=10.88.0.1:19001 dest=10.88.0.10:51054 state=UNKNOWN reason=NO_SOCKET`,
  ),
  kernelLine(
    49_000n,
    `kfree_skb: skbaddr=${skb} rx_sk=0000000000000000 protocol=2048 location=tcp_v4_rcv+0x91/0x13f0 reason: NO_SOCKET`,
  ),
];

/** What it says of one that its firewall rejects. */
export const firewallLines = [
  lookUp,
  ...deviceLines,
  kernelLine(
    58_000n,
    `kfree_skb: skbaddr=${skb} rx_sk=0000000000000000 protocol=2048 location=nft_do_chain+0x3e8/0x610 reason: NETFILTER_DROP`,
  ),
];

/** What a case is made of; everything has a plain default. */
export interface CaseParts {
  readonly sights: readonly (Sight | string)[];
  readonly snapshot?: Snapshot | null;
  /** Null: the kernel was not asked. */
  readonly kernel?: readonly KernelLine[] | null;
  readonly lost?: number;
  /** Lines of the rule trace of `host`; without, no rules were traced. */
  readonly rules?: readonly string[];
  readonly argv?: readonly string[];
  readonly netns?: string;
}

/** A case as `nettrace run` records it in the container's namespace. */
export function caseOf({ sights, snapshot = null, kernel = null, lost = 0, rules, argv, netns }: CaseParts): Case {
  const session: Session = {
    engine: 'tcpdump',
    clock: 'kernel',
    promiscuous: false,
    command: {
      argv: argv ?? ['curl', '-sS', 'http://host.containers.internal:19001/ping'],
      exitCode: 7,
      signal: null,
      netns: netns ?? 'portainer',
      credentials: null,
      proxies: null,
      startedNs: startNs - 1_000_000n,
      endedNs: startNs + 1_000_000_000n,
    },
    kernelEvents: kernel !== null,
    kernelEventsLost: lost,
    linkOutages: [],
    framesDropped: [0, 0, 0],
    missing: [],
  };
  return {
    session,
    interfaces: [
      { netns: 'portainer', device: 'eth0', linkType: 1 },
      { netns: 'host', device: 'veth0', linkType: 1 },
      { netns: 'host', device: 'podman0', linkType: 1 },
    ],
    frames: framesOf(sights),
    snapshot,
    kernelLines: kernel ?? [],
    ...(rules && { ruleTraces: [{ netns: 'host', lines: rules.map((text) => ({ timeNs: startNs, text })) }] }),
  };
}

/** The event that shows the SYN of these cases to a chain of `host`. */
export function tracedSyn(chain: string, { id = 0, to = '10.88.0.1', port = 19_001 } = {}): string {
  return `trace id 7e0b06d7 ${chain} packet: iif "podman0" ether saddr aa:e2:da:5e:8a:f0 ether daddr 26:0a:75:2f:19:10 ip saddr 10.88.0.10 ip daddr ${to} ip dscp cs0 ip ecn not-ect ip ttl 64 ip id ${id} ip length 60 tcp sport 51054 tcp dport ${port} tcp flags == syn tcp window 64240 `;
}

/** What a chain said of the packet that was shown last. */
export function tracedVerdict(chain: string, text: string): string {
  return `trace id 7e0b06d7 ${chain} ${text}`;
}

function hopText({ index, netns, device, stage, verdict, detail }: Hop): string {
  return `${index} ${netns}:${device} ${stage} ${verdict}: ${detail}`;
}

/** A diagnosis in the lines that matter. */
export function told({ outcome, errno, cause, certainty, where, hops, summary }: ConnectionDiagnosis): {
  readonly what: string;
  readonly where: string | null;
  readonly summary: string;
  readonly hops: readonly string[];
} {
  const place = where === null ? null : `${where.netns}:${where.device} ${where.stage}, hop ${where.hop}`;
  return {
    what: `${outcome} ${errno ?? '-'} ${cause ?? '-'} ${certainty}`,
    where: place,
    summary,
    hops: hops.map(hopText),
  };
}

/** The only connection of a case. */
export function onlyConnection(evidence: Case): ConnectionDiagnosis {
  const { connections } = diagnose(evidence);
  const [connection] = connections;
  if (connection === undefined || connections.length > 1)
    throw new Error(`the case has ${connections.length} connections`);
  return connection;
}
