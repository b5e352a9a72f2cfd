import { expect, test } from 'vitest';
import { findListener, listenersOnPort } from '../../src/model/socket.ts';
import { namespace, packetTo } from './hosts.ts';

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
  expect(findListener(box, packetTo(destination), device)?.source.text ?? null).toBe(takes ? text : null);
});

test.each([
  ['an address beats any', ['tcp 0.0.0.0:80', 'tcp 10.88.0.1:80'], 'tcp 10.88.0.1:80'],
  ['an address beats a device', ['tcp 0.0.0.0%eth0:80', 'tcp 10.88.0.1:80'], 'tcp 10.88.0.1:80'],
  ['a device beats none', ['tcp 0.0.0.0:80', 'tcp 0.0.0.0%eth0:80'], 'tcp 0.0.0.0%eth0:80'],
  ['its own family beats both', ['tcp *:80', 'tcp 0.0.0.0:80'], 'tcp 0.0.0.0:80'],
])('%s', (_name, listeners, expected) => {
  for (const order of [listeners, listeners.toReversed()]) {
    const box = namespace('box', { listeners: order });
    expect(findListener(box, packetTo('10.88.0.1'), 'eth0')?.source.text).toBe(expected);
  }
});

test('the listeners that have the port are told, whatever they are bound to', () => {
  const listeners = ['tcp 127.0.0.1:80', 'tcp [::1]:80', 'udp 0.0.0.0:80', 'tcp 0.0.0.0:8080'];
  const box = namespace('box', { listeners });
  expect(listenersOnPort(box, packetTo('10.88.0.1')).map(({ source }) => source.text)).toEqual(listeners.slice(0, 2));
});
