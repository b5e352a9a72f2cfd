/**
 * The layers of a frame as a tree that opens and closes: what the layers pane shows and the bytes pane marks.
 */

import type { DecodeError, Dissection, Field, Layer } from '../wire/layer.ts';

/** Bytes of a frame. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** One visible node. Ids name protocol and field, so that the same field stays selected from frame to frame. */
export type TreeNode = { readonly id: string; readonly range: ByteRange } & (
  | { readonly kind: 'layer'; readonly layer: Layer; readonly open: boolean }
  | { readonly kind: 'field'; readonly field: Field; readonly parent: string; readonly quoted: boolean }
  | { readonly kind: 'error'; readonly error: DecodeError }
  | { readonly kind: 'truncated' }
);

/** Gives equal names distinct ids: `ip`, `ip#2`. */
function counter(): (name: string) => string {
  const seen = new Map<string, number>();
  return (name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  };
}

/** The visible nodes: all layers, and the fields of those whose id is in `open`. */
export function treeNodes(dissection: Dissection, open: ReadonlySet<string>): TreeNode[] {
  const nodes: TreeNode[] = [];
  const layerId = counter();
  for (const layer of dissection.layers) {
    const id = layerId(layer.protocol);
    nodes.push({ kind: 'layer', id, layer, open: open.has(id), range: layer });
    if (!open.has(id)) continue;
    const fieldId = counter();
    for (const field of layer.fields) {
      const quoted = layer.quoted === true;
      nodes.push({ kind: 'field', id: `${id}/${fieldId(field.name)}`, parent: id, field, quoted, range: field });
    }
  }
  const { error } = dissection;
  if (error) {
    const range = { offset: error.offset, length: error.kind === 'too-short' ? error.have : 0 };
    nodes.push({ kind: 'error', id: '!error', error, range });
  }
  if (dissection.truncated) nodes.push({ kind: 'truncated', id: '!truncated', range: { offset: 0, length: 0 } });
  return nodes;
}
