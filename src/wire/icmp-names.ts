/** Types and codes of ICMP, as IANA lists them. */

/** Message types that the decoder knows by number. */
export const icmpType = {
  echoReply: 0,
  unreachable: 3,
  sourceQuench: 4,
  redirect: 5,
  echoRequest: 8,
  routerAdvertisement: 9,
  timeExceeded: 11,
  parameterProblem: 12,
  timestampRequest: 13,
  timestampReply: 14,
  informationRequest: 15,
  informationReply: 16,
  maskRequest: 17,
  maskReply: 18,
  extendedEchoRequest: 42,
  extendedEchoReply: 43,
};

/** The code of an unreachable destination that states the MTU of the next hop (RFC 1191). */
export const fragmentationNeeded = 4;

/** Names of message types. */
export const icmpTypes: ReadonlyMap<number, string> = new Map([
  [icmpType.echoReply, 'echo reply'],
  [icmpType.unreachable, 'destination unreachable'],
  [icmpType.sourceQuench, 'source quench'],
  [icmpType.redirect, 'redirect'],
  [6, 'alternate host address'],
  [icmpType.echoRequest, 'echo request'],
  [icmpType.routerAdvertisement, 'router advertisement'],
  [10, 'router solicitation'],
  [icmpType.timeExceeded, 'time exceeded'],
  [icmpType.parameterProblem, 'parameter problem'],
  [icmpType.timestampRequest, 'timestamp request'],
  [icmpType.timestampReply, 'timestamp reply'],
  [icmpType.informationRequest, 'information request'],
  [icmpType.informationReply, 'information reply'],
  [icmpType.maskRequest, 'address mask request'],
  [icmpType.maskReply, 'address mask reply'],
  [30, 'traceroute'],
  [31, 'datagram conversion error'],
  [32, 'mobile host redirect'],
  [33, 'where are you'],
  [34, 'I am here'],
  [35, 'mobile registration request'],
  [36, 'mobile registration reply'],
  [37, 'domain name request'],
  [38, 'domain name reply'],
  [39, 'SKIP'],
  [40, 'Photuris'],
  [41, 'experimental mobility'],
  [icmpType.extendedEchoRequest, 'extended echo request'],
  [icmpType.extendedEchoReply, 'extended echo reply'],
  [253, 'experiment 1'],
  [254, 'experiment 2'],
]);

/** Names of codes, by message type; for types whose code says something. */
export const icmpCodes: ReadonlyMap<number, ReadonlyMap<number, string>> = new Map([
  [
    icmpType.unreachable,
    new Map([
      [0, 'network unreachable'],
      [1, 'host unreachable'],
      [2, 'protocol unreachable'],
      [3, 'port unreachable'],
      [fragmentationNeeded, 'fragmentation needed'],
      [5, 'source route failed'],
      [6, 'network unknown'],
      [7, 'host unknown'],
      [8, 'source host isolated'],
      [9, 'network administratively prohibited'],
      [10, 'host administratively prohibited'],
      [11, 'network unreachable for this service'],
      [12, 'host unreachable for this service'],
      [13, 'administratively prohibited'],
      [14, 'host precedence violation'],
      [15, 'precedence cutoff'],
    ]),
  ],
  [
    icmpType.redirect,
    new Map([
      [0, 'redirect for network'],
      [1, 'redirect for host'],
      [2, 'redirect for service and network'],
      [3, 'redirect for service and host'],
    ]),
  ],
  [icmpType.routerAdvertisement, new Map([[16, 'router advertisement, does not route common traffic']])],
  [
    icmpType.timeExceeded,
    new Map([
      [0, 'time to live exceeded'],
      [1, 'fragment reassembly time exceeded'],
    ]),
  ],
  [
    icmpType.parameterProblem,
    new Map([
      [1, 'required option missing'],
      [2, 'bad length'],
    ]),
  ],
  [
    icmpType.extendedEchoReply,
    new Map([
      [1, 'malformed query'],
      [2, 'no such interface'],
      [3, 'no such table entry'],
      [4, 'multiple interfaces satisfy the query'],
    ]),
  ],
]);

/** What a message says: its code's name where that says more, else its type's. */
export function icmpText(messageType: number, code: number): string {
  return icmpCodes.get(messageType)?.get(code) ?? icmpTypes.get(messageType) ?? `type ${messageType} code ${code}`;
}
