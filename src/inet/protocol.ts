/** Numbers of the protocols over IP, and TCP's flags. */

/** IANA's numbers of those that are told apart here. */
export const ipProtocol = { icmp: 1, tcp: 6, udp: 17, dccp: 33, icmpv6: 58, sctp: 132, udplite: 136 } as const;

/** Those whose header begins with the ports of both ends. */
export const portProtocols: ReadonlySet<number> = new Set([
  ipProtocol.tcp,
  ipProtocol.udp,
  ipProtocol.dccp,
  ipProtocol.sctp,
  ipProtocol.udplite,
]);

/** Bits of TCP's byte of flags (RFC 9293, section 3.1). */
export const tcpFlag = { fin: 0x01, syn: 0x02, reset: 0x04, ack: 0x10 } as const;
