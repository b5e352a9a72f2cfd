/** How a connection stands while it goes on: what has failed, what may still be answered, what is over. */

import { isFailure } from '../diagnose/diagnosis.ts';
import { connectionDouble, none, connectionWord as word } from '../flow/connection-row.ts';
import type { Connections } from '../flow/connection-table.ts';
import { dnsPort } from '../flow/dns-table.ts';
import { type Met, sent } from '../flow/outcome.ts';
import { glanceAt } from '../flow/summary.ts';
import { ipProtocol } from '../inet/protocol.ts';

/** A TCP that opens asks again after a second (RFC 6298, section 2), and so do resolvers at the earliest. */
const patienceNs = 1_200_000_000;
/** Whoever asked on an open connection may wait long for the answer and mean it. */
const longPatienceNs = 10_000_000_000;

/** See the file's head. */
export interface Standing {
  readonly outcome: Met['outcome'];
  readonly errno: string | null;
  /** It has failed, as far as frames tell. */
  readonly failed: boolean;
  /** Nothing more is expected of it that would change the outcome. */
  readonly over: boolean;
  /** When it will have failed if nothing comes, nanoseconds as the table's; null when that is not to be expected. */
  readonly patientUntilNs: number | null;
}

/** Until when an answer may come without anybody missing it; null when none is wanted. */
function patientUntil(table: Connections, id: number): number | null {
  const { words, doubles } = table.rows;
  const at = table.rows.at(id);
  const firstNs = doubles[(at >> 1) + connectionDouble.firstNs] ?? 0;
  const lastNs = doubles[(at >> 1) + connectionDouble.lastNs] ?? 0;
  const protocol = (words[at + word.kind] ?? 0) & 0xff;
  const ports = words[at + word.ports] ?? 0;
  if (protocol === ipProtocol.udp) {
    // A datagram that asks for no answer fails for no lack of one.
    const client = words[at + word.client] ?? 0;
    return (client === 0 ? ports & 0xffff : ports >>> 16) === dnsPort ? firstNs + patienceNs : null;
  }
  if (protocol !== ipProtocol.tcp) return null;
  const client = words[at + word.client] ?? 0;
  const theirs = words[at + word.sent + 1 - client] ?? 0;
  return (theirs & sent.synAck) === 0 ? firstNs + patienceNs : lastNs + longPatienceNs;
}

/** How it stands at a time in nanoseconds as the table's. */
function standingOf(table: Connections, id: number, nowNs: number): Standing {
  const { outcome, errno } = glanceAt(table, id);
  const { words } = table.rows;
  const at = table.rows.at(id);
  const ended = (words[at + word.finBy] ?? 0) !== 0 || (words[at + word.resetBy] ?? 0) !== 0;
  if (outcome !== 'timeout') {
    const failed = isFailure(outcome);
    const isTcp = ((words[at + word.kind] ?? 0) & 0xff) === ipProtocol.tcp;
    return { outcome, errno, failed, over: failed || ended || !isTcp, patientUntilNs: null };
  }
  if (ended) return { outcome, errno, failed: true, over: true, patientUntilNs: null };
  const untilNs = patientUntil(table, id);
  if (untilNs !== null && nowNs >= untilNs) return { outcome, errno, failed: true, over: false, patientUntilNs: null };
  return { outcome: 'unknown', errno: null, failed: false, over: false, patientUntilNs: untilNs };
}

/**
 * The same of all sights of one connection, before NAT and after. What the client met is told by its own, and where that
 * waits for an answer by another one that has failed: the answer will not come.
 */
export function standingOfSights(
  table: Connections,
  [own = none, ...later]: readonly number[],
  nowNs: number,
): Standing {
  const standing = standingOf(table, own, nowNs);
  if (standing.failed || standing.outcome !== 'unknown') return standing;
  const failed = later.map((id) => standingOf(table, id, nowNs)).find((one) => one.failed);
  return failed === undefined ? standing : { ...failed, over: false, patientUntilNs: standing.patientUntilNs };
}
