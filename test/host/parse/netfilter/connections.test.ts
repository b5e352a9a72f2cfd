import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConnections, trackedConnections } from '../../../../src/host/parse/netfilter/connections.ts';
import { Sections } from '../../../../src/host/parse/section.ts';
import { printed } from '../../sample.ts';

const translated =
  'ipv4     2 tcp      6 431999 ESTABLISHED src=198.51.100.7 dst=192.0.2.10 sport=40000 dport=8080 src=10.88.0.4 dst=198.51.100.7 sport=80 dport=40000 [ASSURED] mark=4096 use=1 id=1654740684';

test('a translated connection', () => {
  expect(parseConnections(`${translated}\n`)).toEqual([
    {
      family: 4,
      protocol: 6,
      state: 'ESTABLISHED',
      original: { source: '198.51.100.7', destination: '192.0.2.10', sourcePort: 40000, destinationPort: 8080 },
      reply: { source: '10.88.0.4', destination: '198.51.100.7', sourcePort: 80, destinationPort: 40000 },
      unreplied: false,
      assured: true,
      mark: 4096,
      listed: { command: 'conntrack -L -o extended,id', text: translated },
    },
  ]);
});

test.each<[title: string, line: string, expected: object]>([
  [
    'UDP without an answer',
    'ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=53 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=53 dport=5 mark=0 use=1',
    { protocol: 17, state: null, unreplied: true, assured: false },
  ],
  [
    'ICMP has no ports',
    'ipv4     2 icmp     1 8 src=10.88.0.1 dst=10.88.0.10 type=8 code=0 id=18604 src=10.88.0.10 dst=10.88.0.1 type=0 code=0 id=18604 mark=0 use=1 id=3',
    {
      protocol: 1,
      original: { source: '10.88.0.1', destination: '10.88.0.10', sourcePort: null, destinationPort: null },
    },
  ],
  [
    'IPv6',
    'ipv6     10 tcp      6 117 SYN_SENT src=fd00::1 dst=fd00::2 sport=5 dport=80 [UNREPLIED] src=fd00::2 dst=fd00::1 sport=80 dport=5 mark=0 use=2 id=5',
    { family: 6, state: 'SYN_SENT' },
  ],
  [
    'both ends open at once',
    'ipv4     2 tcp      6 59 SYN_SENT2 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=80 src=10.0.0.2 dst=10.0.0.1 sport=80 dport=5 mark=0 use=1 id=4',
    { state: 'SYN_SENT2' },
  ],
])('%s', (_title, line, expected) => {
  expect(parseConnections(line)).toMatchObject([expected]);
});

test.each([
  'ipv4     2 icmp     1 29 src=127.0.0.1 dst=127.0.0.1 type=8 code=0 id=15098 src=127.0.0.1 dst=127.0.0.1 type=0 code=0 id=15098 mark=0 zone=5 use=1 id=3990248171',
  'ipv4     2 icmp     1 29 src=127.0.0.1 dst=127.0.0.2 type=8 code=0 id=15104 zone-orig=6 [UNREPLIED] src=127.0.0.2 dst=127.0.0.1 type=0 code=0 id=15104 mark=0 use=1 id=554446043',
  'ipv4     2 icmp     1 29 src=127.0.0.1 dst=127.0.0.3 type=8 code=0 id=15105 [UNREPLIED] src=127.0.0.3 dst=127.0.0.1 type=0 code=0 id=15105 zone-reply=7 mark=0 use=1 id=801157941',
])('one of a connection zone is passed over: %s', (line) => {
  expect(parseConnections(line)).toEqual([]);
});

test('of both IP versions, where conntrack lists them apart', () => {
  const six =
    'ipv6     10 icmpv6   58 29 src=::1 dst=::1 type=128 code=0 id=14715 src=::1 dst=::1 type=129 code=0 id=14715 mark=0 use=1 id=3841770962';
  const outputs = [
    printed('conntrack -L -o extended,id', `${translated}\n`),
    printed('conntrack -L -f ipv6 -o extended,id', `${six}\n`),
  ];
  const entries = trackedConnections(new Sections({ name: 'host', inode: 1, container: null, outputs }));
  expect(entries.map(({ listed }) => listed)).toEqual([
    { command: 'conntrack -L -o extended,id', text: translated },
    { command: 'conntrack -L -f ipv6 -o extended,id', text: six },
  ]);
});

test('lines that are none are passed over, whatever they are', () => {
  expect(parseConnections('conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.\n')).toEqual([]);
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          'ipv4',
          '2',
          'tcp',
          '6',
          'src=',
          'src=1.1.1.1',
          'dst=x',
          'dst=::1',
          'sport=99999999999',
          ' ',
          '\n',
        ),
      ),
      (words) => {
        expect(parseConnections(words.join(' ')).every(({ listed }) => listed?.text !== '')).toBe(true);
      },
    ),
  );
});
