/**
 * Encapsulated Remote Switch Port Analyzer, types II and III: mirrored frames in GRE, as draft-foschiano-erspan lays
 * them out.
 */

import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { textOf } from './fields.ts';
import type { Layer } from './layer.ts';

const at = { versionAndVlan: 0, classAndSession: 2, index: 4, timestamp: 4, groupTag: 8, typeAndFlags: 10 };
const shortLength = 2;
const longLength = 4;
const mask = { version: 0xf000, vlan: 0x0fff, class: 0xe000, truncated: 0x0400, session: 0x03ff, index: 0x000fffff };
const platformMask = 0x0001;

const typeThree = 2;
const versions: ReadonlyMap<number, string> = new Map([
  [1, 'type II'],
  [typeThree, 'type III'],
]);
const typeTwoLength = at.index + longLength;
const typeThreeLength = at.typeAndFlags + shortLength;
const platformLength = 8;

/** Decodes the header before a mirrored frame. */
export const decodeErspan: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('erspan', 'Encapsulated Remote Switch Port Analyzer', bytes, offset, end);
  const version = header.bits(
    'erspan.version',
    'Version',
    at.versionAndVlan,
    shortLength,
    mask.version,
    named(versions),
  );
  header.bits('erspan.vlan', 'VLAN', at.versionAndVlan, shortLength, mask.vlan);
  header.bits('erspan.cos', 'Class of service', at.classAndSession, shortLength, mask.class);
  header.bits('erspan.truncated', 'Truncated', at.classAndSession, shortLength, mask.truncated);
  header.bits('erspan.spanid', 'Session', at.classAndSession, shortLength, mask.session);
  if (version !== typeThree) {
    header.bits('erspan.index', 'Index', at.index, longLength, mask.index);
    const protocol = versions.has(version) ? 'eth' : 'data';
    return header.decoded(typeTwoLength, context, header.rest(typeTwoLength, protocol, context));
  }
  header.number('erspan.timestamp', 'Timestamp', at.timestamp, longLength);
  header.number('erspan.sgt', 'Security group', at.groupTag, shortLength);
  const platform = header.bits('erspan.o', 'Platform header', at.typeAndFlags, shortLength, platformMask);
  const length = typeThreeLength + platform * platformLength;
  return header.decoded(length, context, header.rest(length, 'eth', context));
};

/** `ERSPAN 666`, by its session. */
export function erspanText(layer: Layer): string {
  return `ERSPAN ${textOf(layer, 'erspan.spanid')}`;
}
