import { describe, expect, it } from 'vitest';
import { takesInvalid } from '../../src/diagnose/firewall.ts';
import { referTo } from '../../src/model/netfilter/state.ts';
import { icmpError } from '../flow/frames.ts';
import {
  at,
  caseOf,
  deviceLines,
  firewallLines,
  kernelLine,
  listeners,
  lookUp,
  onlyConnection,
  packets,
  rejectingRule,
  seen,
  snapshotWith,
  told,
} from './cases.ts';
import { ipRules } from './on-host.ts';

const sights = [...seen(packets.syn, [at.container]), ...seen(packets.reset, [at.container], 60_000n)];
const snapshot = snapshotWith(listeners.bridge, rejectingRule);

/** A packet of the same length, sent at about the same time. */
const other = kernelLine(2_000n, 'net_dev_queue: dev=eth0 skbaddr=00000000deadbeef len=54');

describe('firewall-reject', () => {
  it('is proven by the kernel: it dropped the packet in its firewall and sent no reset', () => {
    const connection = onlyConnection(caseOf({ sights, snapshot, kernel: firewallLines }));
    const { what, where, summary, hops } = told(connection);
    expect(what).toBe('refused ECONNREFUSED firewall-reject proven');
    expect(where).toBe('host:podman0 input, hop 6');
    expect(summary).toBe(
      '10.88.0.1:19001 (host.containers.internal) seemed to refuse: rule 1 of chain input in table inet filter on the host rejected the connection with a reset (RST).',
    );
    expect(hops.at(-1)).toBe(
      '6 host:podman0 input rejected: rule 1 of chain input in table inet filter answered with a reset (RST)',
    );
    expect(connection.explanation.join(' ')).toContain('no TCP socket of this host sent a reset');
    expect(connection.alternatives).toEqual([]);
  });

  it('quotes the rules that stand at the hook', () => {
    const { hops } = onlyConnection(caseOf({ sights, snapshot, kernel: firewallLines }));
    const quoted = hops.at(-1)?.evidence.map(({ kind, text }) => `${kind}: ${text}`);
    expect(quoted).toEqual([
      'snapshot: table inet filter, chain input: tcp dport 19001 reject with tcp reset',
      'model: the model of this host says: rule 1 of chain input in table inet filter rejects it and answers with a reset (RST)',
      'kernel: skbaddr=00000000c0cc8d3d rx_sk=0000000000000000 protocol=2048 location=nft_do_chain+0x3e8/0x610 reason: NETFILTER_DROP',
      'frame: RST, ACK 10.88.0.1:19001 > 10.88.0.10:51054 (seen at portainer:eth0)',
    ]);
  });

  it('does not say that no reset was sent where events were lost', () => {
    const connection = onlyConnection(caseOf({ sights, snapshot, kernel: firewallLines, lost: 1 }));
    expect(connection.cause).toBe('firewall-reject');
    expect(connection.explanation.join(' ')).not.toContain('no TCP socket');
  });

  it('is proven where nothing listens, too', () => {
    const evidence = caseOf({ sights, snapshot: snapshotWith('', rejectingRule), kernel: firewallLines });
    expect(told(onlyConnection(evidence)).what).toBe('refused ECONNREFUSED firewall-reject proven');
  });

  it('is inferred without the kernel: the rules of the snapshot say so', () => {
    const connection = onlyConnection(caseOf({ sights, snapshot }));
    expect(told(connection).what).toBe('refused ECONNREFUSED firewall-reject inferred');
    expect(connection.where?.rule).toEqual({
      family: 'inet',
      table: 'filter',
      chain: 'input',
      handle: 2,
      text: 'tcp dport 19001 reject with tcp reset',
      namedBy: 'model',
    });
  });

  it('does not name a rule that would have answered otherwise', () => {
    const error = icmpError('10.88.0.1', '10.88.0.10', 3, 3, packets.syn);
    const answered = [...seen(packets.syn, [at.container]), ...seen(error, [at.container], 60_000n)];
    expect(onlyConnection(caseOf({ sights: answered, snapshot, kernel: firewallLines })).cause).toBeNull();
  });

  it('mends it with a rule in front of that one, tried on the model', () => {
    const { fixes } = onlyConnection(caseOf({ sights, snapshot }));
    expect(fixes).toMatchObject([
      {
        commands: [
          'nft insert rule inet filter input handle 2 ip saddr 10.88.0.10 ip daddr 10.88.0.1 tcp dport 19001 accept',
        ],
        netns: 'host',
        verified: true,
      },
    ]);
  });

  it.each([
    ['proven', 'late by a program', 'user-space', 5_000_000n, [], null],
    ['inferred', 'too late for any program', 'user-space', 60_000_000n, [], '--engine tcpdump'],
    ['inferred', 'late, with another packet of this length', 'user-space', 5_000_000n, [other], '--engine tcpdump'],
    [
      'inferred',
      'late by the kernel',
      'kernel',
      5_000_000n,
      [],
      'the kernel said nothing that could be joined with it.',
    ],
  ] as const)('is %s where frames are stamped %s', (certainty, _name, clock, lateNs, more, advice) => {
    const late = [
      ...seen(packets.syn, [at.container], lateNs),
      ...seen(packets.reset, [at.container], lateNs + 9_000n),
    ];
    const evidence = caseOf({ sights: late, snapshot, kernel: [...firewallLines, ...more] });
    const session = evidence.session && { ...evidence.session, clock };
    const connection = onlyConnection({ ...evidence, session });
    expect(told(connection).what).toBe(`refused ECONNREFUSED firewall-reject ${certainty}`);
    const explanation = connection.explanation.join(' ');
    expect(explanation).not.toContain('as root');
    if (advice !== null) expect(explanation).toContain(advice);
  });

  it('advises to be root where the kernel was not asked', () => {
    expect(onlyConnection(caseOf({ sights, snapshot })).explanation.join(' ')).toContain(
      'nettrace run, with kernel events',
    );
  });

  it.each([
    [
      3,
      'port-unreachable',
      'refused ECONNREFUSED firewall-reject proven',
      'To the program it looks like a closed port.',
    ],
    [
      13,
      'admin-prohibited',
      'unreachable EHOSTUNREACH firewall-reject proven',
      'looks like a network that cannot be reached.',
    ],
  ])('rejects with ICMP 3/%i', (code, expr, what, phrase) => {
    const rule = {
      json: rejectingRule.json.replace('{"type": "tcp reset"}', `{"type": "icmp", "expr": "${expr}"}`),
      text: rejectingRule.text.replace('tcp reset', `icmp ${expr}`),
    };
    const error = icmpError('10.88.0.1', '10.88.0.10', 3, code, packets.syn);
    const answered = [...seen(packets.syn, [at.container]), ...seen(error, [at.container], 60_000n)];
    const rejecting = snapshotWith(listeners.bridge, rule);
    const connection = onlyConnection(caseOf({ sights: answered, snapshot: rejecting, kernel: firewallLines }));
    expect(told(connection).what).toBe(what);
    expect(connection.explanation.join(' ')).toContain(phrase);
  });

  it('is not said where no rule on the way could reject', () => {
    const connection = onlyConnection(caseOf({ sights, snapshot: snapshotWith(listeners.bridge), kernel: [lookUp] }));
    expect(connection.cause).toBeNull();
  });
});

