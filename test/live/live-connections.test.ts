import { describe, expect, it, test } from 'vitest';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { FramesOfConnection } from '../../src/live/frames-of-connection.ts';
import { framesOfConnections } from '../../src/live/live-evidence.ts';
import { icmpError, reverse, tcp, udp } from '../flow/frames.ts';
import { liveCapture } from './records.ts';

const second = 1_000_000_000;
const ends = (port: number) => ({ from: `10.0.0.2:${port}`, to: '10.0.0.1:80' });
const syn = (port: number): string => tcp(ends(port), { flags: 'SYN', sequence: 100, id: port });
const synAck = (port: number): string =>
  tcp(reverse(ends(port)), { flags: 'SYN ACK', sequence: 900, acknowledgement: 101 });
const ack = (port: number): string => tcp(ends(port), { flags: 'ACK', sequence: 101, acknowledgement: 901 });
const reset = (port: number): string => tcp(reverse(ends(port)), { flags: 'RST ACK', acknowledgement: 101 });
const request = (port: number): string =>
  tcp(ends(port), { flags: 'ACK', sequence: 101, acknowledgement: 901, text: 'GET' });
const answer = (port: number): string =>
  tcp(reverse(ends(port)), { flags: 'ACK', sequence: 901, acknowledgement: 104, text: '200' });
const fin = (port: number): string =>
  tcp(reverse(ends(port)), { flags: 'FIN ACK', sequence: 904, acknowledgement: 104 });
const query = udp({ from: '10.0.0.2:5000', to: '10.0.0.53:53' });

type Live = ReturnType<typeof liveCapture>;

/** What the list shows: the client's port, and the outcome. */
function shown({ connections }: Live, nowNs: number): string[] {
  return connections.list(nowNs).map(({ source, outcome }) => `${source.port} ${outcome}`);
}

describe('how connections stand', () => {
  test.each<[string, readonly string[], number, string]>([
    ['refused', [syn(1), reset(1)], 0, '1 refused'],
    ['not answered yet', [syn(1)], 1.1, '1 unknown'],
    ['not answered', [syn(1), syn(1)], 1.3, '1 timeout'],
    ['waiting for an answer on an open connection', [syn(1), synAck(1), ack(1), request(1)], 9, '1 unknown'],
    ['waiting too long for it', [syn(1), synAck(1), ack(1), request(1)], 11, '1 timeout'],
    ['answered', [syn(1), synAck(1), ack(1), request(1), answer(1)], 60, '1 ok'],
    ['asking a resolver', [query], 1, '5000 unknown'],
    ['asking a resolver in vain', [query], 1.3, '5000 timeout'],
    ['a datagram that wants no answer', [udp({ from: '10.0.0.2:5000', to: '10.0.0.9:514' })], 600, '5000 unknown'],
    ['unreachable', [syn(1), icmpError('10.0.0.1', '10.0.0.2', 3, 1, syn(1))], 0, '1 unreachable'],
  ])('%s', (_name, packets, seconds, expected) => {
    const live = liveCapture();
    live.tell(0, packets);
    live.connections.update([], seconds * second);
    expect(shown(live, seconds * second)).toEqual([expected]);
    expect(live.connections.counts.failed).toBe(/timeout|refused|unreachable/.test(expected) ? 1 : 0);
  });

  it('takes a failure back when an answer comes after all', () => {
    const live = liveCapture();
    live.tell(0, [syn(1)]);
    live.connections.update([], 2 * second);
    expect(shown(live, 2 * second)).toEqual(['1 timeout']);
    live.tell(2 * second, [syn(1), synAck(1), ack(1)], 2.1 * second);
    expect(shown(live, 2.1 * second)).toEqual(['1 ok']);
    expect(live.connections.counts).toEqual({ all: 1, failed: 0 });
  });
});

