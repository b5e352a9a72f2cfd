import { describe, expect, test } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import type { Link } from '../../src/host/state.ts';
import { quoteRule, stoppingRules } from '../../src/model/hook.ts';
import { journey, replyJourney } from '../../src/model/journey.ts';
import { isFork } from '../../src/model/walk/walk.ts';
import { host, link, loopback, namespace, neighbour, packetTo, port, rule, told } from './hosts.ts';
import { chainOf, saved } from './netfilter/tables.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplink, veth0, web } from './two-boxes.ts';

const save = (...lines: readonly string[]): RuleTable[] => saved([...lines, 'COMMIT', ''].join('\n'));
const input = (...rules: readonly string[]): RuleTable[] => save('*filter', ':INPUT ACCEPT [0:0]', ...rules);

/** The last step of a request to the host's own port 80, and its end. */
function asked(more: Pick<Told, 'ruleTables' | 'firewallKnown'>, protocol: 'tcp' | 'udp' = 'tcp') {
  const server = bridgeHost({ ...more, listeners: ['tcp 0.0.0.0:80', 'udp 0.0.0.0:80'] });
  const way = journey(host(box(), server), packetTo('10.88.0.1', 80, protocol), 'box');
  const step = way.steps.find(({ stage }) => stage === 'input');
  return { way, step, line: `${step?.verdict}: ${step?.detail}` };
}

describe('what a hook says', () => {
  test.each<[string, readonly RuleTable[], string]>([
    ['no chain', [], 'passed: no firewall rule stands here'],
    [
      'a chain of another family',
      chainOf('input', [], { family: 'ip6', policy: 'drop' }),
      'passed: no firewall rule stands here',
    ],
    ['rules that do not fit', input('-A INPUT -p udp -j DROP'), 'passed: no rule here stops it'],
    [
      'a rule that lets it pass',
      input('-A INPUT -p tcp -j ACCEPT'),
      'passed: rule 1 of chain INPUT in table ip filter accepts it',
    ],
    [
      'a rule that drops',
      input('-A INPUT -p udp -j DROP', '-A INPUT -p tcp -j DROP'),
      'dropped: rule 2 of chain INPUT in table ip filter drops it',
    ],
    [
      'a policy',
      chainOf('input', [], { policy: 'drop' }),
      'dropped: the policy of chain c in table inet t drops what no rule takes',
    ],
    [
      'a reset',
      input('-A INPUT -p tcp -j REJECT --reject-with tcp-reset'),
      'rejected: rule 1 of chain INPUT in table ip filter rejects it and answers with a reset (RST)',
    ],
    [
      'an ICMP error',
      input('-A INPUT -j REJECT --reject-with icmp-host-prohibited'),
      'rejected: rule 1 of chain INPUT in table ip filter rejects it and answers with an ICMP error (host prohibited)',
    ],
    [
      'chance',
      input('-A INPUT -m statistic --mode random --probability 0.5 -j DROP'),
      'unknown: perhaps rule 1 of chain INPUT in table ip filter drops it; whether it matches is not known: -m statistic --mode random --probability 0.5',
    ],
  ])('%s', (_name, ruleTables, expected) => {
    expect(asked({ ruleTables }).line).toBe(expected);
  });

  test('a firewall that could not be read is unknown, not absent', () => {
    const { way, line } = asked({ firewallKnown: false });
    expect(line).toBe('unknown: the firewall rules could not be read');
    expect(way.end.kind).toBe('accepted');
    expect(way.assumptions).toContain('host, input: the firewall rules could not be read');
  });

  test('where it may end otherwise, both ends are told', () => {
    const ruleTables = input('-A INPUT -m statistic --mode random --probability 0.5 -j DROP');
    const { way } = asked({ ruleTables });
    expect([way.end.kind, ...way.alternatives.map(({ end }) => end.kind)]).toEqual(['accepted', 'dropped']);
  });

  test('what is not known for a reason of its own is an end beside those that the rules may give', () => {
    const ruleTables = input('-A INPUT -m statistic --mode random --probability 0.5 -j DROP');
    const server = bridgeHost({ ruleTables, listenersKnown: false });
    const { end, alternatives } = journey(host(box(), server), packetTo('10.88.0.1'), 'box');
    expect(end).toMatchObject({ kind: 'undetermined', reason: 'the sockets of host could not be read' });
    expect(isFork(end)).toBe(false);
    expect(alternatives.map((one) => one.end.kind)).toEqual(['dropped']);
  });

  test.each([
    ['tcp-reset', 'ECONNREFUSED', true],
    ['icmp-port-unreachable', 'ECONNREFUSED', false],
    ['icmp-net-unreachable', 'ENETUNREACH', false],
    ['icmp-admin-prohibited', 'EHOSTUNREACH', false],
  ])('a rejection with %s is %s to the program', (how, errno, reset) => {
    const { way } = asked({ ruleTables: input(`-A INPUT -p tcp -j REJECT --reject-with ${how}`) });
    expect(way.end).toMatchObject({ kind: 'rejected', reset, answer: { errno, netns: 'host' } });
    const reply = replyJourney(host(box(), bridgeHost()), way);
    expect(reply?.end.kind).toBe('returned');
    expect(reply?.packet.protocol).toBe(reset ? 'tcp' : 'icmp');
  });

  test('the rules that may stop a packet, through jumps, and policies', () => {
    const tables = save(
      '*filter',
      ':INPUT DROP [0:0]',
      ':own - [0:0]',
      '-A INPUT -j own',
      '-A own -s 10.0.0.1/32 -j DROP',
    );
    const found = stoppingRules('drop', namespace('box', { ruleTables: tables }), 'input', 4);
    const texts = found.map((rule) => quoteRule('box', rule).text);
    expect(texts).toEqual(['-A own -s 10.0.0.1/32 -j DROP', 'table ip filter, chain INPUT: policy drop']);
    expect(stoppingRules('reject', namespace('box', { ruleTables: tables }), 'input', 4)).toEqual([]);
  });
});

