/** `--filter`: reads it, and learns of the connections what it asks for. */

import { CaseReader } from '../capfile/case-file.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import { describeFilterError } from '../filter/error.ts';
import { compileFilter, type Filter } from '../filter/filter.ts';
import type { ConnectionFacts } from '../filter/frame-fields.ts';
import { bytesText } from '../report/connections.ts';
import { factsOf, type Told, tellFrames } from './connection-facts.ts';
import { UserError, WrongUsage } from './errors.ts';
import type { OpenedIndex } from './opened-index.ts';

/** Fields that are known when the whole capture has been read. */
const laterFields = ['connection', 'verdict', 'cause'];

/** A diagnosis takes all of a capture into memory, some three times its size, and a few seconds at this one. */
const largestDiagnosed = 64 * 1024 * 1024;

/** Reads a filter. Throws WrongUsage with its place when it is none. */
export function readFilter(text: string): Filter {
  const compiled = compileFilter(text);
  if (!compiled.ok) throw new WrongUsage(describeFilterError(text, compiled.error));
  return compiled.value;
}

/** True when the filter asks what became of connections, so that the capture is read once before it can be asked. */
export function asksForConnections({ names }: Filter): boolean {
  return laterFields.some((name) => names.has(name));
}

function readDiagnosis(opened: OpenedIndex): Told {
  const reader = new CaseReader();
  for (const chunk of opened.again()) reader.push(chunk);
  const evidence = reader.end();
  return tellFrames(evidence === null ? { connections: [] } : diagnose(evidence));
}

/**
 * What is known of frames' connections, by the frames' numbers. Verdicts of a capture that is too large for a diagnosis
 * are those of `nettrace connections`. Throws a UserError when causes are asked for there.
 */
export function connectionFacts(opened: OpenedIndex, filter: Filter): (frameNumber: number) => ConnectionFacts | null {
  const { capture } = opened;
  const { names } = filter;
  const isSmall = capture.index.bytes <= largestDiagnosed;
  if (names.has('cause') && !isSmall) {
    throw new UserError(
      `${opened.name}: the filter asks for cause, which needs a diagnosis of the whole, and that is made of captures of ` +
        `at most ${bytesText(largestDiagnosed)} only; verdict is known of any`,
    );
  }
  const told: Told = isSmall && (names.has('cause') || names.has('verdict')) ? readDiagnosis(opened) : new Map();
  return factsOf(capture, told, filter);
}
