/** `--filter`: reads it, and learns of the connections what it asks for. */

import { describeFilterError } from '../filter/error.ts';
import { compileFilter, type Filter } from '../filter/filter.ts';
import type { ConnectionFacts } from '../filter/frame-fields.ts';
import { IndexedDiagnosis } from '../replay/indexed-diagnosis.ts';
import { WrongUsage } from './errors.ts';
import { drive, Progress } from './progress.ts';
import { factsOf, nothingTold } from './saved/connection-facts.ts';
import type { OpenedIndex } from './saved/opened-index.ts';

/** Fields that are known when the whole capture has been read. */
const laterFields = ['connection', 'verdict', 'cause'];

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

/** True when the filter asks for what a diagnosis tells. */
export function asksForDiagnosis({ names }: Filter): boolean {
  return names.has('cause') || names.has('verdict');
}

/** What is known of frames' connections, by the frames' numbers: the capture is diagnosed where the filter asks for it. */
export async function connectionFacts(
  { capture, around }: OpenedIndex,
  filter: Filter,
): Promise<(frameNumber: number) => ConnectionFacts | null> {
  if (!asksForDiagnosis(filter)) return factsOf(capture, nothingTold, filter);
  using progress = new Progress();
  const diagnosis = await drive('diagnosing', IndexedDiagnosis.make(capture, around), progress);
  return factsOf(capture, diagnosis.outcomes(), filter);
}
