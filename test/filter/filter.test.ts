import { describe, expect, test } from 'vitest';
import { bytesOf, realFrame } from '../wire/frames.ts';
import { ask, fieldsOf, filterOf, frameOf } from './ask.ts';

const syn = frameOf(realFrame('SYN'), 1);
const reset = frameOf(realFrame('RST, ACK'), 2);
const payload = frameOf(realFrame('TCP payload'), 3, 1);
const datagram = frameOf(realFrame('UDP'), 4);
const arp = frameOf(realFrame('ARP request'), 5);
const icmpError = frameOf(realFrame('ICMP port unreachable'), 6);
const solicitation = frameOf(realFrame('neighbour solicitation'), 7);
const frames = { syn, reset, payload, datagram, arp, icmpError, solicitation };
const all = Object.keys(frames).join(' ');

/** The names of the frames that the filter lets through. */
function passing(text: string): string {
  const answers = ask(text, ...Object.values(frames));
  return Object.keys(frames)
    .filter((_name, index) => answers[index])
    .join(' ');
}

describe('presence', () => {
  test.each([
    ['tcp', 'syn reset payload'],
    ['frame', all],
    ['arp.opcode', 'arp'],
    // A packet that an ICMP error quotes is in the frame too, as in Wireshark.
    ['udp', 'datagram icmpError'],
    ['ip.addr', 'syn reset payload datagram icmpError'],
    ['!tcp', 'datagram arp icmpError solicitation'],
    ['not (tcp or udp)', 'arp solicitation'],
    ['tcp xor ip', 'datagram icmpError'],
    ['tcp xor ip xor udp', ''],
  ])('%s', (text, names) => expect(passing(text)).toBe(names));
});

describe('a flag alone means that it is set', () => {
  test.each([
    ['tcp.flags.reset', 'reset'],
    ['tcp && !tcp.flags.reset', 'syn payload'],
    ['!tcp.flags.reset', 'syn payload datagram arp icmpError solicitation'],
    ['tcp.flags.reset == 1', 'reset'],
    ['tcp.flags.reset == True', 'reset'],
    ['tcp.flags.reset == set', 'reset'],
    ['tcp.flags.reset == 0', 'syn payload'],
    ['tcp.flags.reset != 1', 'syn payload'],
  ])('%s', (text, names) => expect(passing(text)).toBe(names));
});

describe('comparisons', () => {
  test.each([
    ['tcp.port == 8080', 'payload'],
    ['tcp.port eq 0x1f90', 'payload'],
    ['tcp.srcport == 19001', 'reset'],
    ['tcp.port != 8080', 'syn reset'],
    ['tcp.port ne 8080', 'syn reset'],
    ['!(tcp.port == 8080)', 'syn reset datagram arp icmpError solicitation'],
    ['tcp.port in {8080, 19000..19010}', 'syn reset payload'],
    ['tcp.port not in {8080, 53}', 'syn reset'],
    ['tcp.len > 0', 'payload'],
    ['tcp.len >= 3 and tcp.len le 3', 'payload'],
    ['tcp.len lt 3', 'syn reset'],
    ['frame.number gt 5', 'icmpError solicitation'],
    ['frame.len < 44', 'arp'],
    ['frame.cap_len == 42', 'arp'],
    ['tcp.flags & 0x02', 'syn'],
    ['tcp.flags & 0x14 == 0x14', 'reset'],
    ['tcp.flags & 0x04 == 0', 'syn payload'],
    ['tcp.flags & 0x04 != 0', 'reset'],
    ['icmp.code == 3', 'icmpError'],
    ['ip.ttl == -1', ''],
  ])('%s', (text, names) => expect(passing(text)).toBe(names));
});

describe('addresses', () => {
  test.each([
    ['ip.src == 10.88.0.1', 'reset icmpError'],
    ['ip.src == 10.88.0.0/28', 'syn reset payload datagram icmpError'],
    ['ip.addr == 192.0.2.0/24', ''],
    ['ip.addr == 0.0.0.0/0', 'syn reset payload datagram icmpError'],
    // The alias has two values: none of them may be it.
    ['ip.addr != 10.88.0.10', ''],
    ['ip.dst != 10.88.0.10', 'syn payload datagram'],
    ['ip.dst in {10.88.0.0..10.88.0.9, 10.89.0.0/16}', 'syn payload datagram icmpError'],
    ['ip.src < 10.88.0.10', 'reset icmpError'],
    ['ipv6.src == FD00:88:0::10', 'solicitation'],
    ['ipv6.addr == ff00::/8', 'solicitation'],
    ['ipv6.src > fd00:88::f', 'solicitation'],
    ['ipv6.src in {fd00:88::..fd00:88::f}', ''],
    ['eth.src == 02-42-0A-58-00-01', 'reset icmpError'],
    ['eth.dst == ff:ff:ff:ff:ff:ff', 'arp'],
    ['eth.addr[0:3] == 33:33:ff', 'solicitation'],
    ['eth.dst[0] == 33', 'solicitation'],
    ['eth.src[3-5] == 58:00:01', 'reset icmpError'],
    ['arp.dst.proto_ipv4 == 10.88.0.1', 'arp'],
  ])('%s', (text, names) => expect(passing(text)).toBe(names));
});

