/** DNS numbers: https://www.iana.org/assignments/dns-parameters. */

/** Types of resource records that the decoder treats apart. */
export const recordType = {
  a: 1,
  ns: 2,
  cname: 5,
  soa: 6,
  ptr: 12,
  mx: 15,
  txt: 16,
  aaaa: 28,
  srv: 33,
  naptr: 35,
  dname: 39,
  opt: 41,
  ds: 43,
  sshfp: 44,
  rrsig: 46,
  nsec: 47,
  dnskey: 48,
  tlsa: 52,
  svcb: 64,
  https: 65,
  caa: 257,
};

/** Types of resource records and questions. */
export const recordTypes: ReadonlyMap<number, string> = new Map([
  [recordType.a, 'A'],
  [recordType.ns, 'NS'],
  [recordType.cname, 'CNAME'],
  [recordType.soa, 'SOA'],
  [10, 'NULL'],
  [recordType.ptr, 'PTR'],
  [13, 'HINFO'],
  [recordType.mx, 'MX'],
  [recordType.txt, 'TXT'],
  [17, 'RP'],
  [18, 'AFSDB'],
  [24, 'SIG'],
  [25, 'KEY'],
  [recordType.aaaa, 'AAAA'],
  [29, 'LOC'],
  [recordType.srv, 'SRV'],
  [recordType.naptr, 'NAPTR'],
  [37, 'CERT'],
  [recordType.dname, 'DNAME'],
  [recordType.opt, 'OPT'],
  [recordType.ds, 'DS'],
  [recordType.sshfp, 'SSHFP'],
  [recordType.rrsig, 'RRSIG'],
  [recordType.nsec, 'NSEC'],
  [recordType.dnskey, 'DNSKEY'],
  [50, 'NSEC3'],
  [51, 'NSEC3PARAM'],
  [recordType.tlsa, 'TLSA'],
  [55, 'HIP'],
  [59, 'CDS'],
  [60, 'CDNSKEY'],
  [61, 'OPENPGPKEY'],
  [62, 'CSYNC'],
  [63, 'ZONEMD'],
  [recordType.svcb, 'SVCB'],
  [recordType.https, 'HTTPS'],
  [99, 'SPF'],
  [108, 'EUI48'],
  [249, 'TKEY'],
  [250, 'TSIG'],
  [251, 'IXFR'],
  [252, 'AXFR'],
  [255, 'ANY'],
  [256, 'URI'],
  [recordType.caa, 'CAA'],
]);

/** Classes; 255 stands in questions alone. */
export const recordClasses: ReadonlyMap<number, string> = new Map([
  [1, 'IN'],
  [3, 'CH'],
  [4, 'HS'],
  [254, 'NONE'],
  [255, 'ANY'],
]);

/** RFC 2136's operation, whose sections have other names. */
export const updateOpcode = 5;

/** Operations. */
export const opcodes: ReadonlyMap<number, string> = new Map([
  [0, 'query'],
  [1, 'inverse query'],
  [2, 'status'],
  [4, 'notify'],
  [updateOpcode, 'update'],
  [6, 'stateful operations'],
]);

/** Response codes, by the names that tools print; those above 15 take an OPT record's high bits (RFC 6891). */
export const responseCodes: ReadonlyMap<number, string> = new Map([
  [0, 'NOERROR'],
  [1, 'FORMERR'],
  [2, 'SERVFAIL'],
  [3, 'NXDOMAIN'],
  [4, 'NOTIMP'],
  [5, 'REFUSED'],
  [6, 'YXDOMAIN'],
  [7, 'YXRRSET'],
  [8, 'NXRRSET'],
  [9, 'NOTAUTH'],
  [10, 'NOTZONE'],
  [11, 'DSOTYPENI'],
  [16, 'BADVERS'],
  [17, 'BADKEY'],
  [18, 'BADTIME'],
  [19, 'BADMODE'],
  [20, 'BADNAME'],
  [21, 'BADALG'],
  [22, 'BADTRUNC'],
  [23, 'BADCOOKIE'],
]);

/** Options of an OPT record. */
export const optionCodes: ReadonlyMap<number, string> = new Map([
  [1, 'LLQ'],
  [3, 'NSID'],
  [5, 'DAU'],
  [6, 'DHU'],
  [7, 'N3U'],
  [8, 'client subnet'],
  [9, 'expire'],
  [10, 'cookie'],
  [11, 'TCP keepalive'],
  [12, 'padding'],
  [13, 'chain'],
  [14, 'key tag'],
  [15, 'extended error'],
]);

/** Keys of a service binding's parameters, RFC 9460 section 14.3. */
export const serviceKeys: ReadonlyMap<number, string> = new Map([
  [0, 'mandatory'],
  [1, 'alpn'],
  [2, 'no-default-alpn'],
  [3, 'port'],
  [4, 'ipv4hint'],
  [5, 'ech'],
  [6, 'ipv6hint'],
  [7, 'dohpath'],
]);
