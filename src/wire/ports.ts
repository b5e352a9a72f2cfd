/**
 * Which decoder reads what UDP and TCP carry.
 *
 * First by port, the destination's before the source's, then by content. Either way a recogniser decides: of a port it
 * asks no more than that the payload may be the port's protocol, so that a damaged message is shown as that; of content
 * it asks so much that random bytes do not pass. What nobody recognises is data. Each payload is judged by itself: a
 * segment that starts amid a message is data too.
 */

import type { Protocol } from './decoder.ts';
import { isDhcp } from './dhcp.ts';
import { isDhcpv6 } from './dhcpv6.ts';
import { isDns, isDnsOverTcp } from './dns.ts';
import { isHttp } from './http.ts';
import { isNtp } from './ntp.ts';
import { isLongHeader, isQuic } from './quic.ts';
import { isTls } from './tls.ts';
import { tunnelPort } from './tunnel-ports.ts';

/** Says whether the payload from `start` up to `end` may be a protocol's; what was not captured reads as 0. */
type Recogniser = (bytes: Uint8Array, start: number, end: number) => boolean;

interface Candidate {
  readonly protocol: Protocol;
  readonly recognise: Recogniser;
}

function candidate(protocol: Protocol, recognise: Recogniser): Candidate {
  return { protocol, recognise };
}

/** A tunnel is known by its port alone. */
function tunnel(protocol: Protocol): Candidate {
  return candidate(protocol, () => true);
}

const dhcp = candidate('dhcp', isDhcp);
const dhcpv6 = candidate('dhcpv6', isDhcpv6);

const udpPorts: ReadonlyMap<number, Candidate> = new Map([
  [53, candidate('dns', isDns)],
  [67, dhcp],
  [68, dhcp],
  [123, candidate('ntp', isNtp)],
  [443, candidate('quic', isLongHeader)],
  [546, dhcpv6],
  [547, dhcpv6],
  // SSDP is HTTP's heads in datagrams.
  [1900, candidate('http', isHttp)],
  [5353, candidate('mdns', isDns)],
  [5355, candidate('llmnr', isDns)],
  [tunnelPort.l2tp, tunnel('l2tp')],
  [tunnelPort.vxlan, tunnel('vxlan')],
  [tunnelPort.vxlanOfLinux, tunnel('vxlan')],
  [tunnelPort.geneve, tunnel('geneve')],
]);

const tcpPorts: ReadonlyMap<number, Candidate> = new Map([[53, candidate('dns-tcp', isDnsOverTcp)]]);

const udpContents: readonly Candidate[] = [candidate('quic', isQuic)];
const tcpContents: readonly Candidate[] = [candidate('tls', isTls), candidate('http', isHttp)];

/** Finds the decoder of a payload, from `start` up to `end`, given its two ports. */
type Chooser = (bytes: Uint8Array, start: number, end: number, source: number, destination: number) => Protocol;

function chooser(ports: ReadonlyMap<number, Candidate>, contents: readonly Candidate[]): Chooser {
  return (bytes, start, end, source, destination) => {
    if (start >= Math.min(end, bytes.length)) return 'data';
    const byPort = [ports.get(destination), ports.get(source)].filter((row) => row !== undefined);
    const found = [...byPort, ...contents].find(({ recognise }) => recognise(bytes, start, end));
    return found?.protocol ?? 'data';
  };
}

/** Chooses for datagrams. */
export const udpPayload = chooser(udpPorts, udpContents);

/** Chooses for segments. */
export const tcpPayload = chooser(tcpPorts, tcpContents);
