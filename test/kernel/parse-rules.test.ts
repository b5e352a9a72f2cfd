import { describe, expect, it, test } from 'vitest';
import { beginsRuleEvent, parseRuleEvents } from '../../src/kernel/parse-rules.ts';

/** As nft 1.0.6 printed them on Linux 6.18. */
const packet = (place: string, more = ''): string =>
  `trace id 7c39e5dd ${place} packet: iif "v1" ${more}ether saddr e6:ca:fd:6f:6e:18 ether daddr fe:43:29:9d:57:b6 ip saddr 10.9.0.1 ip daddr 10.9.0.2 ip dscp cs0 ip ecn not-ect ip ttl 64 ip id 39002 ip protocol tcp ip length 60 tcp sport 56824 tcp dport 81 tcp flags == syn tcp window 64240 `;

const traced = {
  protocol: 'tcp',
  source: { address: '10.9.0.1', port: 56_824 },
  destination: { address: '10.9.0.2', port: 81 },
  id: 39_002,
  input: 'v1',
  output: null,
};

const inputPolicy = 'trace id 7c39e5dd ip filter INPUT policy accept ';
const drop =
  'trace id 7c39e5dd inet guard in rule tcp dport 81 counter packets 1 bytes 60 drop comment "hello" # handle 2 (verdict drop)';

describe('the events of a packet', () => {
  it('are of the packet that was told before them, by its number', () => {
    const events = parseRuleEvents([packet('ip filter INPUT'), inputPolicy, packet('inet guard in'), drop]);
    expect(events).toEqual([
      {
        packet: traced,
        family: 'ip',
        table: 'filter',
        chain: 'INPUT',
        baseChain: 'INPUT',
        handle: null,
        verdict: 'accept',
        rule: null,
        index: 1,
      },
      {
        packet: traced,
        family: 'inet',
        table: 'guard',
        chain: 'in',
        baseChain: 'in',
        handle: 2,
        verdict: 'drop',
        rule: 'tcp dport 81 counter packets 1 bytes 60 drop comment "hello"',
        index: 3,
      },
    ]);
  });

  it('keep the chain by which the packet came where a rule jumps', () => {
    const jump = 'trace id 7c39e5dd ip filter FORWARD rule jump DOCKER # handle 4 (verdict jump DOCKER)';
    const ended = 'trace id 7c39e5dd ip filter DOCKER rule drop # handle 9 (verdict drop)';
    const events = parseRuleEvents([packet('ip filter FORWARD', 'oif "v2" '), jump, ended]);
    expect(events.map(({ chain, baseChain, verdict }) => `${baseChain} ${chain} ${verdict}`)).toEqual([
      'FORWARD FORWARD jump DOCKER',
      'FORWARD DOCKER drop',
    ]);
    expect(events[0]?.packet).toMatchObject({ input: 'v1', output: 'v2' });
  });

  it('have no text where nft does not know the rule', () => {
    const unknown = 'trace id 7c39e5dd inet guard in unknown rule handle 4 (verdict drop)';
    expect(parseRuleEvents([packet('inet guard in'), unknown])).toMatchObject([
      { handle: 4, verdict: 'drop', rule: null },
    ]);
  });

  it.each([
    ['a verdict of a packet that was not told', [drop]],
    ['a verdict in another table than the packet', [packet('ip filter INPUT'), drop]],
    ['a protocol without a meaning here', [packet('inet guard in').replaceAll('tcp', 'sctp'), drop]],
    ['another packet of that number', [packet('inet guard in'), drop.replace('7c39e5dd', '7c39e5de')]],
    ['what is none', ['', 'trace id', 'nft> ', 'trace id x y', '# ERR']],
  ])('are not read of %s', (_name, lines) => expect(parseRuleEvents(lines)).toEqual([]));
});

test.each([
  [
    'IPv6',
    'ip6 saddr fd00::1 ip6 daddr fd00::2 ip6 dscp cs0 ip6 ecn not-ect ip6 hoplimit 64 ip6 flowlabel 0 ip6 nexthdr udp ip6 length 9 udp sport 5353 udp dport 53 udp length 9 ',
    {
      protocol: 'udp',
      source: { address: 'fd00::1', port: 5353 },
      destination: { address: 'fd00::2', port: 53 },
      id: null,
    },
  ],
  [
    'a ping',
    'ip saddr 10.9.0.1 ip daddr 10.9.0.2 ip ttl 64 ip id 0 ip protocol icmp ip length 84 icmp type echo-request icmp code net-unreachable icmp id 5 icmp sequence 1 ',
    {
      protocol: 'icmp',
      source: { address: '10.9.0.1', port: 0 },
      destination: { address: '10.9.0.2', port: 0 },
      id: null,
    },
  ],
])('a packet of %s', (_name, headers, expected) => {
  const [event] = parseRuleEvents([
    `trace id 1 inet f c packet: oif "eth0" ${headers}`,
    'trace id 1 inet f c policy drop ',
  ]);
  expect(event).toMatchObject({ verdict: 'drop', packet: { ...expected, input: null, output: 'eth0' } });
});

test('an event begins with its number; what nft wraps goes on with it', () => {
  expect(beginsRuleEvent(drop)).toBe(true);
  expect(beginsRuleEvent('\t\t\t     192.0.2.7 } drop # handle 3 (verdict drop)')).toBe(false);
});
