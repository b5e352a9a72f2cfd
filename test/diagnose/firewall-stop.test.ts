/** A server beyond the host's view, whose answer the host's own rules stop. */
import { describe, expect, it } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import type { HostState } from '../../src/host/state.ts';
import { host } from '../model/hosts.ts';
import { chainOf } from '../model/netfilter/tables.ts';
import { box, bridgeHost } from '../model/two-boxes.ts';
import { fixesOf, ipRules, judged, predicted, verdictOf } from './on-host.ts';

const beyond = '203.0.113.5';
const filter = (...lines: readonly string[]): RuleTable[] => ipRules('iptables', 'filter', ...lines);
const ruled = (...lines: readonly string[]): HostState => host(box(), bridgeHost({ ruleTables: filter(...lines) }));
/** Passes on what boxes ask, and not what is answered. */
const oneWay = [':FORWARD DROP [0:0]', '-A FORWARD -i br0 -j ACCEPT'];
const back = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';

describe('an answer from beyond the host', () => {
  const answer = { flags: 'SYN ACK', at: 'host:eth0' } as const;
  const seen = { to: `${beyond}:80`, at: ['box:eth0', 'host:br0', 'host:eth0'], answer };

  it('that a rule stops on its way to a container is told where it was seen to come in', () => {
    const connection = judged(ruled(...oneWay), seen);
    expect(verdictOf(connection)).toBe('firewall-drop-reply observed, host:eth0 forward');
    expect(connection.summary).toBe(
      `${beyond}:80 answered, and the answer did not come through: the policy of chain FORWARD in table ip filter on the host dropped it.`,
    );
    expect(connection.explanation.join(' ')).toContain(
      'It left what is known of this host, and was answered beyond it.',
    );
    expect(fixesOf(connection)).toEqual([`host# iptables -A FORWARD ${back}`, 'verified']);
  });

  it('is followed on its way back, up to the rule', () => {
    const { hops, where } = judged(ruled(...oneWay), seen);
    const back = hops.filter(({ direction }) => direction === 'reply');
    expect(back.map(({ netns, device, stage, verdict }) => `${netns}:${device} ${stage} ${verdict}`)).toEqual([
      'host:eth0 ingress passed',
      'host:eth0 route passed',
      'host:eth0 forward dropped',
    ]);
    expect(hops.map(({ index }) => index)).toEqual(hops.map((_hop, at) => at + 1));
    expect(where?.hop).toBe(hops.length);
    expect(back[0]?.evidence).toContainEqual(expect.objectContaining({ kind: 'frame' }));
  });

  it('that was traced to a rule elsewhere is not shown on the way that the model has', () => {
    const rules = chainOf('output', [[{ drop: null }]]);
    const traced = [
      'trace id 7e0b06d7 inet t c packet: oif "lo" ip saddr 203.0.113.5 ip daddr 10.88.0.10 ip ttl 64 ip id 7 tcp sport 80 tcp dport 51054 tcp flags == syn|ack tcp window 64240 ',
      'trace id 7e0b06d7 inet t c rule drop # handle 2 (verdict drop)',
    ];
    const { hops, where } = judged(host(box(), bridgeHost({ ruleTables: rules })), { ...seen, traced });
    expect(where).toMatchObject({ netns: 'host', stage: 'output' });
    expect(hops.filter(({ direction }) => direction === 'reply')).toHaveLength(1);
  });

  it('that a rule stops on its way to a program of the host is told as well', () => {
    const own = { ...seen, netns: 'host', from: '192.0.2.7:51054', at: ['host:eth0'] };
    const connection = judged(ruled(':INPUT DROP [0:0]'), own);
    expect(verdictOf(connection)).toBe('firewall-drop-reply observed, host:eth0 input');
    expect(fixesOf(connection)).toEqual([`host# iptables -A INPUT ${back}`, 'verified']);
  });

  it('is not told of where nobody saw one: whoever is beyond may be silent', () => {
    const { answer: _none, ...unanswered } = seen;
    expect(judged(ruled(...oneWay), unanswered).cause).not.toBe('firewall-drop-reply');
  });

  it('is not told of as stopped where rules let it pass', () => {
    expect(judged(ruled(...oneWay, `-A FORWARD ${back}`), seen).cause).not.toBe('firewall-drop-reply');
  });

  it('is foretold, as one that would be lost', () => {
    const connection = predicted(ruled(...oneWay), beyond);
    expect(verdictOf(connection)).toBe('firewall-drop-reply inferred, host:eth0 forward');
    expect(connection).toMatchObject({ outcome: 'timeout' });
    expect(connection.hops.at(-1)).toMatchObject({ direction: 'reply', netns: 'host', stage: 'forward' });
    expect(predicted(ruled(), beyond)).toMatchObject({ outcome: 'unknown', cause: null });
  });

  it('needs a rule of its own beside the one that lets the request pass', () => {
    const connection = predicted(ruled(':FORWARD DROP [0:0]'), beyond);
    expect(connection.cause).toBe('firewall-drop');
    expect(fixesOf(connection)).toEqual([
      `host# iptables -A FORWARD -s 10.88.0.10 -d ${beyond} -p tcp -m tcp --dport 80 -j ACCEPT`,
      `host# iptables -A FORWARD ${back}`,
      'verified',
    ]);
  });
});
