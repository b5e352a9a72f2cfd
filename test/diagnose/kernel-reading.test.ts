import { expect, test } from 'vitest';
import type { KernelLine } from '../../src/case/evidence.ts';
import { readKernelFor, readKernelLines } from '../../src/diagnose/kernel-reading.ts';
import { findConnections } from '../../src/flow/connection.ts';
import { at, caseOf, deviceLines, kernelLine, packets, seen, skb } from './cases.ts';

/** How many devices the SYN's buffer is said to have passed, and why it was dropped. */
function read(...kernel: readonly KernelLine[]): [number, string | null] {
  const evidence = caseOf({ sights: seen(packets.syn, [at.container, at.port]) });
  const [connection] = findConnections(evidence);
  if (connection === undefined) throw new Error('the connection was not found');
  const reading = readKernelFor(connection, connection.packets[0] ?? null, [], readKernelLines(kernel), {
    clock: 'kernel',
    deviceOf: (index) => evidence.interfaces[index]?.device ?? '',
  });
  const drop = reading.drop?.event;
  return [reading.devices.length, drop?.kind === 'drop' ? drop.reason : null];
}

const drop = (afterNs: bigint, reason: string): KernelLine =>
  kernelLine(afterNs, `kfree_skb: skbaddr=${skb} rx_sk=0000000000000000 protocol=2048 location=x reason: ${reason}`);
const devices = deviceLines.filter(({ text }) => text.includes('dev=') && text.includes('len='));

test('the way of the packet, up to where it was dropped', () => {
  expect(read(...devices, drop(58_000n, 'NETFILTER_DROP'), drop(70_000n, 'NO_SOCKET'))).toEqual([3, 'NETFILTER_DROP']);
});

test('of a packet that was delivered, what becomes of its buffer later is another packet: one of another length', () => {
  const other = kernelLine(5_000_000n, `net_dev_queue: dev=lo skbaddr=${skb} len=94`);
  expect(read(...devices, other, drop(5_001_000n, 'NO_SOCKET'))).toEqual([3, null]);
});

test('or one that a reset names', () => {
  const reset = kernelLine(
    200_000n,
    `tcp_send_reset: skbaddr=${skb} skaddr=0000000000000000 src=10.5.0.4:7002 dest=10.5.0.4:10191 state=UNKNOWN reason=NO_SOCKET`,
  );
  expect(read(...devices, reset, drop(201_000n, 'NO_SOCKET'))).toEqual([3, null]);
});

test('a tunnel makes the packet longer, and its drop is still its own', () => {
  const tunnelled = kernelLine(40_000n, `net_dev_queue: dev=eth1 skbaddr=${skb} len=104`);
  expect(read(...devices, tunnelled, drop(58_000n, 'NETFILTER_DROP'))).toEqual([4, 'NETFILTER_DROP']);
});

const sameAgain = (index: number, text: string): KernelLine => kernelLine(60_000n + BigInt(index) * 1000n, text);
const nextPacket = [
  sameAgain(0, `net_dev_queue: dev=eth0 skbaddr=${skb} len=54`),
  sameAgain(1, `netif_receive_skb: dev=veth0 skbaddr=${skb} len=40`),
];

test('or one of the same length, which passes where the first one has been', () => {
  expect(read(...devices, ...nextPacket, drop(70_000n, 'NETFILTER_DROP'))).toEqual([3, null]);
});

test('of packets of one length and one moment it is the one that its own task sent', () => {
  const other = '00000000ac4ac4ac';
  const task = kernelLine(
    100n,
    'fib_table_lookup: table 254 oif 0 iif 1 proto 6 10.88.0.10/51054 -> 10.88.0.1/19001 tos 0 scope 0 flags 8 ==> dev eth0 gw 0.0.0.0/:: err 0',
    'packets',
    '.....',
  );
  const stranger = { ...kernelLine(50n, `net_dev_queue: dev=eth0 skbaddr=${other} len=54`) };
  const nearer = { ...stranger, text: stranger.text.replace('curl-14595', 'wget-14600') };
  const lost = kernelLine(
    90n,
    `kfree_skb: skbaddr=${other} rx_sk=0000000000000000 protocol=2048 location=x reason: NETFILTER_DROP`,
  );
  expect(read(nearer, lost, task, ...devices)).toEqual([3, null]);
  // Without the look-up it is the nearest in time.
  expect(read(nearer, lost, ...devices)).toEqual([1, 'NETFILTER_DROP']);
});
