import { assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Destination, readDestination, resolve } from '../../src/cli/destination.ts';
import { UserError, WrongUsage } from '../../src/cli/errors.ts';
import { namespace } from '../model/hosts.ts';

describe('DST[:PORT]', () => {
  it.each<['tcp' | 'udp' | 'icmp', string, Destination]>([
    ['tcp', '10.88.0.1:80', { host: '10.88.0.1', device: null, port: 80 }],
    ['udp', 'web:65535', { host: 'web', device: null, port: 65_535 }],
    ['tcp', '[fd00::1]:443', { host: 'fd00::1', device: null, port: 443 }],
    ['tcp', '[10.88.0.1]:443', { host: '10.88.0.1', device: null, port: 443 }],
    ['tcp', '[fe80::1%eth0]:443', { host: 'fe80::1', device: 'eth0', port: 443 }],
    ['icmp', '10.88.0.1', { host: '10.88.0.1', device: null, port: null }],
    ['icmp', 'fd00::1', { host: 'fd00::1', device: null, port: null }],
    ['icmp', '[fd00::1]', { host: 'fd00::1', device: null, port: null }],
    ['icmp', 'fe80::1%eth0', { host: 'fe80::1', device: 'eth0', port: null }],
  ])('%s %s', (protocol, text, destination) => {
    expect(readDestination(protocol, text)).toEqual(destination);
  });

  it.each<['tcp' | 'icmp', string, string]>([
    ['tcp', '10.88.0.1', 'tcp needs a port, and 10.88.0.1 names none'],
    ['tcp', 'fd00::1:80', 'It is written [fd00::1:80]:443'],
    ['tcp', 'web:', 'the port of web: is no number from 1 to 65535'],
    ['tcp', 'web:0', 'is no number'],
    ['tcp', 'web:65536', 'is no number'],
    ['tcp', 'web:http', 'is no number'],
    ['tcp', 'web:-1', 'is no number'],
    ['tcp', ':80', 'a destination is missing'],
    ['tcp', '', 'a destination is missing'],
    ['icmp', '[]', 'a destination is missing'],
    ['icmp', '10.88.0.1:80', 'icmp has no ports'],
    ['icmp', '[fd00::1]:80', 'icmp has no ports'],
  ])('%s %j is none', (protocol, text, phrase) => {
    expect(() => readDestination(protocol, text)).toThrow(WrongUsage);
    expect(() => readDestination(protocol, text)).toThrow(phrase);
  });

  it('gives a host and a fitting port of anything, or says what is wrong', () => {
    assert(
      property(constantFrom('tcp' as const, 'icmp' as const), string({ unit: 'grapheme' }), (protocol, text) => {
        try {
          const { host, port } = readDestination(protocol, text);
          expect(host).not.toBe('');
          expect(port === null).toBe(protocol === 'icmp');
        } catch (error) {
          expect(error).toBeInstanceOf(WrongUsage);
        }
      }),
    );
  });
});

describe('which address is meant', () => {
  const box = namespace('box', {
    hosts: new Map([
      ['127.0.0.1', ['localhost']],
      ['::1', ['localhost', 'ip6-localhost']],
      ['not-an-address', ['broken']],
      ['10.88.0.20', ['web', 'web.dns.podman']],
    ]),
  });

  it.each<[string, 4 | 6 | null, string, 4 | 6, string | null]>([
    ['10.88.0.1', null, '10.88.0.1', 4, null],
    ['fd00::1', 6, 'fd00::1', 6, null],
    ['web', null, '10.88.0.20', 4, 'web'],
    ['web.dns.podman', 4, '10.88.0.20', 4, 'web.dns.podman'],
    ['localhost', null, '127.0.0.1', 4, 'localhost'],
    ['localhost', 6, '::1', 6, 'localhost'],
  ])('%s, of IPv%s', (text, family, address, its, name) => {
    expect(resolve(box, text, family)).toEqual({ address, family: its, name });
  });

  it.each<[string, 4 | 6 | null, string]>([
    ['db', null, 'db is no address, and the hosts file of box names none for it.'],
    ['broken', null, 'names none for it'],
    ['web', 6, 'names none for it'],
    ['10.88.0.1', 6, '10.88.0.1 is of IPv4, and --from of IPv6'],
    ['10.88.0.256', null, 'is no address'],
  ])('%s, of IPv%s: none', (text, family, phrase) => {
    expect(() => resolve(box, text, family)).toThrow(UserError);
    expect(() => resolve(box, text, family)).toThrow(phrase);
  });
});
