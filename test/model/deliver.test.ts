import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/model/deliver.ts';
import { namespace, packetTo } from './hosts.ts';

const ignoring = { 'net.ipv4.icmp_echo_ignore_all': '1' };

describe('an echo request', () => {
  it.each<[string, Readonly<Record<string, string>>, string, boolean, string, string]>([
    ['is answered by the kernel', {}, '10.88.0.1', false, 'accepted', 'delivered'],
    ['is not, where that is switched off', ignoring, '10.88.0.1', false, 'dropped', 'dropped'],
    ['of IPv6 asks another setting', ignoring, 'fd00:88::1', false, 'accepted', 'delivered'],
    ['to everybody is answered by few', {}, '10.88.255.255', true, 'dropped', 'dropped'],
  ])('%s', (_name, sysctls, destination, broadcast, kind, verdict) => {
    const { step, end } = deliver(namespace('web', { sysctls }), packetTo(destination, 0, 'icmp'), 'eth0', broadcast);
    expect([end.kind, step.verdict]).toEqual([kind, verdict]);
  });

  it('asks for no socket: that none could be read does not matter', () => {
    const unread = namespace('web', { listenersKnown: false });
    expect(deliver(unread, packetTo('10.88.0.1', 0, 'icmp'), 'eth0').end).toEqual({
      kind: 'accepted',
      netns: 'web',
      listener: null,
    });
  });
});
