/** VLAN tags: customer (802.1Q) and service (802.1ad) tags, IEEE 802.1Q-2022 section 9. */

import { type Decoded, type Decoder, Header } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';
import { ethertypeDecoder } from './numbers.ts';

const at = { control: 0, type: 2 };
const controlLength = 2;
const typeLength = 2;
const tagLength = at.type + typeLength;

const priorityShift = 13;
const dropEligibleMask = 0x1000;
const identifierMask = 0x0fff;

function decoder(protocol: 'vlan' | 'ieee8021ad', title: string): Decoder {
  return (bytes, offset, end, context): Decoded => {
    const header = new Header(protocol, title, bytes, offset, end);
    const control = header.peek(at.control, controlLength);
    header.add(`${protocol}.priority`, 'Priority', at.control, controlLength, control >> priorityShift);
    header.flag(`${protocol}.dei`, 'Drop eligible', at.control, controlLength, dropEligibleMask);
    header.add(`${protocol}.id`, 'VLAN', at.control, controlLength, control & identifierMask);
    const type = header.number(`${protocol}.etype`, 'Type', at.type, typeLength, ethertypeText);
    const layer = header.layer(tagLength);
    const error = header.shortage(tagLength, context);
    if (error !== null || !header.has(tagLength)) return { layer, payload: null, error };
    return { layer, payload: { ...context, protocol: ethertypeDecoder(type), offset: offset + tagLength, end }, error };
  };
}

/** Decodes an 802.1Q tag, after its EtherType 0x8100. */
export const decodeVlan = decoder('vlan', '802.1Q Virtual LAN');

/** Decodes an 802.1ad service tag, after its EtherType 0x88a8. */
export const decodeServiceTag = decoder('ieee8021ad', '802.1ad Service Tag');
