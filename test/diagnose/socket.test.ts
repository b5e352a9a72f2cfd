import { describe, expect, it } from 'vitest';
import {
  at,
  caseOf,
  kernelLine,
  listeners,
  noSocketLines,
  onlyConnection,
  packets,
  seen,
  snapshotWith,
  sometimesRejectingRule,
  told,
} from './cases.ts';

const everywhere = [
  ...seen(packets.syn, [at.container, at.port, at.bridge]),
  ...seen(packets.reset, [at.bridge, at.port, at.container], 60_000n),
];
const atContainer = [...seen(packets.syn, [at.container]), ...seen(packets.reset, [at.container], 60_000n)];

const way = [
  '1 portainer:eth0 route passed: 10.88.0.0/16 is on eth0',
  '2 portainer:eth0 egress passed: sent by eth0',
  "3 host:veth0 bridge passed: veth0 is a port of podman0, and 10.88.0.1 is the host's own seat on it",
  '4 host:podman0 ingress passed: handed up to podman0',
  '5 host:podman0 route delivered: 10.88.0.1 is an address of this host',
  '6 host:podman0 input passed: no firewall rule stands here',
];
const socket = 'host:podman0 socket, hop 7';

describe('listener-on-other-address', () => {
  const snapshot = snapshotWith(listeners.loopback);
  const summary =
    "10.88.0.1:19001 (host.containers.internal) refused the connection: the port's only listener, ssh (pid 812), is bound to 127.0.0.1:19001, and this packet is addressed to 10.88.0.1.";

  it('is proven by the kernel', () => {
    expect(told(onlyConnection(caseOf({ sights: atContainer, snapshot, kernel: noSocketLines })))).toEqual({
      what: 'refused ECONNREFUSED listener-on-other-address proven',
      where: socket,
      summary,
      hops: [...way, '7 host:podman0 socket refused: ssh (pid 812) has the port, but on 127.0.0.1:19001'],
    });
  });

  it.each([
    ['the reset was seen at the place', everywhere, 'observed'],
    ['the reset was seen elsewhere alone', atContainer, 'inferred'],
  ])('without the kernel: %s', (_name, sights, certainty) => {
    const { what, where } = told(onlyConnection(caseOf({ sights, snapshot })));
    expect([what, where]).toEqual([`refused ECONNREFUSED listener-on-other-address ${certainty}`, socket]);
  });

  it('is no more than inferred where a rule may have forged the reset, and names the rival', () => {
    const evidence = caseOf({ sights: everywhere, snapshot: snapshotWith(listeners.loopback, sometimesRejectingRule) });
    const connection = onlyConnection(evidence);
    expect(connection.certainty).toBe('inferred');
    expect(connection.alternatives.map(({ cause }) => cause)).toEqual(['firewall-reject']);
    expect(told(connection).hops[5]).toBe(
      '6 host:podman0 input unknown: perhaps rule 1 of chain input in table inet filter rejects it and answers with a reset (RST); whether it matches is not known: tcp dport 19001 limit rate 10/second reject with tcp reset',
    );
  });

  it('is proven past rules that stand on the way: the packet was seen behind them', () => {
    const evidence = caseOf({
      sights: atContainer,
      snapshot: snapshotWith(listeners.loopback, sometimesRejectingRule),
      kernel: noSocketLines,
    });
    const connection = onlyConnection(evidence);
    expect(told(connection).what).toBe('refused ECONNREFUSED listener-on-other-address proven');
    expect(told(connection).hops[5]).toBe(
      '6 host:podman0 input passed: rules stand here, and the packet was seen behind them',
    );
    expect(connection.alternatives).toEqual([]);
  });

  it('carries what proves it, in the words of those who said it', () => {
    const { hops } = onlyConnection(caseOf({ sights: atContainer, snapshot, kernel: noSocketLines }));
    expect(hops.at(-1)?.evidence).toEqual([
      {
        kind: 'kernel',
        event: 'tcp:tcp_send_reset',
        text: 'skbaddr=00000000c0cc8d3d skaddr=0000000000000000 src=10.88.0.1:19001 dest=10.88.0.10:51054 state=UNKNOWN reason=NO_SOCKET',
      },
      {
        kind: 'kernel',
        event: 'skb:kfree_skb',
        text: 'skbaddr=00000000c0cc8d3d rx_sk=0000000000000000 protocol=2048 location=tcp_v4_rcv+0x91/0x13f0 reason: NO_SOCKET',
      },
      { kind: 'snapshot', netns: 'host', command: 'ss -HOtlnpe', text: listeners.loopback.trimEnd() },
      { kind: 'frame', frame: 2, text: 'RST, ACK 10.88.0.1:19001 > 10.88.0.10:51054 (seen at portainer:eth0)' },
      { kind: 'model', text: 'the model of this host says: no socket takes 10.88.0.1:19001' },
    ]);
  });
});

