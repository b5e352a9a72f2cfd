/** DHCPv6 numbers: https://www.iana.org/assignments/dhcpv6-parameters. */

/** Types of messages, RFC 8415 section 7.3. */
export const messageTypes: ReadonlyMap<number, string> = new Map([
  [1, 'Solicit'],
  [2, 'Advertise'],
  [3, 'Request'],
  [4, 'Confirm'],
  [5, 'Renew'],
  [6, 'Rebind'],
  [7, 'Reply'],
  [8, 'Release'],
  [9, 'Decline'],
  [10, 'Reconfigure'],
  [11, 'Information-request'],
  [12, 'Relay-forward'],
  [13, 'Relay-reply'],
]);

/** Options that the decoder reads into. */
export const code = {
  clientId: 1,
  serverId: 2,
  nonTemporary: 3,
  temporary: 4,
  address: 5,
  requested: 6,
  preference: 7,
  elapsed: 8,
  relayMessage: 9,
  unicast: 12,
  status: 13,
  interfaceId: 18,
  dnsServers: 23,
  domainList: 24,
  delegation: 25,
  prefix: 26,
  sntpServers: 31,
  refreshTime: 32,
  clientName: 39,
};

/** Options. */
export const codeNames: ReadonlyMap<number, string> = new Map([
  [code.clientId, 'client identifier'],
  [code.serverId, 'server identifier'],
  [code.nonTemporary, 'IA_NA'],
  [code.temporary, 'IA_TA'],
  [code.address, 'IA address'],
  [code.requested, 'option request'],
  [code.preference, 'preference'],
  [code.elapsed, 'elapsed time'],
  [code.relayMessage, 'relay message'],
  [11, 'authentication'],
  [code.unicast, 'server unicast'],
  [code.status, 'status code'],
  [14, 'rapid commit'],
  [15, 'user class'],
  [16, 'vendor class'],
  [17, 'vendor options'],
  [code.interfaceId, 'interface identifier'],
  [19, 'reconfigure message'],
  [20, 'reconfigure accept'],
  [code.dnsServers, 'DNS servers'],
  [code.domainList, 'domain search list'],
  [code.delegation, 'IA_PD'],
  [code.prefix, 'IA prefix'],
  [code.sntpServers, 'SNTP servers'],
  [code.refreshTime, 'information refresh time'],
  [37, 'remote identifier'],
  [38, 'subscriber identifier'],
  [code.clientName, 'client FQDN'],
  [56, 'NTP server'],
  [59, 'boot file URL'],
  [60, 'boot file parameters'],
  [79, 'client link-layer address'],
  [82, 'SOL_MAX_RT'],
  [83, 'INF_MAX_RT'],
  [103, 'captive portal'],
]);

/** Status codes, RFC 8415 section 21.13. */
export const statuses: ReadonlyMap<number, string> = new Map([
  [0, 'Success'],
  [1, 'UnspecFail'],
  [2, 'NoAddrsAvail'],
  [3, 'NoBinding'],
  [4, 'NotOnLink'],
  [5, 'UseMulticast'],
  [6, 'NoPrefixAvail'],
]);

/** Types of DUIDs, RFC 8415 section 11. */
export const identifierTypes: ReadonlyMap<number, string> = new Map([
  [1, 'link-layer address and time'],
  [2, 'enterprise'],
  [3, 'link-layer address'],
  [4, 'UUID'],
]);
