/**
 * A host's snapshot as one JSON document, `nettrace.snapshot/1`: what each tool printed, verbatim, with its command
 * line. The parts have the shapes of a case file's sections; docs/json.md has the table.
 */

import type { Snapshot } from '../host/snapshot.ts';
import { largestSection, parseBoundedJson, toJson } from './case-section.ts';
import { namespaceShape, snapshotRestShape } from './case-shape.ts';
import { list, Mismatch, record, text } from './shape.ts';

const schema = 'nettrace.snapshot/1';

/** The most that is read, in bytes. A namespace's outputs are bounded by the collector; hosts have some 100 kB. */
export const largestSnapshot = 4 * largestSection;

/** The document, a piece at a time, so that no text has to hold all namespaces. */
export function* encodeSnapshot({ namespaces, ...rest }: Snapshot): Generator<string> {
  const head = toJson({ schema, ...rest });
  yield `${head.slice(0, -1)},"namespaces":[`;
  for (const [index, namespace] of namespaces.entries()) yield `${index === 0 ? '' : ','}\n${toJson(namespace)}`;
  yield '\n]}\n';
}

const head = record<{ schema: string }>({ schema: text });
const shape = record<Snapshot>({ ...snapshotRestShape, namespaces: list(namespaceShape) });

/** Reads a document back; what is wrong with one that cannot be read is told in one clause. Never throws. */
export function readSnapshot(bytes: Uint8Array): Snapshot | { readonly problem: string } {
  if (bytes.length > largestSnapshot) {
    return { problem: `it has ${bytes.length} bytes, at most ${largestSnapshot} are read` };
  }
  const parsed = parseBoundedJson(bytes);
  if ('problem' in parsed) return parsed;
  const started = head(parsed.value);
  if (started instanceof Mismatch) return { problem: `it is no snapshot (${started.text})` };
  if (started.schema !== schema)
    return { problem: `its schema is ${started.schema}, and this nettrace reads ${schema}` };
  const snapshot = shape(parsed.value);
  return snapshot instanceof Mismatch ? { problem: `it is malformed (${snapshot.text})` } : snapshot;
}
