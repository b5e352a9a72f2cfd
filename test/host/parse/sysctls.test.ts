import { expect, test } from 'vitest';
import { Sections } from '../../../src/host/parse/section.ts';
import { parseSysctls } from '../../../src/host/parse/sysctls.ts';
import { printed } from '../sample.ts';

const text = [
  'net/ipv4/ip_forward:1',
  'net/ipv4/conf/all/rp_filter:2',
  'net/ipv4/conf/eth0.100/rp_filter:1',
  'net/ipv4/conf/eth0/100/rp_filter:7',
  'net/ipv4/ip_local_port_range:32768\t60999',
  'net/ipv6/conf/all/forwarding:0',
  '',
].join('\n');

const sections = new Sections({
  name: 'host',
  inode: 1,
  container: null,
  outputs: [printed('grep -sH . net/*', text)],
});

test.each([
  ['net.ipv4.ip_forward', '1', 'net.ipv4.ip_forward = 1'],
  ['net.ipv4.conf.all.rp_filter', '2', 'net.ipv4.conf.all.rp_filter = 2'],
  ['net.ipv4.conf.eth0.100.rp_filter', '1', 'net.ipv4.conf.eth0/100.rp_filter = 1'],
  ['net.ipv4.ip_local_port_range', '32768\t60999', 'net.ipv4.ip_local_port_range = 32768\t60999'],
  ['net.ipv6.conf.all.forwarding', '0', 'net.ipv6.conf.all.forwarding = 0'],
])('%s', (name, value, quoted) => {
  expect(parseSysctls(sections).get(name)).toMatchObject({
    value,
    name: quoted.split(' ', 1).join(''),
    source: { netns: 'host', text: quoted },
  });
});

test.each([
  ['a part of a name', 'ipv4.ip_forward'],
  ['the beginning of one', 'net.ipv4.ip_for'],
  ['one that is not there', 'net.ipv4.conf.eth1.rp_filter'],
  ['none', ''],
])('%s is no setting', (_what, name) => {
  expect(parseSysctls(sections).get(name)).toBeUndefined();
});