describe('the list', () => {
  it('has failed ones first, the latest first, and stays the same while nothing changes', () => {
    const live = liveCapture();
    live.tell(0, [syn(1), synAck(1), ack(1), syn(2), reset(2)]);
    live.tell(second, [syn(3), synAck(3), ack(3), syn(4), reset(4)]);
    expect(shown(live, second)).toEqual(['4 refused', '2 refused', '3 ok', '1 ok']);
    const before = live.connections.list(second);
    live.connections.update([], second);
    expect(live.connections.list(second)).toBe(before);
    live.tell(2 * second, [ack(3)]);
    const after = live.connections.list(2 * second);
    expect(after.map((one) => before.includes(one))).toEqual([true, true, false, true]);
  });

  it('names who owns an address', () => {
    const live = liveCapture();
    live.tell(0, [syn(1)]);
    live.connections.nameOwners((address) => (address === '10.0.0.2' ? 'web' : null));
    expect(live.connections.list(0)[0]).toMatchObject({ source: { netns: 'web' }, destination: { netns: null } });
  });

  it('lists no more than a thousand, and counts all', () => {
    const live = liveCapture();
    for (let port = 1; port <= 1200; port += 1) live.tell(port * 1000, [syn(port), ...(port % 2 ? [reset(port)] : [])]);
    const listed = shown(live, 0);
    expect([listed[0], listed[499], listed[500], listed.length]).toEqual([
      '1199 refused',
      '201 refused',
      '1200 unknown',
      1000,
    ]);
    expect(live.connections.counts).toEqual({ all: 1200, failed: 600 });
  });
});

test('every failed connection is counted, and listed as failed or not at all', () => {
  const live = liveCapture();
  const ports = Array.from({ length: 20_010 }, (_, index) => index + 1);
  live.tell(
    0,
    ports.flatMap((port) => [syn(port), reset(port)]),
  );
  expect(live.connections.counts).toEqual({ all: 20_010, failed: 20_010 });
  expect(shown(live, 0)).toHaveLength(500);
});

describe('diagnoses', () => {
  function explained(live: Live, changes: Partial<ConnectionDiagnosis>): ConnectionDiagnosis {
    const [one] = live.connections.list(0);
    if (one === undefined) throw new Error('there is no connection');
    return { ...one, ...changes };
  }

  it('are planned for what failed, then for what is over', () => {
    const live = liveCapture();
    live.tell(0, [syn(1), synAck(1), ack(1), request(1), answer(1), fin(1), syn(2), reset(2), syn(3), synAck(3)]);
    expect(live.connections.plan.take(second, 8)).toEqual([1]);
    expect(live.connections.plan.take(second, 8)).toEqual([0]);
    expect(live.connections.plan.take(second, 8)).toEqual([]);
  });

  it('take the place of what frames alone tell, until there is more to tell', () => {
    const live = liveCapture();
    live.tell(0, [syn(1), reset(1)]);
    const signature = live.connections.signature(0);
    expect(live.connections.isExplained(0)).toBe(false);
    live.connections.explain(0, explained(live, { cause: 'no-listener', frames: [1, 2] }), signature);
    expect(live.connections.list(0)).toMatchObject([{ cause: 'no-listener', frames: [1] }]);
    expect(live.connections.isExplained(0)).toBe(true);
    live.tell(second, [tcp(ends(1), { flags: 'SYN', sequence: 7 })]);
    expect(live.connections.list(second)[0]).toMatchObject({ cause: 'no-listener' });
    live.tell(2 * second, [reset(1)]);
    expect(live.connections.isExplained(1)).toBe(false);
  });

  it('of an earlier state are passed over', () => {
    const live = liveCapture();
    live.tell(0, [syn(1)]);
    const signature = live.connections.signature(0);
    const early = explained(live, { cause: 'early' });
    live.tell(second, [synAck(1), ack(1)]);
    live.connections.explain(0, early, signature);
    expect(live.connections.list(second)).toMatchObject([{ cause: null, outcome: 'ok' }]);
  });

  it('may find that what works on the wire has failed', () => {
    const live = liveCapture();
    live.tell(0, [syn(1), synAck(1), ack(1), request(1), answer(1), fin(1)]);
    live.connections.explain(0, explained(live, { outcome: 'tls-failed' }), live.connections.signature(0));
    expect(live.connections.counts.failed).toBe(1);
    expect(live.connections.factsOf(0)).toEqual({ number: 1, outcome: 'tls-failed', cause: null });
  });

  it('come from the frames of the connections, of long ones from beginning and end, and from the latest of all', () => {
    const live = liveCapture();
    const many = Array.from({ length: 300 }, () => request(1));
    live.tell(0, [syn(1), synAck(1), ...many, syn(2), syn(3)]);
    const framesOf = (id: number): number[] =>
      framesOfConnections(live.store, [id], (one) => live.connections.firstFrame(one)).map(({ number }) => number);
    const numbers = framesOf(0);
    expect(numbers).toHaveLength(64 + 192 + 1);
    expect([numbers[0], numbers[63], numbers[64], numbers.at(-2), numbers.at(-1)]).toEqual([1, 64, 111, 302, 304]);
    expect(framesOf(1)).toEqual([303, 304]);
  });

  it('lack their beginning where that is hidden among too many others', () => {
    const live = liveCapture();
    const others = Array.from({ length: 20_000 }, () => request(2));
    const many = Array.from({ length: 300 }, () => request(1));
    live.tell(0, [syn(1), ...others, ...many]);
    const frames = framesOfConnections(live.store, [0], (id) => live.connections.firstFrame(id));
    expect(frames.map(({ number }) => number)).toEqual([
      1,
      ...Array.from({ length: 192 }, (_, at) => 20_301 - 191 + at),
    ]);
  });
});

