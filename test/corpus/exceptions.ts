/**
 * Where nettrace and tshark read the corpus differently, each with its reason. The test fails when one is missing here,
 * and when one is no longer needed.
 */

/** Captures whose reading ends with a message, and why that is right. */
export const messages: Readonly<Record<string, { readonly message: string; readonly reason: string }>> = {
  'NEG__courvoif__big_endian.pcap': {
    message: 'not a pcap or pcapng capture, it looks like a Git LFS pointer, not the file itself (git lfs pull)',
    reason: 'the repository that it comes from keeps the capture elsewhere',
  },
  'NEG__tcptrace__eth.erf': {
    message: 'not a pcap or pcapng capture, it looks like an ERF capture (convert it with editcap)',
    reason: 'tshark reads ERF; nettrace names the tool that converts it',
  },
  'NEG__tcptrace__finger.snoop': {
    message: 'not a pcap or pcapng capture, it looks like a snoop capture (convert it with editcap)',
    reason: 'tshark reads snoop; nettrace names the tool that converts it',
  },
  'dpkt__truncated_dns_2.pcap': {
    message: 'damaged at byte 240: expected 16 bytes of a record header, found the end of the file after 7',
    reason: 'cut in the middle of the second record; tshark says so as well',
  },
  'gopacket__be__test901.pcapng': {
    message: 'damaged at byte 480: expected a section of pcapng version 1.0, found pcapng version 2.0',
    reason: 'the blocks of an unknown version cannot be trusted; tshark stops there as well',
  },
  'gopacket__le__test901.pcapng': {
    message: 'damaged at byte 480: expected a section of pcapng version 1.0, found pcapng version 2.0',
    reason: 'the blocks of an unknown version cannot be trusted; tshark stops there as well',
  },
  'libpcap__pcap-invalid-version-1.pcap': {
    message: 'this is pcap version 1.4, which nettrace does not read',
    reason: 'there is no such version; tshark refuses it as well',
  },
  'libpcap__pcapng-invalid-vers-2.pcapng': {
    message: 'this is pcapng version 1.1, which nettrace does not read',
    reason: 'there is no such version; tshark refuses it as well',
  },
  'libpcap__shb-option-too-long.pcapng': {
    message: "damaged at byte 0: expected the block length 52 again at the block's end, found 808464432",
    reason: 'the first block disagrees with itself about its length; tshark refuses the file as well',
  },
};

/** Captures with another number of packets than the independent reader counted. */
export const packetCounts: Readonly<Record<string, { readonly packets: number; readonly reason: string }>> = {
  'gopacket__be__test901.pcapng': { packets: 1, reason: 'that reader goes on beyond a section of unknown version' },
  'gopacket__le__test901.pcapng': { packets: 1, reason: 'that reader goes on beyond a section of unknown version' },
  'libpcap__pcap-invalid-version-1.pcap': { packets: 0, reason: 'that reader ignores the version' },
  'libpcap__pcapng-invalid-vers-2.pcapng': { packets: 0, reason: 'that reader ignores the version' },
  'libpcap__shb-option-too-long.pcapng': { packets: 0, reason: 'that reader ignores the length at the end of a block' },
  'python-pcapng__test006.ntar': {
    packets: 1,
    reason: 'a block length without its padding, which that reader refuses; tshark counts 1 as well',
  },
  'tcptrace__pcap_v2.2.dmp': {
    packets: 40,
    reason: 'that reader does not know the order of the lengths before version 2.3; tshark counts 40 as well',
  },
};

/** Fields of one frame that differ, and why nettrace's value is right. */
export interface DifferenceException {
  readonly file: string;
  readonly frame: number;
  readonly fields: readonly string[];
  readonly reason: string;
}

