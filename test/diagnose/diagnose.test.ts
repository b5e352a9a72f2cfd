import { describe, expect, it } from 'vitest';
import { CaseReader, encodeCase } from '../../src/capfile/case-file.ts';
import type { Case } from '../../src/case/evidence.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { snapshotCommand } from '../../src/host/snapshot-commands.ts';
import { formatJson } from '../../src/report/json.ts';
import { captureOf, icmpError, reverse, type Sight, tcp, udp } from '../flow/frames.ts';
import {
  at,
  caseOf,
  deviceLines,
  ends,
  firewallLines,
  kernelLine,
  listeners,
  lookUp,
  noSocketLines,
  onlyConnection,
  packets,
  rejectingRule,
  seen,
  snapshotWith,
  sometimesRejectingRule,
  told,
} from './cases.ts';

const refusal: readonly Sight[] = [
  ...seen(packets.syn, [at.container]),
  ...seen(packets.reset, [at.container], 60_000n),
];
const handshake: readonly Sight[] = [packets.syn, packets.synAck, packets.ack].map((packet) => ({ packet }));

describe('a client whose address another network has too', () => {
  const whole = snapshotWith(listeners.loopback);
  const twins = whole.namespaces.flatMap((one) =>
    one.name === 'portainer' ? [one, { ...one, name: 'twin', inode: 99 }] : [one],
  );
  const evidence = caseOf({ sights: refusal, snapshot: { ...whole, namespaces: twins }, kernel: noSocketLines });
  const recorded = { ...evidence, session: evidence.session && { ...evidence.session, command: null } };

  it('is the one where its request was seen', () => {
    const { source, hops } = onlyConnection(recorded);
    expect([source.netns, hops[0]?.netns]).toEqual(['portainer', 'portainer']);
  });

  it('is not guessed where it was seen in neither', () => {
    const interfaces = evidence.interfaces.map((one) => ({ ...one, netns: 'host' }));
    const { source, hops } = onlyConnection({ ...recorded, interfaces });
    expect([source.netns, hops]).toEqual([null, []]);
  });
});

describe('what needs no cause', () => {
  it('a connection that worked', () => {
    const connection = onlyConnection(caseOf({ sights: handshake, snapshot: snapshotWith(listeners.bridge) }));
    expect(told(connection)).toMatchObject({
      what: 'ok - - observed',
      where: null,
      summary: '10.88.0.1:19001 (host.containers.internal) answered curl in portainer.',
    });
    expect(told(connection).hops.at(-1)).toBe(
      '7 host:podman0 socket delivered: python3 (pid 813) listens on 10.88.0.1:19001',
    );
  });

  it('a connection that worked, of a program that is not known', () => {
    const connection = onlyConnection(captureOf([packets.syn, packets.synAck, packets.ack]));
    expect(connection.summary).toBe('10.88.0.1:19001 answered a program.');
  });

  it('is proven when the kernel says that it was established', () => {
    const established = kernelLine(
      900_000n,
      'inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport=51054 dport=19001 saddr=10.88.0.10 daddr=10.88.0.1 saddrv6=::ffff:10.88.0.10 daddrv6=::ffff:10.88.0.1 oldstate=TCP_SYN_SENT newstate=TCP_ESTABLISHED',
      'command',
    );
    const kernel = [lookUp, ...deviceLines, established];
    const connection = onlyConnection(caseOf({ sights: handshake, snapshot: snapshotWith(listeners.bridge), kernel }));
    expect(told(connection).what).toBe('ok - - proven');
  });

  it('worked, whatever the model says: the evidence wins, and the report says that they disagree', () => {
    // The listener was opened after the snapshot was taken.
    const connection = onlyConnection(caseOf({ sights: handshake, snapshot: snapshotWith('') }));
    expect(told(connection).hops.at(-1)).toBe(
      '7 host:podman0 socket delivered: the server answered, and the model of this host did not expect it: no socket takes 10.88.0.1:19001',
    );
  });

  it('passed the rules on its way, since it was answered', () => {
    const hops = (rules: typeof rejectingRule) => {
      const snapshot = snapshotWith(listeners.bridge, rules);
      return told(onlyConnection(caseOf({ sights: handshake, snapshot }))).hops.slice(5);
    };
    const taken = '7 host:podman0 socket delivered: python3 (pid 813) listens on 10.88.0.1:19001';
    expect(hops(sometimesRejectingRule)).toEqual([
      '6 host:podman0 input passed: rules stand here, and the packet was seen behind them',
      taken,
    ]);
    // A rule that was put there after the connection was opened.
    expect(hops(rejectingRule)).toEqual([
      '6 host:podman0 input passed: by the rules of the snapshot it would not have come as far as it did, and the packet was seen behind them',
      taken,
    ]);
  });
});

