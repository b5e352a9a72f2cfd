/** Lines are what the kernel printed for curl and python3 in labs. */
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { echo } from '../flow/frames.ts';
import {
  at,
  caseOf,
  kernelLine,
  listeners,
  lookUp,
  onlyConnection,
  packets,
  seen,
  snapshotWith,
  told,
} from './cases.ts';

const own = (afterNs: bigint, text: string, flags = '.....') => kernelLine(afterNs, text, 'command', flags);
const look = (protocol: number, source: string, destination: string, device: string, error: number) =>
  `fib_table_lookup: table 254 oif 0 iif 1 proto ${protocol} ${source} -> ${destination} tos 0 scope 0 flags 8 ==> dev ${device} gw 0.0.0.0/:: err ${error}`;
const state = (from: string, to: string, port: number) =>
  `inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport=${port} dport=80 saddr=10.88.0.10 daddr=10.88.0.77 saddrv6=::ffff:10.88.0.10 daddrv6=::ffff:10.88.0.77 oldstate=TCP_${from} newstate=TCP_${to}`;
const report = (error: number) =>
  `inet_sk_error_report: family=AF_INET protocol=IPPROTO_TCP sport=44876 dport=80 saddr=10.88.0.10 daddr=10.88.0.77 saddrv6=::ffff:10.88.0.10 daddrv6=::ffff:10.88.0.77 error=${error}`;
const inProgress = 'sys_connect -> 0xffffffffffffff8d';
const snapshot = snapshotWith(listeners.bridge);

/** A connect() to an address that is on the link and that nobody answers for. */
const asking = [
  own(0n, look(6, '0.0.0.0/0', '10.88.0.77/80', 'eth0', 0)),
  own(1_000n, look(6, '10.88.0.10/0', '10.88.0.77/80', 'eth0', 0)),
  own(2_000n, state('CLOSE', 'SYN_SENT', 0)),
  own(3_000n, look(6, '10.88.0.10/44876', '10.88.0.77/80', 'eth0', 0)),
  own(4_000n, inProgress),
];

describe('a connect() of which no packet was seen', () => {
  it('that found no route is told with its errno and the look-up that failed', () => {
    const kernel = [
      own(0n, look(6, '0.0.0.0/0', '10.88.0.10/80', '-', -11)),
      own(1_000n, 'sys_connect -> 0xffffffffffffff9b'),
    ];
    const connection = onlyConnection(caseOf({ sights: [], snapshot, kernel }));
    expect(connection).toMatchObject({
      source: { address: '0.0.0.0', port: 0, netns: 'portainer' },
      destination: { address: '10.88.0.10', port: 80 },
      outcome: 'unreachable',
      errno: 'ENETUNREACH',
    });
    expect(connection.explanation[0]).toBe(
      'No packet of it was seen at any capture point; the program\'s connect() met ENETUNREACH ("network is unreachable").',
    );
  });

  it('whose neighbour is dead has the errno that a timer gave its socket', () => {
    const kernel = [
      ...asking,
      kernelLine(3_000_000_000n, report(0), 'packets', '.Ns2.'),
      kernelLine(3_000_001_000n, report(113), 'packets', '.Ns2.'),
    ];
    const connection = onlyConnection(caseOf({ sights: [], snapshot, kernel }));
    expect(told(connection).what).toBe('unreachable EHOSTUNREACH neighbour-unresolved proven');
    expect(connection.summary).toBe(
      '10.88.0.77:80 could not be reached: nobody on podman0 has the address 10.88.0.77.',
    );
    expect(connection.source).toMatchObject({ address: '10.88.0.10', port: 44_876 });
  });

  it('that the program gave up is a timeout', () => {
    const kernel = [...asking, own(2_000_000_000n, state('SYN_SENT', 'CLOSE', 44_876))];
    expect(told(onlyConnection(caseOf({ sights: [], snapshot, kernel }))).what).toBe(
      'timeout - neighbour-unresolved inferred',
    );
  });

  it('to a resolver is a question, told once however often it is asked', () => {
    const question = (afterNs: bigint, port: number) => [
      own(afterNs, look(17, '0.0.0.0/0', '10.88.0.77/53', 'eth0', 0)),
      own(afterNs + 1000n, look(17, `10.88.0.10/${port}`, '10.88.0.77/53', 'eth0', 0)),
      own(afterNs + 2000n, 'sys_connect -> 0x0'),
    ];
    const kernel = [...question(0n, 40_001), ...question(1_000_000_000n, 40_002)];
    const connection = onlyConnection(caseOf({ sights: [], snapshot, kernel }));
    expect(told(connection).what).toBe('timeout - neighbour-unresolved inferred');
    expect(connection.explanation.join(' ')).toContain('asked the resolver 10.88.0.77:53');
  });

  it('of a datagram to another port is none: it sends nothing', () => {
    const kernel = [own(0n, look(17, '0.0.0.0/0', '10.88.0.77/80', 'eth0', 0)), own(1_000n, 'sys_connect -> 0x0')];
    expect(() => onlyConnection(caseOf({ sights: [], snapshot, kernel }))).toThrow(/0/);
  });

  it('is told for each try', () => {
    const failing = [look(6, '0.0.0.0/0', '10.99.0.1/80', '-', -11), 'sys_connect -> 0xffffffffffffff9b'];
    const kernel = [...failing, ...failing].map((text, index) => own(BigInt(index) * 1000n, text));
    const evidence = caseOf({ sights: [], snapshot, kernel });
    expect(() => onlyConnection(evidence)).toThrow(/2/);
  });

  it('is no connection when it was made by somebody else in an interrupt', () => {
    const kernel = [own(0n, look(6, '10.1.0.1/2', '10.99.0.1/80', 'eth0', 0), '..s1.')];
    expect(() => onlyConnection(caseOf({ sights: [], snapshot, kernel }))).toThrow(/0/);
  });
});

