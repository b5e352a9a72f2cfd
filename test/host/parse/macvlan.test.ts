import { describe, expect, test } from 'vitest';
import type { UnjoinedLink, UnjoinedNamespace } from '../../../src/host/parse/links.ts';
import { joinLowers } from '../../../src/host/parse/macvlan.ts';
import type { PeeredLink } from '../../../src/host/parse/veth.ts';
import type { ForwardingEntry } from '../../../src/host/state.ts';
import { forwardingEntry, link } from '../../model/hosts.ts';

const mac = '02:00:00:00:00:03';

type Told = UnjoinedLink & PeeredLink;

function device(index: number, name: string): Told {
  const { lower: _lower, ...rest } = link(name, { index });
  return { ...rest, far: null, below: null, vxlan: null };
}

function macvlan(index: number, netnsId: number | null): Told {
  return { ...device(9, 'mv0'), kind: 'macvlan', mac, below: { index, netnsId } };
}

/** As `bridge fdb` lists what a device itself takes frames for. */
function filter(on: string, more: Partial<ForwardingEntry> = {}): ForwardingEntry {
  return forwardingEntry(mac, on, { permanent: true, fixed: true, ...more });
}

function lowerOfMacvlan(
  own: Told,
  names: ReadonlyMap<number, string | null>,
  others: Readonly<Record<string, { links: Told[]; names?: string[]; filters?: ForwardingEntry[] }>>,
): string | null {
  const here = [own, device(2, 'eth0')];
  const links = new Map([['here', here]]);
  const unjoined = new Map<string, UnjoinedNamespace>([
    ['here', { links: here, names: { own: [], byNumber: names }, forwardingEntries: [] }],
  ]);
  for (const [name, { links: its, names: itsNames = [], filters = [] }] of Object.entries(others)) {
    links.set(name, its);
    const itsNumbers = { own: itsNames, byNumber: new Map<number, string>() };
    unjoined.set(name, { links: its, names: itsNumbers, forwardingEntries: filters });
  }
  const lower = joinLowers(unjoined, links).get('here')?.[0]?.lower ?? null;
  return lower === null ? null : `${lower.netns}:${lower.device}`;
}

const unnamed = new Map<number, string>();

describe('what a macvlan stands on', () => {
  test('is the device that takes frames for its address', () => {
    const others = {
      other: { links: [device(2, 'eth0')] },
      host: { links: [device(2, 'up0')], filters: [filter('up0')] },
    };
    expect(lowerOfMacvlan(macvlan(2, 0), unnamed, others)).toBe('host:up0');
  });

  test('is in the namespace that the number names, whatever takes frames for the same address elsewhere', () => {
    const others = {
      other: { links: [device(2, 'eth0')], names: ['green'], filters: [filter('eth0')] },
      host: { links: [device(2, 'up0')], names: ['blue'] },
    };
    expect(lowerOfMacvlan(macvlan(2, 0), new Map([[0, 'blue']]), others)).toBe('host:up0');
  });

  test('is in none that has a name where its number has none', () => {
    const others = { host: { links: [device(2, 'up0')], names: ['blue'], filters: [filter('up0')] } };
    expect(lowerOfMacvlan(macvlan(2, 0), new Map([[0, null]]), others)).toBeNull();
  });

  test('is beside it where the kernel gives no number', () => {
    const others = { host: { links: [device(2, 'up0')], filters: [filter('up0')] } };
    expect(lowerOfMacvlan(macvlan(2, null), unnamed, others)).toBe('here:eth0');
  });

  test.each<[string, Told, Parameters<typeof lowerOfMacvlan>[2]]>([
    ['nobody takes frames for it', macvlan(2, 0), { host: { links: [device(2, 'up0')] } }],
    ['who does has another index', macvlan(3, 0), { host: { links: [device(2, 'up0')], filters: [filter('up0')] } }],
    [
      'a bridge has heard its address there, and the device itself knows nothing of it',
      macvlan(2, 0),
      { host: { links: [device(2, 'up0')], filters: [filter('up0', { bridge: 'br0' })] } },
    ],
    [
      'two do',
      macvlan(2, 0),
      {
        one: { links: [device(2, 'up0')], filters: [filter('up0')] },
        two: { links: [device(2, 'up0')], filters: [filter('up0')] },
      },
    ],
    ['it is no macvlan', device(9, 'eth0'), { host: { links: [device(2, 'up0')], filters: [filter('up0')] } }],
  ])('is not known where %s', (_name, own, others) => {
    expect(lowerOfMacvlan(own, unnamed, others)).toBeNull();
  });
});
