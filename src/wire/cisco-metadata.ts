/**
 * Cisco MetaData: the security group tag (SGT) of TrustSec, between an EtherType and the one that it stands before. After
 * Ethernet that one comes last, after GRE it comes first.
 */

import { type Decoded, type Decoder, Header } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';
import { ethertypeDecoder } from './numbers.ts';

const afterEthernet = { version: 0, length: 1, options: 2, groupTag: 4, type: 6 };
const afterGre: typeof afterEthernet = { type: 0, version: 2, length: 3, options: 4, groupTag: 6 };
const shortLength = 2;
const headerLength = 8;

/** The one form that is in use: a single option, the group tag. */
function decoder(at: typeof afterEthernet): Decoder {
  return (bytes, offset, end, context): Decoded => {
    const header = new Header('cmd', 'Cisco MetaData', bytes, offset, end);
    header.number('cmd.version', 'Version', at.version, 1);
    header.number('cmd.length', 'Length', at.length, 1);
    header.number('cmd.options', 'Options', at.options, shortLength);
    header.number('cmd.sgt', 'Security group', at.groupTag, shortLength);
    const type = header.number('cmd.type', 'Type', at.type, shortLength, ethertypeText);
    return header.decoded(headerLength, context, header.rest(headerLength, ethertypeDecoder(type), context));
  };
}

/** Decodes the header after an EtherType of Ethernet. */
export const decodeCiscoMetadata = decoder(afterEthernet);

/** Decodes the header after GRE. */
export const decodeCiscoMetadataInGre = decoder(afterGre);
