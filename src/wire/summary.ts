/**
 * One line about a frame, for people: what its innermost packet says, and from where to where. It may hold text from the
 * packet (a name, a target) as it stands there: whoever draws it escapes it.
 */

import { formatEndpoint } from '../inet/address.ts';
import { applicationSummary, isApplicationLayer } from './application-summary.ts';
import { erspanText } from './erspan.ts';
import { fieldValue, numberOf, textOf } from './fields.ts';
import { geneveText } from './geneve.ts';
import { summarizeGre } from './gre.ts';
import { icmpText } from './icmp-names.ts';
import { icmpv6Text } from './icmpv6-names.ts';
import { summarizeIgmp } from './igmp.ts';
import { summarizeIpsec } from './ipsec.ts';
import { l2tpText } from './l2tp.ts';
import type { Dissection, Layer } from './layer.ts';
import { llcText } from './llc.ts';
import { mplsText } from './mpls.ts';
import { ethertypeNames, ipProtocolNames } from './numbers.ts';
import { summarizeCiscoHdlc, summarizePpp } from './ppp.ts';
import { pppoeText } from './pppoe.ts';
import { summarizeStp } from './stp.ts';
import { tcpFlagsText } from './tcp.ts';
import { tunnelsAround } from './tunnels.ts';
import { vxlanText } from './vxlan.ts';

const resetMask = 0x004;
const synMask = 0x002;
/** Flags that change the connection: said of a segment with payload too, behind what the payload says. */
const connectionMask = 0x007;
const arpReply = 2;
const fragmentUnit = 8;

interface Ends {
  readonly source: string;
  readonly destination: string;
}

function addresses(network: Layer | undefined): Ends {
  if (network === undefined) return { source: '?', destination: '?' };
  const { protocol } = network;
  return { source: textOf(network, `${protocol}.src`), destination: textOf(network, `${protocol}.dst`) };
}

function withPorts(network: Layer | undefined, transport: Layer): string {
  const ends = addresses(network);
  const port = (side: string): string => textOf(transport, `${transport.protocol}.${side}port`);
  return `${formatEndpoint(ends.source, port('src'))} > ${formatEndpoint(ends.destination, port('dst'))}`;
}

function withoutPorts(network: Layer | undefined): string {
  const ends = addresses(network);
  return `${ends.source} > ${ends.destination}`;
}

function tcp(layer: Layer, network: Layer | undefined): string {
  const flags = numberOf(layer, 'tcp.flags');
  const parts = [flags === null ? 'TCP' : tcpFlagsText(flags), withPorts(network, layer)];
  if (flags === null || (flags & resetMask) !== 0) return parts.join(' ');
  const window = numberOf(layer, 'tcp.window_size_value');
  const opening = (flags & synMask) !== 0;
  // Later windows are scaled by a shift that this frame does not know; 0 is 0 at any scale.
  if (window !== null && (opening || window === 0)) parts.push(`win ${window}`);
  const segment = numberOf(layer, 'tcp.options.mss_val');
  if (opening && segment !== null) parts.push(`mss ${segment}`);
  const length = numberOf(layer, 'tcp.len') ?? 0;
  if (length > 0) parts.push(`len ${length}`);
  return parts.join(' ');
}

function udp(layer: Layer, network: Layer | undefined): string {
  const headerLength = 8;
  const length = numberOf(layer, 'udp.length') ?? 0;
  const payload = length > headerLength ? ` len ${length - headerLength}` : '';
  return `UDP ${withPorts(network, layer)}${payload}`;
}

/** What the messages of an application say, and from where to where; they are the last of the layers. */
function application(layers: readonly Layer[]): string {
  const last = layers.at(-1);
  const start = layers.findLastIndex(({ protocol }) => protocol !== last?.protocol) + 1;
  const transport = layers[start - 1];
  const parts = [applicationSummary(layers.slice(start))];
  if (transport !== undefined) parts.push(withPorts(layers[start - 2], transport));
  const flags = transport && numberOf(transport, 'tcp.flags');
  if (flags && (flags & connectionMask) !== 0) parts.push(tcpFlagsText(flags & connectionMask));
  return parts.join(' ');
}