describe('a rule for invalid packets alone', () => {
  const asks = (text: string): boolean => {
    const [table] = ipRules('iptables', 'filter', ':INPUT ACCEPT [0:0]', '-A INPUT -j DROP');
    const chain = table?.chains.get('INPUT');
    const [rule] = chain?.rules ?? [];
    if (table === undefined || chain === undefined || rule === undefined) throw new Error('no rule was read');
    return takesInvalid(referTo(table, chain, { ...rule, text }));
  };

  it.each([
    '-A FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A FORWARD -m state --state INVALID -j DROP',
    '-A FORWARD -m conntrack --ctstate INVALID,UNTRACKED -j DROP',
    'ct state invalid drop',
    'ct state invalid,untracked counter drop',
    'ct state { invalid, untracked } drop',
    'ct state vmap { established : accept, related : accept, invalid : drop }',
  ])('%s', (text) => {
    expect(asks(text)).toBe(true);
  });

  it.each([
    '-A FORWARD -m conntrack --ctstate NEW,INVALID -j DROP',
    '-A FORWARD -m conntrack ! --ctstate INVALID -j DROP',
    '-A FORWARD -m conntrack --ctstate NEW -m comment --comment invalid -j DROP',
    'ct state invalid,new drop',
    'ct state != invalid drop',
    'ct state vmap { established : accept, new : drop, invalid : drop }',
    'ct state new drop comment "invalid"',
  ])('not %s', (text) => {
    expect(asks(text)).toBe(false);
  });
});