test('a flood of connections makes room: those whose frames have gone first, and everything else stays what it is', () => {
  const live = liveCapture();
  for (let port = 1; port <= 12; port += 1)
    live.tell(port * 1_000_000, [syn(port), ...(port % 3 === 0 ? [reset(port)] : [])]);
  const before = live.connections.list(second);
  expect(live.connections.makeRoom(() => true, 12)).toBeNull();
  const numbers = live.connections.makeRoom((id) => id !== 10, 10);
  // Half the room is left: the latest five, without the one that has no frame.
  expect([...(numbers ?? [])]).toEqual([-1, -1, -1, -1, -1, -1, 0, 1, 2, 3, -1, 4]);
  live.store.renumber(numbers ?? new Int32Array(0));
  expect(live.connections.counts).toEqual({ all: 12, failed: 4 });
  const after = live.connections.list(second);
  expect(after.map(({ source }) => source.port)).toEqual([12, 9, 10, 8, 7]);
  expect(after.every((one) => before.includes(one))).toBe(true);
  expect(after.map((one) => live.connections.idOf(one))).toEqual([4, 2, 3, 1, 0]);
  expect(live.store.framesOf(4, 0, 9)).toEqual([15, 16]);
  expect([14, 15].map((number) => live.store.connectionOf(number))).toEqual([-1, 4]);
  live.tell(20 * second, [synAck(12), syn(13)]);
  expect(live.store.framesOf(4, 0, 9)).toEqual([15, 16, 17]);
  expect(live.store.framesOf(5, 0, 9)).toEqual([18]);
});

test('what was shown of a connection that has changed or gone since stands for no other one', () => {
  const live = liveCapture();
  for (let port = 1; port <= 12; port += 1) live.tell(port * 1000, [syn(port)]);
  const before = live.connections.list(0);
  live.tell(second, [synAck(12)]);
  live.connections.list(second);
  live.connections.makeRoom(() => true, 10);
  const idOf = (port: number) => {
    const one = before.find(({ source }) => source.port === port);
    return one && live.connections.idOf(one);
  };
  expect([idOf(12), idOf(1), idOf(11)]).toEqual([null, null, 3]);
});

test('the frame numbers of a connection are kept up to date', () => {
  const live = liveCapture();
  const frames = new FramesOfConnection(live.store);
  live.tell(0, [syn(1), syn(2), synAck(1)]);
  const first = frames.of([0]);
  expect(first).toEqual([1, 3]);
  live.tell(second, [syn(3)]);
  expect(frames.of([0])).toBe(first);
  live.tell(2 * second, [ack(1)]);
  expect(frames.of([0])).toEqual([1, 3, 5]);
  expect(frames.of([1])).toEqual([2]);
});