describe('a destination that rules choose by chance', () => {
  const chance = '-m statistic --mode random --probability 0.5';
  const ruleTables = save(
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    `-A PREROUTING -d 10.96.0.1/32 -p tcp ${chance} -j DNAT --to-destination 10.88.0.20:80`,
    '-A PREROUTING -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 10.88.0.20:81',
  );
  const all = host(box(), web(), bridgeHost({ ruleTables, sysctls: forwarding }));
  const request = { ...packetTo('10.96.0.1'), sourcePort: 40_000 };
  const sentTo = (port: number) => journey(all, { ...request, redirectedTo: { address: '10.88.0.20', port } }, 'box');

  test('is not known without a sight of it', () => {
    const { end, alternatives } = journey(all, request, 'box');
    expect(isFork(end)).toBe(true);
    expect(alternatives.map((one) => one.end.kind)).toEqual(['accepted', 'refused']);
  });

  test('is the one to where it was seen', () => {
    expect([80, 81].map((port) => sentTo(port).end.kind)).toEqual(['accepted', 'refused']);
    const { steps, alternatives } = sentTo(81);
    const step = steps.find(({ verdict }) => verdict === 'translated');
    expect(step).toMatchObject({
      choices: 2,
      detail: expect.stringMatching(/10\.88\.0\.20:81: rule 2 .* \(one of 2 destinations, as it was seen\)$/),
    });
    expect(alternatives).toEqual([]);
  });

  test('is none of those that it was seen at by other means', () => {
    expect(isFork(sentTo(82).end)).toBe(true);
  });
});

