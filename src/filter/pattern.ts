/**
 * Regular expressions that cannot hang: a pattern becomes a machine whose states are all walked at once, so that the
 * time is the text's length times the pattern's, whatever either says (R. Thompson's construction). A match ignores
 * case, as Wireshark's does.
 */

import { type PatternNode, PatternParser, type Ranges, within, wordUnits } from './pattern-syntax.ts';

/** Steps of the machine: `unit` eats one unit, `split` goes both ways, the rest are conditions on the place. */
type Step =
  | { kind: 'unit'; accepts: (unit: number) => boolean }
  | { kind: 'split'; other: number }
  | { kind: 'jump'; to: number }
  | { kind: 'begin' | 'end' | 'boundary' | 'inside' | 'match' };

/** The machine's size: with `longestText` below, 33 million walks are the worst that one match can cost. */
const mostSteps = 500;
/** The first units of a text that are looked at: more than any frame but one of segmentation offload holds. */
const longestText = 65_536;

/** Steps that a node becomes, without making them: repetitions within repetitions multiply. */
function sizeOf(node: PatternNode): number {
  if (node.kind === 'repeat') {
    const once = sizeOf(node.part) + 2;
    return once * (node.most === Infinity ? node.least + 1 : node.most) + 1;
  }
  if (node.kind !== 'sequence' && node.kind !== 'choice') return 1;
  return node.parts.reduce((sum, part) => sum + sizeOf(part) + (node.kind === 'choice' ? 2 : 0), 0);
}

/** The test of one unit in either case; a table for the first 256, which are nearly all that packets hold. */
function accepts(ranges: Ranges, negated: boolean): (unit: number) => boolean {
  const test = (unit: number): boolean => {
    const text = String.fromCharCode(unit);
    const cases = [unit, text.toLowerCase().charCodeAt(0), text.toUpperCase().charCodeAt(0)];
    return cases.some((one) => within(ranges, one)) !== negated;
  };
  const table = Uint8Array.from({ length: 256 }, (_, unit) => (test(unit) ? 1 : 0));
  return (unit) => (unit < table.length ? table[unit] === 1 : test(unit));
}

/** Appends a node's steps. A split goes on with the next step or with another, which is known only later. */
function emit(node: PatternNode, steps: Step[]): void {
  if (node.kind === 'unit') steps.push({ kind: 'unit', accepts: accepts(node.ranges, node.negated) });
  else if (node.kind === 'sequence') for (const part of node.parts) emit(part, steps);
  else if (node.kind === 'choice') emitChoice(node.parts, steps);
  else if (node.kind === 'repeat') emitRepeat(node, steps);
  else steps.push({ kind: node.kind });
}

function emitSplit(steps: Step[]): { kind: 'split'; other: number } {
  const split = { kind: 'split' as const, other: 0 };
  steps.push(split);
  return split;
}

function emitChoice(parts: readonly PatternNode[], steps: Step[]): void {
  const jumps: { kind: 'jump'; to: number }[] = [];
  for (const part of parts.slice(0, -1)) {
    const split = emitSplit(steps);
    emit(part, steps);
    const jump = { kind: 'jump' as const, to: 0 };
    jumps.push(jump);
    steps.push(jump);
    split.other = steps.length;
  }
  const last = parts.at(-1);
  if (last !== undefined) emit(last, steps);
  for (const jump of jumps) jump.to = steps.length;
}

function emitRepeat({ part, least, most }: Extract<PatternNode, { kind: 'repeat' }>, steps: Step[]): void {
  for (let count = 0; count < least; count++) emit(part, steps);
  if (most === Infinity) {
    const start = steps.length;
    const split = emitSplit(steps);
    emit(part, steps);
    steps.push({ kind: 'jump', to: start });
    split.other = steps.length;
    return;
  }
  const splits: { other: number }[] = [];
  for (let count = least; count < most; count++) {
    splits.push(emitSplit(steps));
    emit(part, steps);
  }
  for (const split of splits) split.other = steps.length;
}

function isWordAt(text: string, at: number): boolean {
  return at >= 0 && at < text.length && within(wordUnits, text.charCodeAt(at));
}

function holds(kind: 'begin' | 'end' | 'boundary' | 'inside', text: string, at: number): boolean {
  if (kind === 'begin') return at === 0;
  if (kind === 'end') return at === text.length;
  return (isWordAt(text, at - 1) !== isWordAt(text, at)) === (kind === 'boundary');
}

/** Walks every state at once; each step is entered at most once a unit. */
function search(steps: readonly Step[], whole: string): boolean {
  const text = whole.slice(0, longestText);
  /** The place at which a step was entered last, and one more than it, so that 0 is never. */
  const entered = new Uint32Array(steps.length);
  let current: number[] = [];
  const waiting: number[] = [];
  for (let at = 0; ; at++) {
    waiting.push(...current, 0);
    const units: number[] = [];
    while (waiting.length > 0) {
      const index = waiting.pop() ?? 0;
      if (entered[index] === at + 1) continue;
      entered[index] = at + 1;
      const step = steps[index];
      if (step === undefined || step.kind === 'match') return true;
      if (step.kind === 'unit') units.push(index);
      else if (step.kind === 'split') waiting.push(index + 1, step.other);
      else if (step.kind === 'jump') waiting.push(step.to);
      else if (holds(step.kind, text, at)) waiting.push(index + 1);
    }
    if (at === text.length) return false;
    const unit = text.charCodeAt(at);
    current = [];
    for (const index of units) {
      const step = steps[index];
      if (step?.kind === 'unit' && step.accepts(unit)) current.push(index + 1);
    }
  }
}

/** A pattern ready to be looked for, or what is wrong with it and at which of its units. */
export type Pattern =
  | { readonly ok: true; readonly search: (text: string) => boolean }
  | { readonly ok: false; readonly at: number; readonly message: string };

/** Reads a pattern. `search` looks for it anywhere in the first 65,536 units of a text. Never throws. */
export function compilePattern(text: string): Pattern {
  const parser = new PatternParser(text);
  const node = parser.pattern();
  if (parser.error !== null) return { ok: false, ...parser.error };
  if (sizeOf(node) > mostSteps) return { ok: false, at: 0, message: `the pattern is too large (${mostSteps} steps)` };
  const steps: Step[] = [];
  emit(node, steps);
  steps.push({ kind: 'match' });
  return { ok: true, search: (searched) => search(steps, searched) };
}
