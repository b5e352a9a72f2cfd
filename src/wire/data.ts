/** Bytes that no decoder reads: counted, not copied. */

import type { Decoded, Decoder } from './decoder.ts';
import type { Layer } from './layer.ts';

/** A layer of bytes that stay bytes, from `offset` up to `end` or to where the capture stops. */
export function dataLayer(bytes: Uint8Array, offset: number, end: number, title: string): Layer {
  const length = Math.max(0, Math.min(end, bytes.length) - offset);
  const text = length === 1 ? '1 byte' : `${length} bytes`;
  const field = { name: 'data.len', label: 'Length', value: length, text, offset, length };
  return { protocol: 'data', title, offset, length, fields: [field] };
}

/** Payload, non-first fragments, and protocols that are not decoded. */
export const decodeData: Decoder = (bytes, offset, end): Decoded => ({
  layer: dataLayer(bytes, offset, end, 'Data'),
  payload: null,
  error: null,
});
