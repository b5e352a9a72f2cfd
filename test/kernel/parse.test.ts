import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type KernelEvent, lostEvents, parseKernelEvent, parseTraceLine } from '../../src/kernel/parse.ts';

/** Lines of Linux 6.18, from a process that calls itself `a b-7 [0]` and ESC `[1m`. */
const head = (flags: string, clock: string): string =>
  `  a b-7 [0] \x1b[1m-12588   [001] ${flags} 1795262287.${clock}: `;

function event(text: string, flags = '.....'): KernelEvent | null {
  const line = parseTraceLine(head(flags, '514387') + text);
  return line === null ? null : parseKernelEvent(line);
}

describe('lines', () => {
  test('are taken apart, whatever the task calls itself', () => {
    expect(
      parseTraceLine(`${head('..s1.', '514436')}netif_receive_skb: dev=t5v skbaddr=000000009976faad len=28`),
    ).toEqual({
      task: 'a b-7 [0] \x1b[1m',
      pid: 12588,
      cpu: 1,
      interrupt: true,
      clock: '1795262287.514436',
      event: 'netif_receive_skb',
      text: 'dev=t5v skbaddr=000000009976faad len=28',
    });
  });

  test.each([
    ['           <...>-12588   [000] ..... 1.000001: sys_connect -> 0x0', '<...>', 'sys_connect', '-> 0x0'],
    ['          <idle>-0       [003] d.h2. 1.000001: kfree_skb: a=b', '<idle>', 'kfree_skb', 'a=b'],
    ['curl-1 [127] .... 12.5: x: ', 'curl', 'x', ''],
    ['-1 [0] a 1.2: b-99 [002] ..... 7.5: kfree_skb: c', '-1 [0] a 1.2: b', 'kfree_skb', 'c'],
    ['---5 [000] ..... 1.5: x: y', '--', 'x', 'y'],
  ])('%j', (line, task, name, text) => {
    expect(parseTraceLine(line)).toMatchObject({ task, event: name, text });
  });

  // Documentation/trace/ftrace.rst: irqs-off, need-resched, hardirq/softirq, preempt-depth, migrate-disable.
  test.each([
    ['.....', false],
    ['b....', false],
    ['dN.1.', false],
    ['..s1.', true],
    ['b.s2.', true],
    ['d.h1.', true],
    ['d.H1.', true],
    ['d.z1.', true],
    ['d.Z1.', true],
    ['..s.', true],
  ])('flags %s: in an interrupt is %s', (flags, interrupt) => {
    expect(parseTraceLine(`x-1 [0] ${flags} 1.5: y: z`)?.interrupt).toBe(interrupt);
  });

  test.each([
    '',
    '# tracer: nop',
    'CPU:1 [LOST 453 EVENTS]',
    'x-1 [0] ..... 1795262287: y: z',
    'x-1 ..... 1.5: y: z',
    'x [0] ..... 1.5: y: z',
    ' '.repeat(100),
  ])('%j is none', (line) => {
    expect(parseTraceLine(line)).toBeNull();
  });

  test.each([
    ['CPU:1 [LOST 453 EVENTS]', 453],
    ['CPU:0 [LOST EVENTS]', 1],
    ['CPU:0 [LOST  EVENTS]', 0],
    ['a CPU:1 [LOST 453 EVENTS]', 0],
    ['', 0],
  ])('%j says that %s were lost', (line, lost) => {
    expect(lostEvents(line)).toBe(lost);
  });
});

const container = { address: '10.88.0.10', port: 36634 };
const gateway = { address: '10.88.0.1', port: 19001 };
const container6 = { address: 'fd00:88::10', port: 46614 };
const gateway6 = { address: 'fd00:88::1', port: 19001 };
const skb = '0000000034455521';

