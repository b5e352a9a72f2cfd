/**
 * Questions to resolvers and what came of them, transaction by transaction (RFC 1035, section 4.1.1): numbers in rows, and
 * of each the bytes of one question and one answer, so that nothing has to be read again to tell them.
 */

import { connectionWord } from './connection-row.ts';
import { Rows } from './rows.ts';
import type { Sight } from './sight.ts';

/** The port of resolvers. */
export const dnsPort = 53;

/** Bytes of a message that are kept: what a resolver sends without EDNS (RFC 1035, section 4.2.1). */
export const longestMessage = 512;
export const messageHeaderLength = 12;

/** Words of a transaction's row. */
export const dnsWord = {
  /** The connection's transaction before this one, plus 1. */
  previous: 0,
  id: 1,
  /** How often the question was seen at the capture point that saw it first: repetitions are questions again. */
  asked: 2,
  /** What was answered: 0x8000 plus the response code; 0 when nothing was. */
  answered: 3,
  /** Where in `bytes` the question and the answer are, and how long they are. */
  questionAt: 4,
  questionLength: 5,
  answerAt: 6,
  answerLength: 7,
  point: 8,
  words: 14,
} as const;

/** Doubles of the row: when the question was asked first, and when it was answered. */
export const dnsDouble = { askedNs: 5, answeredNs: 6 } as const;

/** Set in `answered`, so that NOERROR is told from no answer. */
const isAnswered = 0x8000;
export const rcodeMask = 0xf;

const flagsAt = 2;
const responseBit = 0x80;
/** Questions and answers that are open on one pair of ends at a time; an answer to an older one is taken for another. */
const mostOpen = 32;
const mostTransactions = 2 ** 19;
const mostBytes = 64 * 1024 * 1024;
const fewestBytes = 4096;

/** What is known of all transactions in the end. */
export interface DnsTransactions {
  /** Rows of `dnsWord`; a connection's row says which is its last. */
  readonly rows: Rows;
  /** Messages, without what lies between them. */
  readonly bytes: Uint8Array;
  /** Messages that there was no room for. */
  readonly untold: number;
}

/** Takes messages as they are seen. */
export class DnsTable implements DnsTransactions {
  readonly rows = new Rows(dnsWord.words);
  bytes = new Uint8Array(fewestBytes);
  untold = 0;
  #used = 0;

  /**
   * Adds a sight's message.
   *
   * @param words The rows of connections, and where in them the connection's row starts.
   */
  add(words: Int32Array, at: number, sight: Sight): void {
    const { bytes, messageAt } = sight;
    const id = ((bytes[messageAt] ?? 0) << 8) | (bytes[messageAt + 1] ?? 0);
    const flags = ((bytes[messageAt + flagsAt] ?? 0) << 8) | (bytes[messageAt + flagsAt + 1] ?? 0);
    if ((flags & (responseBit << 8)) === 0) this.#question(words, at, sight, id);
    else this.#answer(words, at, sight, id, isAnswered | (flags & rcodeMask));
  }

  #question(words: Int32Array, at: number, sight: Sight, id: number): void {
    const row = this.#find(words, at, id);
    const known = this.rows.at(row);
    if (row >= 0 && (this.rows.words[known + dnsWord.answered] === 0 || this.#isSame(known, sight))) {
      if (this.rows.words[known + dnsWord.point] !== sight.point) return;
      this.rows.words[known + dnsWord.asked] = (this.rows.words[known + dnsWord.asked] ?? 0) + 1;
      return;
    }
    const base = this.#begin(words, at, sight, id);
    if (base < 0) return;
    this.rows.words[base + dnsWord.asked] = 1;
    this.rows.doubles[(base >> 1) + dnsDouble.askedNs] = sight.timeNs;
    this.#keep(base + dnsWord.questionAt, sight);
  }

  #answer(words: Int32Array, at: number, sight: Sight, id: number, answered: number): void {
    const row = this.#find(words, at, id);
    const base = row < 0 ? this.#begin(words, at, sight, id) : this.rows.at(row);
    // The first answer is the one that the resolver's client took.
    if (base < 0 || this.rows.words[base + dnsWord.answered] !== 0) return;
    this.rows.words[base + dnsWord.answered] = answered;
    this.rows.doubles[(base >> 1) + dnsDouble.answeredNs] = sight.timeNs;
    this.#keep(base + dnsWord.answerAt, sight);
  }

  /** The latest transaction of a connection with an identifier; below 0 when there is none lately. */
  #find(words: Int32Array, at: number, id: number): number {
    let row = (words[at + connectionWord.dns] ?? 0) - 1;
    for (let count = 0; row >= 0 && count < mostOpen; count += 1) {
      const base = this.rows.at(row);
      if (this.rows.words[base + dnsWord.id] === id) return row;
      row = (this.rows.words[base + dnsWord.previous] ?? 0) - 1;
    }
    return -1;
  }

  /** True when a question is the one that a row has: a repetition, and no other that has the same identifier. */
  #isSame(base: number, { bytes, messageAt, messageLength }: Sight): boolean {
    const start = this.rows.words[base + dnsWord.questionAt] ?? 0;
    if (this.rows.words[base + dnsWord.questionLength] !== messageLength) return false;
    for (let index = messageHeaderLength; index < messageLength; index += 1) {
      if (this.bytes[start + index] !== bytes[messageAt + index]) return false;
    }
    return true;
  }

  /** Where a new row starts; below 0 when there is no room for it. */
  #begin(words: Int32Array, at: number, { point }: Sight, id: number): number {
    if (this.rows.count >= mostTransactions) {
      this.untold += 1;
      return -1;
    }
    const row = this.rows.add();
    const base = this.rows.at(row);
    this.rows.words[base + dnsWord.previous] = words[at + connectionWord.dns] ?? 0;
    this.rows.words[base + dnsWord.id] = id;
    this.rows.words[base + dnsWord.point] = point;
    words[at + connectionWord.dns] = row + 1;
    return base;
  }

  /** Keeps a message, and notes at a place of the rows' words where it is. */
  #keep(place: number, { bytes, messageAt, messageLength }: Sight): void {
    const end = this.#used + messageLength;
    if (end > mostBytes) {
      this.untold += 1;
      return;
    }
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.min(mostBytes, 2 * this.bytes.length));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(bytes.subarray(messageAt, messageAt + messageLength), this.#used);
    this.rows.words[place] = this.#used;
    this.rows.words[place + 1] = messageLength;
    this.#used = end;
  }
}
