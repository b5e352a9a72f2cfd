/** A datagram's answer is seen at the client's own device, and a rule behind that device drops it. */
import { describe, expect, it } from 'vitest';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { RuleRecords } from '../../src/diagnose/rule-trace.ts';
import { asMetByProgram } from '../../src/diagnose/unheard.ts';
import { findConnections } from '../../src/flow/connection.ts';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { reverse, startNs, udp } from '../flow/frames.ts';
import { host } from '../model/hosts.ts';
import { chainOf } from '../model/netfilter/tables.ts';
import { bridgeHost } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';
import { ipRules, verdictOf } from './on-host.ts';

const ends = { from: '192.0.2.7:40000', to: '203.0.113.53:53' };
const closed = ipRules('iptables', 'filter', ':INPUT DROP [0:0]');
const halfClosed = ipRules(
  'iptables',
  'filter',
  ':INPUT ACCEPT [0:0]',
  '-A INPUT -p udp -m limit --limit 10/sec -j DROP',
);

interface Asked {
  /** Null: nobody traced a command. */
  readonly exitCode?: number | null;
  readonly answers?: number;
  /** What the rules of `inet t c` were traced to say of each of so many answers. */
  readonly traced?: { readonly verdict: 'drop' | 'accept'; readonly packets: number };
}

/** A question of the host's to a resolver beyond it, answered at the host's uplink. */
function asked(
  ruleTables: readonly RuleTable[],
  { exitCode = 9, answers = 1, traced }: Asked = {},
): ConnectionDiagnosis {
  const state = host(bridgeHost({ ruleTables }));
  const sights = [
    { at: 0, packet: udp(ends), afterNs: 0n },
    ...Array.from({ length: answers }, (_one, index) => ({
      at: 0,
      packet: udp(reverse(ends), 4, 7 + index),
      afterNs: 1_000_000n * BigInt(index + 1),
    })),
  ];
  const evidence = caseOf({ sights, netns: 'host', argv: ['dig', '@203.0.113.53', 'web'] });
  const { session } = evidence;
  const command = exitCode === null ? null : session?.command && { ...session.command, exitCode };
  const told = {
    ...evidence,
    session: session && { ...session, command: command ?? null },
    interfaces: [{ netns: 'host', device: 'eth0', linkType: 1 }],
  };
  const lines = Array.from({ length: traced?.packets ?? 0 }, (_one, index) => [
    `trace id 0000000${index} inet t c packet: iif "eth0" ip saddr 203.0.113.53 ip daddr 192.0.2.7 ip ttl 64 ip id ${7 + index} ip protocol udp udp sport 53 udp dport 40000 `,
    `trace id 0000000${index} inet t c rule drop # handle 2 (verdict ${traced?.verdict})`,
  ]).flat();
  const rules =
    traced === undefined
      ? null
      : new RuleRecords([{ netns: 'host', lines: lines.map((text) => ({ timeNs: startNs, text })) }], state);
  const [connection] = findConnections(told);
  if (connection === undefined) throw new Error('there is no connection');
  return diagnoseConnection(asMetByProgram(gatherContext(evidenceOf(told), connection, state, [], rules)));
}

describe('by the model alone', () => {
  it('a program that failed did not hear it', () => {
    const connection = asked(closed);
    expect(connection.outcome).toBe('timeout');
    expect(verdictOf(connection)).toBe('firewall-drop-reply inferred, host:eth0 input');
    expect(connection.summary).toContain('answered, and the answer did not come through');
  });

  it.each<[string, readonly RuleTable[], Asked]>([
    ['a program that is content heard it', closed, { exitCode: 0 }],
    ['a rule that may have let it pass says nothing', halfClosed, {}],
    ['rules that let it pass', [], {}],
  ])('%s', (_name, tables, more) => {
    expect(asked(tables, more)).toMatchObject({ outcome: 'ok', cause: null });
  });

  it('nor did anybody in a bare capture', () => {
    expect(asked(closed, { exitCode: null })).toMatchObject({ outcome: 'timeout', certainty: 'inferred' });
  });
});

describe('by the rule trace', () => {
  const rules = chainOf('input', [[{ limit: { rate: 10, per: 'second' } }, { drop: null }]]);

  it('it is proven that all its answers were dropped', () => {
    const connection = asked(rules, { exitCode: 0, answers: 2, traced: { verdict: 'drop', packets: 2 } });
    expect(connection.outcome).toBe('timeout');
    expect(verdictOf(connection)).toBe('firewall-drop-reply proven, host:eth0 input');
  });

  it.each<[string, Asked]>([
    ['one of two was dropped', { answers: 2, traced: { verdict: 'drop', packets: 1 } }],
    ['none was', { traced: { verdict: 'accept', packets: 1 } }],
  ])('%s: it was heard', (_name, more) => {
    expect(asked(rules, more)).toMatchObject({ outcome: 'ok', cause: null });
  });
});
