/** Types and codes of ICMPv6, as IANA lists them. */

/** Message types that decoders know by number. */
export const icmpv6Type = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echoRequest: 128,
  echoReply: 129,
  listenerQuery: 130,
  listenerReport: 131,
  listenerDone: 132,
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
  redirect: 137,
  listenerReport2: 143,
};

/** Names of message types. */
export const icmpv6Types: ReadonlyMap<number, string> = new Map([
  [icmpv6Type.unreachable, 'destination unreachable'],
  [icmpv6Type.packetTooBig, 'packet too big'],
  [icmpv6Type.timeExceeded, 'time exceeded'],
  [icmpv6Type.parameterProblem, 'parameter problem'],
  [icmpv6Type.echoRequest, 'echo request'],
  [icmpv6Type.echoReply, 'echo reply'],
  [icmpv6Type.listenerQuery, 'multicast listener query'],
  [icmpv6Type.listenerReport, 'multicast listener report'],
  [icmpv6Type.listenerDone, 'multicast listener done'],
  [icmpv6Type.routerSolicitation, 'router solicitation'],
  [icmpv6Type.routerAdvertisement, 'router advertisement'],
  [icmpv6Type.neighbourSolicitation, 'neighbour solicitation'],
  [icmpv6Type.neighbourAdvertisement, 'neighbour advertisement'],
  [icmpv6Type.redirect, 'redirect'],
  [138, 'router renumbering'],
  [139, 'node information query'],
  [140, 'node information response'],
  [141, 'inverse neighbour discovery solicitation'],
  [142, 'inverse neighbour discovery advertisement'],
  [icmpv6Type.listenerReport2, 'multicast listener report v2'],
  [144, 'home agent address discovery request'],
  [145, 'home agent address discovery reply'],
  [146, 'mobile prefix solicitation'],
  [147, 'mobile prefix advertisement'],
  [148, 'certification path solicitation'],
  [149, 'certification path advertisement'],
  [150, 'experimental mobility'],
  [151, 'multicast router advertisement'],
  [152, 'multicast router solicitation'],
  [153, 'multicast router termination'],
  [154, 'FMIPv6'],
  [155, 'RPL control'],
  [156, 'ILNPv6 locator update'],
  [157, 'duplicate address request'],
  [158, 'duplicate address confirmation'],
  [159, 'MPL control'],
  [160, 'extended echo request'],
  [161, 'extended echo reply'],
]);

/** Names of codes, by message type; for types whose code says something. */
export const icmpv6Codes: ReadonlyMap<number, ReadonlyMap<number, string>> = new Map([
  [
    icmpv6Type.unreachable,
    new Map([
      [0, 'no route to destination'],
      [1, 'administratively prohibited'],
      [2, 'beyond scope of source address'],
      [3, 'address unreachable'],
      [4, 'port unreachable'],
      [5, 'source address failed policy'],
      [6, 'route to destination rejected'],
      [7, 'error in source routing header'],
      [8, 'headers too long'],
    ]),
  ],
  [
    icmpv6Type.timeExceeded,
    new Map([
      [0, 'hop limit exceeded'],
      [1, 'fragment reassembly time exceeded'],
    ]),
  ],
  [
    icmpv6Type.parameterProblem,
    new Map([
      [0, 'erroneous header field'],
      [1, 'unrecognized next header'],
      [2, 'unrecognized IPv6 option'],
      [3, 'first fragment without all headers'],
      [4, 'error of a segment router'],
    ]),
  ],
]);

/** What a message says: its code's name where that says more, else its type's. */
export function icmpv6Text(messageType: number, code: number): string {
  return icmpv6Codes.get(messageType)?.get(code) ?? icmpv6Types.get(messageType) ?? `type ${messageType} code ${code}`;
}
