/** Captures without a snapshot: what came back from outside, or did not. */
import { describe, expect, it } from 'vitest';
import { captureOf, icmpError } from '../flow/frames.ts';
import { onlyConnection, packets, told } from './cases.ts';

describe('a capture that has nothing but frames', () => {
  it.each([
    ['a reset', [packets.syn, packets.reset], 'refused ECONNREFUSED refused-by-remote inferred'],
    [
      'an error of a router',
      [packets.syn, icmpError('10.99.0.1', '10.88.0.10', 3, 1, packets.syn)],
      'unreachable EHOSTUNREACH rejected-by-remote inferred',
    ],
    [
      'an error of the server',
      [packets.datagram, packets.portUnreachable],
      'refused ECONNREFUSED rejected-by-remote inferred',
    ],
    ['silence after a SYN', [packets.syn], 'timeout - no-reply-from-remote inferred'],
    ['silence after a datagram', [packets.datagram], 'timeout - no-reply-from-remote inferred'],
  ])('%s', (_name, sights, what) => {
    const connection = onlyConnection(captureOf(sights));
    expect(told(connection).what).toBe(what);
    expect(connection.where).toMatchObject({ netns: null, device: null, stage: 'remote', hop: 1 });
    expect(connection.explanation.at(-1)).toContain('a capture without the state of a host');
  });

  it('names who sent an error', () => {
    const router = onlyConnection(captureOf([packets.syn, icmpError('10.99.0.1', '10.88.0.10', 3, 1, packets.syn)]));
    expect(router.summary).toBe(
      '10.88.0.1:19001 could not be reached: 10.99.0.1 answered with the ICMP error "host unreachable".',
    );
    const itself = onlyConnection(captureOf([packets.datagram, packets.portUnreachable]));
    expect(itself.explanation.join(' ')).toContain('in the name of the server itself');
  });

  it('names what it cannot tell apart, with a command for each', () => {
    const { alternatives } = onlyConnection(captureOf([packets.syn, packets.reset]));
    expect(alternatives.map(({ cause }) => cause)).toEqual([
      'no-listener',
      'listener-on-other-address',
      'firewall-reject',
    ]);
  });
});
