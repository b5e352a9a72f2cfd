/**
 * The case file: a pcapng that other tools open, with nettrace's other evidence in blocks that they skip.
 */

import type { CaptureInterface, Case, Frame, KernelLine, Session } from '../case/evidence.ts';
import type { NamespaceSnapshot, Snapshot } from '../host/snapshot.ts';
import type { CaptureFileError } from './capture-error.ts';
import type { CaptureItem } from './capture-item.ts';
import { CaptureReader } from './capture-reader.ts';
import {
  caseBlockType,
  decodeSectionPart,
  encodeSection,
  formatVersion,
  largestSection,
  parseBoundedJson,
  type SectionPart,
  sectionKind,
} from './case-section.ts';
import { kernelLinesShape, namespaceShape, type SnapshotHead, sessionShape, snapshotHeadShape } from './case-shape.ts';
import { enhancedPacketBlock, interfaceBlock, sectionHeaderBlock } from './pcapng-writer.ts';
import { type Check, Mismatch } from './shape.ts';

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

/**
 * A case as blocks of a file, in their order, frames first. Interface names are `NETNS:DEVICE`.
 *
 * @param application What wrote it, with its version: `nettrace 0.1.0`.
 * @throws RangeError when one namespace's snapshot or the session is over 64 MiB of JSON.
 */
export function* encodeCase(evidence: Case, application = 'nettrace'): Generator<Uint8Array> {
  yield sectionHeaderBlock(application);
  for (const { netns, device, linkType } of evidence.interfaces) {
    yield interfaceBlock(netns === null ? device : `${netns}:${device}`, linkType);
  }
  for (const { interfaceIndex, timeNs, originalLength, bytes } of evidence.frames) {
    yield enhancedPacketBlock(interfaceIndex, timeNs, originalLength, bytes);
  }

  // A session section is always written: it marks the file as a case, whose interface names have a namespace.
  yield* encodeSection(sectionKind.session, evidence.session);
  if (evidence.snapshot !== null) {
    const { namespaces, ...rest } = evidence.snapshot;
    const head: SnapshotHead = { ...rest, namespaceCount: namespaces.length };
    yield* encodeSection(sectionKind.snapshot, head);
    for (const namespace of namespaces) yield* encodeSection(sectionKind.namespace, namespace);
  }
  for (const chunk of kernelChunks(evidence.kernelLines)) yield* encodeSection(sectionKind.kernelLines, chunk);
}

/** Sections that are being put together from their parts. */
interface Assembly {
  readonly kind: number;
  readonly parts: number;
  pieces: Uint8Array[];
  size: number;
}

/**
 * Reads a case, or any pcap or pcapng capture, from chunks. All of it stays in memory; frames keep the file's order and
 * numbers, even where their times go backwards. Never throws.
 */
export class CaseReader {
  readonly #reader = new CaptureReader();
  readonly #interfaces: { name: string; linkType: number }[] = [];
  readonly #frames: Frame[] = [];
  readonly #problems: string[] = [];
  readonly #kernelLines: KernelLine[] = [];
  readonly #namespaces: NamespaceSnapshot[] = [];
  #session: Session | null = null;
  #snapshotHead: SnapshotHead | null = null;
  #assembly: Assembly | null = null;
  /** A block of ours was met, of whatever version. */
  #isCase = false;
  #newerVersion: number | null = null;

  /** One sentence each: evidence in the file that could not be read, and why. Complete after `end`. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Why the file could not be read to its end; null while all is well. */
  get error(): CaptureFileError | null {
    return this.#reader.error;
  }

  /** Takes a chunk over: it must not change before the next call returns. */
  push(chunk: Uint8Array): void {
    this.#take(this.#reader.push(chunk));
  }