describe('what NAT split', () => {
  const before = { from: '192.0.2.2:40000', to: '192.0.2.1:8080' };
  const after = { from: '192.0.2.2:40000', to: '172.30.0.2:80' };
  const masked = { from: '198.51.100.1:40000', to: '172.30.0.2:80' };
  const asks = (at: typeof before): string => tcp(at, { flags: 'SYN', sequence: 100, id: 9 });
  const refuses = (at: typeof before): string => tcp(reverse(at), { flags: 'RST ACK', acknowledgement: 101 });

  it('is listed once, by the ends that its client used, with the frames of all that was seen', () => {
    const live = liveCapture();
    live.tell(0, [asks(before), asks(after), asks(masked), refuses(masked), refuses(after), refuses(before)]);
    expect(live.connections.list(0)).toMatchObject([
      {
        source: { address: '192.0.2.2', port: 40_000 },
        destination: { address: '192.0.2.1', port: 8080 },
        translated: { source: { address: '198.51.100.1' }, destination: { address: '172.30.0.2', port: 80 } },
        outcome: 'refused',
      },
    ]);
    expect(live.connections.counts).toEqual({ all: 1, failed: 1 });
    expect(live.connections.plan.take(second, 8)).toEqual([0]);
    expect([0, 1, 2].map((id) => live.connections.sightsOf(id))).toEqual([0, 1, 2].map(() => [0, 1, 2]));
    expect(live.connections.factsOf(2)).toMatchObject({ number: 1, outcome: 'refused' });
    const frames = new FramesOfConnection(live.store);
    const all = frames.of([0, 1, 2]);
    expect(all).toEqual([1, 2, 3, 4, 5, 6]);
    expect(frames.of([0, 1, 2])).toBe(all);
    live.tell(second, [asks(after)]);
    expect(frames.of([0, 1, 2])).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('has failed when the server refuses and its client has not heard of it, and is news when it has', () => {
    const live = liveCapture();
    live.tell(0, [asks(before), asks(after), refuses(after)]);
    expect(shown(live, 0)).toEqual(['40000 refused']);
    expect(live.connections.counts).toEqual({ all: 1, failed: 1 });
    const signature = live.connections.signature(0);
    live.tell(second, [refuses(before)]);
    expect(live.connections.signature(0)).not.toBe(signature);
  });

  it('works when its client was answered', () => {
    const live = liveCapture();
    const answers = (at: typeof before): string =>
      tcp(reverse(at), { flags: 'SYN ACK', sequence: 900, acknowledgement: 101 });
    live.tell(0, [asks(before), asks(after), answers(after)]);
    expect(shown(live, 0)).toEqual(['40000 unknown']);
    live.tell(second, [answers(before), tcp(before, { flags: 'ACK', sequence: 101, acknowledgement: 901 })]);
    expect(shown(live, second)).toEqual(['40000 ok']);
    expect(live.connections.counts).toEqual({ all: 1, failed: 0 });
  });

  it('is told apart again when others began alike that NAT cannot have made of it', () => {
    const live = liveCapture();
    live.tell(0, [asks(before), asks(after), refuses(after)]);
    live.tell(1000, [asks({ from: '203.0.113.9:1', to: '203.0.113.10:2' })]);
    expect(shown(live, 1000)).toEqual(['40000 refused', '1 unknown', '40000 unknown']);
    expect(live.connections.counts).toEqual({ all: 3, failed: 1 });
  });

  it('is not a flood of equal SYNs', () => {
    const live = liveCapture();
    const flood = Array.from({ length: 500 }, (_, index) =>
      asks({ from: `10.0.${index % 250}.7:${index + 1}`, to: before.to }),
    );
    live.tell(0, flood);
    expect(live.connections.counts).toEqual({ all: 500, failed: 0 });
    live.tell(
      1000,
      flood.map((_, index) => refuses({ from: `10.0.${index % 250}.7:${index + 1}`, to: before.to })),
    );
    expect(live.connections.counts).toEqual({ all: 500, failed: 500 });
  });

  it('is not what begins alike a second later', () => {
    const live = liveCapture();
    live.tell(0, [asks(before)]);
    live.tell(second, [asks(after)]);
    expect(live.connections.counts.all).toBe(2);
  });

  it('is told by the explanation where it is datagrams', () => {
    const live = liveCapture();
    const asked = udp({ from: '10.88.0.10:5000', to: '10.0.0.53:53' });
    const masqueraded = udp({ from: '192.0.2.7:5000', to: '10.0.0.53:53' });
    live.tell(0, [asked, masqueraded]);
    live.connections.update([], 2 * second);
    expect(live.connections.counts).toEqual({ all: 2, failed: 2 });
    const one = live.connections.list(2 * second).find(({ source }) => source.address === '10.88.0.10');
    if (one === undefined) throw new Error('the question is not listed');
    live.connections.explain(0, { ...one, cause: 'no-reply-from-remote' }, live.connections.signature(0), [0, 1]);
    expect(live.connections.list(2 * second)).toMatchObject([{ cause: 'no-reply-from-remote' }]);
    expect(live.connections.counts).toEqual({ all: 1, failed: 1 });
    expect(live.connections.isExplained(0)).toBe(true);
    expect(live.connections.plan.take(4 * second, 8)).toEqual([0]);
    live.tell(5 * second, [asked, masqueraded], 5 * second);
    expect(live.connections.counts).toEqual({ all: 1, failed: 1 });
  });

  it('stays one when others are let go', () => {
    const live = liveCapture();
    live.tell(0, [syn(1), syn(2), asks(before), asks(after), refuses(after), refuses(before)]);
    const numbers = live.connections.makeRoom((id) => id >= 2, 3);
    expect(numbers).toEqual(Int32Array.from([-1, -1, 0, 1]));
    expect(shown(live, 0)).toEqual(['40000 refused']);
    expect(live.connections.counts).toEqual({ all: 3, failed: 1 });
    expect(live.connections.sightsOf(1)).toEqual([0, 1]);
  });
});
