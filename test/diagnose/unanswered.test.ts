/** A next hop that is out of sight and does not answer; a packet that is sent with too little time to live. */

import { describe, expect, it } from 'vitest';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { type Connection, findConnections } from '../../src/flow/connection.ts';
import type { HostState } from '../../src/host/state.ts';
import { icmpError, tcp } from '../flow/frames.ts';
import { host, link, loopback, namespace, port } from '../model/hosts.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplink, veth0, veth1, web } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';
import { fixesOf, predicted, verdictOf } from './on-host.ts';

/** A connection of `box`: what it met, and what was seen at its device; the kernel was heard unless told. */
function judged(
  state: HostState,
  to: string,
  seen: { readonly packets?: readonly string[]; readonly errno?: string; readonly kernel?: false },
): ConnectionDiagnosis {
  const { packets = [], errno = 'EHOSTUNREACH', kernel } = seen;
  const evidence = {
    ...caseOf({
      sights: packets.map((packet) => ({ at: 0, packet })),
      kernel: kernel === false ? null : [],
      netns: 'box',
    }),
    interfaces: [{ netns: 'box', device: 'eth0', linkType: 1 }],
  };
  const [address = '', destinationPort = '80'] = to.split(':');
  const nothing = { packets: [], errors: [], frames: [], translated: null, beganNs: 0n, endedNs: 0n };
  const unseen: Connection = {
    protocol: 'tcp',
    family: 4,
    client: { address: '10.88.0.10', port: 0 },
    server: { address, port: Number(destinationPort) },
    ...nothing,
    outcome: 'unreachable',
    errno,
  };
  const [found] = findConnections(evidence);
  return diagnoseConnection(gatherContext(evidenceOf(evidence), found ?? unseen, state, [], null));
}

const ends = { from: '10.88.0.10:51054', to: '203.0.113.9:80' };
const syn = tcp(ends, { flags: 'SYN', sequence: 100 });
const unreachableFrom = (sender: string, code = 1): string[] => [syn, icmpError(sender, '10.88.0.10', 3, code, syn)];

describe('neighbour-unresolved, beyond this view', () => {
  const tap = link('tap0', { index: 9, kind: 'tun', master: 'br0' });
  const withTap = (more: Told = {}): HostState =>
    host(
      box(),
      web(),
      bridgeHost({
        links: [loopback(), uplink, bridge, veth0, veth1, tap],
        bridgePorts: ['veth0', 'veth1', 'tap0'].map((device) => port(device, 'br0')),
        ...more,
      }),
    );

  it("is proven by the errno of the program's own kernel, and names the port that is out of sight", () => {
    const connection = judged(withTap(), '10.88.0.30:80', {});
    expect(verdictOf(connection)).toBe('neighbour-unresolved proven, host:br0 neighbour');
    expect(connection.summary).toContain('nobody answered on br0, nor behind tap0, where this view ends');
  });

  it("is observed by the router's own error", () => {
    const connection = judged(host(box(), bridgeHost()), '', { packets: unreachableFrom('10.88.0.1') });
    expect(verdictOf(connection)).toBe('neighbour-unresolved observed, host:eth0 neighbour');
    expect(connection.hops.at(-1)?.detail).toContain(
      '192.0.2.1, to be forwarded, and nobody answered for that address beyond eth0',
    );
  });

  it.each<[string, Parameters<typeof judged>]>([
    ['the kernel was not heard', [withTap(), '10.88.0.30:80', { kernel: false }]],
    ['the program met something else', [withTap(), '10.88.0.30:80', { errno: 'ENETUNREACH' }]],
    ['the error is of another host', [host(box(), bridgeHost()), '', { packets: unreachableFrom('192.0.2.1') }]],
    ['the error says something else', [host(box(), bridgeHost()), '', { packets: unreachableFrom('10.88.0.1', 13) }]],
  ])('is not said where %s', (_name, asked) => {
    expect(judged(...asked).cause).not.toBe('neighbour-unresolved');
  });
});

describe('neighbour-unresolved, where somebody has the address', () => {
  it('says why that host keeps silent, and guesses nothing', () => {
    const silent = web({ sysctls: { 'net.ipv4.conf.eth0.arp_ignore': '8' } });
    const told = judged(host(box(), silent, bridgeHost()), '10.88.0.20', {}).explanation.join(' ');
    expect(told).toContain('web has the address 10.88.0.20 and does not answer: its arp_ignore is 8.');
    expect(told).not.toContain('Either the machine');
    const gone = judged(host(box(), web(), bridgeHost()), '10.88.0.99', {}).explanation.join(' ');
    expect(gone).toContain('Either the machine is not there');
  });
});

