import { describe, expect, it } from 'vitest';
import { findConnections } from '../../src/flow/connection.ts';
import { type StuckSegment, stuckSegment } from '../../src/flow/stuck.ts';
import { caseOf } from '../diagnose/cases.ts';
import { reverse, type Sight, tcp } from './frames.ts';

const ends = { from: '10.88.0.10:51054', to: '10.88.0.1:80' };
const ms = 1_000_000n;

const opening = [
  tcp(ends, { flags: 'SYN', sequence: 100 }),
  tcp(reverse(ends), { flags: 'SYN ACK', sequence: 900, acknowledgement: 101 }),
  tcp(ends, { flags: 'ACK', sequence: 101, acknowledgement: 901 }),
].map((packet, index): Sight => ({ at: 0, packet, afterNs: BigInt(index) }));

/** A segment of the client, at these milliseconds. */
function sent(sequence: number, length: number, times: readonly number[], at = 0): Sight[] {
  return times.map((time, id) => ({
    at,
    packet: tcp(ends, { flags: 'ACK', sequence, acknowledgement: 901, length, id: 7 + id }),
    afterNs: BigInt(time) * ms,
  }));
}

function acknowledged(acknowledgement: number, time: number): Sight {
  const packet = tcp(reverse(ends), { flags: 'ACK', sequence: 901, acknowledgement });
  return { at: 0, packet, afterNs: BigInt(time) * ms };
}

function stuck(...sights: readonly Sight[]): StuckSegment | null {
  const [connection] = findConnections(caseOf({ sights: [...opening, ...sights] }));
  return connection === undefined ? null : stuckSegment(connection);
}

describe('a segment that is stuck', () => {
  it('is one that was sent three times and never acknowledged', () => {
    expect(stuck(...sent(101, 1400, [1, 201, 601]))).toMatchObject({
      by: 'client',
      largestAcknowledged: 0,
      heardSince: false,
    });
  });

  it('is told with what was acknowledged before it, and whether the other end was heard since', () => {
    const found = stuck(
      ...sent(101, 300, [1]),
      acknowledged(401, 2),
      ...sent(401, 1400, [3, 203, 603]),
      acknowledged(401, 204),
    );
    expect(found).toMatchObject({ largestAcknowledged: 300, heardSince: true });
    expect(found?.frames).toHaveLength(3);
  });

  it('is told at the end of a long upload', () => {
    const sights = [...opening, ...sent(101, 300, [1]), acknowledged(401, 2), ...sent(401, 1400, [3, 203, 603])];
    const [connection] = findConnections(caseOf({ sights }));
    const first = connection?.packets.find(({ facts }) => facts.payloadLength === 300);
    if (connection === undefined || first === undefined) throw new Error('the segment was not found');
    // More than a call takes arguments.
    const long = { ...connection, packets: [...connection.packets, ...Array.from({ length: 200_000 }, () => first)] };
    expect(stuckSegment(long)?.largestAcknowledged).toBe(300);
  });

  it('is told in its smallest form: the kernel may have sent several in one piece', () => {
    const found = stuck(...sent(101, 2800, [1]), ...sent(101, 1400, [201, 601]));
    expect(found?.packet.facts.payloadLength).toBe(1400);
  });

  it("may be the server's", () => {
    const answer = [1, 201, 601].map((time, id): Sight => {
      const segment = { flags: 'ACK', sequence: 901, acknowledgement: 101, length: 1400, id };
      return { at: 0, packet: tcp(reverse(ends), segment), afterNs: BigInt(time) * ms };
    });
    expect(stuck(...answer)?.by).toBe('server');
  });

  it.each<[string, readonly Sight[]]>([
    ['it was acknowledged at last', [...sent(101, 1400, [1, 201, 601]), acknowledged(1501, 700)]],
    ['it was sent twice', sent(101, 1400, [1, 601])],
    ['it was seen at three places', [0, 1, 2].flatMap((at) => sent(101, 1400, [1 + at * 200], at))],
    ['it was sent again within the time that a late one needs', sent(101, 1400, [1, 100, 299])],
    ['it carries nothing', sent(101, 0, [1, 201, 601])],
    ['others were sent again behind it', sent(1501, 1400, [1, 201, 601])],
  ])('is none where %s', (_name, sights) => {
    expect(stuck(...sights)).toBeNull();
  });

  it('is none of a connection that nobody took', () => {
    const syn = opening.slice(0, 1);
    const [connection] = findConnections(caseOf({ sights: [...syn, ...sent(101, 1400, [1, 201, 601])] }));
    expect(connection && stuckSegment(connection)).toBeNull();
  });
});