describe('the loopback address on a wire', () => {
  const nat = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    '-A PREROUTING -j DNAT --to-destination [fd00:88::1]:80',
    'COMMIT',
    '',
  ];
  // Without a loopback device's own it sends ::1 by its default route.
  const sender = box({ links: [link('eth0', { addresses: ['fd00:88::10'], peer: 'host:5' })] });
  const sentTo = (destination: string, sysctls: Readonly<Record<string, string>> = forwarding) => {
    const ruleTables = saved(nat.join('\n'), 'iptables-nft', 'ip6');
    const server = bridgeHost({ ruleTables, listeners: ['tcp [::]:80'], sysctls });
    const packet = { ...packetTo(destination), source: 'fd00:88::10', sourcePort: 40_000 };
    const { end, steps } = journey(host(sender, server), packet, 'box');
    return [end.kind, steps.some(({ verdict }) => verdict === 'translated')];
  };

  test('of IPv6 is dropped before any rule gives it another one', () => {
    expect(sentTo('::1')).toEqual(['dropped', false]);
    expect(sentTo('fd00:9::9')).toEqual(['accepted', true]);
  });

  test('of IPv6 is translated by the rules of a bridge, which come first', () => {
    expect(sentTo('::1', { ...forwarding, 'net.bridge.bridge-nf-call-ip6tables': '1' })[1]).toBe(true);
  });
});

