/** The layers pane: nested headers that open into fields. */

import { describeError } from '../../wire/describe.ts';
import type { Field, Layer } from '../../wire/layer.ts';
import type { Line, Rows, Span } from '../line.ts';
import { plain, windowStart } from '../line.ts';
import { cells, cut, fit, printable } from '../text.ts';
import type { TreeNode } from '../tree.ts';

/** From this width on fields show Wireshark's names, for filters and other tools. */
const namesFrom = 56;

/** Cells for Wireshark's name of a field. */
const nameWidth = 24;

function fieldText(layer: Layer, ending: RegExp): string | null {
  return layer.fields.find((field) => ending.test(field.name))?.text ?? null;
}

/** What a closed layer says of itself: its ends, where it has any. */
function layerSummary(layer: Layer): string {
  const source = fieldText(layer, /\.(src|srcport)$/);
  const destination = fieldText(layer, /\.(dst|dstport)$/);
  return source !== null && destination !== null ? `, ${printable(source)} > ${printable(destination)}` : '';
}

function layerLine(layer: Layer, open: boolean): Span[] {
  const indent = layer.quoted ? '  ' : '';
  const sign = layer.fields.length === 0 ? ' ' : open ? '-' : '+';
  const quoted = layer.quoted ? 'quoted ' : '';
  return [
    { text: `${indent}${sign} ` },
    { text: `${quoted}${printable(layer.title)}`, emphasis: 'strong' },
    { text: layerSummary(layer) },
  ];
}

function fieldLine(field: Field, quoted: boolean, room: number): Span[] {
  const text = `${quoted ? '  ' : ''}    ${printable(field.label)}: ${printable(field.text)}`;
  if (room < namesFrom) return [{ text: cut(text, room) }];
  const name = printable(field.name);
  return [{ text: `${fit(text, room - nameWidth - 1)} ${cut(name, nameWidth)}` }];
}

function nodeSpans(node: TreeNode, room: number): Span[] {
  if (node.kind === 'layer') return layerLine(node.layer, node.open);
  if (node.kind === 'field') return fieldLine(node.field, node.quoted, room);
  if (node.kind === 'error') return [{ text: printable(describeError(node.error)), emphasis: 'failed' }];
  return [{ text: 'The capture cut this frame short; the packet itself went on.' }];
}

/** Spans cut to `width` cells as one text. */
function cutSpans(spans: readonly Span[], width: number): Span[] {
  const kept: Span[] = [];
  let room = width;
  for (const span of spans) {
    const text = cut(span.text, room);
    if (text !== '') kept.push({ ...span, text });
    room -= cells(span.text);
    if (room <= 0) break;
  }
  return kept;
}

/** The visible nodes, `selectedIndex` among them. */
export function layerRows(nodes: readonly TreeNode[], selectedIndex: number, width: number, height: number): Rows {
  if (nodes.length === 0) return { lines: [plain('  No frame is selected.')], length: 1, offset: 0 };
  const offset = windowStart(nodes.length, height, selectedIndex);
  const lines = nodes.slice(offset, offset + height).map((node, row): Line => {
    const selected = offset + row === selectedIndex;
    const spans = [{ text: selected ? '> ' : '  ' }, ...nodeSpans(node, width - 2)];
    return { selected, spans: cutSpans(spans, width) };
  });
  return { lines, length: nodes.length, offset };
}
