/**
 * What the program that asked met, as far as frames tell: decided from what each end was seen to send, which joins over
 * capture points in any order.
 */

/** `closed`: taken, and closed without an answer. `dns-failed`: a resolver's answer was an error. */
export type WireOutcome = 'ok' | 'refused' | 'unreachable' | 'timeout' | 'reset' | 'closed' | 'dns-failed' | 'unknown';

/** An outcome, and the errno that it means to the program (RFC 9293, 3.10.7.3; RFC 1122, 4.2.3.9), null when unclear. */
export interface Met {
  readonly outcome: WireOutcome;
  readonly errno: string | null;
}

/**
 * What an end was seen to send, as bits. `ack` is an acknowledgement that neither opens nor resets; `tls` says that its
 * first payload is TLS, where somebody looked; `late` that a packet stands behind later ones in the file; `quoted`, of
 * the end that was first seen to send, that an ICMP error quotes a packet of the connection; `alert` that it sent a fatal
 * TLS alert in the clear, where somebody looked.
 */
export const sent = {
  syn: 1,
  synAck: 2,
  ack: 4,
  data: 8,
  fin: 16,
  reset: 32,
  anything: 64,
  tls: 128,
  late: 256,
  quoted: 512,
  alert: 1024,
} as const;

/** What a program met that was told of an error. */
export function metByError(errno: string): Met {
  return { outcome: errno === 'ECONNREFUSED' ? 'refused' : 'unreachable', errno };
}

/**
 * The outcome of a UDP exchange or an ICMP echo.
 *
 * @param theirs What the end that was asked sent, as bits of `sent`.
 * @param errno What the first ICMP error about it means, or null.
 */
export function metByDatagram(theirs: number, errno: string | null): Met {
  if (theirs !== 0) return { outcome: 'ok', errno: null };
  return errno === null ? { outcome: 'timeout', errno: null } : metByError(errno);
}

/**
 * The outcome of a TCP connection.
 *
 * @param own What its client sent, as bits of `sent`, and `theirs` what its server sent.
 * @param clientDoneFirst The first FIN was the client's: it had sent all that it wanted to.
 */
export function metByTcp(own: number, theirs: number, errno: string | null, clientDoneFirst: boolean): Met {
  const has = (bits: number, wanted: number): boolean => (bits & wanted) !== 0;
  const asked = has(own, sent.syn | sent.synAck);
  const accepted = has(theirs, sent.synAck);
  // An accepting answer that never reaches the client is none to it: only its own acknowledgement shows that it did.
  const heard = has(own, sent.ack);
  const resetByThem = has(theirs, sent.reset);
  const closedByThem = has(theirs, sent.fin);
  if (asked && !accepted && !has(theirs, sent.data)) {
    if (resetByThem) return { outcome: 'refused', errno: 'ECONNREFUSED' };
    if (errno !== null) return metByError(errno);
    // A bare acknowledgement takes nothing and refuses nothing; a client that resets what it asked for took it back.
    const unclear = theirs !== 0 || has(own, sent.reset);
    return { outcome: unclear ? 'unknown' : 'timeout', errno: null };
  }
  if (asked && !heard && !resetByThem) {
    // A client that resets what it asked for gave up, or never asked: its frames do not say which.
    if (has(own, sent.reset)) return { outcome: 'unknown', errno: null };
    return errno === null ? { outcome: 'timeout', errno: null } : metByError(errno);
  }
  // Who has its answer and is done does not hear of a reset any more.
  const served = clientDoneFirst && has(theirs, sent.data);
  if (resetByThem && !closedByThem && !served) return { outcome: 'reset', errno: 'ECONNRESET' };
  if (has(theirs, sent.data)) return { outcome: 'ok', errno: null };
  // Whoever sends, says that it is done, and is answered with the same has uploaded something.
  if (has(own, sent.data) && closedByThem && clientDoneFirst) return { outcome: 'ok', errno: null };
  // Of a connection whose start was not captured, the answer may lie before the capture.
  if (has(own, sent.data) && asked) return { outcome: closedByThem ? 'closed' : 'timeout', errno: null };
  return { outcome: accepted && heard ? 'ok' : 'unknown', errno: null };
}
