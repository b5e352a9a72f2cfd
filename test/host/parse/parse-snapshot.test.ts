import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import type { NamespaceState } from '../../../src/host/state.ts';
import { printed, recordedSnapshot, snapshotOf } from '../sample.ts';

const recorded = recordedSnapshot('two-namespaces');

function namespace(name: string): NamespaceState {
  const found = parseSnapshot(recorded).namespaces.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe('a recorded snapshot', () => {
  const host = namespace('bridgehost');

  test('parses without a problem', () => {
    expect(parseSnapshot(recorded).problems).toEqual([]);
  });

  test('links, with their peers in the other namespace', () => {
    const rows = [...parseSnapshot(recorded).namespaces.values()].flatMap(({ name: netns, links }) =>
      links.map(({ name, kind, mtu, up, carrier, master, peer, addresses }) =>
        [
          `${netns}:${name} ${kind} ${mtu} ${up && 'up'} ${carrier && 'carrier'} ${master}`,
          `${peer?.netns}:${peer?.device}`,
          ...addresses
            .filter(({ family }) => family === 4)
            .map(({ address, prefixLength }) => `${address}/${prefixLength}`),
        ].join(' '),
      ),
    );
    expect(rows).toEqual([
      'bridgehost:lo loopback 65536 up carrier null undefined:undefined 127.0.0.1/8',
      'bridgehost:br0 bridge 1500 up carrier null undefined:undefined 10.88.0.1/16',
      'bridgehost:v0 veth 1500 up carrier br0 container:eth0',
      'container:lo loopback 65536 up carrier null undefined:undefined 127.0.0.1/8',
      'container:eth0 veth 1500 up carrier null bridgehost:v0 10.88.0.10/16',
    ]);
  });

  test("routes and rules, quoted in iproute2's words", () => {
    expect(host.routes.filter(({ family }) => family === 4).map(({ source }) => source.text)).toEqual([
      '10.4.0.0/16 via 10.88.0.9 dev br0 table 100 metric 5 onlink mtu 1400',
      '10.1.0.0/16 nexthop via 10.88.0.10 dev br0 weight 1 nexthop via 10.88.0.11 dev br0 weight 1',
      '10.2.0.0/16 nhid 5 via 10.88.0.10 dev br0',
      'blackhole 10.3.0.0/16',
      'prohibit 10.5.0.0/16',
      '10.88.0.0/16 dev br0 proto kernel scope link src 10.88.0.1',
      'local 10.88.0.1 dev br0 table local proto kernel scope host src 10.88.0.1',
      'broadcast 10.88.255.255 dev br0 table local proto kernel scope link src 10.88.0.1',
      'local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1',
      'local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1',
      'broadcast 127.255.255.255 dev lo table local proto kernel scope link src 127.0.0.1',
    ]);
    expect(
      host.routes.filter(({ nextHops }) => nextHops.length > 1).map(({ prefix, nextHops }) => [prefix, ...nextHops]),
    ).toEqual([
      [
        '10.1.0.0',
        { device: 'br0', gateway: '10.88.0.10', dead: false, linkDown: false },
        { device: 'br0', gateway: '10.88.0.11', dead: false, linkDown: false },
      ],
    ]);
    expect(host.routes[0]).toMatchObject({
      table: 100,
      nextHops: [{ gateway: '10.88.0.9', device: 'br0' }],
      metric: 5,
      type: 'unicast',
    });
    expect(namespace('container').routes[0]).toMatchObject({
      prefix: '0.0.0.0',
      prefixLength: 0,
      nextHops: [{ gateway: '10.88.0.1', device: 'eth0' }],
    });
    expect(host.routes.find(({ type }) => type === 'unreachable')).toMatchObject({ family: 6, prefix: '2001:db8::' });
    expect(
      host.rules
        .filter(({ family }) => family === 4)
        .map(({ action, table, source, unread }) => [action, table, unread, source.text]),
    ).toEqual([
      ['lookup', 255, false, '0: from all lookup local'],
      ['goto', null, false, '90: from all goto 150'],
      ['lookup', 254, false, '150: from all lookup main suppress_prefixlength 0'],
      ['lookup', 51_820, false, '200: not from all fwmark 0xca6c lookup 51820'],
      ['prohibit', null, false, '32764: from all to 10.77.0.0/16 prohibit'],
      ['lookup', 100, false, '32765: from 10.9.0.0/24 fwmark 0x1/0xff iif br0 lookup 100'],
      ['lookup', 254, false, '32766: from all lookup main'],
      ['lookup', 253, false, '32767: from all lookup default'],
    ]);
  });

  test('neighbours', () => {
    expect(host.neighbours.map(({ source }) => source.text)).toEqual([
      '10.88.0.10 dev br0 lladdr 4a:46:7f:08:d7:8e STALE',
      '10.88.0.77 dev br0 FAILED',
      '10.88.0.9 dev br0 lladdr 02:00:00:00:00:09 PERMANENT',
    ]);
    expect(host.neighbours[1]).toMatchObject({ mac: null, states: ['FAILED'] });
  });

  test('the bridge: its port, and what it learnt', () => {
    expect(host.bridgePorts).toMatchObject([{ device: 'v0', bridge: 'br0', state: 'forwarding' }]);
    expect(host.bridgePorts[0]?.source.text).toContain('hairpin off');
    expect(host.forwardingEntries.filter(({ bridge }) => bridge !== null)).toMatchObject([
      { mac: '4a:46:7f:08:d7:8e', device: 'v0', bridge: 'br0', permanent: false },
      { mac: 'ca:7b:71:42:90:53', device: 'v0', bridge: 'br0', permanent: true },
    ]);
  });

  test('listening sockets and their processes', () => {
    expect(host.listenersKnown).toBe(true);
    expect(
      host.listeners.map(
        ({ protocol, address, port, v6Only, device }) => `${protocol} ${address} ${port} ${v6Only} ${device}`,
      ),
    ).toEqual([
      'tcp 127.0.0.1 19001 false null',
      'tcp :: 8080 false null',
      'tcp ::1 631 false null',
      'tcp :: 9090 true null',
      'udp 0.0.0.0 67 false br0',
    ]);
    const pid = host.listeners[0]?.process?.pid ?? 0;
    expect(parseSnapshot(recorded).processes.get(pid)).toEqual([
      '/usr/bin/python3',
      '/srv/listeners.py',
      '--password',
      '***',
    ]);
  });

  test('kernel settings and names', () => {
    expect(host.sysctls.get('net.ipv4.conf.br0.rp_filter')).toMatchObject({
      value: '0',
      source: { command: 'sysctl net.ipv4.conf.br0.rp_filter', text: 'net.ipv4.conf.br0.rp_filter = 0' },
    });
    expect(host.sysctls.get('net.ipv6.conf.all.disable_ipv6')?.value).toBe('0');
    expect(host.hosts.get('127.0.0.1')).toContain('localhost');
  });
});

describe('what is not as it should be', () => {
  test('nothing collected: empty lists, and a sentence', () => {
    const { problems, namespaces } = parseSnapshot(snapshotOf([]));
    expect(namespaces.get('host')).toMatchObject({
      links: [],
      routes: [],
      listeners: [],
      listenersKnown: false,
      firewallKnown: false,
    });
    expect(problems).toEqual([
      { netns: 'host', clause: expect.stringMatching(/^`ip -j -d -s link`, .* and \d+ more were not collected$/) },
    ]);
  });

  test.each([
    ['failed', { exitCode: 1, text: '', error: 'boom' }, 'host', '`ip -j neigh` failed: boom'],
    [
      'failed with many words',
      {
        exitCode: 1,
        text: '',
        error: 'Cannot open netlink socket: Protocol not supported.\nUsage: ip [ OPTIONS ] OBJECT',
      },
      'host',
      '`ip -j neigh` failed: Cannot open netlink socket: Protocol not supported',
    ],
    [
      'failed without a word',
      { exitCode: 3, text: '', error: '' },
      'host',
      '`ip -j neigh` failed: it ended with status 3',
    ],
    [
      "is BusyBox's",
      {
        exitCode: 1,
        text: '',
        error:
          'BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.\n\nUsage: ip [OPTIONS] address|route|link|tunnel|neigh|rule [ARGS]\n\nOPTIONS := -f[amily] inet|inet6|link | -o[neline]',
      },
      null,
      "`ip` is BusyBox's, which prints no JSON: no links, addresses, routes or neighbours are known",
    ],
    [
      'is not installed',
      { exitCode: null, text: '', error: '' },
      null,
      '`ip` is not installed: no links, addresses, routes or neighbours are known',
    ],
    [
      'printed half',
      { exitCode: 0, text: '[{"dst":', error: '' },
      'host',
      '`ip -j neigh` printed what could not be parsed',
    ],
  ])('a command that %s', (_title, output, netns, clause) => {
    const { problems } = parseSnapshot(snapshotOf([{ command: 'ip -j neigh', ...output }]));
    expect(problems).toContainEqual({ netns, clause });
  });

  test('a routing table with a name is found by rt_tables, else it is said', () => {
    const routes = printed(
      'ip -j -4 route show table all',
      '[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","table":"vpn","flags":[]}]',
    );
    const named = snapshotOf([routes, printed('cat /etc/iproute2/rt_tables', '# x\n255\tlocal\n100 vpn\n')]);
    expect(parseSnapshot(named).namespaces.get('host')?.routes).toMatchObject([
      { table: 100, prefix: '0.0.0.0', prefixLength: 0 },
    ]);
    const added = snapshotOf([
      routes,
      printed('cat /usr/share/iproute2/rt_tables', '255\tlocal\n7 vpn\n'),
      printed('cat /etc/iproute2/rt_tables.d/vpn.conf', '0x65 vpn\n'),
    ]);
    expect(parseSnapshot(added).namespaces.get('host')?.routes).toMatchObject([{ table: 101 }]);
    const unnamed = parseSnapshot(snapshotOf([routes]));
    expect(unnamed.namespaces.get('host')?.routes).toMatchObject([{ table: 0 }]);
    expect(unnamed.problems).toContainEqual({
      netns: 'host',
      clause: 'the number of a routing table is not known: default via 10.0.0.1 dev eth0 table vpn',
    });
  });

  test('a device with a dot in its name keeps its settings', () => {
    const { namespaces } = parseSnapshot(
      snapshotOf([printed('grep -sH . net/*', 'net/ipv4/conf/eth0.100/rp_filter:2\n')]),
    );
    expect(namespaces.get('host')?.sysctls.get('net.ipv4.conf.eth0.100.rp_filter')).toMatchObject({
      value: '2',
      source: { text: 'net.ipv4.conf.eth0/100.rp_filter = 2' },
    });
  });

  test('names of /etc/hosts: comments, blanks, an address twice', () => {
    const text = '127.0.0.1 localhost # me\n\n10.88.0.1\thost.containers.internal host\n10.88.0.1 host gw\nlonely\n';
    const { namespaces } = parseSnapshot(snapshotOf([printed('cat /run/x/userdata/hosts', text)]));
    expect([...(namespaces.get('host')?.hosts ?? [])]).toEqual([
      ['127.0.0.1', ['localhost']],
      ['10.88.0.1', ['host.containers.internal', 'host', 'gw']],
    ]);
  });

  test('an interface whose name is no JSON hides nothing', () => {
    const text =
      '[{"ifindex":7,"ifname":"a\u001b[2Jb","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:07"}]';
    const { namespaces } = parseSnapshot(snapshotOf([printed('ip -j -d -s link', text)]));
    expect(namespaces.get('host')?.links).toMatchObject([
      { index: 7, name: 'a\u001b[2Jb', kind: 'device', up: true, carrier: false },
    ]);
  });
});

test('any text from any command is parsed without throwing', () => {
  const commands = recorded.namespaces.flatMap(({ outputs }) => outputs.map(({ command }) => command));
  const value = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.integer(),
      fc.constant(null),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(
        fc.constantFrom(
          'ifname',
          'ifindex',
          'dst',
          'table',
          'nftables',
          'chain',
          'rule',
          'expr',
          'vmap',
          'name',
          'hook',
          'addr_info',
        ),
        tie('json'),
      ),
    ),
  })).json;
  const text = fc.oneof(
    fc.string(),
    value.map((json) => JSON.stringify(json)),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...commands), text)), (outputs) => {
      const state = parseSnapshot(snapshotOf(outputs.map(([command, printedText]) => printed(command, printedText))));
      return state.namespaces.size === 1;
    }),
    { numRuns: 500 },
  );
});
