/** Ways to ask a dissection for what it holds. */

import type { Dissection, Field, Layer } from './layer.ts';

/** The value of a layer's first field of that name (`tcp.srcport`); null when the layer has none. */
export function fieldValue(layer: Layer, name: string): Field['value'] | null {
  return layer.fields.find((field) => field.name === name)?.value ?? null;
}

/** The value of a layer's first field of that name if that is a number; null when the layer has none. */
export function numberOf(layer: Layer, name: string): number | null {
  const value = fieldValue(layer, name);
  return typeof value === 'number' ? value : null;
}

/** The values of all fields of that name, in wire order. */
export function valuesOf(layer: Layer, name: string): readonly Field['value'][] {
  return layer.fields.filter((field) => field.name === name).map(({ value }) => value);
}

/** The value of a layer's first field of that name, in words; `?` when the layer has none. */
export function textOf(layer: Layer, name: string): string {
  return String(fieldValue(layer, name) ?? '?');
}

/** The outermost layer of a protocol (`tcp`) that is the frame's own, not quoted by an ICMP error; null without one. */
export function findLayer(dissection: Dissection, protocol: string): Layer | null {
  return dissection.layers.find((layer) => layer.protocol === protocol && layer.quoted !== true) ?? null;
}
