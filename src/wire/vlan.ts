/** VLAN tags: customer (802.1Q) and service (802.1ad) tags, IEEE 802.1Q-2022 section 9. */

import { type Decoded, type Decoder, Header } from './decoder.ts';
import { ethertypeText, isLength, typedPayload } from './ethernet.ts';

const at = { control: 0, type: 2 };
const controlLength = 2;
const typeLength = 2;
const tagLength = at.type + typeLength;

const priorityMask = 0xe000;
const dropEligibleMask = 0x1000;
const identifierMask = 0x0fff;

function decoder(protocol: 'vlan' | 'ieee8021ad', title: string): Decoder {
  return (bytes, offset, end, context): Decoded => {
    const header = new Header(protocol, title, bytes, offset, end);
    header.bits(`${protocol}.priority`, 'Priority', at.control, controlLength, priorityMask);
    header.flag(`${protocol}.dei`, 'Drop eligible', at.control, controlLength, dropEligibleMask);
    header.bits(`${protocol}.id`, 'VLAN', at.control, controlLength, identifierMask);
    const type = header.peek(at.type, typeLength);
    if (isLength(type)) header.number(`${protocol}.len`, 'Length', at.type, typeLength);
    else header.number(`${protocol}.etype`, 'Type', at.type, typeLength, ethertypeText);
    const payload = typedPayload(type, header.rest(tagLength, 'data', context), `${protocol}.len`);
    return header.decoded(tagLength, context, payload);
  };
}

/** Decodes an 802.1Q tag, after its EtherType 0x8100, or 0x9100 of the time before 802.1ad. */
export const decodeVlan = decoder('vlan', '802.1Q Virtual LAN');

/** Decodes an 802.1ad service tag (QinQ's outer one), after its EtherType 0x88a8. */
export const decodeServiceTag = decoder('ieee8021ad', '802.1ad Service Tag');
