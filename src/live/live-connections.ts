/**
 * The connections of a live capture as they are shown: failed ones first, the latest first, each with its diagnosis once
 * it has one. Only what has changed is looked at again, and only what is listed becomes words.
 */

import { type ConnectionDiagnosis, type Endpoint, isFailure } from '../diagnose/diagnosis.ts';
import type { ConnectionFacts } from '../filter/frame-fields.ts';
import { none, connectionWord as word } from '../flow/connection-row.ts';
import type { Connections, ConnectionTable } from '../flow/connection-table.ts';
import { type ConnectionSummary, type End, glanceAt, summarizeConnection } from '../flow/summary.ts';
import { DiagnosisPlan } from './diagnosis-plan.ts';
import { LiveTranslations } from './live-translations.ts';
import { renumberedMap, renumberedSet } from './renumber.ts';
import { standingOfSights } from './standing.ts';

/** More than anybody reads; what is beyond is counted. */
const mostFailedListed = 500;
const mostOthersListed = 500;
/** Diagnoses that are kept; a flood of failed connections must not fill the memory. */
const mostDiagnosed = 20_000;
/** Some 320 bytes each; those whose frames have gone from memory are let go first. */
const mostConnections = 131_072;

/** How many there are. */
export interface ConnectionCounts {
  readonly all: number;
  readonly failed: number;
}

/** A diagnosis, and what was known of the connection when it was asked for. */
interface Diagnosed {
  readonly diagnosis: ConnectionDiagnosis;
  readonly signature: number;
}

/** Which namespace owns an address; null where none does, or several. */
export type OwnerOf = (address: string) => string | null;

/** Of what an end sent, more bits than there are. */
const sentBits = 12;

/**
 * What a connection's frames said so far, as one number: another one means that there is more to be explained. Bits are
 * added and never taken away, so the sum of all sights changes with any of them.
 */
function signatureOf(table: Connections, sights: readonly number[]): number {
  const { words } = table.rows;
  let signature = 0;
  for (const id of sights) {
    const at = table.rows.at(id);
    const [one, other] = [words[at + word.sent] ?? 0, words[at + word.sent + 1] ?? 0];
    const hasError = (words[at + word.error] ?? 0) !== 0;
    signature += (one << sentBits) | other | (hasError ? 1 << (2 * sentBits) : 0);
  }
  return signature;
}

/** @param known Of one that failed: what there is to say of why. */
function summaryText({ outcome, request, reply, ending }: ConnectionSummary, failed: boolean, known: string): string {
  const counts = `${request.packets} packets from the client, ${reply.packets} from the server`;
  if (failed) return `It failed (${outcome}); ${known}. ${counts}.`;
  if (outcome !== 'ok') return `No answer yet. ${counts}.`;
  return `It works${ending === null ? '' : ', and is over'}. ${counts}.`;
}

/** See the file's head. */
export class LiveConnections {
  readonly plan: DiagnosisPlan;
  readonly #table: ConnectionTable;
  readonly #translations: LiveTranslations;
  /** Those that were let go. */
  #past = { all: 0, failed: 0 };
  #ownerOf: OwnerOf = () => null;
  /** Those that failed, in the order in which they did. */
  #failed = new Set<number>();
  /** Those that wait for an answer, and until when. */
  #patient = new Map<number, number>();
  #diagnosed = new Map<number, Diagnosed>();
  /** Those that could not be diagnosed, and what was known of each then. */
  #unexplained = new Map<number, number>();
  /** What is listed of a connection that has not changed since. */
  #shown = new Map<number, ConnectionDiagnosis>();
  #ids = new WeakMap<ConnectionDiagnosis, number>();
  #list: readonly ConnectionDiagnosis[] = [];
  #isListed = true;

  /**
   * @param table Goes on growing.
   * @param settleNs See `DiagnosisPlan`.
   */
  constructor(table: ConnectionTable, settleNs: number) {
    this.plan = new DiagnosisPlan(settleNs);
    this.#table = table;
    this.#translations = new LiveTranslations(table);
  }

  /** What NAT split counts once. */
  get counts(): ConnectionCounts {
    return { all: this.#past.all + this.#count, failed: this.#past.failed + this.#failed.size };
  }

  get #count(): number {
    return this.#table.rows.count - this.#translations.count;
  }