describe('what is not settled', () => {
  const perhaps =
    'perhaps rule 1 of chain input in table inet filter rejects it and answers with a reset (RST); whether it matches is not known: tcp dport 19001 limit rate 10/second reject with tcp reset';

  it('a timeout has no cause, and says how far the packet was seen', () => {
    const sights = seen(packets.syn, [at.container, at.port]);
    const connection = onlyConnection(
      caseOf({ sights, snapshot: snapshotWith(listeners.bridge, sometimesRejectingRule) }),
    );
    expect(told(connection)).toEqual({
      what: 'timeout - - inferred',
      where: null,
      summary: '10.88.0.1:19001 (host.containers.internal) did not answer; why is not settled by this evidence.',
      hops: [
        '1 portainer:eth0 route passed: 10.88.0.0/16 is on eth0',
        '2 portainer:eth0 egress passed: sent by eth0',
        "3 host:veth0 bridge passed: veth0 is a port of podman0, and 10.88.0.1 is the host's own seat on it",
        '4 host:podman0 ingress passed: handed up to podman0',
        '5 host:podman0 route delivered: 10.88.0.1 is an address of this host',
        `6 host:podman0 input unknown: ${perhaps}`,
        '7 host:podman0 socket unknown: if it comes this far: python3 (pid 813) listens on 10.88.0.1:19001',
      ],
    });
    expect(connection.explanation).toContain(
      'The last sight of the request is: SYN 10.88.0.10:51054 > 10.88.0.1:19001 win 64240 (seen at host:veth0).',
    );
    expect(connection.explanation).toContain(`Not settled on its way: host, input: ${perhaps}.`);
  });

  it('tells of an ICMP error that the program could not hear of', () => {
    const sights = [packets.datagram, icmpError('10.88.0.1', '10.88.0.10', 3, 1, packets.datagram)];
    const connection = onlyConnection(captureOf(sights));
    expect(told(connection).what).toBe('timeout - rejected-by-remote inferred');
    expect(connection.explanation.join(' ')).toContain('of which the program was not told');
  });

  it('a capture that nettrace did not record tells the outcome, and what it lacks', () => {
    const { command, evidence, connections } = diagnose(captureOf([packets.syn, packets.reset]));
    expect(command).toBeNull();
    expect(evidence).toMatchObject({ frames: 2, engine: null, snapshot: false, kernelEvents: 0 });
    expect(evidence.missing).toEqual([
      'There is no snapshot of the host: the way of the packets and the place where they ended are not known.',
    ]);
    expect(connections.map(told)).toEqual([
      {
        what: 'refused ECONNREFUSED refused-by-remote inferred',
        where: 'null:null remote, hop 1',
        summary: '10.88.0.1:19001 refused the connection: the reset came from the side of the server.',
        hops: ['1 null:null remote refused: a reset (RST) came back from the side of the server'],
      },
    ]);
  });
});

describe('refused-by-remote', () => {
  const whole = snapshotWith('');
  const snapshot = { ...whole, namespaces: whole.namespaces.filter(({ name }) => name === 'portainer') };

  it('is observed where the reset was seen coming in', () => {
    const connection = onlyConnection(caseOf({ sights: refusal, snapshot, kernel: [lookUp, ...deviceLines] }));
    expect(told(connection)).toMatchObject({
      what: 'refused ECONNREFUSED refused-by-remote observed',
      where: 'portainer:eth0 remote, hop 3',
      hops: [
        '1 portainer:eth0 route passed: 10.88.0.0/16 is on eth0',
        '2 portainer:eth0 egress passed: sent by eth0',
        '3 portainer:eth0 remote refused: a reset (RST) came back from beyond portainer:eth0',
      ],
    });
    expect(connection.hops.at(-1)?.evidence).toEqual([
      { kind: 'frame', frame: 2, text: 'RST, ACK 10.88.0.1:19001 > 10.88.0.10:51054 (seen at portainer:eth0)' },
    ]);
  });

  it('quotes the kernel where it sent the reset in a namespace that was not looked into', () => {
    const connection = onlyConnection(caseOf({ sights: refusal, snapshot, kernel: noSocketLines }));
    expect(told(connection).what).toBe('refused ECONNREFUSED refused-by-remote observed');
    expect(connection.explanation.at(-1)).toMatch(
      /sent the reset, for want of a socket\. Nothing listens there on port 19001/,
    );
    expect(connection.hops.at(-1)?.evidence.map(({ kind }) => kind)).toEqual(['frame', 'kernel']);
  });
});

