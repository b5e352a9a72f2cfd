/** Labs of connection tracking that has no room for one more. */
import type { CauseLab } from './cause-lab.ts';
import { askUdp, containerHost, curl, forwarding, lastingDatagrams, udpEcho } from './topology.ts';

/**
 * The limit holds for all namespaces and is the root namespace's own: so the table is filled, a line an entry. The one
 * line too many ends `conntrack`; what counts is how many the table has then.
 */
const fillTable = String.raw`limit=$(cat /proc/sys/net/netfilter/nf_conntrack_max); perl -e '
  for my $entry (0 .. $ARGV[0]) {
    my ($address, $port) = ("192.0.2." . (1 + int($entry / 60000)), 1024 + $entry % 60000);
    print "-A -p udp -s $address -d 198.51.100.1 --sport $port --dport 53 -t 600 -u SEEN_REPLY,ASSURED ",
      "-r 198.51.100.1 -q $address --reply-port-src 53 --reply-port-dst $port\n";
  }' "$limit" | conntrack -R -; [ "$(cat /proc/sys/net/netfilter/nf_conntrack_count)" -ge "$limit" ]`;

/**
 * A bridge tells of the multicast group that it has joined. That makes an entry which nobody answers, and the kernel takes
 * such a one out of a table that is nearly full (`gc_worker_can_early_drop`): seconds later there is room for one more.
 */
const untold = { 'net.ipv4.igmp_link_local_mcast_reports': '0' };

/** Datagrams from two ports of `box`. */
const sendTwice = `python3 -c 'import socket
for port in (4000, 4001):
  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  s.bind(("", port))
  s.sendto(b"hello", ("203.0.113.1", 5353))'`;

const outside = { services: { echo: udpEcho('203.0.113.1', 5353) } };
const masquerade = (ports: string): string =>
  `*nat\n-A POSTROUTING -s 10.88.0.0/16 -o up0 -p udp -j MASQUERADE${ports}\nCOMMIT\n`;

/** See the file's head. */
export const trackingLabs: readonly CauseLab[] = [
  {
    name: 'conntrack-table-full: as many connections as the host may track',
    spec: containerHost({ host: { sysctls: { ...forwarding, ...untold }, iptables: masquerade('') }, outside }),
    before: [{ host: 'host', argv: ['sh', '-c', fillTable] }],
    command: askUdp('box', '203.0.113.1'),
    expected: { outcome: 'timeout', cause: 'conntrack-table-full', host: 'host', stage: 'prerouting' },
  },
  {
    name: 'conntrack-table-full: the table of the namespace that asks',
    spec: containerHost({ box: { iptables: masquerade('').replace('up0', 'eth0') } }),
    before: [{ host: 'box', argv: ['sh', '-c', fillTable] }],
    command: curl('box', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'conntrack-table-full', host: 'box', stage: 'output' },
  },
  {
    name: 'snat-exhausted: two ports for all containers, and both are taken',
    spec: containerHost({ host: { iptables: masquerade(' --to-ports 5000-5001') }, outside }),
    before: [lastingDatagrams, { host: 'box', argv: ['sh', '-c', sendTwice] }],
    command: askUdp('box', '203.0.113.1'),
    expected: { outcome: 'timeout', cause: 'snat-exhausted', host: 'host', stage: 'postrouting' },
  },
];
