import { describe, expect, test } from 'vitest';
import type { ConnectedSocket } from '../../src/host/state.ts';
import { bestListeners, connectedSocket, listenersOnPort } from '../../src/model/socket.ts';
import { link, namespace, packetTo } from './hosts.ts';

// What Linux gives for one listener, one destination and the device that the packet came in by.
test.each([
  ['tcp 0.0.0.0:80', '10.88.0.1', 'eth0', true],
  ['tcp 0.0.0.0:80', 'fd00:88::1', 'eth0', false],
  ['tcp 0.0.0.0:81', '10.88.0.1', 'eth0', false],
  ['udp 0.0.0.0:80', '10.88.0.1', 'eth0', false],
  ['tcp 10.88.0.1:80', '10.88.0.1', 'eth0', true],
  ['tcp 127.0.0.1:80', '10.88.0.1', 'eth0', false],
  ['tcp 127.0.0.1:80', '127.0.0.1', 'lo', true],
  ['tcp *:80', '10.88.0.1', 'eth0', true],
  ['tcp *:80', 'fd00:88::1', 'eth0', true],
  ['tcp [::]:80', '10.88.0.1', 'eth0', false],
  ['tcp [::]:80', 'fd00:88::1', 'eth0', true],
  ['tcp [fd00:88::1]:80', 'fd00:88:0::1', 'eth0', true],
  ['tcp [fd00:88::1]:80', '10.88.0.1', 'eth0', false],
  ['tcp [::1]:80', '127.0.0.1', 'lo', false],
  ['tcp [::ffff:10.88.0.1]:80', '10.88.0.1', 'eth0', true],
  ['tcp [::ffff:10.88.0.1]:80', '10.88.0.2', 'eth0', false],
  ['tcp [::ffff:0.0.0.0]:80', '10.88.0.1', 'eth0', true],
  ['tcp [::ffff:0.0.0.0]:80', 'fd00:88::1', 'eth0', false],
  ['tcp [::ffff:a:b]:80', '0.10.0.11', 'eth0', false],
  ['tcp 0.0.0.0%eth0:80', '10.88.0.1', 'eth0', true],
  ['tcp 0.0.0.0%eth1:80', '10.88.0.1', 'eth0', false],
  ['tcp 127.0.0.53%lo:80', '127.0.0.53', 'lo', true],
])('%s, asked for %s by %s: %s', (text, destination, device, takes) => {
  const box = namespace('box', { listeners: [text] });
  expect(bestListeners(box, packetTo(destination), device).map(({ source }) => source.text)).toEqual(
    takes ? [text] : [],
  );
});

// TCP and UDP alike: both look for sockets of the address first (seen with Linux 6.18).
test.each([
  ['an address beats any', ['tcp 0.0.0.0:80', 'tcp 10.88.0.1:80'], ['tcp 10.88.0.1:80']],
  ['an address beats a device', ['tcp 0.0.0.0%eth0:80', 'tcp 10.88.0.1:80'], ['tcp 10.88.0.1:80']],
  ['a device beats none', ['tcp 0.0.0.0:80', 'tcp 0.0.0.0%eth0:80'], ['tcp 0.0.0.0%eth0:80']],
  ['its own family beats both', ['tcp *:80', 'tcp 0.0.0.0:80'], ['tcp 0.0.0.0:80']],
  ['UDP: an address beats a device', ['udp 0.0.0.0%eth0:80', 'udp 10.88.0.1:80'], ['udp 10.88.0.1:80']],
  ['UDP: a device beats a family', ['udp *%eth0:80', 'udp 0.0.0.0:80'], ['udp *%eth0:80']],
  ['two that share the port', ['tcp 0.0.0.0:80', 'tcp 0.0.0.0:80'], ['tcp 0.0.0.0:80', 'tcp 0.0.0.0:80']],
] as const)('%s', (_name, listeners, best) => {
  for (const order of [listeners, listeners.toReversed()]) {
    const box = namespace('box', { listeners: order });
    const protocol = best[0].startsWith('udp') ? 'udp' : 'tcp';
    const found = bestListeners(box, packetTo('10.88.0.1', 80, protocol), 'eth0');
    expect(found.map(({ source }) => source.text)).toEqual(best);
  }
});

describe('a VRF', () => {
  const links = [link('red', { kind: 'vrf', vrfTable: 10 }), link('eth0', { master: 'red' })];
  const found = (listener: string, sysctls: Readonly<Record<string, string>> = {}): number =>
    bestListeners(namespace('box', { links, listeners: [listener], sysctls }), packetTo('10.88.0.1'), 'eth0').length;

  test('a socket of no device serves it only where it is told to', () => {
    expect(found('tcp 0.0.0.0:80')).toBe(0);
    expect(found('tcp 0.0.0.0:80', { 'net.ipv4.tcp_l3mdev_accept': '1' })).toBe(1);
  });

  test('a socket of the VRF or of its port serves it', () => {
    expect([found('tcp 0.0.0.0%red:80'), found('tcp 0.0.0.0%eth0:80'), found('tcp 0.0.0.0%eth1:80')]).toEqual([
      1, 1, 0,
    ]);
  });
});

test('a socket that is connected with the sender is found by both ends', () => {
  const socket: ConnectedSocket = {
    protocol: 'udp',
    family: 6,
    address: '::ffff:10.88.0.1',
    port: 53,
    remoteAddress: '::ffff:10.88.0.10',
    remotePort: 4000,
    state: 'ESTAB',
    device: null,
    source: { netns: '', command: '', text: '' },
  };
  const box = namespace('box', { connectedSockets: [socket] });
  const packet = packetTo('10.88.0.1', 53, 'udp');
  expect(connectedSocket(box, { ...packet, sourcePort: 4000 })).toBe(socket);
  expect(connectedSocket(box, { ...packet, sourcePort: 4001 })).toBeNull();
  expect(connectedSocket(box, packet)).toBeNull();
});

test('the listeners that have the port are told, whatever they are bound to', () => {
  const listeners = ['tcp 127.0.0.1:80', 'tcp [::1]:80', 'udp 0.0.0.0:80', 'tcp 0.0.0.0:8080'];
  const box = namespace('box', { listeners });
  expect(listenersOnPort(box, packetTo('10.88.0.1')).map(({ source }) => source.text)).toEqual(listeners.slice(0, 2));
});
