import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/model/deliver.ts';
import { namespace, packetTo } from './hosts.ts';

const byEth0 = { device: 'eth0', addressed: 'eth0', broadcast: false };
const ignoring = { 'net.ipv4.icmp_echo_ignore_all': '1' };
const ignoring6 = { 'net.ipv6.icmp.echo_ignore_all': '1' };

describe('an echo request', () => {
  it.each<[string, Readonly<Record<string, string>>, string, boolean, string, string]>([
    ['is answered by the kernel', {}, '10.88.0.1', false, 'accepted', 'delivered'],
    ['is not, where that is switched off', ignoring, '10.88.0.1', false, 'dropped', 'dropped'],
    ['of IPv6 asks another setting', ignoring, 'fd00:88::1', false, 'accepted', 'delivered'],
    ['of IPv6 is not, where that is switched off', ignoring6, 'fd00:88::1', false, 'dropped', 'dropped'],
    ['to everybody is answered by few', {}, '10.88.255.255', true, 'dropped', 'dropped'],
  ])('%s', (_name, sysctls, destination, broadcast, kind, verdict) => {
    const received = { device: 'eth0', addressed: 'eth0', broadcast };
    const { step, end } = deliver(namespace('web', { sysctls }), packetTo(destination, 0, 'icmp'), received);
    expect([end.kind, step.verdict]).toEqual([kind, verdict]);
  });

  it('asks for no socket: that none could be read does not matter', () => {
    const unread = namespace('web', { listenersKnown: false });
    expect(deliver(unread, packetTo('10.88.0.1', 0, 'icmp'), byEth0).end).toEqual({
      kind: 'accepted',
      netns: 'web',
      listener: null,
    });
  });
});

describe('a service of IPVS', () => {
  const source = { netns: 'web', command: 'cat /proc/net/ip_vs', text: 'TCP  0A600032:0050 rr' };
  const virtualServices = [
    { kind: 'end', protocol: 'tcp', address: '10.96.0.50', port: 80, source },
    { kind: 'end', protocol: 'udp', address: '10.96.0.50', port: 0, source },
    { kind: 'mark', mark: 5, source },
  ] as const;
  const balancing = namespace('web', { virtualServices });

  it.each([
    ['takes its port before any socket', packetTo('10.96.0.50', 80), 'undetermined'],
    ['leaves another port', packetTo('10.96.0.50', 81), 'refused'],
    ['leaves another protocol', packetTo('10.96.0.51', 80, 'udp'), 'refused'],
    ['of port 0 takes any', packetTo('10.96.0.50', 53, 'udp'), 'undetermined'],
    ['by its mark', { ...packetTo('10.88.0.1', 22), mark: 5 }, 'undetermined'],
    ['by a mark that is not known', { ...packetTo('10.88.0.1', 22), mark: null }, 'undetermined'],
    ['leaves another mark', { ...packetTo('10.88.0.1', 22), mark: 6 }, 'refused'],
  ] as const)('%s', (_name, packet, kind) => {
    const { step, end } = deliver(balancing, packet, byEth0);
    expect(end.kind).toBe(kind);
    expect(step.quotes).toEqual(kind === 'undetermined' ? [source] : []);
  });
});
