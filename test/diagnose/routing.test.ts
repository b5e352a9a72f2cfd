import { describe, expect, it } from 'vitest';
import { host } from '../model/hosts.ts';
import { box, bridgeHost, forwarding } from '../model/two-boxes.ts';
import { fixesOf, predicted } from './on-host.ts';

describe('a host that does not forward', () => {
  const off = { 'net.ipv4.conf.br0.forwarding': '0' };

  it.each<[string, Record<string, string>, string]>([
    ['at all: the switch of all devices', { ...off, 'net.ipv4.ip_forward': '0' }, 'net.ipv4.ip_forward=1'],
    [
      'what comes in by one device: the switch of that one, as writing the other changes nothing',
      { ...off, 'net.ipv4.ip_forward': '1' },
      'net.ipv4.conf.br0.forwarding=1',
    ],
  ])('%s', (_name, sysctls, setting) => {
    const connection = predicted(host(box(), bridgeHost({ sysctls: { ...forwarding, ...sysctls } })), '192.0.2.1');
    expect(connection.cause).toBe('ip-forward-off');
    expect(fixesOf(connection)).toEqual([`host# sysctl -w ${setting}`, 'verified']);
  });
});