describe('neighbour-unresolved, by a macvlan', () => {
  const macvlan = (address: string) =>
    box({
      links: [loopback(), link('eth0', { kind: 'macvlan', addresses: [address] })],
      routes: ['192.0.2.0/24 dev eth0', '203.0.113.0/24 dev eth0', '10.88.0.0/16 dev eth0'],
    });

  it('says that it does not hear the host that may have the device below it', () => {
    const { explanation } = judged(host(macvlan('10.88.0.10/16'), bridgeHost()), '10.88.0.1', {});
    expect(explanation.join(' ')).toContain(
      'the host has that address, and eth0 is a macvlan: where the device below it',
    );
  });

  describe('whose device is known', () => {
    const up0 = link('up0', { addresses: ['10.88.0.1/16'], peer: 'outside:2' });
    const outside = namespace('outside', {
      links: [loopback(), link('eth0', { addresses: ['10.88.0.9/16'], peer: 'host:2' })],
    });
    const hostBelow = namespace('host', { links: [loopback(), up0], routes: ['10.88.0.0/16 dev up0'] });
    const on = (name: string, address: string, mode = 'bridge') =>
      namespace(name, {
        links: [
          loopback(),
          link('mv0', {
            kind: 'macvlan',
            mode,
            lower: { netns: 'host', device: 'up0' },
            addresses: [address],
            mac: `02:00:00:00:00:${address.slice(-5, -3)}`,
          }),
        ],
        routes: ['10.88.0.0/16 dev mv0'],
      });
    const why = (from: string, to: string, ...others: ReturnType<typeof on>[]) => {
      const hosts = host(hostBelow, outside, on('box', '10.88.0.10/16'), ...others);
      const { cause, summary, explanation } = predicted(hosts, to, {}, from);
      return `${cause}: ${summary} ${explanation.join(' ')}`;
    };

    it('does not hear the host below it, nor that host it', () => {
      expect(why('box', '10.88.0.1')).toMatch(
        /answers for 10\.88\.0\.1: the host has it, and does not hear a macvlan on its own up0\. .*mv0 is a macvlan on up0 of the host/,
      );
      expect(why('host', '10.88.0.10')).toMatch(/^neighbour-unresolved: .*by a macvlan on this very device/);
    });

    it('does not hear its host as a gateway either', () => {
      const { links } = on('box', '10.88.0.10/16');
      const routed = namespace('box', { links, routes: ['default via 10.88.0.1 dev mv0'] });
      const { summary } = predicted(host(hostBelow, outside, routed), '198.51.100.7');
      expect(summary).toContain('the host has it, and does not hear a macvlan on its own up0');
    });

    it('hears its siblings in bridge mode alone', () => {
      const apart = on('web', '10.88.0.20/16', 'private');
      expect(why('box', '10.88.0.20', apart)).toContain('these are in bridge and private mode');
      expect(why('box', '10.88.0.77', apart)).not.toContain('macvlan');
    });
  });

  it('says no such thing of an address that nobody in sight has', () => {
    const { explanation } = judged(host(macvlan('10.88.0.10/16'), bridgeHost()), '10.88.0.99', {});
    expect(explanation.join(' ')).toContain('the machine is not there, or it has another address.');
  });
});

describe('what was asked for, and no packet of it was seen', () => {
  it('is no silence of the server', () => {
    const evidence = { ...caseOf({ sights: [], kernel: [], netns: 'box', argv: ['ping', '10.88.0.20'] }) };
    const nothing = { packets: [], errors: [], frames: [], translated: null, beganNs: 0n, endedNs: 0n, errno: null };
    const ping: Connection = {
      protocol: 'icmp',
      family: 4,
      client: { address: '10.88.0.10', port: 0 },
      server: { address: '10.88.0.20', port: 0 },
      ...nothing,
      outcome: 'timeout',
    };
    const state = host(box(), web(), bridgeHost());
    const told = diagnoseConnection(gatherContext(evidenceOf(evidence), ping, state, [], null));
    expect(told).toMatchObject({ outcome: 'unknown', cause: null });
    expect(told.summary).toContain('no packet of it was seen to leave');
  });
});

describe('ttl-exceeded, by what was sent', () => {
  /** The time to live is the ninth byte of the header. */
  const sentWith = (timeToLive: number): string => {
    const at = 2 * 8;
    return `${syn.slice(0, at)}${timeToLive.toString(16).padStart(2, '0')}${syn.slice(at + 2)}`;
  };
  const state = host(box(), bridgeHost({ sysctls: forwarding }));

  it('is named where the packet has too little, and mended by what others send with', () => {
    const connection = judged(state, '', { packets: [sentWith(1)] });
    expect(connection.cause).toBe('ttl-exceeded');
    expect(fixesOf(connection)).toEqual(['box# sysctl -w net.ipv4.ip_default_ttl=64', 'verified']);
  });

  it.each([2, 64, 255])('is not said of %i', (timeToLive) => {
    expect(judged(state, '', { packets: [sentWith(timeToLive)] }).cause).not.toBe('ttl-exceeded');
  });
});
