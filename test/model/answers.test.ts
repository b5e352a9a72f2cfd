import { describe, expect, test } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { exchange, journey, replyJourney } from '../../src/model/journey.ts';
import { isFork } from '../../src/model/walk/walk.ts';
import { host, link, loopback, namespace, packetTo, rule, told } from './hosts.ts';
import { chainOf, saved } from './netfilter/tables.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplinkedHost, veth0, veth1, web } from './two-boxes.ts';

const save = (...lines: readonly string[]): RuleTable[] => saved([...lines, 'COMMIT', ''].join('\n'));
const filter = (chain: string, ...rules: readonly string[]): RuleTable[] =>
  save('*filter', `:${chain} ACCEPT [0:0]`, ...rules.map((rule) => `-A ${chain} ${rule}`));

/** A packet of `box` to itself or the host, with rules in `box`. */
function sent(ruleTables: readonly RuleTable[], protocol: 'tcp' | 'udp', destination = '10.88.0.1', more: Told = {}) {
  const all = host(box({ ruleTables, ...more }), bridgeHost());
  const way = journey(all, { ...packetTo(destination, 80, protocol), sourcePort: 40_000 }, 'box');
  return { way, reply: replyJourney(all, way) };
}

describe('what the rules of its own host do to a packet', () => {
  test.each<[string, RuleTable[], 'tcp' | 'udp', string | null]>([
    ['a datagram that is dropped at output', filter('OUTPUT', '-j DROP'), 'udp', 'EPERM'],
    ['a datagram that is rejected at output', filter('OUTPUT', '-j REJECT'), 'udp', 'EPERM'],
    [
      'a datagram that is dropped at postrouting',
      save('*mangle', ':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -j DROP'),
      'udp',
      'EPERM',
    ],
    ['a SYN that is dropped', filter('OUTPUT', '-j DROP'), 'tcp', null],
    ['a SYN that is rejected', filter('OUTPUT', '-j REJECT'), 'tcp', 'ECONNREFUSED'],
  ])('%s', (_name, ruleTables, protocol, errno) => {
    const { way } = sent(ruleTables, protocol);
    expect('answer' in way.end ? (way.end.answer?.errno ?? null) : 'none').toBe(errno);
  });

  test('a call that fails at once needs no packet', () => {
    expect(sent(filter('OUTPUT', '-j REJECT'), 'udp').reply).toBeNull();
  });

  test('the error of a rejected SYN comes over the loopback device', () => {
    const { reply } = sent(filter('OUTPUT', '-p tcp -j REJECT'), 'tcp');
    expect(reply === null ? [] : told(reply)).toEqual([
      'box:lo route delivered',
      'box:lo output passed',
      'box:lo egress passed',
      'box:lo input passed',
      'box:lo socket delivered',
      'returned',
    ]);
  });

  test('unless the very rule stops it', () => {
    expect(sent(filter('OUTPUT', '-j REJECT'), 'tcp').reply?.end.kind).toBe('rejected');
  });

  test('or that device is down', () => {
    const links = [loopback({ up: false }), link('eth0', { addresses: ['10.88.0.10'], peer: 'host:5' })];
    expect(sent(filter('OUTPUT', '-p tcp -j REJECT'), 'tcp', '10.88.0.1', { links }).reply?.end.kind).toBe('dropped');
  });

  test('a reset over the loopback device is judged at output too', () => {
    const reset = '-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset';
    const own = ['*filter', ':INPUT ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', reset];
    expect(sent(save(...own), 'tcp', '10.88.0.10').reply?.end.kind).toBe('returned');
    const closed = save(...own, '-A OUTPUT -p tcp -m tcp --sport 80 -j DROP');
    expect(sent(closed, 'tcp', '10.88.0.10').reply?.end.kind).toBe('dropped');
  });
});

