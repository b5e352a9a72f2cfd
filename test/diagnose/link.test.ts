import { describe, expect, it } from 'vitest';
import type { HostState } from '../../src/host/state.ts';
import { host, link, loopback, namespace, port } from '../model/hosts.ts';
import { box, bridge, bridgeHost, uplink, veth0, veth1, web } from '../model/two-boxes.ts';
import { fixesOf, judged, predicted, verdictOf } from './on-host.ts';

describe('a bridge that is down', () => {
  const off = { ...bridge, up: false, carrier: false };
  const disabled = [port('veth0', 'br0', 'disabled'), port('veth1', 'br0', 'disabled')];
  const state = host(
    box(),
    web(),
    bridgeHost({
      links: [loopback(), uplink, off, veth0, veth1],
      bridgePorts: disabled,
      routes: [],
      listeners: ['tcp 0.0.0.0:80'],
    }),
  );

  it.each([
    ['between two of its ports', '10.88.0.20'],
    ['on the way to the host, whose network comes back with it', '10.88.0.1'],
  ])('is named, and not its ports, %s', (_name, to) => {
    const connection = predicted(state, to);
    expect(verdictOf(connection)).toBe('interface-down inferred, host:veth0 bridge');
    expect(connection.summary).toContain('br0, the bridge that veth0 is a port of, is down');
    expect(fixesOf(connection)).toEqual(['host# ip link set br0 up', 'verified']);
  });

  it('is proven by what the kernel said of its port', () => {
    expect(judged(state, { drop: 'BRIDGE_INGRESS_STP_STATE' }).certainty).toBe('proven');
    expect(judged(state, { drop: 'NOT_SPECIFIED' }).certainty).toBe('inferred');
  });

  it('is not said of a bridge that is up, with a port that is blocked', () => {
    const blocked = bridgeHost({ bridgePorts: [port('veth0', 'br0', 'blocking'), port('veth1', 'br0')] });
    expect(predicted(host(box(), web(), blocked), '10.88.0.20').cause).toBe('bridge-port-blocked');
  });
});

describe('a loopback device that is down', () => {
  const served = { listeners: ['tcp 0.0.0.0:80'] };
  const down = link('lo', { index: 1, kind: 'loopback', up: false, carrier: false });
  const setDown = namespace('box', { links: [loopback({ up: false, carrier: false })], ...served });
  const fresh = namespace('box', { links: [down], ...served });

  it.each<[string, HostState, string]>([
    ['set down by hand: the packet is lost on it', host(setDown), 'timeout loopback-down inferred, box:lo egress'],
    [
      'of a fresh namespace: it has no address, and so no route',
      host(fresh),
      'unreachable loopback-down inferred, box:null route',
    ],
  ])('%s', (_name, state, what) => {
    const connection = predicted(state, '127.0.0.1');
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(what);
    expect(fixesOf(connection)).toEqual(['box# ip link set lo up', 'verified']);
  });

  it('is not why an address elsewhere has no route', () => {
    expect(predicted(host(fresh), '10.88.0.1').cause).toBe('no-route');
  });
});
