/** Macvlans: containers on the wire behind a device of their host, past the host itself. */
import { describe, expect, test } from 'vitest';
import type { Link, NamespaceState } from '../../src/host/state.ts';
import { journey, replyJourney } from '../../src/model/journey.ts';
import { host, link, loopback, namespace, packetTo, port, told } from './hosts.ts';

const lower = { netns: 'host', device: 'up0' } as const;

function container(
  name: string,
  last: number,
  more: Partial<Pick<Link, 'mode' | 'lower' | 'up'>> = {},
): NamespaceState {
  const [addresses, mac] = [[`192.0.2.${last}/24`], `02:00:00:00:00:0${last}`];
  return namespace(name, {
    links: [loopback(), link('mv0', { kind: 'macvlan', mode: 'bridge', lower, mac, index: 3, addresses, ...more })],
    routes: ['192.0.2.0/24 dev mv0', 'default via 192.0.2.1 dev mv0'],
    listeners: ['tcp 0.0.0.0:80'],
  });
}

const up0 = link('up0', { addresses: ['192.0.2.7/24'], mac: '02:00:00:00:00:07', peer: 'outside:2' });
const owner = namespace('host', {
  links: [loopback(), up0],
  routes: ['192.0.2.0/24 dev up0'],
  listeners: ['tcp 0.0.0.0:80'],
});
const outside = namespace('outside', {
  links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], mac: '02:00:00:00:00:01', peer: 'host:2' })],
  routes: ['192.0.2.0/24 dev eth0'],
  listeners: ['tcp 0.0.0.0:80'],
});
const all = (...containers: readonly NamespaceState[]) => host(owner, outside, ...containers);
const [a, b] = [container('a', 3), container('b', 4)];

/** From whichever address the sender chooses. */
const asks = (to: string) => ({ ...packetTo(to), source: '0.0.0.0' });

/** Where the packet comes to, and whether the answer comes back. */
function outcome(from: string, to: string, ...containers: readonly NamespaceState[]): string {
  const hosts = all(...containers);
  const way = journey(hosts, asks(to), from);
  if (!('netns' in way.end)) return way.end.kind;
  return `${way.end.kind} in ${way.end.netns}, ${replyJourney(hosts, way)?.end.kind}`;
}

describe('a macvlan', () => {
  test('is on the wire of its device', () => {
    expect(outcome('a', '192.0.2.1', a)).toBe('accepted in outside, returned');
    expect(outcome('outside', '192.0.2.3', a)).toBe('accepted in a, returned');
    const way = journey(all(a), asks('192.0.2.1'), 'a');
    expect(told(way)).toEqual([
      'a:mv0 route passed',
      'a:mv0 egress passed',
      'host:up0 egress passed',
      'outside:eth0 ingress passed',
      'outside:eth0 route delivered',
      'outside:eth0 input passed',
      'outside:eth0 socket delivered',
      'accepted by tcp 0.0.0.0:80',
    ]);
  });

  test('and its host do not hear each other', () => {
    expect(outcome('a', '192.0.2.7', a)).toBe('unanswered');
    expect(outcome('host', '192.0.2.3', a)).toBe('unanswered');
  });

  test('hears its siblings where both are bridged', () => {
    expect(outcome('a', '192.0.2.4', a, b)).toBe('accepted in b, returned');
    const apart = container('b', 4, { mode: 'private' });
    expect(outcome('a', '192.0.2.4', a, apart)).toBe('unanswered');
    expect(outcome('b', '192.0.2.3', a, apart)).toBe('unanswered');
    expect(outcome('outside', '192.0.2.4', a, apart)).toBe('accepted in b, returned');
  });

  test('leaves the frames of its host and of its siblings alone', () => {
    expect(outcome('outside', '192.0.2.7', a, b)).toBe('accepted in host, returned');
    expect(outcome('outside', '192.0.2.4', a, b)).toBe('accepted in b, returned');
  });

  test('that is down hears nothing', () => {
    expect(outcome('outside', '192.0.2.3', container('a', 3, { up: false }))).toBe('unanswered');
  });

  test('is down with its device', () => {
    const cut = host({ ...owner, links: [loopback(), { ...up0, up: false }] }, outside, a);
    expect(journey(cut, asks('192.0.2.1'), 'a').end.kind).toBe('dropped');
  });

  test.each([
    ['of an unknown device', { lower: null }, 'leaves-view'],
    ['whose mode sends it to a switch that may send it back', { mode: 'vepa' }, 'leaves-view'],
  ])('%s is where the view ends', (_name, more, end) => {
    expect(outcome('a', '192.0.2.1', container('a', 3, more))).toBe(end);
  });

  test('on a bridge leaves open who has an address that nobody else has', () => {
    const below = namespace('host', {
      links: [
        loopback(),
        link('br0', { index: 4, kind: 'bridge', addresses: ['192.0.2.7/24'], mac: '02:00:00:00:00:07' }),
        link('up0', { master: 'br0', peer: 'outside:2' }),
      ],
      bridgePorts: [port('up0', 'br0')],
      routes: ['192.0.2.0/24 dev br0'],
      listeners: ['tcp 0.0.0.0:80'],
    });
    const hosts = host(below, outside, container('a', 3, { lower: { netns: 'host', device: 'br0' } }));
    expect(journey(hosts, asks('192.0.2.3'), 'outside').end.kind).toBe('undetermined');
    expect(journey(hosts, asks('192.0.2.7'), 'outside').end.kind).toBe('accepted');
    expect(journey(host(below, outside), asks('192.0.2.3'), 'outside').end.kind).toBe('unanswered');
  });

  test('that takes all that its device gets leaves open what its host gets', () => {
    expect(outcome('outside', '192.0.2.7', container('a', 3, { mode: 'passthru' }))).toBe('undetermined');
  });
});
