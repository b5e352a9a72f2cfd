/** Which connections of an index a diagnosis is to tell of, and what each of them is suspected of. */

import type { Diagnoser } from '../diagnose/diagnose.ts';
import type { Connection } from '../flow/connection.ts';
import { glanceAt } from '../flow/summary.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';
import { connectionOfRow } from './look-into.ts';
import { type Suspicion, suspicionOfSights } from './suspicion.ts';

/** Whether a connection is wanted, by its number in the table; null where all are. */
export type Chosen = ((id: number) => boolean) | null;

const unwanted = 0;
const kinds: readonly (Suspicion | null)[] = [null, 'failed', 'silent', 'well'];
const company = kinds.length;

function suspicionIn({ index: { connections }, numbers }: IndexedCapture, id: number): Suspicion | null {
  if (numbers.clientSide(id) !== id) return null;
  const translations = numbers.translationsOf(id).map((translated) => glanceAt(connections, translated));
  return suspicionOfSights(glanceAt(connections, id), translations);
}

/**
 * All that are the command's, where there is one, and that were chosen. What NAT split counts once, as its client
 * knows it.
 */
export class WantedConnections {
  /** Places in `kinds`, by the table's numbers. */
  readonly #kinds: Uint8Array;
  /** Connections that never became a packet. */
  readonly unseen: readonly Connection[];
  /** A sentence, where it is not sure which connections are the command's. */
  readonly missing: readonly string[];

  constructor(capture: IndexedCapture, diagnoser: Diagnoser, chosen: Chosen) {
    const { connections } = capture.index;
    this.#kinds = new Uint8Array(connections.rows.count);
    for (let id = 0; id < connections.rows.count; id += 1) {
      this.#kinds[id] = kinds.indexOf(suspicionIn(capture, id));
    }
    const { unseen, missing } = diagnoser.hasCommand
      ? this.#keepOwn(capture, diagnoser)
      : { unseen: [], missing: null };
    // Those that were chosen were chosen by their frames.
    this.unseen = chosen === null ? unseen : [];
    this.missing = missing === null ? [] : [missing];
    if (chosen === null) return;
    for (const [id, kind] of this.#kinds.entries()) if (kind !== unwanted && !chosen(id)) this.#kinds[id] = company;
  }

  /** What a connection is suspected of; null when nothing is told of it. */
  suspicion(id: number): Suspicion | null {
    return kinds[this.#kinds[id] ?? unwanted] ?? null;
  }

  /** Nothing is told of it, but what is told of others may depend on it: it may be what NAT or a proxy made of them. */
  isCompany(id: number): boolean {
    return this.#kinds[id] === company;
  }

  /** Drops those that are not the command's; gives those of its own that have no row. */
  #keepOwn(
    capture: IndexedCapture,
    diagnoser: Diagnoser,
  ): { readonly unseen: readonly Connection[]; readonly missing: string | null } {
    const ids = new Map<Connection, number>();
    for (const [id, kind] of this.#kinds.entries()) {
      if (kind !== unwanted) ids.set(connectionOfRow(capture, id), id);
    }
    const { connections, missing } = diagnoser.own([...ids.keys()]);
    const own = new Set(connections);
    for (const [connection, id] of ids) if (!own.has(connection)) this.#kinds[id] = company;
    return { unseen: connections.filter((connection) => !ids.has(connection)), missing };
  }
}
