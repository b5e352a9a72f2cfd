/** Frames as lines: one a frame for people, one JSON document a frame for programs (NDJSON). */

import type { Frame } from '../case/evidence.ts';
import { directionOf, type FrameNotes } from '../case/notes.ts';
import { formatTime } from '../diagnose/time.ts';
import { describeError } from '../wire/describe.ts';
import type { Dissection, Field, Layer } from '../wire/layer.ts';
import { summarize } from '../wire/summary.ts';
import { escapeText } from './escape.ts';
import { escapeJson } from './json.ts';

const nsPerMicrosecond = 1000n;
const microsecondsPerSecond = 1_000_000n;

/** A span of time in seconds with six decimals, cut: `-0.000005`. */
export function formatSpan(spanNs: bigint): string {
  const sign = spanNs < 0n ? '-' : '';
  const microseconds = (spanNs < 0n ? -spanNs : spanNs) / nsPerMicrosecond;
  const fraction = String(microseconds % microsecondsPerSecond).padStart(6, '0');
  return `${sign}${microseconds / microsecondsPerSecond}.${fraction}`;
}

/** A frame, what it decodes into, and the name of its interface where it has one. */
export interface FrameReading {
  readonly frame: Frame;
  readonly dissection: Dissection;
  readonly interfaceName: string | null;
}

/** Columns wide enough for a million frames and a day; longer values push what follows to the right. */
const numberWidth = 6;
const timeWidth = 12;

/**
 * `     1      0.000000  eth0  SYN 10.0.0.1:1 > 10.0.0.2:2`, escaped, with a line feed.
 *
 * @param firstNs When the first frame was captured.
 * @param interfaceWidth Columns for the interface's name; null leaves it out.
 */
export function formatFrameLine(reading: FrameReading, firstNs: bigint, interfaceWidth: number | null): string {
  const { frame, dissection, interfaceName } = reading;
  const columns = [String(frame.number).padStart(numberWidth), formatSpan(frame.timeNs - firstNs).padStart(timeWidth)];
  if (interfaceWidth !== null) columns.push(escapeText(interfaceName ?? '-').padEnd(interfaceWidth));
  columns.push(escapeText(summarize(dissection)));
  for (const comment of frame.notes?.comments ?? []) columns.push(`# ${escapeText(comment)}`);
  return `${columns.join('  ')}\n`;
}

/** A field that occurs several times in a layer becomes a list. */
function fieldValues(fields: readonly Field[]): Record<string, Field['value'] | Field['value'][]> {
  const values: Record<string, Field['value'] | Field['value'][]> = {};
  for (const { name, value } of fields) {
    const before = values[name];
    if (before === undefined) values[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else values[name] = [before, value];
  }
  return values;
}

function layerValue({ protocol, offset, length, fields, quoted }: Layer): object {
  return { protocol, offset, length, fields: fieldValues(fields), ...(quoted && { quoted }) };
}

function notesValue(notes: FrameNotes): object {
  const direction = directionOf(notes);
  return {
    ...(notes.comments.length > 0 && { comments: notes.comments }),
    ...(direction !== null && { direction }),
    ...(notes.dropped !== null && { dropped: notes.dropped }),
  };
}

/** One JSON document on one line, with a line feed; docs/json.md has its fields. */
export function formatFrameJson({ frame, dissection, interfaceName }: FrameReading): string {
  const value = {
    number: frame.number,
    time: formatTime(frame.timeNs),
    interface: interfaceName,
    length: frame.originalLength,
    captured: frame.bytes.length,
    layers: dissection.layers.map(layerValue),
    ...(dissection.error !== null && { error: describeError(dissection.error) }),
    ...(frame.notes && notesValue(frame.notes)),
  };
  return `${escapeJson(JSON.stringify(value))}\n`;
}
