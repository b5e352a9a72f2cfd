import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandsOf,
  withForwarding,
  withLinkUp,
  withLoopback,
  withNamespace,
  withPort,
  withPortsOpen,
  withSetting,
} from '../../src/diagnose/what-if.ts';
import type { HostState, NamespaceState } from '../../src/host/state.ts';
import { journey } from '../../src/model/journey.ts';
import { escapeText } from '../../src/report/escape.ts';
import { host, link, loopback, namespace, neighbour, packetTo, port } from '../model/hosts.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplink, veth0, veth1, web } from '../model/two-boxes.ts';
import { ipRules, judged, predicted, type Sighting } from './on-host.ts';

const ends = (state: HostState, to = '10.88.0.20', netns = 'box'): string =>
  journey(state, packetTo(to), netns).end.kind;

describe('the host with one thing changed', () => {
  const down = (one: typeof veth1): typeof veth1 => ({ ...one, up: false, carrier: false });
  const portDown = host(
    box(),
    web(),
    bridgeHost({
      links: [loopback(), uplink, bridge, veth0, down(veth1)],
      bridgePorts: [port('veth0', 'br0'), port('veth1', 'br0', 'disabled')],
    }),
  );
  const peerDown = host(
    box(),
    web({
      links: [loopback(), link('eth0', { addresses: ['10.88.0.20'], peer: 'host:6', up: false, carrier: false })],
    }),
    bridgeHost({ links: [loopback(), uplink, bridge, veth0, { ...veth1, carrier: false }] }),
  );
  const freshBox = namespace('box', {
    links: [link('lo', { index: 1, kind: 'loopback', up: false })],
    listeners: ['tcp 0.0.0.0:80'],
  });

  it.each<[string, HostState, (state: HostState) => HostState, string, string]>([
    [
      'a link set up, and its port opened',
      portDown,
      (state) => withLinkUp(state, 'host', 'veth1'),
      '10.88.0.20',
      'accepted',
    ],
    [
      "a link set up, and its peer's carrier back",
      peerDown,
      (state) => withLinkUp(state, 'web', 'eth0'),
      '10.88.0.20',
      'accepted',
    ],
    [
      'a fresh loopback device with what the kernel gives it',
      host(freshBox),
      (state) => withLoopback(withLinkUp(state, 'box', 'lo'), 'box', 'lo'),
      '127.0.0.1',
      'accepted',
    ],
    [
      'forwarding switched on',
      host(box(), bridgeHost({ sysctls: { 'net.ipv4.conf.br0.forwarding': '0' } })),
      (state) => withForwarding(state, 'host', 4),
      '203.0.113.9',
      'leaves-view',
    ],
    [
      'a port changed',
      host(box(), web(), bridgeHost({ bridgePorts: [port('veth0', 'br0'), port('veth1', 'br0', 'blocking')] })),
      (state) => withPort(state, 'host', 'veth1', { state: 'forwarding' }),
      '10.88.0.20',
      'accepted',
    ],
    [
      'a bridge set up, with its ports and its network',
      host(
        box(),
        bridgeHost({
          links: [loopback(), uplink, { ...bridge, up: false, carrier: false }, veth0],
          bridgePorts: [port('veth0', 'br0', 'disabled')],
          routes: [],
        }),
      ),
      (state) => withPortsOpen(withLinkUp(state, 'host', 'br0'), 'host', 'br0'),
      '10.88.0.1',
      'refused',
    ],
  ])('%s', (_name, before, change, to, after) => {
    expect(ends(before, to)).not.toBe(after);
    expect(ends(change(before), to)).toBe(after);
  });

  it('is as it was where another thing is changed', () => {
    expect(ends(withLinkUp(portDown, 'host', 'veth0'))).toBe('dropped');
    const sysctls = { 'net.ipv4.conf.br0.forwarding': '0', 'net.ipv6.conf.all.forwarding': '0' };
    expect(ends(withForwarding(host(box(), bridgeHost({ sysctls })), 'host', 6), '203.0.113.9')).toBe('dropped');
  });

  it('has no route twice that is there', () => {
    const routes = withLinkUp(host(bridgeHost()), 'host', 'br0').namespaces.get('host')?.routes;
    expect(routes).toEqual(bridgeHost().routes);
  });

  it('has a setting changed by the name that sysctl(8) prints, where the snapshot has it', () => {
    const names = { 'net.ipv4.conf.eth0.100.rp_filter': '0', 'net.ipv4.conf.br0.rp_filter': '0' };
    const state = host(bridgeHost({ sysctls: names }));
    const changed = withSetting(state, 'host', 'net.ipv4.conf.eth0/100.rp_filter', '2').namespaces.get('host')?.sysctls;
    expect(Object.keys(names).map((name) => changed?.get(name)?.value)).toEqual(['2', '0']);
    const none = 'net.ipv4.conf.none.rp_filter';
    expect(withSetting(state, 'host', none).namespaces.get('host')?.sysctls.get(none)).toBeUndefined();
  });

  it('leaves the host that it was made of as it was', () => {
    const state = host(box(), web(), bridgeHost());
    const before = structuredClone(state);
    withLinkUp(
      withPort(withSetting(state, 'host', 'net.ipv4.conf.br0.forwarding', '0'), 'host', 'veth1', { isolated: true }),
      'box',
      'eth0',
    );
    expect(state).toEqual(before);
  });

  it('is the same where no such namespace is there', () => {
    const state = host(box());
    expect(withNamespace(state, 'gone', () => web())).toBe(state);
  });
});

