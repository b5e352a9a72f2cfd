/** What was seen of a connection before and after NAT, as one connection: told by the ends that the client used. */

import type { Connection } from './connection.ts';
import { type FrameFacts, joinPackets } from './packet.ts';
import type { End } from './summary.ts';

/** Both ends of a connection. */
export interface Ends {
  readonly client: End;
  readonly server: End;
}

function sameEnd(a: End, b: End): boolean {
  return a.address === b.address && a.port === b.port;
}

/** Every frame's facts, under the ends of another connection. */
function factsUnder({ packets, client: own }: Connection, { client, server }: Ends): FrameFacts[] {
  return packets.flatMap(({ facts, frames }) => {
    const asks = sameEnd(facts.source, own);
    const [source, destination] = asks ? [client, server] : [server, client];
    return frames.map((frame): FrameFacts => ({ ...facts, frame, source, destination }));
  });
}

/**
 * The connection with what was seen of it under other ends. What the client met is told by its own ends where anything was
 * seen of those, else by the others.
 */
function withTranslated(connection: Connection, sight: Connection): Connection {
  const places = new Map([...connection.frames, ...sight.frames].map((frame) => [frame.number, frame]));
  const frames = [...places.values()].sort((a, b) =>
    a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : a.number - b.number,
  );
  const order = new Map(frames.map((frame, at) => [frame, at]));
  const facts = [...factsUnder(connection, connection), ...factsUnder(sight, connection)];
  facts.sort((a, b) => (order.get(a.frame) ?? 0) - (order.get(b.frame) ?? 0));
  const unseen = connection.frames.length === 0;
  return {
    ...connection,
    packets: joinPackets(facts),
    errors: [...connection.errors, ...sight.errors],
    frames,
    beganNs: unseen || sight.beganNs < connection.beganNs ? sight.beganNs : connection.beganNs,
    endedNs: sight.endedNs > connection.endedNs ? sight.endedNs : connection.endedNs,
    outcome:
      unseen && connection.outcome !== 'refused' && connection.outcome !== 'unreachable'
        ? sight.outcome
        : connection.outcome,
    errno: unseen ? (connection.errno ?? sight.errno) : connection.errno,
    translated: { client: sight.client, server: sight.server },
  };
}

/** The connection with all that was seen of it under other ends, in the order of time: NAT gave it the last of them. */
export function withSights(connection: Connection, sights: readonly Connection[]): Connection {
  return sights.reduce(withTranslated, connection);
}
