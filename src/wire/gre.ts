/**
 * Generic Routing Encapsulation, RFC 2784, with key and sequence number (RFC 2890), routing (RFC 1701), and the enhanced
 * version of PPTP (RFC 2637 section 4.1).
 */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, type Protocol } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';
import { numberOf } from './fields.ts';
import type { Layer } from './layer.ts';
import { ethertypeDecoder, ethertypeNames } from './numbers.ts';

const at = { flagsAndVersion: 0, protocol: 2, optional: 4 };
const shortLength = 2;
const longLength = 4;

const flagMask = {
  checksum: 0x8000,
  routing: 0x4000,
  key: 0x2000,
  sequence: 0x1000,
  strictSourceRoute: 0x0800,
  recursion: 0x0700,
  acknowledgement: 0x0080,
};
const versionMask = 0x0007;
const enhanced = 1;

/** Within a source route entry (RFC 1701); its length counts the routing information alone. */
const route = { family: 0, offset: 2, length: 3, information: 4 };

/** Routers ask each other with no protocol whether the tunnel is alive. */
const keepAlive = 0;
const erspan = 0x88be;
const ciscoMetadata = 0x8909;

/** Adds source route entries from `start` on, up to the empty one; gives where they end. */
function addRouting(header: Header, start: number): number {
  for (let place = start; ; ) {
    const family = header.number('gre.routing.address_family', 'Address family', place + route.family, shortLength);
    header.number('gre.routing.sre_offset', 'Offset in source route', place + route.offset, 1);
    const length = header.number('gre.routing.src_length', 'Source route length', place + route.length, 1);
    header.opaque('gre.routing.information', 'Routing information', place + route.information, length);
    place += route.information + length;
    if ((family === 0 && length === 0) || !header.has(place)) return place;
  }
}

function carried(protocol: number, flags: number): Protocol {
  // ERSPAN type I has no header of its own; type II is told by GRE's sequence number.
  if (protocol === erspan && (flags & flagMask.sequence) === 0) return 'eth';
  if (protocol === ciscoMetadata) return 'cmd-gre';
  return ethertypeDecoder(protocol);
}

/** Decodes a GRE header. PPTP's states the length of its payload, and none without a sequence number. */
export const decodeGre: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('gre', 'Generic Routing Encapsulation', bytes, offset, end);
  const flags = header.number('gre.flags_and_version', 'Flags and version', at.flagsAndVersion, shortLength, (value) =>
    hex(value, 4),
  );
  const flag = (name: string, label: string, mask: number): boolean =>
    header.flag(`gre.flags.${name}`, label, at.flagsAndVersion, shortLength, mask);
  const withChecksum = flag('checksum', 'Checksum present', flagMask.checksum);
  const withRouting = flag('routing', 'Routing present', flagMask.routing);
  const withKey = flag('key', 'Key present', flagMask.key);
  const withSequence = flag('sequence_number', 'Sequence number present', flagMask.sequence);
  flag('strict_source_route', 'Strict source route', flagMask.strictSourceRoute);
  header.bits('gre.flags.recursion_control', 'Recursion control', at.flagsAndVersion, shortLength, flagMask.recursion);
  const version = flags & versionMask;
  const withAcknowledgement = version === enhanced && flag('ack', 'Acknowledgement present', flagMask.acknowledgement);
  header.bits('gre.flags.version', 'Version', at.flagsAndVersion, shortLength, versionMask);
  const protocol = header.number('gre.proto', 'Protocol', at.protocol, shortLength, ethertypeText);

  let length = at.optional;
  if (withChecksum || withRouting) {
    header.number('gre.checksum', 'Checksum', length, shortLength, (value) => hex(value, 4));
    header.number('gre.offset', 'Offset', length + shortLength, shortLength);
    length += longLength;
  }
  let payloadLength: number | null = null;
  if (withKey) {
    if (version === enhanced) {
      payloadLength = header.number('gre.key.payload_length', 'Payload length', length, shortLength);
      header.number('gre.key.call_id', 'Call', length + shortLength, shortLength);
    } else header.number('gre.key', 'Key', length, longLength, (value) => `${value} (${hex(value, 8)})`);
    length += longLength;
  }
  if (withSequence) {
    header.number('gre.sequence_number', 'Sequence number', length, longLength);
    length += longLength;
  }
  if (withAcknowledgement) {
    header.number('gre.ack_number', 'Acknowledgement number', length, longLength);
    length += longLength;
  }
  if (withRouting) length = addRouting(header, length);

  const rest = header.rest(length, carried(protocol, flags), context);
  if (payloadLength === null) return header.decoded(length, context, rest);
  const stated = Math.min(rest.end, rest.offset + payloadLength);
  const payload = withSequence ? { ...rest, end: stated, limitedBy: 'gre.key.payload_length' } : null;
  return header.decoded(length, context, payload);
};

/** `GRE`, with its key where it has one: `GRE key 7`. */
export function greText(layer: Layer): string {
  const key = numberOf(layer, 'gre.key');
  return key === null ? 'GRE' : `GRE key ${key}`;
}

/** What GRE says when nothing inside it is decoded: `GRE key 7 10.0.0.1 > 10.0.0.2 WCCP`. */
export function summarizeGre(layer: Layer, ends: string): string {
  const protocol = numberOf(layer, 'gre.proto') ?? keepAlive;
  const name = protocol === keepAlive ? 'keep-alive' : (ethertypeNames.get(protocol) ?? `protocol ${hex(protocol, 4)}`);
  return `${greText(layer)} ${ends} ${name}`;
}