  /** All that was seen of a connection, before NAT and after, by the number of any of it: that of the list first. */
  sightsOf(id: number): readonly number[] {
    return this.#translations.sightsOf(id);
  }

  /** Says who owns which address from now on. */
  nameOwners(ownerOf: OwnerOf): void {
    this.#ownerOf = ownerOf;
    this.#shown.clear();
    this.#isListed = false;
  }

  /** Looks again at connections that have changed and at those whose patience ends, at a time as the table's. */
  update(changed: readonly number[], nowNs: number): void {
    const parted = this.#translations.follow();
    for (const id of [...changed, ...parted]) this.#look(this.sightsOf(id)[0] ?? id, nowNs);
    for (const [id, untilNs] of this.#patient) if (nowNs >= untilNs) this.#look(id, nowNs);
  }

  #look(id: number, nowNs: number): void {
    const sights = this.sightsOf(id);
    const standing = standingOfSights(this.#table, sights, nowNs);
    const known = this.#diagnosed.get(id);
    const signature = signatureOf(this.#table, sights);
    const isNews = known?.signature !== signature;
    if (isNews) this.#diagnosed.delete(id);
    this.#shown.delete(id);
    this.#isListed = false;
    if (standing.patientUntilNs === null) this.#patient.delete(id);
    else this.#patient.set(id, standing.patientUntilNs);
    if (standing.failed) this.#failed.add(id);
    else if (isNews) this.#failed.delete(id);
    if (standing.failed) this.plan.failed(id, nowNs, signature, standing.over);
    else if (standing.over && isNews) this.plan.over(id);
  }

  /** The number of its first frame, kept or not. */
  firstFrame(id: number): number {
    return this.#word(id, word.firstFrame);
  }

  /** What a diagnosis is to be worth: the state of the connection that it is made of. */
  signature(id: number): number {
    return signatureOf(this.#table, this.sightsOf(id));
  }

  /**
   * Takes a diagnosis; one of an earlier state of the connection is passed over.
   *
   * @param seen What it was made of: the connection, and what NAT made of that.
   */
  explain(id: number, diagnosis: ConnectionDiagnosis, signature: number, seen: readonly number[] = [id]): void {
    if (signature !== this.signature(id)) return;
    for (const later of this.#translations.join([id, ...seen])) {
      this.#failed.delete(later);
      this.#patient.delete(later);
      this.plan.forget(later);
    }
    const frames = [this.firstFrame(id)];
    this.#diagnosed.set(id, { diagnosis: { ...diagnosis, frames }, signature: this.signature(id) });
    for (const oldest of this.#diagnosed.keys()) {
      if (this.#diagnosed.size <= mostDiagnosed) break;
      this.#diagnosed.delete(oldest);
    }
    if (isFailure(diagnosis.outcome)) this.#failed.add(id);
    this.#shown.delete(id);
    this.#isListed = false;
  }

  /** Says that a connection cannot be diagnosed as it was then. */
  leaveUnexplained(id: number, signature: number): void {
    this.#unexplained.set(id, signature);
    this.#shown.delete(id);
    this.#isListed = false;
  }

  /** The table's number of a connection that was listed; null when it has another one by now. */
  idOf(connection: ConnectionDiagnosis): number | null {
    return this.#ids.get(connection) ?? null;
  }

  /** True when there is a diagnosis of what is known of it now. */
  isExplained(id: number): boolean {
    return this.#diagnosed.get(id)?.signature === this.signature(id);
  }

  /** True when nothing more is worked out about it: it is explained, or could not be. */
  isDone(id: number): boolean {
    return this.isExplained(id) || this.#isUnexplained(id);
  }

  #isUnexplained(id: number): boolean {
    return this.#unexplained.get(id) === this.signature(id);
  }

  /** What a filter may ask of a connection; null of none. */
  factsOf(sight: number): ConnectionFacts | null {
    if (sight === none) return null;
    const id = this.sightsOf(sight)[0] ?? sight;
    const { outcome, cause } = this.#diagnosed.get(id)?.diagnosis ?? { ...glanceAt(this.#table, id), cause: null };
    return { number: id + 1, outcome, cause };
  }

  /** The list, the same one until something in it has changed. `frames` holds the first frame alone. */
  list(nowNs: number): readonly ConnectionDiagnosis[] {
    if (this.#isListed) return this.#list;
    const failed = [...this.#failed].slice(-mostFailedListed).reverse();
    const others: number[] = [];
    for (let id = this.#table.rows.count - 1; id >= 0 && others.length < mostOthersListed; id -= 1) {
      if (!this.#failed.has(id) && !this.#translations.isLater(id)) others.push(id);
    }
    const listed = [...failed, ...others];
    this.#list = listed.map((id) => this.#show(id, nowNs));
    this.#isListed = true;
    if (this.#shown.size > 2 * listed.length) this.#forgetUnlisted(listed);
    return this.#list;
  }

  /**
   * Lets go of connections where there are more than there is room for: of those without a frame that is kept, and of the
   * oldest where that is not enough. Gives the others' new numbers; null where there is room.
   *
   * @param isKept Whether a frame of a connection is kept.
   */
  makeRoom(isKept: (id: number) => boolean, most = mostConnections): Int32Array | null {
    const { count } = this.#table.rows;
    if (count <= most) return null;
    let room = most / 2;
    const kept = new Uint8Array(count);
    for (let id = count - 1; id >= 0 && room > 0; id -= 1) {
      if (!isKept(id)) continue;
      kept[id] = 1;
      room -= 1;
    }
    const all = this.#count;
    const numbers = this.#table.thin((id) => kept[id] === 1);
    this.#translations.renumber(numbers);
    const failed = renumberedSet(this.#failed, numbers);
    this.#past = {
      all: this.#past.all + all - this.#count,
      failed: this.#past.failed + this.#failed.size - failed.size,
    };
    this.#failed = failed;
    this.#patient = renumberedMap(this.#patient, numbers);
    this.#diagnosed = renumberedMap(this.#diagnosed, numbers);
    this.#unexplained = renumberedMap(this.#unexplained, numbers);
    this.#shown = renumberedMap(this.#shown, numbers);
    // What was shown of a connection before it changed would have the number of another one.
    this.#ids = new WeakMap([...this.#shown].map(([id, shown]) => [shown, id]));
    this.plan.renumber(numbers);
    this.#isListed = false;
    return numbers;
  }

  #forgetUnlisted(listed: readonly number[]): void {
    const kept = new Set(listed);
    for (const id of this.#shown.keys()) if (!kept.has(id)) this.#shown.delete(id);
    for (const id of this.#diagnosed.keys()) if (!kept.has(id) && !this.#failed.has(id)) this.#diagnosed.delete(id);
  }

  #show(id: number, nowNs: number): ConnectionDiagnosis {
    const known = this.#shown.get(id);
    if (known !== undefined) return known;
    const shown = this.#diagnosed.get(id)?.diagnosis ?? this.#undiagnosed(id, nowNs);
    this.#shown.set(id, shown);
    this.#ids.set(shown, id);
    return shown;
  }

  #undiagnosed(id: number, nowNs: number): ConnectionDiagnosis {
    const sights = this.sightsOf(id);
    const summary = summarizeConnection(this.#table, id, sights.slice(1));
    const { outcome, errno, failed } = standingOfSights(this.#table, sights, nowNs);
    const { protocol, client, server, translated, firstFrame } = summary;
    const known = this.#isUnexplained(id) ? 'why could not be worked out' : 'why is being worked out';
    const isEcho = protocol === 'icmp' || protocol === 'icmpv6';
    const end = ({ address, port }: End): Endpoint => ({
      address,
      port: isEcho ? null : port,
      netns: this.#ownerOf(address),
      name: null,
    });
    return {
      protocol: isEcho ? 'icmp' : protocol,
      source: end(client),
      destination: end(server),
      translated: translated && { source: end(translated.client), destination: end(translated.server) },
      outcome,
      errno,
      cause: null,
      certainty: outcome === 'ok' ? 'observed' : 'inferred',
      where: null,
      summary: summaryText({ ...summary, outcome }, failed, known),
      explanation: [],
      hops: [],
      fixes: [],
      alternatives: [],
      frames: [firstFrame],
    };
  }

  #word(id: number, index: number): number {
    const { rows } = this.#table;
    return rows.words[rows.at(id) + index] ?? 0;
  }
}