describe('whose connections are told', () => {
  const other = { from: '10.88.0.10:40404', to: '10.88.0.1:8080' };
  const others: readonly Sight[] = [
    { packet: tcp(other, { flags: 'SYN', sequence: 5 }), afterNs: 100_000n },
    { packet: tcp(reverse(other), { flags: 'RST ACK', sequence: 0, acknowledgement: 6 }), afterNs: 120_000n },
  ];
  const foreign = { from: '10.88.0.1:40404', to: '10.88.0.10:8080' };
  const foreigners: readonly Sight[] = [{ packet: tcp(foreign, { flags: 'SYN', sequence: 9 }), afterNs: 100_000n }];
  const snapshot = snapshotWith(listeners.loopback);

  function tuples(evidence: Case): string[] {
    return diagnose(evidence).connections.map(({ source, destination }) => `${source.port} > ${destination.port}`);
  }

  it("by the kernel: the look-ups of the command's own calls", () => {
    const sights = [...refusal, ...others];
    expect(tuples(caseOf({ sights, snapshot, kernel: noSocketLines }))).toEqual(['51054 > 19001']);
  });

  it('a look-up in an interrupt is nobody’s', () => {
    const [first] = noSocketLines;
    const interrupted = { ...(first ?? lookUp), text: lookUp.text.replace(' ..... ', ' ..s1. ') };
    expect(tuples(caseOf({ sights: refusal, snapshot, kernel: [interrupted, ...deviceLines] }))).toEqual([]);
  });

  it.each([
    ['without kernel events', null, 0, 'Without kernel events'],
    ['with kernel events lost', [lookUp], 7, 'Kernel events were lost'],
    ['with none in a file that was cut', [], 0, 'Kernel events were lost'],
  ])('by place: %s', (_name, kernel, lost, sentence) => {
    const evidence = caseOf({ sights: [...refusal, ...others, ...foreigners], snapshot, kernel, lost });
    expect(tuples(evidence)).toEqual(['51054 > 19001', '40404 > 8080']);
    expect(diagnose(evidence).evidence.missing.join(' ')).toContain(sentence);
  });

  it.each([
    ['of a device of its namespace: not', 4789, '0800000000002a00', ['51054 > 19001']],
    ['of another network', 4789, '0800000000002b00', ['51054 > 19001', '40404 > 4789']],
    ['to another port', 4790, '0800000000002a00', ['51054 > 19001', '40404 > 4790']],
    ['that is none, to its port', 4789, '68656c6c6f', ['51054 > 19001', '40404 > 4789']],
  ])("a tunnel's packet %s", (_name, port, payload, expected) => {
    const vxlan = {
      ifindex: 9,
      ifname: 'vx0',
      flags: [],
      linkinfo: { info_kind: 'vxlan', info_data: { id: 42, port: 4789 } },
    };
    const withVxlan = (text: string): string => JSON.stringify([...JSON.parse(text), vxlan]);
    const namespaces = snapshot.namespaces.map(({ outputs, ...namespace }) => ({
      ...namespace,
      outputs: outputs.map((one) =>
        one.command === snapshotCommand.links ? { ...one, text: withVxlan(one.text) } : one,
      ),
    }));
    const carrier = {
      packet: udp({ from: '10.88.0.10:40404', to: `10.88.0.1:${port}` }, Buffer.from(payload, 'hex')),
      afterNs: 100_000n,
    };
    expect(tuples(caseOf({ sights: [...refusal, carrier], snapshot: { ...snapshot, namespaces } }))).toEqual(expected);
  });

  it('all of them, without a command', () => {
    expect(tuples(captureOf([...refusal, ...others, ...foreigners]))).toHaveLength(3);
  });

  it('failed ones first', () => {
    const worked: Sight[] = ['SYN', 'SYN ACK', 'ACK'].map((flags, index) => ({
      packet: tcp(index === 1 ? reverse(other) : other, { flags, sequence: 5 + index }),
      afterNs: 0n,
    }));
    expect(diagnose(captureOf([...worked, ...refusal])).connections.map(({ outcome }) => outcome)).toEqual([
      'refused',
      'ok',
    ]);
  });
});