describe('the output hook', () => {
  const output = save('*filter', ':OUTPUT DROP [0:0]');

  test.each([
    ['tcp', null],
    ['udp', 'EPERM'],
  ] as const)('a %s packet that it drops: the program hears %s', (protocol, errno) => {
    const way = journey(host(box({ ruleTables: output }), bridgeHost()), packetTo('10.88.0.1', 80, protocol), 'box');
    expect(way.end).toMatchObject({ kind: 'dropped', answer: errno === null ? null : { errno, netns: 'box' } });
  });

  test('a translated destination is routed anew', () => {
    const ruleTables = save(
      '*nat',
      ':OUTPUT ACCEPT [0:0]',
      '-A OUTPUT -d 192.0.2.99/32 -p tcp -j DNAT --to-destination 10.88.0.20:80',
    );
    const sender = bridgeHost({ ruleTables });
    const packet = { ...packetTo('192.0.2.99', 8080), source: '0.0.0.0' };
    const way = journey(host(sender, web()), packet, 'host');
    expect(told(way)).toEqual([
      'host:eth0 route passed',
      'host:eth0 output translated',
      'host:br0 route passed',
      'host:br0 egress passed',
      'host:veth1 egress passed',
      'web:eth0 ingress passed',
      'web:eth0 route delivered',
      'web:eth0 input passed',
      'web:eth0 socket delivered',
      'accepted by tcp 0.0.0.0:80',
    ]);
    expect(way.arrived).toMatchObject({ source: '192.0.2.7', destination: '10.88.0.20', destinationPort: 80 });
    expect(replyJourney(host(sender, web()), way)?.end.kind).toBe('returned');
  });

  test('what a mark leaves without a way does not come to the translation behind it', () => {
    const marked = (priority: string) => [
      rule(`0: from all lookup 255`),
      rule(`${priority}: from all fwmark 0x1 prohibit`),
      rule('32766: from all lookup 254'),
    ];
    const mangle = ['*mangle', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff', 'COMMIT'];
    const redirect = ['*nat', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -p tcp -j REDIRECT --to-ports 7000'];
    const sender = (rules: ReturnType<typeof marked>, tables: readonly string[]) =>
      host(box({ rules, ruleTables: save(...tables), listeners: ['tcp 0.0.0.0:7000'] }), bridgeHost());
    const end = (priority: string, tables: readonly string[]) =>
      journey(sender(marked(priority), tables), packetTo('10.88.0.1'), 'box').end;
    expect(end('100', [...mangle, ...redirect])).toMatchObject({ kind: 'dropped', answer: null });
    expect(end('100', redirect).kind).toBe('accepted');
    expect(end('40000', [...mangle, ...redirect]).kind).toBe('accepted');
  });

  test('from 127.0.0.1 it has no way out of the host, unless route_localnet says so', () => {
    const ruleTables = save(
      '*nat',
      ':OUTPUT ACCEPT [0:0]',
      ':POSTROUTING ACCEPT [0:0]',
      '-A OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
      '-A POSTROUTING -s 127.0.0.0/8 -o br0 -j MASQUERADE',
    );
    const packet = { ...packetTo('127.0.0.1', 8080), source: '127.0.0.1' };
    const links = bridgeHost().links.map((one) =>
      one.kind === 'loopback' ? link('lo', { index: 1, kind: 'loopback', addresses: ['127.0.0.1'] }) : one,
    );
    const off = journey(host(bridgeHost({ ruleTables, links }), web()), packet, 'host');
    expect(off.end).toMatchObject({ kind: 'dropped', answer: null });
    expect(told(off).at(-1)).toBe(
      'dropped: routed again as the rules have changed it, it has no way: a packet from 127.0.0.1 may not leave by br0 (route_localnet is 0)',
    );
    const sysctls = { ...forwarding, 'net.ipv4.conf.br0.route_localnet': '1' };
    const all = host(bridgeHost({ ruleTables, links, sysctls }), web());
    const on = journey(all, packet, 'host');
    expect(on.end.kind).toBe('accepted');
    expect(on.arrived.source).toBe('10.88.0.1');
    expect(replyJourney(all, on)?.end.kind).toBe('returned');
  });
});

describe('a published port', () => {
  const published = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
  ];
  const masquerading = [...published, '-A POSTROUTING -s 10.88.0.0/16 -d 10.88.0.20/32 -p tcp -j MASQUERADE'];
  const hairpin = { 'net.ipv4.conf.br0.forwarding': '1' };

  test('its answer is translated back', () => {
    const outside = namespace('outside', {
      links: [loopback(), link('eth0', { addresses: ['192.0.2.50'], peer: 'host:2' })],
      routes: ['192.0.2.0/24 dev eth0'],
    });
    const wire = link('eth0', { index: 2, addresses: ['192.0.2.7'], peer: 'outside:2' });
    const links = bridgeHost().links.map((one) => (one.name === 'eth0' ? wire : one));
    const routes = ['10.88.0.0/16 dev br0', '192.0.2.0/24 dev eth0'];
    const all = host(outside, web(), bridgeHost({ links, routes, ruleTables: save(...published) }));
    const packet = { ...packetTo('192.0.2.7', 8080), source: '192.0.2.50', sourcePort: 40_000 };
    const way = journey(all, packet, 'outside');
    expect(way.end.kind).toBe('accepted');
    expect(way.forms.map(({ destination, destinationPort }) => `${destination}:${destinationPort}`)).toEqual([
      '192.0.2.7:8080',
      '10.88.0.20:80',
    ]);
    const reply = replyJourney(all, way);
    expect(reply?.end.kind).toBe('returned');
    expect(reply?.arrived).toMatchObject({ source: '192.0.2.7', sourcePort: 8080, destination: '192.0.2.50' });
  });

  test.each([
    ['without masquerading the answer goes straight back, from an address that was not asked', published, 'dropped'],
    ['with it, it comes back by the host', masquerading, 'returned'],
  ])('asked by a neighbour: %s', (_name, rules, end) => {
    const all = host(box(), web(), bridgeHost({ ruleTables: save(...rules), sysctls: hairpin }));
    const way = journey(all, { ...packetTo('192.0.2.7', 8080), sourcePort: 40_000 }, 'box');
    expect(way.end.kind).toBe('accepted');
    const reply = replyJourney(all, way);
    expect(reply?.end.kind).toBe(end);
    if (end === 'dropped') {
      expect(told(reply ?? way).at(-1)).toBe(
        'dropped: the answer comes from 10.88.0.20 port 80, and 192.0.2.7 port 8080 was asked',
      );
    }
  });

  test.each([
    ['one after another', '10.88.0.20:80-82/8080', 'accepted', 'returned'],
    ['of which the kernel takes one', '10.88.0.20:80-82', 'undetermined', null],
  ])('among several: %s', (_name, target, end, back) => {
    const rule = `-A PREROUTING -p tcp -m tcp --dport 8080:8082 -j DNAT --to-destination ${target}`;
    const ruleTables = save(...masquerading.filter((line) => !line.includes('DNAT')), rule);
    const all = host(box(), web({ listeners: ['tcp 0.0.0.0:81'] }), bridgeHost({ ruleTables, sysctls: hairpin }));
    const way = journey(all, packetTo('192.0.2.7', 8081), 'box');
    expect(way.end.kind).toBe(end);
    expect(replyJourney(all, way)?.end.kind ?? null).toBe(back);
  });

  test.each([
    ['0', true, 'accepted'],
    ['1', false, 'dropped'],
    ['1', true, 'accepted'],
  ])('asked for by its own container, bridge-nf-call-iptables %s, hairpin %s: %s', (switched, isHairpin, end) => {
    const ruleTables = save(...masquerading);
    const sysctls = { ...hairpin, 'net.bridge.bridge-nf-call-iptables': switched };
    const bridgePorts = [port('veth0', 'br0'), port('veth1', 'br0', 'forwarding', { hairpin: isHairpin })];
    const way = journey(
      host(box(), web(), bridgeHost({ ruleTables, sysctls, bridgePorts })),
      { ...packetTo('192.0.2.7', 8080), source: '0.0.0.0' },
      'web',
    );
    expect(way.end.kind).toBe(end);
    expect(way.steps.at(-1)?.fault?.kind).toBe(end === 'dropped' ? 'bridge-hairpin-off' : undefined);
  });

  test.each([
    [false, 'dropped'],
    [true, 'rejected'],
  ])('no rule at forward is asked of what may not leave by its port (hairpin %s: %s)', (isHairpin, end) => {
    const ruleTables = save(...masquerading, 'COMMIT', '*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -j REJECT');
    const sysctls = { ...hairpin, 'net.bridge.bridge-nf-call-iptables': '1' };
    const bridgePorts = [port('veth0', 'br0'), port('veth1', 'br0', 'forwarding', { hairpin: isHairpin })];
    const all = host(box(), web(), bridgeHost({ ruleTables, sysctls, bridgePorts }));
    expect(journey(all, { ...packetTo('192.0.2.7', 8080), source: '0.0.0.0' }, 'web').end.kind).toBe(end);
  });

  test('an ICMP error about the translated packet finds its way back', () => {
    const all = host(
      box(),
      web({ ruleTables: input('-A INPUT -p tcp -j REJECT --reject-with icmp-port-unreachable') }),
      bridgeHost({ ruleTables: save(...masquerading), sysctls: hairpin }),
    );
    const way = journey(all, { ...packetTo('192.0.2.7', 8080), sourcePort: 40_000 }, 'box');
    expect(way.end).toMatchObject({ kind: 'rejected', answer: { errno: 'ECONNREFUSED', netns: 'web' } });
    expect(replyJourney(all, way)?.end.kind).toBe('returned');
  });
});

test('a firewall that lets requests pass and not their answers', () => {
  const rules = ['*filter', ':FORWARD DROP [0:0]', '-A FORWARD -s 10.88.0.0/16 -j ACCEPT'];
  const inner = namespace('inner', {
    links: [loopback(), link('eth0', { addresses: ['10.99.0.20'], peer: 'host:9' })],
    routes: ['10.99.0.0/16 dev eth0', 'default via 10.99.0.1 dev eth0'],
    listeners: ['tcp 0.0.0.0:80'],
  });
  const wire = link('veth9', { index: 9, addresses: ['10.99.0.1'], peer: 'inner:2' });
  const build = (...more: readonly string[]) =>
    host(
      box(),
      inner,
      bridgeHost({
        links: [...bridgeHost().links, wire],
        routes: ['10.88.0.0/16 dev br0', '10.99.0.0/16 dev veth9'],
        sysctls: { ...forwarding, 'net.ipv4.conf.veth9.forwarding': '1' },
        ruleTables: save(...rules, ...more),
      }),
    );
  const there = (all: ReturnType<typeof build>) => journey(all, packetTo('10.99.0.20'), 'box');
  const closed = build();
  expect(there(closed).end.kind).toBe('accepted');
  expect(replyJourney(closed, there(closed))?.end.kind).toBe('dropped');
  const open = build('-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
  expect(replyJourney(open, there(open))?.end.kind).toBe('returned');
});

describe('rules that br_netfilter shows what crosses a bridge', () => {
  const sysctls = { ...forwarding, 'net.bridge.bridge-nf-call-iptables': '1' };
  const asks = (chain: string, rule: string) => {
    const ruleTables = save('*nat', `:${chain} ACCEPT [0:0]`, `-A ${chain} ${rule}`);
    return journey(host(box(), web(), bridgeHost({ ruleTables, sysctls })), packetTo('10.88.0.20'), 'box');
  };

  test('another source does not change its way', () => {
    const way = asks('POSTROUTING', '-d 10.88.0.20/32 -j SNAT --to-source 10.88.0.77');
    expect(told(way)).toContain('host:br0 postrouting translated');
    expect(way.end.kind).toBe('accepted');
    expect(way.arrived.source).toBe('10.88.0.77');
    expect(way.forms.map(({ source }) => source)).toEqual(['10.88.0.10', '10.88.0.77']);
  });

  test('another destination does, and is not followed', () => {
    const way = asks('PREROUTING', '-d 10.88.0.20/32 -j DNAT --to-destination 10.88.0.30');
    expect(told(way).at(-1)).toMatch(/^undetermined: the rules of host give what crosses br0 another destination/);
  });

  test('at prerouting are asked before the port is looked at, whatever that does', () => {
    const ruleTables = save('*nat', ':PREROUTING ACCEPT [0:0]', '-A PREROUTING -p tcp -j REDIRECT --to-ports 7000');
    const neighbours = [neighbour('10.88.0.20', 'eth0', '02:00:00:00:00:99')];
    const down = link('veth1', { index: 6, master: 'br0', peer: 'web:2', up: false, carrier: false });
    const links = [loopback(), uplink, bridge, veth0, down];
    const all = host(box({ neighbours }), web(), bridgeHost({ ruleTables, sysctls, links }));
    expect(told(journey(all, packetTo('10.88.0.20'), 'box')).at(-1)).toMatch(
      /^undetermined: the rules of host give what crosses br0 another destination/,
    );
  });

  test('are not asked about a port that has no carrier', () => {
    const ruleTables = save('*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -j REJECT');
    const neighbours = [neighbour('10.88.0.20', 'eth0', '02:00:00:00:00:99')];
    const ports = (told: Partial<Pick<Link, 'carrier' | 'up'>>) => [
      loopback(),
      uplink,
      bridge,
      veth0,
      link('veth1', { index: 6, master: 'br0', peer: 'web:2', ...told }),
    ];
    const end = (told: Parameters<typeof ports>[0]) => {
      const sender = box({ neighbours });
      return journey(
        host(sender, web(), bridgeHost({ ruleTables, sysctls, links: ports(told) })),
        packetTo('10.88.0.20'),
        'box',
      ).end;
    };
    expect(end({}).kind).toBe('rejected');
    expect(end({ carrier: false })).toMatchObject({ kind: 'dropped', answer: null });
    expect(end({ up: false, carrier: false })).toMatchObject({ kind: 'dropped', answer: null });
  });

  test.each([
    ['ip', '203.0.113.9', '10.88.0.99', '10.88.0.1', '10.88.0.0/16'],
    ['ip6', '2001:db8::9', 'fd00:88::99', 'fd00:88::1', 'fd00:88::/64'],
  ] as const)(
    'another neighbour (%s) is asked for before anything is forwarded',
    (family, far, absent, gateway, subnet) => {
      const nat = ['*nat', ':PREROUTING ACCEPT [0:0]', `-A PREROUTING -j DNAT --to-destination ${absent}`, 'COMMIT'];
      const dropping = [...nat, '*filter', ':FORWARD DROP [0:0]', 'COMMIT', ''].join('\n');
      const all = host(
        box({ routes: [`${subnet} dev eth0`, `default via ${gateway} dev eth0`] }),
        web(),
        bridgeHost({
          ruleTables: saved(dropping, 'iptables-nft', family),
          sysctls: { ...sysctls, 'net.bridge.bridge-nf-call-ip6tables': '1' },
          routes: [`${subnet} dev br0`],
        }),
      );
      const { end } = journey(all, packetTo(far), 'box');
      expect(end).toMatchObject({ kind: 'unanswered', answer: { errno: 'EHOSTUNREACH', netns: 'host' } });
    },
  );

  test('another port is followed, and what an error about it quotes is translated back', () => {
    const ruleTables = save(
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      '-A PREROUTING -p udp -j DNAT --to-destination 10.88.0.20:7002',
    );
    const asked = { ...packetTo('10.88.0.20', 7000, 'udp'), sourcePort: 40_000 };
    const all = host(box(), web(), bridgeHost({ ruleTables, sysctls }));
    const way = journey(all, asked, 'box');
    expect(way.end.kind).toBe('refused');
    expect(way.arrived.destinationPort).toBe(7002);
    const reply = replyJourney(all, way);
    expect(reply?.end.kind).toBe('returned');
    expect(reply?.arrived.quoted).toEqual({ destination: '10.88.0.20', destinationPort: 7000 });
  });

  test('answer in a connection of their own host, not in that which the sender translated', () => {
    const aside = ['*nat', ':OUTPUT ACCEPT [0:0]', '-A OUTPUT -d 10.88.0.10/32 -j DNAT --to-destination 10.88.0.20'];
    const nat = ['*nat', ':POSTROUTING ACCEPT [0:0]', 'COMMIT'];
    const rejecting = ['*filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -m conntrack --ctstate NEW -j REJECT'];
    const ruleTables = save(...nat, ...rejecting);
    const all = host(box({ ruleTables: save(...aside) }), web(), bridgeHost({ ruleTables, sysctls }));
    const way = journey(all, { ...packetTo('10.88.0.10'), source: '10.88.0.10', sourcePort: 40_000 }, 'box');
    expect(way.end).toMatchObject({ kind: 'rejected', answer: { netns: 'host' } });
    const reply = replyJourney(all, way);
    expect(reply === null ? [] : told(reply)).not.toContain('host:br0 postrouting translated');
    expect(reply?.end.kind).toBe('returned');
  });

  describe('a reset', () => {
    const rejecting = (chain: string): RuleTable[] =>
      save('*filter', `:${chain} ACCEPT [0:0]`, `-A ${chain} -p tcp -j REJECT --reject-with tcp-reset`);
    const back = (more: Told, to = '10.88.0.1') => {
      const links = [loopback(), link('eth0', { addresses: ['10.88.0.10'], mac: '02:00:00:00:00:10', peer: 'host:5' })];
      const all = host(box({ links }), web(), bridgeHost({ ruleTables: rejecting('INPUT'), ...more }));
      const way = journey(all, packetTo(to), 'box');
      expect(way.end.kind).toBe('rejected');
      const reply = replyJourney(all, way);
      return `${reply?.end.kind} by ${reply?.steps.map(({ netns, device, stage }) => `${netns}:${device} ${stage}`)[0]}`;
    };
    const outputDrops = save('*filter', ':OUTPUT DROP [0:0]');

    test('goes back by the port that the request came in by, past the rules', () => {
      const ruleTables = [...rejecting('INPUT'), ...outputDrops];
      expect(back({ ruleTables, sysctls })).toBe('returned by host:veth0 egress');
      expect(back({ ruleTables })).toBe('dropped by host:br0 route');
    });

    test('needs a route to the client all the same', () => {
      expect(back({ sysctls, routes: ['default via 192.0.2.1 dev eth0', '10.88.0.0/16 dev br0'] })).toContain(
        'returned',
      );
      expect(back({ sysctls, routes: [] })).toBe('unroutable by host:null route');
    });

    test('of what is forwarded over the bridge too', () => {
      expect(back({ ruleTables: rejecting('FORWARD'), sysctls }, '10.88.0.20')).toBe('returned by host:veth0 egress');
    });

    test('has the address that NAT gave the request: its client does not know it', () => {
      const nat = save('*nat', ':PREROUTING ACCEPT [0:0]', '-A PREROUTING -p tcp -j DNAT --to-destination 10.88.0.1');
      const ruleTables = [...nat, ...rejecting('INPUT')];
      expect(back({ ruleTables }, '192.0.2.7')).toContain('returned');
      expect(back({ ruleTables, sysctls }, '192.0.2.7')).toBe('dropped by host:veth0 egress');
    });
  });

  test("IPv6's answer to what was translated goes on over the bridge though the host does not forward", () => {
    const six = { 'net.bridge.bridge-nf-call-ip6tables': '1', 'net.ipv6.conf.all.forwarding': '0' };
    const ruleTables = saved(
      ['*nat', ':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -j SNAT --to-source fd00:88::1', 'COMMIT', ''].join('\n'),
      'iptables-nft',
      'ip6',
    );
    const webLink = link('eth0', { addresses: ['10.88.0.20', 'fd00:88::20'], peer: 'host:6' });
    const all = host(
      box({ routes: ['fd00:88::/64 dev eth0'] }),
      web({ links: [loopback(), webLink], listeners: ['tcp [::]:80'], routes: ['fd00:88::/64 dev eth0'] }),
      bridgeHost({ ruleTables, sysctls: six, routes: ['fd00:88::/64 dev br0'] }),
    );
    const way = journey(all, packetTo('fd00:88::20'), 'box');
    expect(way.arrived.source).toBe('fd00:88::1');
    expect(replyJourney(all, way)?.end.kind).toBe('returned');
  });

  test('what comes through a host again as another connection gets a port that the kernel chooses', () => {
    const ruleTables = save(
      '*nat',
      ':POSTROUTING ACCEPT [0:0]',
      '-A POSTROUTING -s 10.88.0.1/32 -j SNAT --to-source 192.0.2.7',
    );
    // Out by the bridge to a router behind it, and back over the bridge to the server.
    const routes = ['10.88.0.0/16 dev br0', '203.0.113.0/24 via 10.88.0.10 dev br0'];
    const router = box({
      routes: ['10.88.0.0/16 dev eth0', '203.0.113.0/24 via 10.88.0.20 dev eth0'],
      sysctls: { 'net.ipv4.conf.eth0.forwarding': '1' },
    });
    const lo = link('lo', { index: 1, kind: 'loopback', addresses: ['127.0.0.1/8', '203.0.113.9/32'] });
    const server = web({ links: [lo, link('eth0', { addresses: ['10.88.0.20'], peer: 'host:6' })] });
    const asked = { ...packetTo('203.0.113.9'), source: '10.88.0.1', sourcePort: 40_000 };
    const all = host(router, server, bridgeHost({ ruleTables, sysctls, routes }));
    const way = journey(all, asked, 'host');
    expect(way.end.kind).toBe('accepted');
    expect(way.forms.map(({ source, sourcePort }) => `${source} ${sourcePort}`)).toEqual([
      '10.88.0.1 40000',
      '192.0.2.7 40000',
      '192.0.2.7 undefined',
    ]);
    // One passage of the answer undoes one translation: the socket's own is the other.
    expect(replyJourney(all, way)?.end).toMatchObject({
      kind: 'dropped',
      reason: 'the answer is for 192.0.2.7 port 40000, and 10.88.0.1 port 40000 had asked',
    });
  });
});

test('an echo request that comes to a host again is of the connection that it was: no NAT rule is asked', () => {
  const redirects = ['*nat', ':PREROUTING ACCEPT [0:0]', '-A PREROUTING -j REDIRECT', 'COMMIT', ''];
  const sender = box({
    ruleTables: saved(redirects.join('\n'), 'iptables-nft', 'ip6'),
    routes: ['fd00:88::/64 dev eth0', 'default via fd00:88::1 dev eth0'],
    sysctls: { 'net.ipv6.conf.all.forwarding': '0' },
  });
  const router = bridgeHost({
    routes: ['fd00:88::/64 dev br0', 'fd00:99::/64 via fd00:88::10 dev br0'],
    sysctls: forwarding,
  });
  const way = journey(host(sender, router), { ...packetTo('fd00:99::9', 0, 'icmp'), source: 'fd00:88::10' }, 'box');
  expect(way.forms).toHaveLength(1);
  expect(told(way).at(-1)).toBe('dropped: box does not forward: net.ipv6.conf.all.forwarding is 0');
});