describe('the output hook routes again', () => {
  const marking = (kind: 'filter' | 'route'): RuleTable[] => [
    ...chainOf('output', [[{ mangle: { key: { meta: { key: 'mark' } }, value: 1 } }]], { type: kind }),
    ...chainOf('output', [[{ reject: {} }]], { table: 'u', priority: 10 }),
  ];
  const own = ['0: from all lookup 255', '5: from all fwmark 0x1 blackhole', '32766: from all lookup 254'];
  const rules = own.map((text) => rule(text));

  test.each([
    ['what a chain of type "route" marks, before later chains see it', 'route', 'EINVAL'],
    ['not what another chain marks', 'filter', 'EPERM'],
  ] as const)('%s', (_name, kind, errno) => {
    const { way } = sent(marking(kind), 'udp', '10.88.0.1', { rules });
    expect(way.end).toMatchObject({ kind: errno === 'EPERM' ? 'rejected' : 'dropped', answer: { errno } });
  });

  test('before chains of one priority, whichever of them comes first', () => {
    const beside = chainOf('output', [[{ drop: null }]], { table: 'v', priority: 10 });
    const { way } = sent([...marking('route'), ...beside], 'udp', '10.88.0.1', { rules });
    expect(way.end).toMatchObject({ kind: 'dropped', answer: { errno: 'EINVAL' } });
  });
});

describe('the connection of an error', () => {
  const rejecting = (output: string): RuleTable[] =>
    save(
      '*filter',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT DROP [0:0]',
      '-A FORWARD -p tcp -j REJECT',
      `-A OUTPUT -m conntrack --ctstate ${output} -j ACCEPT`,
    );
  const refused = (ruleTables: readonly RuleTable[], routes: readonly string[] = bridgeHostRoutes) => {
    const all = host(box(), web(), bridgeHost({ ruleTables, routes, sysctls: forwarding }));
    return replyJourney(all, journey(all, { ...packetTo('203.0.113.5'), sourcePort: 40_000 }, 'box'))?.end.kind;
  };
  const bridgeHostRoutes = ['10.88.0.0/16 dev br0', '203.0.113.0/24 via 10.88.0.20 dev br0'];

  test('is that of the packet that a rule rejects, though nothing has confirmed it yet', () => {
    expect(refused(rejecting('RELATED'))).toBe('returned');
    expect(refused(rejecting('ESTABLISHED'))).toBe('dropped');
  });

  test('is that of a packet that has no route', () => {
    expect(refused(rejecting('RELATED'), ['10.88.0.0/16 dev br0'])).toBe('returned');
    expect(refused(rejecting('INVALID'), ['10.88.0.0/16 dev br0'])).toBe('dropped');
  });
});

test('a reset binds what the rejected packet has not been asked', () => {
  const ruleTables = save(
    '*nat',
    ':POSTROUTING ACCEPT [0:0]',
    '-A POSTROUTING -j SNAT --to-source 10.88.0.77',
    'COMMIT',
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    '-A INPUT -m conntrack --ctstatus SNAT -j DROP',
    '-A OUTPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset',
  );
  const all = host(box({ ruleTables }), bridgeHost());
  const reply = replyJourney(all, journey(all, { ...packetTo('10.88.0.1'), sourcePort: 40_000 }, 'box'));
  expect(reply?.end.kind).toBe('dropped');
  expect(reply?.arrived.source).toBe('10.88.0.1');
});

test.each([
  ['a SYN-ACK', ['tcp 0.0.0.0:80'], 'SYN,ACK SYN,ACK', 'dropped'],
  ['a SYN-ACK is no RST', ['tcp 0.0.0.0:80'], 'RST RST', 'returned'],
  ['an RST', [], 'RST RST', 'dropped'],
  ['an RST is no SYN-ACK', [], 'SYN,ACK SYN,ACK', 'returned'],
])('the flags of %s', (_name, listeners, flags, end) => {
  const ruleTables = filter('INPUT', `-p tcp -m tcp --tcp-flags ${flags} -j DROP`);
  const all = host(box({ ruleTables }), bridgeHost({ listeners }));
  expect(replyJourney(all, journey(all, packetTo('10.88.0.1'), 'box'))?.end.kind).toBe(end);
});