describe('events', () => {
  test.each<[string, KernelEvent]>([
    [
      'net_dev_queue: dev=eth0 skbaddr=0000000034455521 len=74',
      { kind: 'device', direction: 'transmit', device: 'eth0', skb, length: 74 },
    ],
    [
      'netif_receive_skb: dev=br0 skbaddr=0000000034455521 len=60',
      { kind: 'device', direction: 'receive', device: 'br0', skb, length: 74 },
    ],
    [
      'fib_table_lookup: table 254 oif 0 iif 1 proto 6 10.88.0.10/36634 -> 10.88.0.1/19001 tos 0 scope 0 flags 8 ==> dev eth0 gw 0.0.0.0/:: err 0',
      { kind: 'route', table: 254, protocol: 6, source: container, destination: gateway, device: 'eth0', error: 0 },
    ],
    [
      'fib_table_lookup: table 254 oif 0 iif 1 proto 6 0.0.0.0/0 -> 192.0.2.1/80 tos 0 scope 0 flags 8 ==> dev - gw 0.0.0.0/:: err -11',
      {
        kind: 'route',
        table: 254,
        protocol: 6,
        source: { address: '0.0.0.0', port: 0 },
        destination: { address: '192.0.2.1', port: 80 },
        device: '-',
        error: 11,
      },
    ],
    [
      'tcp_send_reset: skbaddr=0000000034455521 skaddr=0000000000000000 src=10.88.0.1:19001 dest=10.88.0.10:36634 state=UNKNOWN reason=NO_SOCKET',
      { kind: 'send-reset', skb, source: gateway, destination: container, reason: 'NO_SOCKET' },
    ],
    [
      'tcp_send_reset: skbaddr=0000000034455521 skaddr=0000000000000000 src=[fd00:88::1]:19001 dest=[fd00:88::10]:46614 state=UNKNOWN reason=NO_SOCKET',
      { kind: 'send-reset', skb, source: gateway6, destination: container6, reason: 'NO_SOCKET' },
    ],
    [
      'tcp_send_reset: skbaddr=0000000034455521 skaddr=0000000000000000 src=10.88.0.1:19001 dest=10.88.0.10:36634 state=TCP_CLOSE',
      { kind: 'send-reset', skb, source: gateway, destination: container, reason: null },
    ],
    [
      'kfree_skb: skbaddr=0000000034455521 rx_sk=0000000000000000 protocol=2048 location=tcp_v4_rcv+0x91/0x13f0 reason: NO_SOCKET',
      { kind: 'drop', skb, location: 'tcp_v4_rcv+0x91/0x13f0', reason: 'NO_SOCKET' },
    ],
    [
      'kfree_skb: skbaddr=0000000034455521 protocol=2048 location=nft_do_chain+0x5ad/0x680 [nf_tables] reason: NETFILTER_DROP',
      { kind: 'drop', skb, location: 'nft_do_chain+0x5ad/0x680', reason: 'NETFILTER_DROP' },
    ],
    [
      'kfree_skb: skbaddr=0000000034455521 protocol=2048 location=00000000aabbccdd',
      { kind: 'drop', skb, location: '00000000aabbccdd', reason: null },
    ],
    [
      'inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport=36634 dport=19001 saddr=10.88.0.10 daddr=10.88.0.1 saddrv6=::ffff:10.88.0.10 daddrv6=::ffff:10.88.0.1 oldstate=TCP_SYN_SENT newstate=TCP_CLOSE',
      {
        kind: 'socket-state',
        protocol: 'IPPROTO_TCP',
        local: container,
        remote: gateway,
        from: 'TCP_SYN_SENT',
        to: 'TCP_CLOSE',
      },
    ],
    [
      'inet_sk_error_report: family=AF_INET6 protocol=IPPROTO_TCP sport=46614 dport=19001 saddr=0.0.0.0 daddr=0.0.0.0 saddrv6=fd00:88::10 daddrv6=fd00:88::1 error=111',
      { kind: 'socket-error', local: container6, remote: gateway6, error: 111 },
    ],
    [
      // A socket of both families that asked for an IPv4 address: its packets are IPv4.
      'inet_sk_error_report: family=AF_INET6 protocol=IPPROTO_TCP sport=36634 dport=19001 saddr=10.88.0.10 daddr=10.88.0.1 saddrv6=::ffff:10.88.0.10 daddrv6=::ffff:10.88.0.1 error=111',
      { kind: 'socket-error', local: container, remote: gateway, error: 111 },
    ],
    [
      'inet_sk_error_report: family=AF_INET protocol=0x11 sport=36634 dport=19001 saddr=10.88.0.10 daddr=10.88.0.1 saddrv6=::ffff:10.88.0.10 daddrv6=::ffff:10.88.0.1 error=111',
      { kind: 'socket-error', local: container, remote: gateway, error: 111 },
    ],
  ])('%s', (text, expected) => {
    expect(event(text)).toEqual(expected);
  });

  test.each([
    'fib_table_lookup: table 254 oif 0',
    'fib6_table_lookup: table 255 oif 0 iif 1 proto 6 ::/0 -> fd00:88::1/19001 flowlabel 0x0 tos 0 scope 0 flags 8 ==> dev lo gw :: err -113',
    'tcp_receive_reset: family=AF_INET sport=36634 dport=19001 saddr=10.88.0.10 daddr=10.88.0.1',
  ])('%s is not read', (text) => {
    expect(event(text)).toBeNull();
  });
});

test.each([
  ['sys_connect -> 0xffffffffffffff8d', 115],
  ['sys_connect -> 0xffffffffffffff91', 111],
  ['sys_connect -> 0xffffffffffffff9b', 101],
  ['sys_connect -> 0x0', 0],
])('%s: connect() gave %s', (text, error) => {
  expect(event(text)).toEqual({ kind: 'connect-result', error });
});

test.each(['sys_connect -> 0x10000000000000000', 'sys_connect -> what', 'sys_close -> 0x0', 'kfree_skb: -> 0x0'])(
  '%s: no result of a connect()',
  (text) => {
    expect(event(text)?.kind).not.toBe('connect-result');
  },
);

test('garbage never throws', () => {
  const names = ['net_dev_queue', 'netif_receive_skb', 'fib_table_lookup', 'tcp_send_reset', 'kfree_skb'];
  const others = ['inet_sock_set_state', 'inet_sk_error_report', 'sys_connect'];
  const text = fc.array(
    fc.oneof(fc.string(), fc.constantFrom('dev=', 'len=', 'src=', '=', '[', ':', '-> 0x', 'reason: ', 'table 1', ' ')),
  );
  fc.assert(
    fc.property(fc.constantFrom(...names, ...others), text, fc.string(), (name, parts, noise) => {
      for (const line of [`${head('.....', '5')}${name}: ${parts.join('')}`, noise, parts.join('')]) {
        const parsed = parseTraceLine(line);
        if (parsed !== null) expect(() => parseKernelEvent(parsed)).not.toThrow();
        expect(lostEvents(line)).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test('a task name never changes what the kernel printed behind it', () => {
  const name = fc.string({
    unit: fc.constantFrom('-', '[', ']', ':', ' ', '.', '0', 'a', '\x1b'),
    minLength: 1,
    maxLength: 15,
  });
  fc.assert(
    fc.property(name, fc.nat(4_194_304), (task, pid) => {
      const line = parseTraceLine(`${task.padStart(16)}-${pid} [001] ..s1. 1.5: kfree_skb: skbaddr=0`);
      expect(line).toMatchObject({ task: task.trimStart(), pid, event: 'kfree_skb', text: 'skbaddr=0' });
    }),
  );
});
