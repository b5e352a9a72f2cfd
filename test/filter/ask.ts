/** Asks a filter about frames, and takes a filter's tree apart again. */

import type { CaptureInterface, Frame } from '../../src/case/evidence.ts';
import type { FrameFields } from '../../src/filter/bind.ts';
import { compileFilter, type Filter } from '../../src/filter/filter.ts';
import { type ConnectionFacts, frameFields } from '../../src/filter/frame-fields.ts';
import type { Expression, FieldUse, Written } from '../../src/filter/parse.ts';
import { startNs } from '../flow/frames.ts';

const interfaces: readonly CaptureInterface[] = [
  { netns: 'portainer', device: 'eth0', linkType: 1 },
  { netns: null, device: 'podman0', linkType: 1 },
];

/** A frame of those bytes, the n-th of its case, one millisecond after the other. */
export function frameOf(bytes: Uint8Array, number = 1, interfaceIndex = 0): Frame {
  const timeNs = startNs + BigInt(number - 1) * 1_000_000n;
  return { number, timeNs, interfaceIndex, originalLength: bytes.length, bytes };
}

/** The fields of frames that belong to one connection, or to none. */
export function fieldsOf(connection: ConnectionFacts | null = null): FrameFields<Frame> {
  return frameFields({ interfaces, startNs, connectionOf: () => connection });
}

/** The filter of a text that is one. */
export function filterOf(text: string): Filter {
  const compiled = compileFilter(text);
  if (!compiled.ok) throw new Error(`${text}: ${compiled.error.message}`);
  return compiled.value;
}

/** What the filter says of each frame. */
export function ask(text: string, ...frames: readonly Frame[]): boolean[] {
  return frames.map(filterOf(text).bind(fieldsOf()));
}

function value({ text, quoted }: Written): string {
  return quoted ? `"${text}"` : text;
}

function field({ name, slice, mask }: FieldUse): string {
  const part = slice === null ? '' : `[${slice.from}:${slice.length ?? ''}]`;
  return `${name}${part}${mask === null ? '' : ` & ${value(mask)}`}`;
}

const signs = { and: ' && ', or: ' or ', xor: ' xor ' };

/** The text of a tree, every group in parentheses. */
export function print(expression: Expression): string {
  switch (expression.kind) {
    case 'field':
      return field(expression.field);
    case 'not':
      return `!(${print(expression.operand)})`;
    case 'compare':
      return `${field(expression.field)} ${expression.comparator} ${value(expression.value)}`;
    case 'in': {
      const ranges = expression.ranges.map(({ low, high }) => value(low) + (high === null ? '' : `..${value(high)}`));
      return `${field(expression.field)} ${expression.negated ? 'not in' : 'in'} {${ranges.join(', ')}}`;
    }
    case 'and':
    case 'or':
    case 'xor':
      break;
  }
  return expression.operands.map((operand) => `(${print(operand)})`).join(signs[expression.kind]);
}