test.each([
  ['has an established connection', '-m conntrack --ctstate ESTABLISHED', 'rejected'],
  ['begins none', '-m conntrack --ctstate NEW', 'accepted'],
  ['is no SYN', '-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN', 'rejected'],
])('the segment after the answer %s', (_name, match, expected) => {
  const first = '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT';
  const ruleTables = filter('INPUT', first, `-p tcp ${match} -j REJECT`);
  const all = host(box(), bridgeHost({ listeners: ['tcp 0.0.0.0:80'], ruleTables }));
  const { back, after } = exchange(all, { ...packetTo('10.88.0.1'), sourcePort: 40_000 }, 'box');
  expect([back?.end.kind, after?.end.kind]).toEqual(['returned', expected]);
});

test.each([
  ['gives it', '-p tcp -m tcp --sport 80 -j CONNMARK --set-xmark 0x1/0x1', 'rejected'],
  ['gives others', '-p tcp -m tcp --sport 81 -j CONNMARK --set-xmark 0x1/0x1', 'accepted'],
])('the segment after the answer has the mark that the answer %s', (_name, rule, expected) => {
  const mangle = save('*mangle', ':POSTROUTING ACCEPT [0:0]', `-A POSTROUTING ${rule}`);
  const ruleTables = [...mangle, ...filter('INPUT', '-m connmark --mark 0x1 -j REJECT')];
  const all = host(box(), bridgeHost({ listeners: ['tcp 0.0.0.0:80'], ruleTables }));
  const { back, after } = exchange(all, { ...packetTo('10.88.0.1'), sourcePort: 40_000 }, 'box');
  expect([back?.end.kind, after?.end.kind]).toEqual(['returned', expected]);
});

test('a mark by chance is not known of the answer either', () => {
  const mark = { ct: { key: 'mark' } };
  const draws = { mangle: { key: mark, value: { numgen: { mode: 'random', mod: 2, offset: 0 } } } };
  const drops = [{ match: { op: '==', left: mark, right: 1 } }, { drop: null }];
  const ruleTables = [...chainOf('input', [[draws]]), ...chainOf('output', [drops])];
  const all = host(box(), bridgeHost({ listeners: ['tcp 0.0.0.0:80'], ruleTables }));
  const { back } = exchange(all, { ...packetTo('10.88.0.1'), sourcePort: 40_000 }, 'box');
  expect(back?.alternatives.map(({ end }) => end.kind)).toEqual(['dropped']);
});

test('what is for everyone is not answered', () => {
  const routes = ['10.88.0.0/16 dev br0', 'broadcast 10.99.255.255 dev br0'];
  const all = host(box(), web(), bridgeHost({ routes, ruleTables: filter('INPUT', '-j REJECT') }));
  const way = journey(all, packetTo('10.99.255.255', 80, 'udp'), 'box');
  expect(way.end).toMatchObject({ kind: 'dropped', answer: null });
});

test('a port that nobody has is told by an error that begins without a connection', () => {
  const ends = (notrack: string) => {
    const ruleTables = save(
      '*raw',
      ':OUTPUT ACCEPT [0:0]',
      `-A OUTPUT -p ${notrack} -j CT --notrack`,
      'COMMIT',
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      '-A PREROUTING -p udp -m udp --dport 80 -j DNAT --to-destination 192.0.2.7:81',
      'COMMIT',
      '*filter',
      ':OUTPUT ACCEPT [0:0]',
      '-A OUTPUT -m conntrack ! --ctstate RELATED -j DROP',
    );
    const all = host(box(), bridgeHost({ ruleTables }));
    return replyJourney(all, journey(all, packetTo('10.88.0.1', 80, 'udp'), 'box'))?.end.kind;
  };
  expect([ends('tcp'), ends('icmp')]).toEqual(['returned', 'dropped']);
});

test('an answer to whom MASQUERADE hid is no part of a translated destination', () => {
  const hidden = (status: string) => {
    const ruleTables = save(
      '*nat',
      ':POSTROUTING ACCEPT [0:0]',
      '-A POSTROUTING -j MASQUERADE',
      'COMMIT',
      '*filter',
      ':INPUT ACCEPT [0:0]',
      `-A INPUT -m conntrack --ctstate ESTABLISHED -m conntrack --ctstate ${status} -j DROP`,
    );
    const all = host(web(), bridgeHost({ ruleTables }));
    const asked = { ...packetTo('10.88.0.20'), source: '192.0.2.7', sourcePort: 40_000 };
    return replyJourney(all, journey(all, asked, 'host'))?.end.kind;
  };
  expect([hidden('DNAT'), hidden('SNAT')]).toEqual(['returned', 'dropped']);
});

