/**
 * The case file: a pcapng that other tools open, with nettrace's other evidence in blocks that they skip.
 */

import type { Case, Frame, KernelLine } from '../case/evidence.ts';
import type { CaptureFileError } from './capture-error.ts';
import type { CaptureItem } from './capture-item.ts';
import { CaptureReader } from './capture-reader.ts';
import { CaseAround } from './case-around.ts';
import { encodeSection, sectionKind } from './case-section.ts';
import type { SnapshotHead } from './case-shape.ts';
import { frameOf, ownName } from './pcapng-notes.ts';
import {
  enhancedPacketBlock,
  interfaceBlock,
  interfaceStatisticsBlock,
  nameResolutionBlock,
  sectionHeaderBlock,
  timeOffsetFor,
} from './pcapng-writer.ts';

/** UTF-16 units of trace text in one section: keeps each well below a section's bound. */
const kernelTextPerSection = 1024 * 1024;

function* kernelChunks(lines: readonly KernelLine[]): Generator<readonly KernelLine[]> {
  let chunk: KernelLine[] = [];
  let size = 0;
  for (const line of lines) {
    chunk.push(line);
    // The other fields of a line take less than this.
    size += line.text.length + 64;
    if (size < kernelTextPerSection) continue;
    yield chunk;
    chunk = [];
    size = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/** The capture part: what any reader of pcapng understands. */
function* encodeCapture({ interfaces, frames, notes }: Case, application: string): Generator<Uint8Array> {
  const sections = notes?.sections ?? [];
  const comments = sections.flatMap((section) => section.comments);
  // Where several sections become one, what a single one said of its machine is not true of all.
  const only = sections.length === 1 ? sections[0] : undefined;
  const { hardware = null, operatingSystem = null } = only ?? {};
  yield sectionHeaderBlock(application, { hardware, operatingSystem, comments });

  const offsetSeconds = timeOffsetFor(frames);
  for (const one of interfaces) yield interfaceBlock(one, one.linkType, offsetSeconds, one.notes);
  if (notes !== undefined && notes.addressNames.length > 0) yield nameResolutionBlock(notes.addressNames);
  for (const frame of frames) yield enhancedPacketBlock(frame, offsetSeconds);
  for (const [index, { notes: said }] of interfaces.entries()) {
    if (said !== undefined && (said.received !== null || said.dropped !== null)) {
      yield interfaceStatisticsBlock(index, said);
    }
  }
}

/** True when a plain capture holds all of it: no namespaces, and nothing of nettrace's own. */
function isPlainCapture({ session, interfaces, snapshot, kernelLines, ruleTraces }: Case): boolean {
  const named = interfaces.some(({ netns }) => netns !== null);
  return session === null && snapshot === null && kernelLines.length === 0 && ruleTraces === undefined && !named;
}

/**
 * A case as blocks of a file, in their order, frames first. Interface names are `NETNS:DEVICE`. Times that a double word
 * of nanoseconds cannot hold, even counted from the earliest, are written as the nearest that it can.
 *
 * @param application What wrote it, with its version: `nettrace 0.1.0`.
 * @throws RangeError when one namespace's snapshot or the session is over 64 MiB of JSON.
 */
export function* encodeCase(evidence: Case, application: string = ownName): Generator<Uint8Array> {
  yield* encodeCapture(evidence, application);
  if (!isPlainCapture(evidence)) yield* encodeEvidence(evidence);
}

/** What stands behind the frames of a case that is no plain capture. */
export function* encodeEvidence({
  session,
  snapshot,
  kernelLines,
  ruleTraces = [],
}: Pick<Case, 'session' | 'snapshot' | 'kernelLines' | 'ruleTraces'>): Generator<Uint8Array> {
  // A session section marks the file as a case.
  yield* encodeSection(sectionKind.session, session);
  if (snapshot !== null) {
    const { namespaces, ...rest } = snapshot;
    const head: SnapshotHead = { ...rest, namespaceCount: namespaces.length };
    yield* encodeSection(sectionKind.snapshot, head);
    for (const namespace of namespaces) yield* encodeSection(sectionKind.namespace, namespace);
  }
  for (const chunk of kernelChunks(kernelLines)) yield* encodeSection(sectionKind.kernelLines, chunk);
  for (const trace of ruleTraces) yield* encodeSection(sectionKind.ruleTrace, trace);
}

/**
 * The frames with these numbers as a capture of their own: their interfaces, comments and names, and nothing else of the
 * evidence. They keep their order and are numbered anew; numbers that the case lacks are passed over.
 */
export function selectFrames(evidence: Case, numbers: ReadonlySet<number>): Case {
  const { frames, interfaces, notes } = evidence;
  const chosen = frames.filter(({ number }) => numbers.has(number));
  const renumbered = chosen.map((frame, index) => ({ ...frame, number: index + 1 }));
  return {
    session: null,
    interfaces,
    frames: renumbered,
    snapshot: null,
    kernelLines: [],
    ...(notes && { notes }),
  };
}

/**
 * Reads a case, or any pcap or pcapng capture, from chunks. All of it stays in memory; frames keep the file's order and
 * numbers, even where their times go backwards. Never throws.
 */
export class CaseReader {
  readonly #reader = new CaptureReader();
  readonly #around = new CaseAround();
  readonly #frames: Frame[] = [];

  /** One sentence each: evidence in the file that could not be read, and why. Complete after `end`. */
  get problems(): readonly string[] {
    return this.#around.problems;
  }

  /** Why the file could not be read to its end; null while all is well. */
  get error(): CaptureFileError | null {
    return this.#reader.error;
  }

  /** Takes a chunk, which is borrowed until the call returns. */
  push(chunk: Uint8Array): void {
    this.#take(this.#reader.push(chunk));
  }

  /** Everything up to the end or to the damage (see `error`); null when the file is no capture that can be read. */
  end(): Case | null {
    this.#take(this.#reader.end());
    if (this.error !== null && this.error.kind !== 'damaged') return null;
    return { ...this.#around.end(), frames: this.#frames };
  }

  #take(items: readonly CaptureItem[]): void {
    for (const item of items) {
      switch (item.kind) {
        case 'frame':
          this.#frames.push(frameOf(item, this.#frames.length + 1));
          break;
        case 'section':
          this.#around.section(item.options);
          break;
        case 'interface':
          this.#around.interface(item.name, item.linkType, item.options);
          break;
        case 'block':
          this.#around.block(item.type, item.body, item.littleEndian);
      }
    }
  }
}