describe('times', () => {
  test.each([
    ['frame.time_relative > 0.0049', 'icmpError solicitation'],
    ['frame.time_relative == 0.002', 'payload'],
    ['frame.time_relative < 0', ''],
    ['frame.time_epoch <= 1795262315.686', 'syn'],
    ['frame.time_epoch > 1795262315.685999999 && frame.time_epoch < 1795262315.686000001', 'syn'],
    ['frame.time_relative in {0.001..0.002}', 'reset payload'],
  ])('%s', (text, names) => expect(passing(text)).toBe(names));

  test('before the start is negative, to the nanosecond', () => {
    const early = { ...syn, timeNs: syn.timeNs - 1_500_000_000n };
    expect(ask('frame.time_relative == -1.5', early)).toEqual([true]);
    expect(ask('frame.time_relative < -1.499999999', early)).toEqual([true]);
    expect(ask('frame.time_relative < -1.5', early)).toEqual([false]);
  });
});

describe('bytes and text', () => {
  test.each([
    ['frame contains "hi\\n"', 'payload'],
    ['frame contains 68:69:0a', 'payload'],
    ['tcp contains 68690a', 'payload'],
    ['udp contains 68:69', ''],
    ['frame[12:2] == 08:06', 'arp'],
    ['tcp[13] == 14', 'reset'],
    ['tcp[32:] == "hi\\n"', 'payload'],
    ['arp[0:2] != 00:01', ''],
    ['frame[5000:2]', ''],
    ['tcp matches "HI\\n$"', 'payload'],
    ['tcp.options[0:2] == 02:04', 'syn'],
  ])('%s', (text, names) => expect(passing(text)).toBe(names));
});

describe('where a frame was seen, and what became of its connection', () => {
  test.each([
    ['interface == eth0', 'syn reset datagram arp icmpError solicitation'],
    ['interface == portainer:eth0', 'syn reset datagram arp icmpError solicitation'],
    ['interface == podman0', 'payload'],
    ['interface != eth0', 'payload'],
    ['interface in {veth7, podman0}', 'payload'],
    ['interface contains podman', 'payload'],
    ['netns == portainer', 'syn reset datagram arp icmpError solicitation'],
    ['!netns', 'payload'],
    ['connection', ''],
    ['verdict', ''],
  ])('%s', (text, names) => expect(passing(text)).toBe(names));

  test.each([
    ['connection == 7', true],
    ['connection in {1..6}', false],
    ['verdict == refused', true],
    ['verdict != ok', true],
    ['verdict matches "^re"', true],
    ['verdict contains fus', true],
    ['cause contains listener', true],
    ['cause == "no-listener"', true],
  ])('%s', (text, expected) => {
    const fields = fieldsOf({ number: 7, outcome: 'refused', cause: 'no-listener' });
    expect(filterOf(text).bind(fields)(syn)).toBe(expected);
  });
});

describe('how conditions join', () => {
  test.each([
    ['arp || tcp && tcp.flags.syn', 'arp || (tcp && tcp.flags.syn)'],
    ['tcp xor udp && ip', 'tcp xor (udp && ip)'],
    ['tcp or udp xor ip', 'tcp or (udp xor ip)'],
    ['!tcp && ip', '(!tcp) && ip'],
    ['not tcp.port == 53 and ip', '(not (tcp.port == 53)) and ip'],
  ])('%s is %s', (loose, grouped) => expect(passing(loose)).toBe(passing(grouped)));
});

test('bytes that were not captured are not compared', () => {
  const cut = { ...syn, bytes: syn.bytes.subarray(0, 36) };
  expect(ask('tcp.srcport == 43020', cut)).toEqual([true]);
  expect(ask('tcp.dstport', cut)).toEqual([false]);
  expect(ask('tcp.flags & 2 == 0', cut)).toEqual([false]);
});

test('a tunnel has the fields of both packets', () => {
  // 10.0.0.1 > 10.0.0.2 with 192.168.0.1 > 192.168.0.2 in it.
  const inner = '4500001c 00000000 40110000 c0a80001 c0a80002 0035003500080000';
  const tunnel = frameOf(
    bytesOf(`020000000002 02000000000a 0800 45000030 00000000 40040000 0a000001 0a000002 ${inner}`),
  );
  expect(ask('ip.src == 10.0.0.1 && ip.src == 192.168.0.1', tunnel)).toEqual([true]);
  expect(ask('ip.src != 10.0.0.1', tunnel)).toEqual([false]);
});
