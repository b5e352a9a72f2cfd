/** IPv4 packets around the payloads of UDP and TCP, and the parts that such payloads are put together from. */
import { dissect } from '../../src/wire/dissect.ts';
import { fieldValue, valuesOf } from '../../src/wire/fields.ts';
import type { Dissection, Layer } from '../../src/wire/layer.ts';
import { bytesOf } from './frames.ts';

/** LINKTYPE_IPV4: a frame without a link layer. */
const linkTypeIpv4 = 228;

/** Puts bytes behind each other; a text is hex, as `bytesOf` takes it. */
export function join(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...(typeof part === 'string' ? bytesOf(part) : part)]));
}

/** Bytes of text in UTF-8. */
export function text(characters: string): Uint8Array {
  return new TextEncoder().encode(characters);
}

/** A number of `length` bytes, big-endian. */
export function number(value: number, length: number): Uint8Array {
  return bytesOf(value.toString(16).padStart(2 * length, '0'));
}

/** Bytes after their length, of `size` bytes. */
export function counted(size: number, ...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const bytes = join(...parts);
  return join(number(bytes.length, size), bytes);
}

/** A domain name without compression: `www.example.org`. */
export function domainName(name: string): Uint8Array {
  return join(...name.split('.').map((label) => counted(1, text(label))), '00');
}

function ipv4(protocol: number, payload: Uint8Array): Uint8Array {
  const headerLength = 20;
  const start = join('4500', number(headerLength + payload.length, 2), '00010000 40', number(protocol, 1), '0000');
  return join(start, '0a000001', '0a000002', payload);
}

/** A datagram from 10.0.0.1 to 10.0.0.2. */
export function udp(sourcePort: number, destinationPort: number, payload: Uint8Array): Uint8Array {
  const headerLength = 8;
  const ports = join(number(sourcePort, 2), number(destinationPort, 2));
  return ipv4(17, join(ports, number(headerLength + payload.length, 2), '0000', payload));
}

/** A segment from 10.0.0.1 to 10.0.0.2, with ACK, PSH and the `flags` of a hex byte. */
export function tcp(sourcePort: number, destinationPort: number, payload: Uint8Array, flags = '18'): Uint8Array {
  const ports = join(number(sourcePort, 2), number(destinationPort, 2));
  return ipv4(6, join(ports, '00000001 00000002 50', flags, 'faf0 0000 0000', payload));
}

/** Dissects a packet; one whose capture was cut when `captured` bytes are given. */
export function read(packet: Uint8Array, captured = packet.length): Dissection {
  return dissect(packet.subarray(0, captured), linkTypeIpv4, packet.length);
}

/** Names of the layers beyond IP and its transport. */
export function carried({ layers }: Dissection): readonly string[] {
  return layers.slice(2).map(({ protocol }) => protocol);
}

/** The first layer beyond the transport. */
export function application({ layers }: Dissection): Layer {
  const layer = layers[2];
  if (layer === undefined) throw new Error('nothing is carried');
  return layer;
}

/** All values of each named field of the first application layer; one value stands alone, none is null. */
export function values(dissection: Dissection, prefix: string, names: readonly string[]): unknown[] {
  const layer = application(dissection);
  return names.map((name) => {
    const all = valuesOf(layer, `${prefix}.${name}`);
    return all.length > 1 ? all : fieldValue(layer, `${prefix}.${name}`);
  });
}

/** The text of a field of the first application layer, as a person reads it. */
export function shown(dissection: Dissection, name: string): string | undefined {
  return application(dissection).fields.find((field) => field.name === name)?.text;
}
