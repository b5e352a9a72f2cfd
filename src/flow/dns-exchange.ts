/** What a connection's transactions with a resolver say, made when it is asked for. */

import { ipProtocol } from '../inet/protocol.ts';
import { connectionWord } from './connection-row.ts';
import type { Connections } from './connection-table.ts';
import { dnsDouble, dnsWord, rcodeMask } from './dns-table.ts';

/** A question to a resolver, and its answer. */
export interface DnsExchange {
  /** The messages, cut after 512 bytes; null when it was not captured, or not kept. */
  readonly question: Uint8Array | null;
  readonly answer: Uint8Array | null;
  /** The answer's response code, of its header alone; null when none was captured. */
  readonly rcode: number | null;
  /** How often it was asked; 0 when the answer alone was captured. */
  readonly asked: number;
  /** From the first question to the answer; null without either. */
  readonly responseNs: number | null;
}

const protocolMask = 0xff;

/** Where the rows of a connection's transactions start, in the order in which they began. */
function transactions({ rows, names }: Connections, id: number): number[] {
  const at = rows.at(id);
  // Of TCP the word says something else.
  if (((rows.words[at + connectionWord.kind] ?? 0) & protocolMask) !== ipProtocol.udp) return [];
  const bases: number[] = [];
  for (let row = (rows.words[at + connectionWord.dns] ?? 0) - 1; row >= 0; ) {
    const base = names.rows.at(row);
    bases.push(base);
    row = (names.rows.words[base + dnsWord.previous] ?? 0) - 1;
  }
  return bases.reverse();
}

/** The exchanges of a connection, in the order in which they began. */
export function dnsExchanges(table: Connections, id: number): DnsExchange[] {
  const { rows, bytes } = table.names;
  return transactions(table, id).map((base) => {
    const word = (index: number): number => rows.words[base + index] ?? 0;
    const double = (index: number): number => rows.doubles[(base >> 1) + index] ?? 0;
    const message = (at: number): Uint8Array | null =>
      word(at + 1) === 0 ? null : bytes.subarray(word(at), word(at) + word(at + 1));
    const [asked, answered] = [word(dnsWord.asked), word(dnsWord.answered)];
    return {
      question: message(dnsWord.questionAt),
      answer: message(dnsWord.answerAt),
      rcode: answered === 0 ? null : answered & rcodeMask,
      asked,
      responseNs: asked === 0 || answered === 0 ? null : double(dnsDouble.answeredNs) - double(dnsDouble.askedNs),
    };
  });
}

/** The response codes of a connection's answers, in the order in which they were asked for. */
export function responseCodes(table: Connections, id: number): number[] {
  const { words } = table.names.rows;
  return transactions(table, id).flatMap((base) => {
    const answered = words[base + dnsWord.answered] ?? 0;
    return answered === 0 ? [] : [answered & rcodeMask];
  });
}

/** What response codes mean that the name was not found out (RFC 1035, section 4.1.1): SERVFAIL, NXDOMAIN, REFUSED. */
const failures: ReadonlySet<number> = new Set([2, 3, 5]);

/** True when the resolver answered with an error for all that it was asked. */
export function failedToResolve(codes: readonly number[]): boolean {
  const [first] = codes;
  return first !== undefined && failures.has(first) && codes.every((code) => code !== 0);
}