  /** Everything up to the end or to the damage (see `error`); null when the file is no capture that can be read. */
  end(): Case | null {
    this.#take(this.#reader.end());
    if (this.error !== null && this.error.kind !== 'damaged') return null;
    this.#dropUnfinished();
    if (this.#newerVersion !== null) {
      this.#problems.push(
        `This case was written in format ${this.#newerVersion} and this nettrace reads up to ${formatVersion}: its frames are here, its host state and kernel events are not.`,
      );
    }
    return {
      session: this.#session,
      interfaces: this.#interfaces.map(({ name, linkType }) => this.#place(name, linkType)),
      frames: this.#frames,
      snapshot: this.#snapshot(),
      kernelLines: this.#kernelLines,
    };
  }

  #place(name: string, linkType: number): CaptureInterface {
    const colon = this.#isCase ? name.lastIndexOf(':') : -1;
    if (colon === -1) return { netns: null, device: name, linkType };
    return { netns: name.slice(0, colon), device: name.slice(colon + 1), linkType };
  }

  #snapshot(): Snapshot | null {
    if (this.#snapshotHead === null) {
      if (this.#namespaces.length > 0) {
        this.#problems.push("The snapshot's head is missing, so its namespaces are not used.");
      }
      return null;
    }
    const { namespaceCount, ...rest } = this.#snapshotHead;
    const found = this.#namespaces.length;
    if (found !== namespaceCount) {
      this.#problems.push(`The snapshot has ${found} of its ${namespaceCount} namespaces.`);
    }
    return { ...rest, namespaces: this.#namespaces };
  }

  #take(items: readonly CaptureItem[]): void {
    for (const item of items) {
      if (item.kind === 'interface') this.#interfaces.push({ name: item.name ?? '', linkType: item.linkType });
      else if (item.kind === 'frame') {
        const { interfaceIndex, timeNs, originalLength, bytes } = item;
        this.#frames.push({ number: this.#frames.length + 1, timeNs, interfaceIndex, originalLength, bytes });
      } else if (item.type === caseBlockType) this.#part(item.body);
    }
  }

  #part(body: Uint8Array): void {
    const part = decodeSectionPart(body);
    if (part === null) return;
    this.#isCase = true;
    if (part.version > formatVersion) this.#newerVersion = Math.max(part.version, this.#newerVersion ?? 0);
    else this.#assemble(part);
  }

  #assemble({ kind, part, parts, json }: SectionPart): void {
    if (part === 0) {
      this.#dropUnfinished();
      this.#assembly = { kind, parts, pieces: [], size: 0 };
    }
    const assembly = this.#assembly;
    const fits = assembly !== null && assembly.kind === kind && assembly.parts === parts;
    if (!fits || assembly.pieces.length !== part || part >= parts || assembly.size + json.length > largestSection) {
      this.#assembly = null;
      this.#problems.push(`A part of the ${kindName(kind)} is out of place, so it is left out.`);
      return;
    }
    assembly.pieces.push(json);
    assembly.size += json.length;
    if (assembly.pieces.length < parts) return;
    this.#assembly = null;
    this.#section(kind, join(assembly));
  }

  #dropUnfinished(): void {
    if (this.#assembly === null) return;
    this.#problems.push(`The ${kindName(this.#assembly.kind)} is cut short, so it is left out.`);
    this.#assembly = null;
  }

  #section(kind: number, json: Uint8Array): void {
    switch (kind) {
      case sectionKind.session:
        this.#session = this.#read(kind, json, sessionShape) ?? this.#session;
        break;
      case sectionKind.snapshot:
        this.#snapshotHead = this.#read(kind, json, snapshotHeadShape) ?? this.#snapshotHead;
        break;
      case sectionKind.namespace: {
        const namespace = this.#read(kind, json, namespaceShape);
        if (namespace !== null) this.#namespaces.push(namespace);
        break;
      }
      case sectionKind.kernelLines:
        for (const line of this.#read(kind, json, kernelLinesShape) ?? []) this.#kernelLines.push(line);
        break;
      default:
        this.#problems.push(`A section of unknown kind ${kind} is left out.`);
    }
  }

  #read<T>(kind: number, json: Uint8Array, check: Check<T>): T | null {
    const parsed = parseBoundedJson(json);
    const value = 'problem' in parsed ? null : check(parsed.value, '');
    const problem = 'problem' in parsed ? parsed.problem : value instanceof Mismatch ? value.text : null;
    if (problem !== null) this.#problems.push(`The ${kindName(kind)} is malformed (${problem}), so it is left out.`);
    return value instanceof Mismatch ? null : value;
  }
}

const kindNames: ReadonlyMap<number, string> = new Map([
  [sectionKind.session, 'session'],
  [sectionKind.snapshot, "snapshot's head"],
  [sectionKind.namespace, "snapshot's namespace"],
  [sectionKind.kernelLines, 'kernel trace'],
]);

function kindName(kind: number): string {
  return kindNames.get(kind) ?? `section of kind ${kind}`;
}

function join({ pieces, size }: Assembly): Uint8Array {
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}
