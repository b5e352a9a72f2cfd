/** When silence is an answer: only after somebody waited for one. */

import { fromClient, requestPacket, wasUnheard } from '../flow/connection.ts';
import { dnsPort } from '../flow/dns-table.ts';
import type { Context } from './context.ts';

/** A resolver's client and a TCP that opens wait this long before they ask again (RFC 6298, section 2). */
const patienceNs = 1_000_000_000n;

/**
 * True when it means something that no answer was seen. A traced command waited until it gave up, unless all that it sent
 * were datagrams and it is content with that. In a bare capture a
 * request must have been repeated, or the client have ended the connection, or the capture have gone on; and a datagram
 * must be one that wants an answer, as a question to a resolver does and a log line, a tunnel's or a multicast does not;
 * an answer that was seen on its way says that by itself.
 */
export function silenceTells({ connection, evidence }: Context): boolean {
  // Where an answer was made, one was due.
  if (wasUnheard(connection)) return true;
  const command = evidence.session?.command ?? null;
  const isOneWay = connection.protocol === 'udp' && connection.server.port !== dnsPort;
  if (command !== null) return !isOneWay || command.exitCode !== 0;
  if (isOneWay) return false;
  const own = connection.packets.filter((packet) => fromClient(connection, packet));
  const request = requestPacket(connection);
  const repeated = own.some(
    (packet) => packet !== request && packet.facts.tcp?.sequence === request?.facts.tcp?.sequence,
  );
  const ended = own.some(({ facts }) => facts.tcp?.fin === true || facts.tcp?.reset === true);
  return repeated || ended || evidence.lastNs - connection.endedNs >= patienceNs;
}

/** True when the traced command asked, and no packet of it was seen, nor an error told: whether any was sent is not known. */
export function isUnseen({ connection, evidence }: Context): boolean {
  const { outcome, errno, frames } = connection;
  return evidence.session !== null && outcome === 'timeout' && errno === null && frames.length === 0;
}
