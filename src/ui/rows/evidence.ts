/** The evidence pane: what supports the selected hop, by kind, verbatim. */

import type { EvidenceItem, Hop } from '../../diagnose/diagnosis.ts';
import type { Line } from '../line.ts';
import { line, plain } from '../line.ts';
import { printable, printableLines, wrap } from '../text.ts';
import { placeText } from './words.ts';

type Kind = EvidenceItem['kind'];

/** From what proves most to what proves least. */
const kinds: readonly (readonly [Kind, string])[] = [
  ['kernel', 'The kernel said'],
  ['frame', 'Frames show'],
  ['snapshot', 'The state of the host says'],
  ['model', 'The model says'],
];

function quote(text: string, width: number): Line[] {
  return printableLines(text).flatMap((row) => wrap(`    ${row}`, width, 6).map(plain));
}

function itemLines(item: EvidenceItem, width: number): Line[] {
  const head = (text: string): Line[] => wrap(`  ${text}`, width, 4).map(plain);
  if (item.kind === 'kernel') return [...head(printable(item.event)), ...quote(item.text, width)];
  if (item.kind === 'frame') return head(`frame ${item.frame}: ${printable(item.text)}`);
  if (item.kind === 'model') return head(printable(item.text));
  return [...head(`in ${printable(item.netns)}: ${printable(item.command)}`), ...quote(item.text, width)];
}

/** All rows of a hop's evidence at this width. */
export function evidenceLines(hop: Hop | null, width: number): Line[] {
  if (!hop) return [plain('  No hop is selected.')];
  const place = placeText(hop.netns, hop.device, width);
  const lines = wrap(`${place}, ${hop.stage}: ${hop.verdict}. ${printable(hop.detail)}`, width).map((text) =>
    line(text, 'strong'),
  );
  if (hop.evidence.length === 0) lines.push(plain('Nothing was collected that shows this hop.'));
  for (const [kind, title] of kinds) {
    const items = hop.evidence.filter((item) => item.kind === kind);
    if (items.length === 0) continue;
    lines.push(plain(title), ...items.flatMap((item) => itemLines(item, width)));
  }
  return lines;
}
