import { describe, expect, test } from 'vitest';
import type { NamespaceState } from '../../src/host/state.ts';
import { exchange } from '../../src/model/journey.ts';
import type { ModelPacket } from '../../src/model/step.ts';
import { host, link, loopback, namespace, packetTo, rule } from './hosts.ts';
import { saved } from './netfilter/tables.ts';

type Told = NonNullable<Parameters<typeof namespace>[1]>;

/** A server with two cables to one client, each with a network of its own; `routes` are its other ones. */
function server(listener: string, { routes = [], links = [], ...more }: Told = {}): NamespaceState {
  return namespace('server', {
    links: [
      loopback(),
      link('e1', { index: 2, addresses: ['10.1.0.1', 'fe80::1/64'], peer: 'client:2' }),
      link('e2', { index: 3, addresses: ['10.2.0.1', 'fe80::2/64'], peer: 'client:3' }),
      ...links,
    ],
    routes: ['10.1.0.0/16 dev e1', '10.2.0.0/16 dev e2', 'fe80::/64 dev e1', 'fe80::/64 dev e2', ...routes],
    listeners: [listener],
    ...more,
  });
}

/** Its second address is beside nobody: only the server's `routes` say by which cable it is answered. */
const client = namespace('client', {
  links: [
    loopback(),
    link('c1', { index: 2, addresses: ['10.1.0.10'], peer: 'server:2' }),
    link('c2', { index: 3, addresses: ['10.2.0.10', '10.9.0.10', 'fe80::c/64'], peer: 'server:3' }),
  ],
  routes: ['10.1.0.0/16 dev c1', '10.2.0.0/16 dev c2', '10.3.0.0/16 via 10.2.0.1 dev c2', 'fe80::/64 dev c2'],
});

/** What becomes of the request and of its answer, and by which device the server sends that. */
function answered(served: NamespaceState, packet: ModelPacket): string[] {
  const { there, back } = exchange(host(client, served), packet, 'client');
  const out = back?.steps.find(({ netns, stage }) => netns === 'server' && stage === 'egress')?.device;
  return [there.end.kind, out ?? '-', back?.end.kind ?? 'no answer'];
}

const fromElsewhere: ModelPacket = { ...packetTo('10.2.0.1'), source: '10.9.0.10', sourcePort: 40_000 };
const backByTheFirst = { routes: ['10.9.0.0/16 dev e1'] };

describe('an answer leaves by the device of its socket', () => {
  test.each([
    ['that is bound to none, as its route says', 'tcp 0.0.0.0:80', ['accepted', 'e1', 'returned']],
    // No route serves there: the client is taken to be on the link (Linux 6.18).
    ['that is bound to one, whatever the route says', 'tcp 0.0.0.0%e2:80', ['accepted', 'e2', 'returned']],
  ])('%s', (_name, listener, expected) => {
    expect(answered(server(listener, backByTheFirst), fromElsewhere)).toEqual(expected);
  });

  test('and is not heard by a socket that is bound to another device than it comes in by', () => {
    const served = server('tcp 0.0.0.0:80', backByTheFirst);
    expect(answered(served, { ...fromElsewhere, boundDevice: 'c2' })).toEqual(['accepted', 'e1', 'dropped']);
    const bound = server('tcp 0.0.0.0%e2:80', backByTheFirst);
    expect(answered(bound, { ...fromElsewhere, boundDevice: 'c2' })).toEqual(['accepted', 'e2', 'returned']);
  });
});

describe('an answer to an address of one link leaves by the device that it came in by', () => {
  const asked = { ...packetTo('fe80::2'), source: 'fe80::c', sourcePort: 40_000, boundDevice: 'c2' };

  test.each([
    ['of a socket', 'tcp [::]:80', asked, 'accepted'],
    ['a reset', 'tcp [::]:81', asked, 'refused'],
    [
      'of a ping',
      'tcp [::]:80',
      { ...packetTo('fe80::2', 0, 'icmp'), source: 'fe80::c', boundDevice: 'c2' },
      'accepted',
    ],
  ] as const)('%s', (_name, listener, packet, end) => {
    expect(answered(server(listener), packet)).toEqual([end, 'e2', 'returned']);
  });
});

describe('a socket that is bound to a device, asked by its own host', () => {
  test.each([
    ['takes what is for an address of the device', 'tcp 0.0.0.0%e1:80', '10.1.0.1', 'accepted'],
    ['not what is for another device', 'tcp 0.0.0.0%e1:80', '10.2.0.1', 'refused'],
    ['nor what is for 127.0.0.1', 'tcp 0.0.0.0%e1:80', '127.0.0.1', 'refused'],
    ['takes that alone on the loopback device', 'tcp 0.0.0.0%lo:80', '127.0.0.1', 'accepted'],
    ['and nothing else there', 'tcp 0.0.0.0%lo:80', '10.1.0.1', 'refused'],
    ['takes both versions where its socket does', 'tcp *%e1:80', '10.1.0.1', 'accepted'],
  ])('%s', (_name, listener, destination, expected) => {
    const packet = { ...packetTo(destination), source: '0.0.0.0' };
    expect(exchange(host(server(listener)), packet, 'server').there.end.kind).toBe(expected);
  });
});