test('an error that quotes what nobody sent comes to nobody', () => {
  const ruleTables = save(
    '*raw',
    ':OUTPUT ACCEPT [0:0]',
    '-A OUTPUT -p icmp -j CT --notrack',
    'COMMIT',
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    '-A PREROUTING -p udp -m udp --dport 80 -j DNAT --to-destination 192.0.2.7:81',
  );
  const reply = (...tables: readonly RuleTable[]) => {
    const all = host(box(), bridgeHost({ ruleTables: tables }));
    const way = replyJourney(all, journey(all, packetTo('10.88.0.1', 80, 'udp'), 'box'));
    return way === null ? null : told(way).at(-1);
  };
  expect(reply(...ruleTables)).toBe('dropped: the error is about a packet to 192.0.2.7, and none was sent there');
  expect(reply(...ruleTables.filter(({ name }) => name === 'nat'))).toBe('returned');
});

describe('the source of an error', () => {
  const sourceOf = (destination: string, ruleTables: readonly RuleTable[]) => {
    const all = host(box(), web(), bridgeHost({ ruleTables, sysctls: forwarding }));
    return replyJourney(all, journey(all, packetTo(destination), 'box'))?.packet.source;
  };

  test('is the address that was asked, where that is the host’s', () => {
    expect(sourceOf('192.0.2.7', filter('INPUT', '-j REJECT'))).toBe('192.0.2.7');
  });

  test('is not known yet when its way is looked up', () => {
    const own = ['0: from all lookup 255', '5: from 10.88.0.1 prohibit', '32766: from all lookup 254'];
    const rules = own.map((text) => rule(text));
    const all = host(
      box(),
      web(),
      bridgeHost({ rules, ruleTables: filter('FORWARD', '-j REJECT'), sysctls: forwarding }),
    );
    expect(replyJourney(all, journey(all, packetTo('203.0.113.5'), 'box'))?.end.kind).toBe('returned');
  });

  test('else the one that the way back has', () => {
    expect(sourceOf('203.0.113.5', filter('FORWARD', '-j REJECT'))).toBe('10.88.0.1');
  });
});

test('the error for a host without an address comes back to it: 0.0.0.0 is the host itself', () => {
  const links = [loopback(), link('eth0', { peer: 'host:5' })];
  const all = host(
    box({ links, routes: ['default via 10.88.0.77 dev eth0'] }),
    web(),
    bridgeHost({ links: [loopback(), bridge, veth0, veth1] }),
  );
  const unsourced = journey(all, { ...packetTo('10.88.0.99'), source: '0.0.0.0' }, 'box');
  expect([unsourced.end.kind, unsourced.packet.source]).toEqual(['unanswered', '0.0.0.0']);
  expect(replyJourney(all, unsourced)?.end.kind).toBe('returned');
});

test('the reset of a rule comes back to a host without an address by loopback, not by the route to whom was asked', () => {
  const links = [loopback(), link('eth0', { peer: 'host:5' })];
  const reject = '-A OUTPUT -d 10.88.0.20/32 -p tcp -j REJECT --reject-with tcp-reset';
  const ruleTables = save('*filter', ':OUTPUT ACCEPT [0:0]', reject);
  const all = host(box({ links, routes: ['default dev eth0'], ruleTables }), bridgeHost());
  const unsourced = journey(all, { ...packetTo('10.88.0.20'), source: '0.0.0.0', sourcePort: 40_000 }, 'box');
  expect([unsourced.end.kind, unsourced.packet.source]).toEqual(['rejected', '0.0.0.0']);
  // Were it for 10.88.0.20, as what a program sends to no address, the rule would stop it as well.
  expect(replyJourney(all, unsourced)?.end.kind).toBe('returned');
});

