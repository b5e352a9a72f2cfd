import { expect, it } from 'vitest';
import type { HostState } from '../../src/host/state.ts';
import { host, link, loopback, namespace } from '../model/hosts.ts';
import { judged } from './on-host.ts';

const client = namespace('box', {
  links: [
    loopback(),
    link('eth0', { index: 2, addresses: ['10.1.0.1/24'], peer: 'one:2' }),
    link('eth1', { index: 3, addresses: ['10.2.0.1/24'], peer: 'two:2' }),
  ],
  routes: ['10.1.0.0/24 dev eth0', '10.2.0.0/24 dev eth1', 'default dev eth0', 'default dev eth1 metric 9'],
});
const far = (name: string, net: number) =>
  namespace(name, {
    links: [
      link('lo', { index: 1, kind: 'loopback', addresses: ['127.0.0.1/8', '203.0.113.9/32'] }),
      link('eth0', { index: 2, addresses: [`10.${net}.0.9/24`], peer: `box:${net + 1}` }),
    ],
    routes: [`10.${net}.0.0/24 dev eth0`],
  });
const state: HostState = host(client, far('one', 1), far('two', 2));

/** The hops of a SYN from eth1's address that was captured at these points, seen at the last one. */
function hopsOf(...points: readonly string[]): string[] {
  const { hops } = judged(state, {
    from: '10.2.0.1:51054',
    to: '203.0.113.9:80',
    at: points.slice(-1),
    captured: points,
  });
  return hops.map(({ netns, device, stage, detail }) => `${netns}:${device} ${stage}: ${detail}`);
}

it('follows a request by the device where it was seen, and not where routes lead that saw nothing', () => {
  expect(hopsOf('box:eth0', 'box:eth1').join('\n')).toContain('asked for eth1 alone');
  expect(hopsOf('box:eth0', 'box:eth1').join('\n')).toContain('two:eth0');
});

it('stays with the routes where their device was not captured, or saw it', () => {
  expect(hopsOf('box:eth1').join('\n')).not.toContain('asked for');
  expect(hopsOf('box:eth1', 'box:eth0').join('\n')).not.toContain('asked for');
});