function arp(layer: Layer): string {
  const sender = textOf(layer, 'arp.src.proto_ipv4');
  const target = textOf(layer, 'arp.dst.proto_ipv4');
  const opcode = numberOf(layer, 'arp.opcode');
  if (opcode === arpReply) return `${sender} is at ${textOf(layer, 'arp.src.hw_mac')}`;
  return opcode === 1 ? `who has ${target}? tell ${sender}` : `ARP opcode ${opcode ?? '?'} ${sender} > ${target}`;
}

function icmp(layer: Layer, network: Layer | undefined, quote: string | null): string {
  const parts = [
    'ICMP',
    icmpText(numberOf(layer, 'icmp.type') ?? 0, numberOf(layer, 'icmp.code') ?? 0),
    withoutPorts(network),
  ];
  const identifier = numberOf(layer, 'icmp.ident');
  if (identifier !== null)
    parts.push(`id ${identifier} seq ${fieldValue(layer, 'icmp.seq') ?? textOf(layer, 'icmp.ext.echo.seq')}`);
  const gateway = fieldValue(layer, 'icmp.redir_gw');
  if (gateway !== null) parts.push(`to ${gateway}`);
  const mtu = numberOf(layer, 'icmp.mtu');
  if (mtu !== null) parts.push(`mtu ${mtu}`);
  if (quote !== null) parts.push(`(about ${quote})`);
  return parts.join(' ');
}

function icmpv6(layer: Layer, network: Layer | undefined, quote: string | null): string {
  const link = fieldValue(layer, 'icmpv6.opt.linkaddr');
  const asked = fieldValue(layer, 'icmpv6.nd.ns.target_address');
  if (asked !== null) return `who has ${asked}? tell ${addresses(network).source}`;
  const told = fieldValue(layer, 'icmpv6.nd.na.target_address');
  if (told !== null && link !== null) return `${told} is at ${link}`;
  const parts = [
    'ICMPv6',
    icmpv6Text(numberOf(layer, 'icmpv6.type') ?? 0, numberOf(layer, 'icmpv6.code') ?? 0),
    withoutPorts(network),
  ];
  const identifier = numberOf(layer, 'icmpv6.echo.identifier');
  if (identifier !== null) parts.push(`id ${identifier} seq ${textOf(layer, 'icmpv6.echo.sequence_number')}`);
  const mtu = numberOf(layer, 'icmpv6.mtu');
  if (mtu !== null) parts.push(`mtu ${mtu}`);
  if (quote !== null) parts.push(`(about ${quote})`);
  return parts.join(' ');
}

function ip(layer: Layer): string {
  const v4 = layer.protocol === 'ip';
  const carried = layer.fields.findLast((field) => field.name === 'ip.proto' || /^ipv6\..*nxt$/.test(field.name));
  const number = typeof carried?.value === 'number' ? carried.value : null;
  const name = number === null ? 'IP' : (ipProtocolNames.get(number) ?? `IP protocol ${number}`);
  const fragment = numberOf(layer, v4 ? 'ip.frag_offset' : 'ipv6.fraghdr.offset') ?? 0;
  if (fragment === 0) return `${name} ${withoutPorts(layer)}`;
  const identification = layer.fields.find((field) => field.name === (v4 ? 'ip.id' : 'ipv6.fraghdr.ident'))?.text;
  return `${name} fragment ${withoutPorts(layer)} id ${identification ?? '?'} at byte ${fragment * fragmentUnit}`;
}

/** What an Ethernet frame carries, behind its tags and LLC, when nothing of that is decoded. */
function ethernet(layer: Layer, tags: readonly Layer[]): string {
  const ends = `${textOf(layer, 'eth.src')} > ${textOf(layer, 'eth.dst')}`;
  const llc = tags.find(({ protocol }) => protocol === 'llc');
  if (llc !== undefined) return `${llcText(llc)} ${ends}`;
  const innermost = tags.findLast(({ protocol }) => protocol === 'vlan' || protocol === 'ieee8021ad') ?? layer;
  const type = numberOf(innermost, `${innermost.protocol}.${innermost === layer ? 'type' : 'etype'}`);
  const name = type === null ? 'Ethernet' : (ethertypeNames.get(type) ?? `EtherType 0x${type.toString(16)}`);
  return `${name} ${ends}`;
}