describe("a connection is the command's", () => {
  const sights = seen(packets.syn, [at.container]);

  it('when its look-up carries both ends', () => {
    expect(onlyConnection(caseOf({ sights, snapshot, kernel: [lookUp] })).source.port).toBe(51_054);
  });

  it('when a datagram was sent from a socket without an address', () => {
    const datagram = seen(packets.portUnreachable, [at.container], 10n);
    const kernel = [own(0n, look(17, '0.0.0.0/51054', '10.88.0.1/19001', 'eth0', 0))];
    const { protocol, source } = onlyConnection(
      caseOf({ sights: [{ at: 0, packet: packets.datagram, afterNs: 0n }, ...datagram], snapshot, kernel }),
    );
    expect([protocol, source.port]).toEqual(['udp', 51_054]);
  });

  it('not when another socket asked for the same', () => {
    const kernel = [own(0n, look(6, '10.88.0.10/60000', '10.88.0.1/19001', 'eth0', 0)), own(1n, inProgress)];
    const connection = onlyConnection(caseOf({ sights, snapshot, kernel }));
    expect(connection.source.port).toBe(60_000);
    expect(connection.frames).toEqual([]);
  });

  it('over IPv6 when its socket closed with both ends', () => {
    const kernel = [
      own(
        0n,
        'inet_sock_set_state: family=AF_INET6 protocol=IPPROTO_TCP sport=51054 dport=19001 saddr=0.0.0.0 daddr=0.0.0.0 saddrv6=fd00:88::10 daddrv6=fd00:88::1 oldstate=TCP_SYN_SENT newstate=TCP_CLOSE',
      ),
    ];
    const six = [...seen(packets.syn6, [at.container]), ...seen(packets.reset6, [at.container], 60_000n)];
    expect(onlyConnection(caseOf({ sights: six, snapshot, kernel })).source.port).toBe(51_054);
  });
});

describe('a ping', () => {
  const connected = [
    own(0n, look(17, '10.88.0.10/33908', '10.88.0.1/1025', 'eth0', 0)),
    own(1_000n, 'sys_connect -> 0x0'),
  ];
  const asks = (address: string) => [...connected, own(2_000n, look(1, '0.0.0.0/0', `${address}/0`, 'eth0', 0))];
  const answered = [echo('10.88.0.10', '10.88.0.1', 'request'), echo('10.88.0.1', '10.88.0.10', 'reply')];

  it("is the command's by the address that it looked up, and has no ports", () => {
    const connection = onlyConnection(caseOf({ sights: answered, snapshot, kernel: asks('10.88.0.1') }));
    expect(connection).toMatchObject({
      protocol: 'icmp',
      outcome: 'ok',
      source: { address: '10.88.0.10', port: null },
      destination: { address: '10.88.0.1', port: null },
      frames: [1, 2],
    });
  });

  it("of somebody else is not the command's", () => {
    const { connections } = diagnose(caseOf({ sights: answered, snapshot, kernel: asks('10.88.0.77') }));
    expect(connections.map(({ destination, frames }) => [destination.address, frames])).toEqual([['10.88.0.77', []]]);
  });

  it('that waits for a neighbour until it gives up is a timeout', () => {
    const connection = onlyConnection(caseOf({ sights: [], snapshot, kernel: asks('10.88.0.77') }));
    expect(told(connection).what).toBe('timeout - neighbour-unresolved inferred');
    expect(connection.explanation.join(' ')).not.toContain('connect()');
  });
});