describe('firewall-drop', () => {
  const droppingRule = {
    json: rejectingRule.json.replace('{"reject": {"type": "tcp reset"}}', '{"drop": null}'),
    text: rejectingRule.text.replace('reject with tcp reset', 'drop'),
  };
  const silent = seen(packets.syn, [at.container, at.port, at.bridge]);
  const dropping = snapshotWith(listeners.bridge, droppingRule);

  it('is proven by the kernel: it dropped the packet in its firewall, and nothing came back', () => {
    const connection = onlyConnection(caseOf({ sights: silent, snapshot: dropping, kernel: firewallLines }));
    const { what, where, summary, hops } = told(connection);
    expect(what).toBe('timeout - firewall-drop proven');
    expect(where).toBe('host:podman0 input, hop 6');
    expect(summary).toBe(
      '10.88.0.1:19001 (host.containers.internal) did not answer: rule 1 of chain input in table inet filter on the host dropped the request (SYN).',
    );
    expect(hops.at(-1)).toBe('6 host:podman0 input dropped: rule 1 of chain input in table inet filter dropped it');
  });

  it('is inferred without the kernel: the rules of the snapshot say so', () => {
    const connection = onlyConnection(caseOf({ sights: silent, snapshot: dropping }));
    expect(told(connection).what).toBe('timeout - firewall-drop inferred');
    expect(connection.explanation.join(' ')).toContain('kernel events would prove it');
  });

  it('is not said where nobody knows whether the rule matched, and nobody but the packet was asked', () => {
    const sometimes = {
      json: droppingRule.json.replace('{"drop"', '{"limit": {"rate": 10, "burst": 5, "per": "second"}}, {"drop"'),
      text: droppingRule.text.replace('drop', 'limit rate 10/second drop'),
    };
    const snapshot = snapshotWith(listeners.bridge, sometimes);
    const connection = onlyConnection(caseOf({ sights: silent, snapshot }));
    expect(told(connection).what).toBe('timeout - - inferred');
    expect(connection.explanation.join(' ')).toContain('Not settled on its way: host, input: perhaps rule 1');
    const proven = onlyConnection(caseOf({ sights: silent, snapshot, kernel: firewallLines }));
    expect(told(proven).what).toBe('timeout - firewall-drop proven');
    expect(proven.where?.rule).toBeNull();
  });

  it('is not said of a connection that was accepted', () => {
    const sights = [...silent, ...seen(packets.synAck, [at.container], 60_000n), packets.ack];
    const evidence = caseOf({ sights, snapshot: dropping, kernel: firewallLines });
    expect(onlyConnection(evidence).cause).toBeNull();
  });

  describe('of what follows a SYN that it lets pass', () => {
    const onlySyns = {
      json: droppingRule.json.replace(
        '{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 19001}}',
        '{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "ack"}}',
      ),
      text: droppingRule.text.replace('tcp dport 19001', 'tcp flags == ack'),
    };
    const opened = [
      ...silent,
      ...seen(packets.synAck, [at.container], 60_000n),
      ...seen(packets.ack, [at.container, at.port, at.bridge], 70_000n),
      ...seen(packets.get, [at.container], 80_000n),
    ];
    const snapshot = snapshotWith(listeners.bridge, onlySyns);

    it('is a connection that stalls', () => {
      const connection = onlyConnection(caseOf({ sights: opened, snapshot }));
      expect(told(connection).what).toBe('stalled - firewall-drop inferred');
      expect(told(connection).hops.at(-1)).toMatch(/^6 host:podman0 input dropped: rule 1 of chain input /);
      expect(connection.explanation.join(' ')).toContain('The SYN and its answer get through');
      expect(connection.fixes).toMatchObject([{ verified: true }]);
    });

    it('is proven by the end of the segment after it, not by the way of the SYN', () => {
      const ofAck = [
        kernelLine(70_500n, 'net_dev_queue: dev=eth0 skbaddr=00000000ac4ac4ac len=54'),
        kernelLine(90_000n, 'netif_receive_skb: dev=podman0 skbaddr=00000000ac4ac4ac len=40'),
        kernelLine(
          99_000n,
          'kfree_skb: skbaddr=00000000ac4ac4ac rx_sk=0000000000000000 protocol=2048 location=nft_do_chain+0x3e8/0x610 reason: NETFILTER_DROP',
        ),
      ];
      const kernel = [lookUp, ...deviceLines, ...ofAck];
      const connection = onlyConnection(caseOf({ sights: opened, snapshot, kernel }));
      expect(told(connection).what).toBe('stalled - firewall-drop proven');
    });

    it('is not said where the server is seen to have heard it', () => {
      const heard = [...opened, ...seen(packets.serverAck, [at.container], 99_000n)];
      expect(onlyConnection(caseOf({ sights: heard, snapshot })).cause).not.toBe('firewall-drop');
    });
  });
});