export const differences: readonly DifferenceException[] = [
  {
    file: 'gopacket__le__test301.pcapng',
    frame: 16,
    fields: ['http.request.method'],
    reason: 'the capture holds the secrets of its TLS session, with which tshark decrypts; nettrace does not decrypt',
  },
  {
    file: 'ptcpdump__tcp.pcapng',
    frame: 8,
    fields: ['http.request.method'],
    reason: 'seen twice: tshark takes it for a retransmission, which it does not read again',
  },
  {
    file: 'ptcpdump__tcp.pcapng',
    frame: 12,
    fields: ['http.response.code'],
    reason: 'seen twice: tshark takes it for a retransmission, which it does not read again',
  },
  {
    file: 'tcptrace__first_seg_ooo.dmp',
    frame: 5,
    fields: ['http.request.method'],
    reason: 'a retransmission, which tshark does not read again',
  },
  {
    file: 'tcpdump__dns-badlabel.pcap',
    frame: 1,
    fields: ['dns.qry.name'],
    reason: 'a name longer than 255 bytes: nettrace names the error, tshark shows a text of its own for the name',
  },
  {
    file: 'tcpdump__quic_handshake.pcap',
    frame: 1,
    fields: ['tls.handshake.extensions_server_name'],
    reason: "tshark decrypts QUIC's first packets; nettrace reads what is in the clear",
  },
  {
    file: 'dpkt__nb6-http.pcap',
    frame: 34,
    fields: ['dns.id', 'dns.flags.rcode', 'dns.qry.name'],
    reason: 'what a quoted packet carries is no message of this frame: nettrace leaves it as bytes',
  },
  {
    file: 'zeek__icmp__icmp-destunreach-udp.pcap',
    frame: 1,
    fields: ['dns.id', 'dns.flags.rcode', 'dns.qry.name'],
    reason: 'what a quoted packet carries is no message of this frame: nettrace leaves it as bytes',
  },
  {
    file: 'gopacket__linux_sll_oversized_addr.pcapng',
    frame: 95,
    fields: ['tcp.ack_raw', 'tcp.flags', 'tcp.window_size_value', 'tcp.len'],
    reason:
      'the data offset is 0: nettrace shows the fields that stand at fixed places, but no payload length, which cannot be known',
  },
  {
    file: 'snabb__icmpv4-fromlwaftr-replyto-tcp-frominet-bound1494-DF.pcap',
    frame: 1,
    fields: ['tcp.seq_raw', 'tcp.len'],
    reason: 'the quoted packet holds its sequence number, and its IP length; tshark shows neither in a quote',
  },
  {
    file: 'snabb__vlan__incoming-icmpv6-20pkttoobig-inet-OPE.pcap',
    frame: 1,
    fields: ['tcp.len'],
    reason: 'the quoted packet holds its IP length; tshark shows no payload length in a quote',
  },
  {
    file: 'snabb__tcp-afteraftr-ipv6-3frags.pcap',
    frame: 1,
    fields: ['tcp.len'],
    reason: 'by the inner IP length, which counts the whole segment; tshark counts what the outer fragment holds of it',
  },
  {
    file: 'snabb__tcp-ipv4-3frags-bound-reversed.pcap',
    frame: 3,
    fields: ['tcp.len'],
    reason: 'a first fragment: nettrace counts the payload that it holds, tshark gives none',
  },
  {
    file: 'tcpdump__bigtcp-ipv4-vxlan-ipv4.pcap',
    frame: 1,
    fields: [
      'eth.src',
      'eth.dst',
      'ip.src',
      'ip.dst',
      'ip.proto',
      'ip.ttl',
      'ip.id',
      'ip.frag_offset',
      'tcp.srcport',
      'tcp.dstport',
      'tcp.seq_raw',
      'tcp.ack_raw',
      'tcp.flags',
      'tcp.window_size_value',
      'tcp.len',
      'vxlan.vni',
    ],
    reason: 'a UDP length of 0 is a packet too long for the field (BIG TCP): VXLAN goes on; tshark 4.0 stops at UDP',
  },
  {
    file: 'tcpdump__ipv4_invalid_hdr_length.pcap',
    frame: 1,
    fields: ['ip.src', 'ip.dst', 'ip.proto', 'ip.ttl', 'ip.id', 'ip.frag_offset'],
    reason: 'a header length of 16 is an error, after which nettrace still shows what stands at fixed places',
  },
  {
    file: 'tcpdump__timestamp_invalid_micro.pcap',
    frame: 3,
    fields: ['frame.time_epoch'],
    reason:
      'the file states 2^31 microseconds, which nettrace adds as they are; as nanoseconds they overflow in tshark',
  },
  {
    file: 'tcptrace__trunc.dmp',
    frame: 1,
    fields: ['tcp.seq_raw'],
    reason: 'the first fragment holds 8 bytes of TCP, of which the last 4 are the sequence number',
  },
];

/** Protocols that tshark decodes and nettrace does not, where fields of the truth lie beyond them. */
export const notDecoded: readonly string[] = ['fddi', 'nflog', 'ppi', 'radiotap'];