describe('names', () => {
  it.each([
    ['a URL', ['curl', 'http://host.containers.internal:19001/ping'], 'host.containers.internal'],
    ['an argument of its own', ['nc', 'host.docker.internal', '19001'], 'host.docker.internal'],
    ['an address', ['nc', '10.88.0.1', '19001'], null],
    ['a part of a longer name', ['curl', 'http://nothost.containers.internal:19001/'], null],
  ])('the server is called as the command called it: %s', (_name, argv, name) => {
    const evidence = caseOf({ sights: refusal, snapshot: snapshotWith(listeners.loopback), argv });
    expect(onlyConnection(evidence).destination).toEqual({ address: '10.88.0.1', port: 19001, netns: 'host', name });
  });
});

describe('a link that was down', () => {
  it('is told with its times', () => {
    const evidence = caseOf({ sights: refusal });
    const outage = { netns: 'host', device: 'podman0', fromNs: 1_795_252_471_012_870_935n, toNs: null };
    const session = evidence.session === null ? null : { ...evidence.session, linkOutages: [outage] };
    expect(diagnose({ ...evidence, session }).evidence.linkOutages).toEqual([
      { netns: 'host', device: 'podman0', from: '1795252471.012870935', to: null },
    ]);
  });
});

describe('a saved case', () => {
  it.each<[string, Case]>([
    ['a socket cause', caseOf({ sights: refusal, snapshot: snapshotWith(listeners.loopback), kernel: noSocketLines })],
    [
      'a firewall cause',
      caseOf({ sights: refusal, snapshot: snapshotWith(listeners.bridge, rejectingRule), kernel: firewallLines }),
    ],
    ['frames alone', captureOf([packets.syn6, packets.reset6])],
    [
      'IPv6',
      caseOf({
        sights: [{ packet: packets.syn6 }, { packet: packets.reset6 }],
        snapshot: snapshotWith(listeners.bridge),
        argv: ['curl', `http://${ends.tcp6.to}/`],
      }),
    ],
  ])('gives the very document again: %s', (_name, evidence) => {
    const reader = new CaseReader();
    for (const block of encodeCase(evidence, 'nettrace test')) reader.push(block);
    const replayed = reader.end();
    expect(reader.error).toBeNull();
    expect(replayed && formatJson(diagnose(replayed))).toBe(formatJson(diagnose(evidence)));
  });
});

describe('a port that rules send elsewhere', () => {
  const redirecting = {
    json: rejectingRule.json
      .replace('"type": "filter", "hook": "input"', '"type": "nat", "hook": "prerouting"')
      .replace('{"reject": {"type": "tcp reset"}}', '{"dnat": {"addr": "10.88.0.20", "port": 80}}'),
    text: rejectingRule.text
      .replace('type filter hook input', 'type nat hook prerouting')
      .replace('reject with tcp reset', 'dnat to 10.88.0.20:80'),
  };
  const snapshot = snapshotWith('', redirecting);

  it('answers from where it was sent, though nothing listens at its own address', () => {
    const sights = [
      ...seen(packets.syn, [at.container]),
      ...seen(packets.synAck, [at.container], 60_000n),
      ...seen(packets.ack, [at.container], 90_000n),
    ];
    const { outcome, translated, hops } = onlyConnection(caseOf({ sights, snapshot, kernel: [lookUp] }));
    expect([outcome, translated?.destination.address, translated?.destination.port]).toEqual(['ok', '10.88.0.20', 80]);
    expect(hops.find(({ stage }) => stage === 'prerouting')).toMatchObject({
      verdict: 'translated',
      detail: 'the destination 10.88.0.1:19001 becomes 10.88.0.20:80: rule 1 of chain input in table inet filter',
    });
  });

  it('that refuses is not said to lack a listener where a drop alone speaks for it', () => {
    const sights = [...seen(packets.syn, [at.container]), ...seen(packets.reset, [at.container], 60_000n)];
    const drop = noSocketLines.filter(({ text }) => !text.includes('tcp_send_reset'));
    const { cause } = onlyConnection(caseOf({ sights, snapshot, kernel: drop }));
    expect(cause).toBeNull();
  });
});
