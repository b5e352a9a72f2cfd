/** One line about a message of an application protocol, without its ends. */

import { dhcpSummary } from './dhcp.ts';
import { dhcpv6Summary } from './dhcpv6.ts';
import { dnsSummary } from './dns-summary.ts';
import { httpSummary } from './http.ts';
import type { Layer } from './layer.ts';
import { ntpSummary } from './ntp.ts';
import { quicSummary } from './quic.ts';
import { tlsSummary } from './tls-summary.ts';

/** UTF-16 units: a name and some addresses fit; a target may be as long as a segment. */
const longestSummary = 300;

/** Takes the messages of one packet, one or more. */
type Summary = (layers: readonly Layer[]) => string;

function each(one: (layer: Layer) => string): Summary {
  return (layers) => layers.map(one).join('; ');
}

/** By the layers' protocol. */
const summaries: ReadonlyMap<string, Summary> = new Map([
  ['dhcp', each(dhcpSummary)],
  ['dhcpv6', each(dhcpv6Summary)],
  ['dns', each(dnsSummary)],
  ['http', httpSummary],
  ['llmnr', each(dnsSummary)],
  ['mdns', each(dnsSummary)],
  ['ntp', each(ntpSummary)],
  ['quic', quicSummary],
  ['tls', each(tlsSummary)],
]);

/** True for a layer that `applicationSummary` has words for. */
export function isApplicationLayer({ protocol }: Layer): boolean {
  return summaries.has(protocol);
}

/**
 * What the messages of one protocol in one packet say: `DNS query 0x1a2b A www.example.org`. It holds text from the
 * packet, raw, and is cut at a bound.
 */
export function applicationSummary(layers: readonly Layer[]): string {
  const text = summaries.get(layers[0]?.protocol ?? '')?.(layers) ?? '';
  return text.length > longestSummary ? `${text.slice(0, longestSummary)}…` : text;
}
