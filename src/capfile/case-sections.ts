/** Reads nettrace's own blocks of a case file: parts are joined to sections, sections checked and kept. */

import type { Case, KernelLine, RuleTrace, Session } from '../case/evidence.ts';
import type { NamespaceSnapshot, Snapshot } from '../host/snapshot.ts';
import {
  decodeSectionPart,
  formatVersion,
  largestSection,
  parseBoundedJson,
  type SectionPart,
  sectionKind,
} from './case-section.ts';
import {
  kernelLinesShape,
  namespaceShape,
  ruleTraceShape,
  type SnapshotHead,
  sessionShape,
  snapshotHeadShape,
} from './case-shape.ts';
import { type Check, Mismatch } from './shape.ts';

/** Sections that are being put together from their parts. */
interface Assembly {
  readonly kind: number;
  readonly parts: number;
  pieces: Uint8Array[];
  size: number;
}

/** What the sections of a case file hold. Never throws: what cannot be read is a problem, in one sentence. */
export class CaseSections {
  readonly #problems: string[] = [];
  readonly #kernelLines: KernelLine[] = [];
  readonly #ruleTraces: RuleTrace[] = [];
  readonly #namespaces: NamespaceSnapshot[] = [];
  #session: Session | null = null;
  #snapshotHead: SnapshotHead | null = null;
  #assembly: Assembly | null = null;
  #newerVersion: number | null = null;

  /** One sentence each. Complete after `end`. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Takes the body of a block of the case's type; somebody else's is passed over. */
  take(body: Uint8Array): void {
    const part = decodeSectionPart(body);
    if (part === null) return;
    if (part.version > formatVersion) this.#newerVersion = Math.max(part.version, this.#newerVersion ?? 0);
    else this.#assemble(part);
  }

  /** Everything that was read. */
  end(): Pick<Case, 'session' | 'snapshot' | 'kernelLines' | 'ruleTraces'> {
    this.#dropUnfinished();
    if (this.#newerVersion !== null) {
      this.#problems.push(
        `This case was written in format ${this.#newerVersion} and this nettrace reads up to ${formatVersion}: its frames are here, its host state and kernel events are not.`,
      );
    }
    const ruleTraces = this.#ruleTraces;
    return {
      session: this.#session,
      snapshot: this.#snapshot(),
      kernelLines: this.#kernelLines,
      ...(ruleTraces.length > 0 && { ruleTraces }),
    };
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
      case sectionKind.ruleTrace: {
        const trace = this.#read(kind, json, ruleTraceShape);
        if (trace !== null) this.#ruleTraces.push(trace);
        break;
      }
      default:
        this.#problems.push(`A section of unknown kind ${kind} is left out.`);
    }
  }

  #read<T>(kind: number, json: Uint8Array, check: Check<T>): T | null {
    const parsed = parseBoundedJson(json);
    const value = 'problem' in parsed ? null : check(parsed.value);
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
  [sectionKind.ruleTrace, 'rule trace'],
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