describe('its look-alikes at the socket', () => {
  it.each([
    ['no-listener', '', 'nothing listens on tcp port 19001 on the host'],
    ['listener-other-family', listeners.v6Only, 'python3 (pid 813) has the port, for IPv6 alone'],
    ['listener-on-other-device', listeners.onLo, 'python3 (pid 813) has the port, bound to the device lo'],
  ])('%s', (cause, sockets, detail) => {
    const evidence = caseOf({ sights: atContainer, snapshot: snapshotWith(sockets), kernel: noSocketLines });
    const { what, where, hops } = told(onlyConnection(evidence));
    expect([what, where, hops.at(-1)]).toEqual([
      `refused ECONNREFUSED ${cause} proven`,
      socket,
      `7 host:podman0 socket refused: ${detail}`,
    ]);
  });

  it('listener-other-family, asked by IPv6', () => {
    const sights = [
      ...seen(packets.syn6, [at.container, at.bridge]),
      ...seen(packets.reset6, [at.bridge, at.container], 60_000n),
    ];
    const { what, summary } = told(onlyConnection(caseOf({ sights, snapshot: snapshotWith(listeners.bridge) })));
    expect(what).toBe('refused ECONNREFUSED listener-other-family observed');
    expect(summary).toBe(
      '[fd00:88::1]:19001 refused the connection: python3 (pid 813) listens on port 19001 for IPv4 alone, and this is IPv6.',
    );
  });

  it('no-listener is not said where the sockets could not be read', () => {
    const snapshot = snapshotWith('');
    const unread = {
      ...snapshot,
      namespaces: snapshot.namespaces.map((namespace) => ({
        ...namespace,
        outputs: namespace.outputs.filter(({ command }) => !command.startsWith('ss ')),
      })),
    };
    const connection = onlyConnection(caseOf({ sights: atContainer, snapshot: unread, kernel: noSocketLines }));
    expect(connection.cause).toBeNull();
  });

  it('an RST that this kernel did not send is no socket cause', () => {
    const withoutReset = noSocketLines.filter(({ text }) => !/tcp_send_reset|kfree_skb/.test(text));
    const evidence = { sights: atContainer, snapshot: snapshotWith(listeners.loopback) };
    expect(onlyConnection(caseOf({ ...evidence, kernel: withoutReset })).cause).toBeNull();
    // Where events were lost, silence says nothing.
    const { cause, certainty } = onlyConnection(caseOf({ ...evidence, kernel: withoutReset, lost: 3 }));
    expect([cause, certainty]).toEqual(['listener-on-other-address', 'inferred']);
  });
});

describe('a datagram that meets no socket', () => {
  const sights = [...seen(packets.datagram, [at.container]), ...seen(packets.portUnreachable, [at.container], 60_000n)];
  const kernel = [
    kernelLine(
      0n,
      'fib_table_lookup: table 254 oif 0 iif 1 proto 17 10.88.0.10/51054 -> 10.88.0.1/19001 tos 0 scope 0 flags 0 ==> dev eth0 gw 0.0.0.0/:: err 0',
      'command',
      '.....',
    ),
    kernelLine(1_000n, 'net_dev_queue: dev=eth0 skbaddr=000000005e248d1e len=46'),
    kernelLine(
      50_000n,
      'kfree_skb: skbaddr=000000005e248d1e rx_sk=0000000000000000 protocol=2048 location=__udp4_lib_rcv+0x4bc/0xd00 reason: NO_SOCKET',
    ),
  ];

  it('is told in the words of UDP', () => {
    const connection = onlyConnection(caseOf({ sights, snapshot: snapshotWith(''), kernel }));
    expect(told(connection).what).toBe('refused ECONNREFUSED no-listener proven');
    expect(connection.summary).toBe(
      '10.88.0.1:19001 (host.containers.internal) refused the packet: nothing listens on udp port 19001 on the host.',
    );
    expect(connection.explanation.at(-1)).toBe(
      'So the kernel of the host answered with an ICMP error (port unreachable), which a program reports as "connection refused".',
    );
    expect(connection.fixes.flatMap(({ commands }) => commands)).toEqual(['ss -lunp']);
    expect(connection.hops.at(-1)?.evidence.map(({ text }) => text)).toContain(
      'ICMP port unreachable 10.88.0.1 > 10.88.0.10 (about UDP 10.88.0.10:51054 > 10.88.0.1:19001) (seen at portainer:eth0)',
    );
  });

  it('is inferred without the kernel', () => {
    expect(onlyConnection(caseOf({ sights, snapshot: snapshotWith('') })).certainty).toBe('inferred');
  });
});