describe('a program that takes datagrams for any address', () => {
  const links = [link('dummy', { index: 9, addresses: ['10.3.0.53/32'] })];
  const assumed = (listener: string, destination = '10.3.0.53'): readonly string[] => {
    const packet = { ...packetTo(destination, 53, 'udp'), source: '10.2.0.10', sourcePort: 40_000 };
    return exchange(host(client, server(listener, { links })), packet, 'client').back?.assumptions ?? ['no answer'];
  };

  test('may answer from another than it was asked at', () => {
    expect(assumed('udp 0.0.0.0:53')).toEqual([
      'server, send: the program answers from 10.3.0.53, at which it was asked; one that leaves that to the kernel answers from 10.2.0.1',
    ]);
  });

  test('does not where that is the one that the route gives, or where it is bound to it', () => {
    expect([assumed('udp 0.0.0.0:53', '10.2.0.1'), assumed('udp 10.3.0.53:53')]).toEqual([[], []]);
  });
});

describe('the mark of a request', () => {
  const mangle = [
    '*mangle',
    ':PREROUTING ACCEPT [0:0]',
    '-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff',
    'COMMIT',
    '',
  ];
  const marking = (listener: string, setting: string): NamespaceState =>
    server(listener, {
      routes: ['10.9.0.0/16 dev e1', '10.9.0.0/16 dev e2 table 100'],
      rules: ['0: from all lookup 255', '100: from all fwmark 0x1 lookup 100', '32766: from all lookup 254'].map(
        (text) => rule(text),
      ),
      ruleTables: saved(mangle.join('\n')),
      sysctls: { [setting]: '1' },
    });

  test.each([
    ['tcp 0.0.0.0:80', 'net.ipv4.tcp_fwmark_accept', 'e2'],
    ['tcp 0.0.0.0:80', 'net.ipv4.fwmark_reflect', 'e1'],
    ['tcp 0.0.0.0:81', 'net.ipv4.fwmark_reflect', 'e2'],
    ['tcp 0.0.0.0:81', 'net.ipv4.tcp_fwmark_accept', 'e1'],
  ])('is that of the answer: %s, %s', (listener, setting, device) => {
    expect(answered(marking(listener, setting), fromElsewhere)[1]).toBe(device);
  });
});

describe('in a VRF', () => {
  const inVrf = (listener: string, more: Told = {}): NamespaceState =>
    server(listener, {
      links: [link('red', { index: 9, kind: 'vrf', vrfTable: 10 })],
      rules: ['0: from all lookup 255', '1000: from all lookup [l3mdev-table]', '32766: from all lookup 254'].map(
        (text) => rule(text),
      ),
      ...more,
    });
  // As the kernel has it: the routes of the VRF's device are in its table, the local one among them.
  const enslaved = (one: NamespaceState): NamespaceState => ({
    ...one,
    links: one.links.map((own) => (own.name === 'e2' ? { ...own, master: 'red' } : own)),
    routes: one.routes.map((own) =>
      own.family === 4 && own.nextHops.some(({ device }) => device === 'e2') ? { ...own, table: 10 } : own,
    ),
  });
  const asked = { ...packetTo('10.2.0.1'), source: '10.2.0.10', sourcePort: 40_000 };

  test.each([
    ['a socket that is bound to it answers', 'tcp 0.0.0.0%red:80', {}, ['accepted', 'e2', 'returned']],
    [
      'with the reverse path filtered',
      'tcp 0.0.0.0%red:80',
      { 'net.ipv4.conf.e2.rp_filter': '1' },
      ['accepted', 'e2', 'returned'],
    ],
    ['one that is bound to nothing does not take it', 'tcp 0.0.0.0:80', {}, ['refused', 'e2', 'returned']],
    [
      'but where that is allowed',
      'tcp 0.0.0.0:80',
      { 'net.ipv4.tcp_l3mdev_accept': '1' },
      ['accepted', 'e2', 'returned'],
    ],
  ])('%s', (_name, listener, sysctls, expected) => {
    expect(answered(enslaved(inVrf(listener, { sysctls })), asked)).toEqual(expected);
  });

  test('a program that is bound to it has its routes, and no other', () => {
    const sent = (boundDevice?: string) => {
      const packet = {
        ...packetTo('10.2.0.10'),
        source: '0.0.0.0',
        ...(boundDevice === undefined ? {} : { boundDevice }),
      };
      return exchange(host(client, enslaved(inVrf('tcp 0.0.0.0:80'))), packet, 'server').there.end.kind;
    };
    expect([sent('red'), sent('e2'), sent()]).toEqual(['refused', 'refused', 'unroutable']);
  });
});

test("TCP to IPv6's anycast address of a router meets silence", () => {
  const routes = ['anycast fd00:2:: dev e2'];
  const links = [link('e3', { index: 7, addresses: ['fd00:2::1/64'] })];
  const ends = (['tcp', 'udp'] as const).map((protocol) => {
    const packet = { ...packetTo('fd00:2::', 80, protocol), source: 'fd00:2::1' };
    return exchange(host(server(`${protocol} [::]:80`, { routes, links })), packet, 'server').there.end.kind;
  });
  expect(ends).toEqual(['dropped', 'accepted']);
});