describe('commands', () => {
  it('are all quoted, or none is given', () => {
    expect(commandsOf(['ip', 'link', 'set', 'a b', 'up'], ['true'])).toEqual(["ip link set 'a b' up", 'true']);
    expect(commandsOf(['true'], ['ip', 'link', 'set', 'a\nb', 'up'])).toEqual([]);
  });
});

/** What a kernel takes as a device's name (`dev_valid_name`): up to 15 bytes without a slash, a colon or a space. */
const deviceName = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 15 }),
    fc
      .array(fc.integer({ min: 1, max: 0x2fff }), { minLength: 1, maxLength: 5 })
      .map((codes) => String.fromCharCode(...codes)),
    fc.constantFrom('eth\u001b[2J', '\u202eevil', 'a;reboot', '$(reboot)', '-all', "it's", 'br\u009b31m', 'e\u{e0041}'),
  )
  .map((name) => name.replaceAll(/[/:\s]/g, '_'))
  .filter((name) => name !== 'lo');

/** The host with every device of this name told otherwise, wherever one is named. */
function renamed(state: HostState, from: string, to: string): HostState {
  const swap = (name: string): string => (name === from ? to : name);
  const namespaces = [...state.namespaces].map(([name, one]): [string, NamespaceState] => [
    name,
    {
      ...one,
      links: one.links.map((each) => ({
        ...each,
        name: swap(each.name),
        master: each.master === null ? null : swap(each.master),
      })),
      routes: one.routes.map((route) => ({
        ...route,
        nextHops: route.nextHops.map((hop) => ({ ...hop, device: swap(hop.device) })),
      })),
      bridgePorts: one.bridgePorts.map((each) => ({ ...each, device: swap(each.device), bridge: swap(each.bridge) })),
      neighbours: one.neighbours.map((each) => ({ ...each, device: swap(each.device) })),
      sysctls: { get: (key: string) => one.sysctls.get(key.replace(`.${to}.`, `.${from}.`)) },
    },
  ]);
  return { ...state, namespaces: new Map(namespaces) };
}

describe('whatever a device is called', () => {
  const isolated = {
    bridgePorts: ['veth0', 'veth1'].map((device) => port(device, 'br0', 'forwarding', { isolated: true })),
  };
  const publish = ipRules(
    'iptables',
    'nat',
    ':PREROUTING ACCEPT [0:0]',
    '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
  );
  const loose: Told = {
    links: [loopback(), uplink, bridge, { ...veth0, master: null }, veth1],
    bridgePorts: [port('veth1', 'br0')],
  };
  const localnet = { ...forwarding, 'net.ipv4.conf.br0.route_localnet': '0' };
  const down: Told = { links: [loopback(), uplink, bridge, veth0, { ...veth1, up: false, carrier: false }] };

  it.each<[cause: string, device: string, state: HostState, ask: (state: HostState) => ReturnType<typeof judged>]>([
    [
      'bridge-port-isolated',
      'veth1',
      host(box(), web(), bridgeHost(isolated)),
      (state) => predicted(state, '10.88.0.20'),
    ],
    ['bridge-port-detached', 'veth0', host(box(), web(), bridgeHost(loose)), (state) => predicted(state, '10.88.0.20')],
    ['interface-down', 'veth1', host(box(), web(), bridgeHost(down)), (state) => predicted(state, '10.88.0.20')],
    [
      'stale-neighbour',
      'eth0',
      host(
        box({ neighbours: [neighbour('10.88.0.20', 'eth0', '02:00:00:00:00:99')] }),
        web({
          links: [loopback(), link('eth0', { addresses: ['10.88.0.20'], peer: 'host:6', mac: '02:00:00:00:00:20' })],
        }),
        bridgeHost(),
      ),
      (state) => predicted(state, '10.88.0.20'),
    ],
    [
      'missing-masquerade',
      'eth0',
      host(box(), bridgeHost()),
      (state) => {
        const device = state.namespaces.get('host')?.links[1]?.name ?? '';
        return judged(state, { to: '203.0.113.9:80', at: [`host:${device}`] } satisfies Sighting);
      },
    ],
    [
      'dnat-not-applied-to-local',
      'br0',
      host(web(), bridgeHost({ ruleTables: publish, sysctls: localnet })),
      (state) =>
        judged(state, {
          netns: 'host',
          from: '127.0.0.1:51054',
          to: '127.0.0.1:8080',
          at: ['host:lo'],
          answer: { flags: 'RST ACK' },
        }),
    ],
  ])('%s prints no command that a terminal or a shell would take for more', (cause, device, state, ask) => {
    expect(ask(state).fixes.flatMap(({ commands }) => commands)).not.toEqual([]);
    fc.assert(
      fc.property(deviceName, (name) => {
        const told = ask(renamed(state, device, name));
        expect(told.cause).toBe(cause);
        for (const command of told.fixes.flatMap(({ commands }) => commands)) {
          expect(escapeText(command)).toBe(command);
          expect(command.replaceAll(/'(?:[^']|'\\'')*'/g, '')).not.toMatch(/[;$`|&<>()]/);
        }
      }),
      { numRuns: 40 },
    );
  });
});
