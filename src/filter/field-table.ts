/**
 * Every field that the decoders of `src/wire` make, by protocol and type. Names follow the protocol's and a dot. A test
 * dissects real frames and fails when a decoder makes a field that is not here, or one of another type.
 */

/** What a field's values are, and so what they can be compared with. */
export type FieldType = 'number' | 'boolean' | 'ipv4' | 'ipv6' | 'mac' | 'string' | 'bytes' | 'time' | 'protocol';

/** The types that decoders give fields. Names of one type are separated by blanks. */
type ProtocolFields = { readonly [Type in Exclude<FieldType, 'time' | 'protocol'>]?: string };

/** Fields of a protocol without its name: `srcport` of `tcp` is `tcp.srcport`. */
export const decodedFields: Readonly<Record<string, ProtocolFields>> = {
  arp: {
    number: 'hw.size hw.type opcode proto.size proto.type',
    ipv4: 'dst.proto_ipv4 src.proto_ipv4',
    mac: 'dst.hw_mac src.hw_mac',
    bytes: 'dst.hw dst.proto src.hw src.proto',
  },
  data: { number: 'len' },
  eth: { number: 'len type', mac: 'dst src' },
  icmp: { number: 'checksum code ident length mtu seq type', ipv4: 'redir_gw' },
  icmpv6: {
    number: 'checksum code echo.identifier echo.sequence_number length mtu type',
    boolean: 'nd.na.flag.o nd.na.flag.r nd.na.flag.s',
    ipv6: 'nd.na.target_address nd.ns.target_address',
    mac: 'opt.linkaddr',
  },
  ieee8021ad: { number: 'etype id priority', boolean: 'dei' },
  ip: {
    number: 'checksum dsfield.dscp dsfield.ecn frag_offset hdr_len id len proto ttl version',
    boolean: 'flags.df flags.mf flags.rb',
    ipv4: 'dst src',
    bytes: 'options',
  },
  ipv6: {
    number:
      'dstopts.len dstopts.nxt flow fraghdr.ident fraghdr.nxt fraghdr.offset hlim hopopts.len hopopts.nxt nxt plen ' +
      'routing.len routing.nxt routing.segleft routing.type tclass version',
    boolean: 'fraghdr.more',
    ipv6: 'dst src',
  },
  null: { number: 'family' },
  sll: { number: 'etype halen hatype ifindex pkttype', mac: 'src.eth', bytes: 'src.other' },
  tcp: {
    number:
      'ack_raw checksum dstport flags hdr_len len options.mss_val options.sack_le options.sack_re ' +
      'options.timestamp.tsecr options.timestamp.tsval options.wscale.shift seq_raw srcport urgent_pointer ' +
      'window_size_value',
    boolean:
      'flags.ack flags.ae flags.cwr flags.ece flags.fin flags.push flags.reset flags.syn flags.urg options.sack_perm',
    bytes: 'options',
  },
  udp: { number: 'checksum dstport length srcport' },
  vlan: { number: 'etype id priority', boolean: 'dei' },
};
