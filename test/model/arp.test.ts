/** Rules of family arp: who asks for a next hop, and who answers. */
import { describe, expect, test } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { journey } from '../../src/model/journey.ts';
import { host, link, loopback, namespace, neighbour, packetTo, told } from './hosts.ts';
import { at, chainOf, listed, outcomes, packet } from './netfilter/tables.ts';

const drop = { drop: null };
const operation = (right: string) => arpField('operation', right);
function arpField(field: string, right: unknown, op = '==') {
  return { match: { op, left: { payload: { protocol: 'arp', field } }, right } };
}

/** Chain INPUT or OUTPUT of `table arp filter`. */
function arp(chain: 'INPUT' | 'OUTPUT', rules: readonly (readonly unknown[])[], policy = 'accept'): RuleTable[] {
  return chainOf(chain.toLowerCase(), rules, { family: 'arp', table: 'filter', policy });
}

const [macA, macB] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];

/** `a` (10.0.0.1) sends to `b` (10.0.0.2), each with its rules. */
function sent(ofA: RuleTable[], ofB: RuleTable[], known = false) {
  const both = host(
    namespace('a', {
      links: [loopback(), link('eth0', { mac: macA, addresses: ['10.0.0.1/24'], peer: 'b:2' })],
      routes: ['10.0.0.0/24 dev eth0'],
      neighbours: known ? [neighbour('10.0.0.2', 'eth0', macB)] : [],
      ruleTables: ofA,
    }),
    namespace('b', {
      links: [loopback(), link('eth0', { mac: macB, addresses: ['10.0.0.2/24'], peer: 'a:2' })],
      routes: ['10.0.0.0/24 dev eth0'],
      listeners: ['tcp 0.0.0.0:80'],
      ruleTables: ofB,
    }),
  );
  return journey(both, { ...packetTo('10.0.0.2'), source: '10.0.0.1' }, 'a');
}

const policy = 'the policy of chain c in table arp filter drops what no rule takes';
const rule = 'rule 1 of chain c in table arp filter drops it';

describe('a question or its answer', () => {
  test.each<[title: string, ofA: RuleTable[], ofB: RuleTable[], end: string]>([
    [
      'not heard',
      [],
      arp('INPUT', [], 'drop'),
      `unanswered: b has the address 10.0.0.2 and does not answer: the rules of b stop the question: ${policy}`,
    ],
    [
      'not answered',
      [],
      arp('OUTPUT', [[operation('reply'), drop]]),
      `unanswered: b has the address 10.0.0.2 and does not answer: the rules of b stop the answer: ${rule}`,
    ],
    [
      'whose answer is not heard',
      arp('INPUT', [[operation('reply'), drop]]),
      [],
      `unanswered: b has the address 10.0.0.2 and does not answer: the rules of a stop the answer: ${rule}`,
    ],
    ['not asked', arp('OUTPUT', [], 'drop'), [], `dropped: ${policy}`],
    [
      'of the asker alone',
      [],
      arp('INPUT', [[arpField('saddr ip', '10.0.0.1'), arpField('daddr ip', '10.0.0.2'), drop]]),
      `unanswered: b has the address 10.0.0.2 and does not answer: the rules of b stop the question: ${rule}`,
    ],
  ])('%s', (_title, ofA, ofB, end) => {
    const way = sent(ofA, ofB);
    expect(told(way).at(-1)).toBe(end);
    expect(way.end).toMatchObject({ answer: { errno: 'EHOSTUNREACH' } });
    expect(way.steps.flatMap(({ quotes }) => quotes.map(({ text }) => text)).join()).toContain('table arp filter');
  });

  test.each<[title: string, ofA: RuleTable[], ofB: RuleTable[], known?: boolean]>([
    ['of others', [], arp('INPUT', [[arpField('saddr ip', '10.0.0.9'), drop]])],
    [
      'of another operation',
      arp('OUTPUT', [[operation('reply'), drop]]),
      arp('OUTPUT', [[operation('request'), drop]]),
    ],
    ['that is not needed', arp('OUTPUT', [], 'drop'), arp('INPUT', [], 'drop'), true],
  ])('%s keeps nobody from the next hop', (_title, ofA, ofB, known) => {
    expect(sent(ofA, ofB, known)).toMatchObject({ end: { kind: 'accepted' }, assumptions: [] });
  });

  test('that is stopped sometimes is doubtful', () => {
    const way = sent([], arp('INPUT', [[{ limit: { rate: 1, per: 'second' } }, drop]]));
    expect(way.end.kind).toBe('accepted');
    expect(way.assumptions.join()).toContain('b, ARP, of who has the next hop: perhaps rule 1');
  });
});

test.each<[title: string, rules: readonly unknown[], expected: string]>([
  ['its kind', [arpField('htype', 1), arpField('ptype', 'ip'), arpField('hlen', 6), arpField('plen', 4)], 'drop'],
  ['whose link-layer address asks', [arpField('saddr ether', macA)], 'drop'],
  ['whose is asked for', [arpField('daddr ether', '00:00:00:00:00:00')], 'drop'],
])('a question tells %s', (_title, rules, expected) => {
  const way = sent([], arp('INPUT', [[...rules, drop]]));
  expect(way.end.kind).toBe(expected === 'drop' ? 'unanswered' : 'accepted');
});

test.each(['operation', 'saddr ip', 'htype'])("ARP's %s is nothing of an IP packet", (field) => {
  for (const op of ['==', '!=']) {
    const tables = chainOf('forward', [[arpField(field, 1, op), drop]], { family: 'bridge' });
    const place = at('forward v0 v1', { layer: 'bridge' });
    expect(outcomes(tables, place, packet('tcp 10.0.0.1:1 > 10.0.0.2:2'))).toEqual(['accept by policy accept']);
  }
});

test('what a rule makes ARP say is not followed', () => {
  const way = sent([], arp('INPUT', [[{ mangle: { key: arpField('saddr ip', 0).match.left, value: '10.0.0.9' } }]]));
  expect(way.assumptions).not.toEqual([]);
});

test('tables of ARP are none of IP', () => {
  const tables = listed(
    JSON.stringify({
      nftables: [
        { table: { family: 'arp', name: 'filter', handle: 1 } },
        {
          chain: {
            family: 'arp',
            table: 'filter',
            name: 'INPUT',
            handle: 1,
            type: 'filter',
            hook: 'input',
            prio: 0,
            policy: 'drop',
          },
        },
      ],
    }),
  );
  expect(outcomes(tables, 'input eth0', packet('tcp 10.0.0.1:1 > 10.0.0.2:2'))).toEqual(['accept']);
});