/** Layers that say nothing of their own: the packet inside them does, else the frame around them. */
const silent: ReadonlySet<string> = new Set(['data', 'vlan', 'ieee8021ad', 'llc', 'sll', 'null', 'pwethcw', 'cmd']);

/** What the packet in these layers says; `quote` is what an ICMP error among them is about. */
function say(layers: readonly Layer[], quote: string | null): string | null {
  const index = layers.findLastIndex((layer) => !silent.has(layer.protocol));
  const layer = layers[index];
  if (layer === undefined) return null;
  if (isApplicationLayer(layer)) return application(layers.slice(0, index + 1)) + tunnelsAround(layers, index);
  const network = layers.slice(0, index).findLast(({ protocol }) => protocol === 'ip' || protocol === 'ipv6');
  return innermost(layer, network, layers.slice(index + 1), quote) + tunnelsAround(layers, index);
}

/** What a layer says that has nothing but silent ones inside it. */
function innermost(layer: Layer, network: Layer | undefined, inside: readonly Layer[], quote: string | null): string {
  switch (layer.protocol) {
    case 'tcp':
      return tcp(layer, network);
    case 'udp':
      return udp(layer, network);
    case 'arp':
      return arp(layer);
    case 'icmp':
      return icmp(layer, network, quote);
    case 'icmpv6':
      return icmpv6(layer, network, quote);
    case 'igmp':
      return summarizeIgmp(layer, withoutPorts(network));
    case 'ip':
    case 'ipv6':
      return ip(layer);
    case 'ah':
    case 'esp':
      return summarizeIpsec(layer, withoutPorts(network));
    case 'gre':
      return summarizeGre(layer, withoutPorts(network));
    case 'erspan':
      return `${erspanText(layer)} ${withoutPorts(network)}`;
    case 'vxlan':
      return `${vxlanText(layer)} ${withoutPorts(network)}`;
    case 'geneve':
      return `${geneveText(layer)} ${withoutPorts(network)}`;
    case 'l2tp':
      return `${l2tpText(layer)} ${withoutPorts(network)}`;
    case 'mpls':
      return mplsText(layer);
    case 'pppoed':
    case 'pppoes':
      return pppoeText(layer);
    case 'ppp':
      return summarizePpp(layer);
    case 'chdlc':
      return summarizeCiscoHdlc(layer);
    case 'stp':
      return summarizeStp(layer);
    default:
      return ethernet(layer, inside);
  }
}

/** What a quoted packet was: its protocol and ends, without the details of its header. */
function sayQuote(layers: readonly Layer[]): string | null {
  const last = layers.findLast((layer) => layer.protocol !== 'data');
  if (last === undefined) return null;
  if (last.protocol === 'tcp' || last.protocol === 'udp') {
    const network = layers.slice(0, layers.indexOf(last)).findLast(({ protocol }) => ['ip', 'ipv6'].includes(protocol));
    return `${last.protocol.toUpperCase()} ${withPorts(network, last)}`;
  }
  return say(layers, null);
}

/** The frame in one line: `SYN 10.88.0.10:53620 > 10.88.0.1:19001 win 64240 mss 1460`. Text of the packet is raw. */
export function summarize(dissection: Dissection): string {
  const own = dissection.layers.filter((layer) => layer.quoted !== true);
  const quoted = dissection.layers.filter((layer) => layer.quoted === true);
  const first = own.at(0);
  const plain = first === undefined ? 'no bytes' : `${first.title}, ${first.length} bytes`;
  const text = say(own, sayQuote(quoted)) ?? plain;
  return dissection.error === null ? text : `${text}, malformed ${dissection.error.protocol}`;
}
