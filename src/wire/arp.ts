/** Address Resolution Protocol, RFC 826. */

import { ipv4Length, macLength, readIpv4, readMac } from './address.ts';
import { readHex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';

const at = { hardwareType: 0, protocolType: 2, hardwareSize: 4, protocolSize: 5, operation: 6, addresses: 8 };
const shortLength = 2;

const opcodes: ReadonlyMap<number, string> = new Map([
  [1, 'request'],
  [2, 'reply'],
  [3, 'RARP request'],
  [4, 'RARP reply'],
]);

const hardwareTypes: ReadonlyMap<number, string> = new Map([[1, 'Ethernet']]);

/** Decodes an ARP message; addresses other than Ethernet's and IPv4's are hex (`arp.src.hw`, `arp.src.proto`). */
export const decodeArp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('arp', 'Address Resolution Protocol', bytes, offset, end);
  header.number('arp.hw.type', 'Hardware type', at.hardwareType, shortLength, named(hardwareTypes, 4));
  header.number('arp.proto.type', 'Protocol type', at.protocolType, shortLength, ethertypeText);
  const hardware = header.number('arp.hw.size', 'Hardware size', at.hardwareSize, 1);
  const protocol = header.number('arp.proto.size', 'Protocol size', at.protocolSize, 1);
  header.number('arp.opcode', 'Opcode', at.operation, shortLength, named(opcodes, 4));
  // A header that itself was cut has no sizes to go by.
  const length = header.has(at.addresses) ? at.addresses + 2 * (hardware + protocol) : at.addresses;

  let place = at.addresses;
  for (const [side, who] of [
    ['src', 'Sender'],
    ['dst', 'Target'],
  ] as const) {
    if (length === at.addresses) break;
    if (hardware === macLength) header.address(`arp.${side}.hw_mac`, `${who} MAC address`, place, macLength, readMac);
    else header.address(`arp.${side}.hw`, `${who} hardware address`, place, hardware, hexOf(hardware));
    place += hardware;
    if (protocol === ipv4Length) {
      header.address(`arp.${side}.proto_ipv4`, `${who} IP address`, place, ipv4Length, readIpv4);
    } else header.address(`arp.${side}.proto`, `${who} protocol address`, place, protocol, hexOf(protocol));
    place += protocol;
  }
  return { layer: header.layer(length), payload: null, error: header.shortage(length, context) };
};

function hexOf(length: number): (bytes: Uint8Array, offset: number) => string {
  return (bytes, offset) => readHex(bytes, offset, offset + length);
}