test('an error is of the connection of the packet that it quotes, not of the latest one', () => {
  const sender = box({
    ruleTables: save('*nat', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -j DNAT --to-destination 198.51.100.4'),
  });
  const router = bridgeHost({
    ruleTables: save(
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      ':POSTROUTING ACCEPT [0:0]',
      '-A PREROUTING -j DNAT --to-destination 10.88.0.10',
      '-A POSTROUTING -j SNAT --to-source 10.88.0.1',
    ),
    sysctls: forwarding,
  });
  const all = host(sender, router);
  const asked = { ...packetTo('198.51.100.1', 7000, 'udp'), source: '10.88.0.10', sourcePort: 40_000 };
  const way = journey(all, asked, 'box');
  expect(way.forms.map(({ source, destination }) => `${source} ${destination}`)).toEqual([
    '10.88.0.10 198.51.100.1',
    '10.88.0.10 198.51.100.4',
    '10.88.0.10 10.88.0.10',
    '10.88.0.1 10.88.0.10',
  ]);
  expect(way.end).toMatchObject({ kind: 'refused', netns: 'box' });
  expect(replyJourney(all, way)?.end).toEqual({ kind: 'returned', netns: 'box' });
});

test('an error that goes elsewhere than its connection is not translated back', () => {
  const ruleTables = save('*nat', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -j DNAT --to-destination 127.0.0.1:7002');
  const links = [loopback(), link('eth0', { peer: 'host:5' })];
  const all = host(box({ links, routes: ['default dev eth0'], ruleTables }));
  const way = journey(all, { ...packetTo('10.200.1.1', 7002, 'udp'), source: '0.0.0.0' }, 'box');
  expect([way.end.kind, way.arrived.destination]).toEqual(['refused', '127.0.0.1']);
  // What is sent to 0.0.0.0 goes to 127.0.0.1, and the connection is one from 0.0.0.0.
  const reply = replyJourney(all, way);
  expect(reply === null ? '' : told(reply).at(-1)).toBe(
    'dropped: the error is about a packet to 127.0.0.1, and none was sent there',
  );
});

test.each([
  ['0.0.0.0', '0.0.0.0', '127.0.0.1'],
  ['0.0.0.0', '10.88.0.10', '10.88.0.10'],
  ['::', '::', '::1'],
])('a packet to %s from %s goes to %s', (destination, source, expected) => {
  const way = journey(host(box()), { ...packetTo(destination), source }, 'box');
  expect([way.packet.destination, way.end.kind]).toEqual([expected, 'refused']);
});

/** Nothing that 10.88.0.20 answers is translated back. */
const untracked = ['*raw', ':PREROUTING ACCEPT [0:0]', '-A PREROUTING -s 10.88.0.20/32 -j CT --notrack', 'COMMIT'];

test('a ping takes an answer for another address of its host, and none from another than was asked', () => {
  const ruleTables = save(
    ...untracked,
    '*nat',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    '-A OUTPUT -d 198.51.100.1/32 -j DNAT --to-destination 10.88.0.20',
    '-A POSTROUTING -d 10.88.0.20/32 -j SNAT --to-source 192.0.2.7',
  );
  const all = host(web(), bridgeHost({ ruleTables }));
  const ended = (destination: string) => {
    const way = journey(all, { ...packetTo(destination, 0, 'icmp'), source: '10.88.0.1' }, 'host');
    expect(way.arrived).toMatchObject({ source: '192.0.2.7', destination: '10.88.0.20' });
    return replyJourney(all, way)?.end;
  };
  expect(ended('10.88.0.20')).toEqual({ kind: 'returned', netns: 'host' });
  expect(ended('198.51.100.1')).toMatchObject({
    kind: 'dropped',
    reason: 'the answer comes from 10.88.0.20, and 198.51.100.1 was asked',
  });
});

test('no answer goes to a link-local address from an address of another device', () => {
  const all = host(box({ links: [loopback(), link('eth0', { addresses: ['fe80::10 link'], peer: 'host:5' })] }));
  const ended = (destination: string, protocol: 'tcp' | 'udp' | 'icmp') => {
    const way = journey(all, { ...packetTo(destination, 80, protocol), source: 'fe80::10' }, 'box');
    return [way.end.kind, replyJourney(all, way)?.end.kind];
  };
  expect(ended('::1', 'tcp')).toEqual(['refused', 'dropped']);
  expect(ended('::1', 'udp')).toEqual(['refused', 'dropped']);
  expect(ended('::1', 'icmp')).toEqual(['accepted', 'dropped']);
  expect(ended('fe80::10', 'tcp')).toEqual(['refused', 'returned']);
});

test('an answer that is not translated back comes to nobody', () => {
  const ruleTables = save(
    ...untracked,
    '*nat',
    ':POSTROUTING ACCEPT [0:0]',
    '-A POSTROUTING -d 10.88.0.20/32 -j SNAT --to-source 192.0.2.7',
  );
  const all = host(web(), bridgeHost({ ruleTables }));
  const way = journey(all, { ...packetTo('10.88.0.20'), source: '10.88.0.1', sourcePort: 40_000 }, 'host');
  const reply = replyJourney(all, way);
  expect([way.end.kind, reply === null ? '' : told(reply).at(-1)]).toEqual([
    'accepted',
    'dropped: the answer is for 192.0.2.7 port 40000, and 10.88.0.1 port 40000 had asked',
  ]);
});

describe('MASQUERADE', () => {
  const masquerade = save('*nat', ':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -j MASQUERADE');

  test('on the loopback device gives an address that may be told to others', () => {
    const { way } = sent(masquerade, 'tcp', '10.88.0.10', { listeners: ['tcp 0.0.0.0:80'] });
    expect([way.end.kind, way.arrived.source]).toEqual(['accepted', '10.88.0.10']);
  });

  const bare = namespace('box', {
    links: [loopback(), link('eth0', { peer: 'host:5' })],
    routes: ['default dev eth0'],
    ruleTables: masquerade,
  });

  test('without any address drops the packet', () => {
    const way = journey(host(bare, bridgeHost()), packetTo('10.88.0.1'), 'box');
    expect(told(way).at(-1)).toBe('dropped: rule 1 of chain POSTROUTING in table ip nat drops it');
  });

  test('hears of an error though its packet had no source but what rules gave it', () => {
    const ruleTables = saved('*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j SNAT --to-source 10.1.0.4\nCOMMIT\n');
    const all = host({ ...bare, ruleTables }, web(), bridgeHost());
    const way = journey(all, { ...packetTo('10.88.0.77'), source: '0.0.0.0', sourcePort: 40_000 }, 'box');
    expect(way.arrived.source).toBe('10.1.0.4');
    expect(way.end).toMatchObject({ kind: 'unanswered', answer: { errno: 'EHOSTUNREACH' } });
    expect(replyJourney(all, way)?.end.kind).toBe('returned');
  });

  /** The host asks web, on its own bridge, by a neighbour who sends that back to it. */
  const around = (target: string) => {
    const outside = namespace('outside', {
      links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
      routes: ['192.0.2.0/24 dev eth0', 'default via 192.0.2.7 dev eth0'],
      sysctls: { 'net.ipv4.conf.eth0.forwarding': '1' },
    });
    const asking = uplinkedHost({
      rules: ['0: from all lookup 255', '9: from all iif lo lookup 100', '32766: from all lookup 254'].map((one) =>
        rule(one),
      ),
      routes: ['default via 192.0.2.1 dev eth0 table 100', '10.88.0.0/16 dev br0', '192.0.2.0/24 dev eth0'],
      sysctls: { ...forwarding, 'net.ipv4.conf.eth0.accept_local': '1' },
      ruleTables: save('*nat', ':POSTROUTING ACCEPT [0:0]', `-A POSTROUTING -j ${target}`),
    });
    return journey(host(asking, outside, web()), { ...packetTo('10.88.0.20'), source: '192.0.2.7' }, 'host').end;
  };

  test('has a connection leave by its device alone', () => {
    expect(around('SNAT --to-source 192.0.2.7')).toMatchObject({ kind: 'accepted', netns: 'web' });
    expect(around('MASQUERADE')).toEqual({
      kind: 'dropped',
      reason:
        'its connection has the address of eth0 by MASQUERADE, and the kernel drops what leaves by another device',
      answer: null,
    });
  });

  test('keeps a connection to its device, also when the mark of its answer leads to another one', () => {
    const outside = namespace('outside', {
      links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
      routes: ['192.0.2.0/24 dev eth0'],
      listeners: ['tcp 0.0.0.0:80'],
    });
    const after = (marks: string) => {
      const mangle = save(
        '*mangle',
        ':PREROUTING ACCEPT [0:0]',
        '-A PREROUTING -i br0 -j CONNMARK --restore-mark',
        `-A PREROUTING -i eth0 -j ${marks}`,
      );
      const routes = ['10.88.0.0/16 dev br0', '192.0.2.0/24 dev eth0', '192.0.2.1/32 dev br0 table 100'];
      const rules = ['0: from all lookup 255', '9: from all fwmark 0x1 lookup 100', '32766: from all lookup 254'];
      const hiding = uplinkedHost({
        routes,
        rules: rules.map((one) => rule(one)),
        ruleTables: [...mangle, ...masquerade],
      });
      const asked = { ...packetTo('192.0.2.1'), source: '0.0.0.0', sourcePort: 40_000 };
      return exchange(host(box(), hiding, outside), asked, 'box').after?.end;
    };
    expect(after('CONNMARK --set-xmark 0x2/0x2')?.kind).toBe('accepted');
    expect(after('CONNMARK --set-xmark 0x1/0x1')).toMatchObject({
      kind: 'dropped',
      reason: expect.stringContaining('the address of eth0 by MASQUERADE'),
    });
  });

  test('leaves alone what has no source', () => {
    const way = journey(host(bare, bridgeHost()), { ...packetTo('10.88.0.1'), source: '0.0.0.0' }, 'box');
    expect(way.steps.find(({ stage }) => stage === 'postrouting')?.verdict).toBe('passed');
  });
});

test('a reset is not sent to ::1 from an address of another device, an answer is', () => {
  const links = [
    link('lo', { index: 1, kind: 'loopback', addresses: ['::1/128'] }),
    link('eth0', { addresses: ['fd00:88::10/64'] }),
  ];
  const back = (listeners: readonly string[], source: string) => {
    const all = host(namespace('box', { links, listeners }));
    const asked = { ...packetTo('fd00:88::10'), family: 6, source, sourcePort: 40_000 } as const;
    return replyJourney(all, journey(all, asked, 'box'))?.end.kind;
  };
  expect(back([], '::1')).toBe('dropped');
  expect(back([], 'fd00:88::10')).toBe('returned');
  expect(back(['tcp [::]:80'], '::1')).toBe('returned');
});

test('a ping goes by the first look-up, and is not sent where the second one, with its source, fails', () => {
  const links = [loopback(), link('eth0', { addresses: ['10.88.0.10/16'] })];
  const way = (second: string) => {
    const rules = [rule('0: from all lookup 255'), rule(second), rule('32766: from all lookup 254')];
    const routes = ['10.88.0.0/16 dev eth0', '203.0.113.0/24 via 10.88.0.1 dev eth0'];
    return journey(host(namespace('box', { links, rules, routes })), packetTo('203.0.113.9', 0, 'icmp'), 'box').end;
  };
  expect(way('100: from 10.88.0.0/16 prohibit')).toMatchObject({ kind: 'unroutable', answer: { errno: 'EACCES' } });
  expect(way('100: from 10.99.0.0/16 prohibit').kind).not.toBe('unroutable');
});

test("IPv6's ping looks its route up without a source alone", () => {
  const links = [loopback(), link('eth0', { addresses: ['fd00:88::10/64'] })];
  const rules = ['0: from all lookup 255', '100: from fd00:88::/64 prohibit', '32766: from all lookup 254'];
  const box = namespace('box', { links, rules: rules.map((text) => rule(text, 6)), routes: ['fd00:88::/64 dev eth0'] });
  const asked = { ...packetTo('fd00:88::20', 0, 'icmp'), family: 6, source: '::' } as const;
  expect(journey(host(box), asked, 'box').end.kind).not.toBe('unroutable');
});

test("IPv6's errors of a router are sent from, and routed as from, the address of the device that was asked", () => {
  const asked = { ...packetTo('fd00:99::1'), family: 6, source: '::' } as const;
  const answer = (rules: readonly string[]) => {
    const all = ['0: from all lookup 255', ...rules, '32766: from all lookup 254'].map((text) => rule(text, 6));
    const router = bridgeHost({ rules: all, routes: ['fd00:88::/64 dev br0'] });
    return replyJourney(host(box(), router), journey(host(box(), router), asked, 'box'));
  };
  expect(answer([])).toMatchObject({ end: { kind: 'returned' }, packet: { source: 'fd00:88::1' } });
  expect(answer(['100: from fd00:88::1 prohibit'])?.end.kind).toBe('unroutable');
});

describe('several next hops that give several sources', () => {
  const links = [
    loopback(),
    link('eth0', { index: 2, addresses: ['10.1.0.1/24'], peer: 'one:2' }),
    link('eth1', { index: 3, addresses: ['10.2.0.1/24'], peer: 'two:2' }),
  ];
  const several = '203.0.113.0/24 nexthop via 10.1.0.9 dev eth0 nexthop via 10.2.0.9 dev eth1';
  const routes = ['10.1.0.0/24 dev eth0', '10.2.0.0/24 dev eth1', several];
  const sender = namespace('box', { links, routes });
  const far = (name: string, net: number, listeners: readonly string[]) =>
    namespace(name, {
      links: [
        link('lo', { index: 1, kind: 'loopback', addresses: ['127.0.0.1/8', '203.0.113.9/32'] }),
        link('eth0', { index: 2, addresses: [`10.${net}.0.9/24`], peer: `box:${net + 1}` }),
      ],
      routes: [`10.${net}.0.0/24 dev eth0`, 'default dev eth0'],
      listeners,
    });
  const way = (...listeners: readonly (readonly string[])[]) =>
    journey(
      host(sender, far('one', 1, listeners[0] ?? []), far('two', 2, listeners[1] ?? [])),
      { ...packetTo('203.0.113.9'), source: '0.0.0.0' },
      'box',
    );

  test('each is a way of its own', () => {
    const { end, alternatives } = way(['tcp 0.0.0.0:80'], []);
    expect(isFork(end)).toBe(true);
    expect(new Set(alternatives.map((one) => `${one.end.kind} ${one.arrived.source}`))).toEqual(
      new Set(['accepted 10.1.0.1', 'refused 10.1.0.1', 'accepted 10.2.0.1', 'refused 10.2.0.1']),
    );
  });

  test('of one device too, each by its own gateway or none', () => {
    const one = link('eth0', { index: 2, addresses: ['10.2.0.2/24', '10.1.0.1/24'] });
    const both = ['203.0.113.0/24 nexthop via 10.1.0.88 dev eth0 nexthop dev eth0'];
    const { alternatives, packet } = journey(
      host(namespace('box', { links: [loopback(), one], routes: both })),
      { ...packetTo('203.0.113.9'), source: '0.0.0.0' },
      'box',
    );
    expect([packet, ...alternatives.map((other) => other.packet)].map(({ source }) => source)).toEqual(
      expect.arrayContaining(['10.1.0.1', '10.2.0.2']),
    );
  });

  test('four uplinks, each with a source of its own, are few enough to be followed', () => {
    const four = [1, 2, 3, 4];
    const uplinks = four.map((net) =>
      link(`eth${net}`, { index: 10 + net, addresses: [`10.${net}.0.1/24`], peer: `null:${net}` }),
    );
    const hops = four.map((net) => `nexthop via 10.${net}.0.9 dev eth${net}`).join(' ');
    const routes = [...four.map((net) => `10.${net}.0.0/24 dev eth${net}`), `default ${hops}`];
    const all = host(namespace('box', { links: [loopback(), ...uplinks], routes }));
    expect(journey(all, { ...packetTo('203.0.113.9'), source: '0.0.0.0' }, 'box').end.kind).toBe('leaves-view');
  });

  test('are not told apart by a source that the program chose', () => {
    const all = host(sender, far('one', 1, []), far('two', 2, []));
    const chosen = journey(all, { ...packetTo('203.0.113.9'), source: '10.1.0.1' }, 'box');
    expect(new Set(chosen.alternatives.map(({ arrived }) => arrived.source))).toEqual(new Set(['10.1.0.1']));
  });
});
