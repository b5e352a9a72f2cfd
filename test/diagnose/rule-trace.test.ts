/** The kernel's rule trace: it names the rule, it outweighs the model, and it is joined with the right packets. */
import { describe, expect, it } from 'vitest';
import type { Case } from '../../src/case/evidence.ts';
import {
  at,
  caseOf,
  firewallLines,
  listeners,
  onlyConnection,
  packets,
  rejectingRule,
  seen,
  snapshotWith,
  sometimesRejectingRule,
  told,
  tracedSyn,
  tracedVerdict,
} from './cases.ts';

const refused = [...seen(packets.syn, [at.container]), ...seen(packets.reset, [at.container], 60_000n)];
const silent = seen(packets.syn, [at.container]);

/** What nft prints of a chain of input with these rules of handles 2, 3, … */
function inputRules(...rules: readonly string[]): typeof rejectingRule {
  const json = rules.map((rule, index) => {
    const verdict = rule.startsWith('drop') || rule.includes(' drop') ? '{"drop": null}' : '{"accept": null}';
    const port = /dport (\d+)/.exec(rule)?.[1];
    const match = `{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": ${port}}}`;
    return `{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": ${index + 2}, "expr": [${port === undefined ? '' : `${match}, `}${verdict}]}}`;
  });
  const head = rejectingRule.json.slice(0, rejectingRule.json.indexOf(', {"rule"'));
  const lines = rules.map((rule, index) => `\t\t${rule} # handle ${index + 2}\n`).join('');
  return {
    json: `${[head, ...json].join(', ')}]}\n`,
    text: `table inet filter { # handle 1\n\tchain input { # handle 1\n\t\ttype filter hook input priority filter; policy accept;\n${lines}\t}\n}\n`,
  };
}

const chain = 'inet filter input';
const rejects = 'rule tcp dport 19001 reject with tcp reset # handle 2 (verdict drop)';
const rejected = [tracedSyn(chain), tracedVerdict(chain, rejects)];
const snapshot = snapshotWith(listeners.bridge, rejectingRule);

describe('a rule that the kernel traced a packet to', () => {
  it('is named by its handle, and proven without kernel events', () => {
    const connection = onlyConnection(caseOf({ sights: refused, snapshot, rules: rejected }));
    expect(told(connection).what).toBe('refused ECONNREFUSED firewall-reject proven');
    expect(connection.where?.rule).toMatchObject({ handle: 2, namedBy: 'rule-trace' });
    expect(connection.explanation.join(' ')).toContain("The kernel's rule trace names it, by its handle 2.");
    expect(connection.hops.at(-1)?.evidence).toContainEqual({
      kind: 'kernel',
      event: 'nft:trace',
      text: `${chain} ${rejects}`,
    });
  });

  it('is named where the model cannot tell whether it takes the packet', () => {
    const sometimes = snapshotWith(listeners.bridge, sometimesRejectingRule);
    const rules = [tracedSyn(chain), tracedVerdict(chain, rejects.replace('reject', 'limit rate 10/second reject'))];
    const kernel = firewallLines;
    expect(onlyConnection(caseOf({ sights: refused, snapshot: sometimes, kernel })).where?.rule).toBeNull();
    const connection = onlyConnection(caseOf({ sights: refused, snapshot: sometimes, kernel, rules }));
    expect(connection.where?.rule).toMatchObject({ handle: 2, namedBy: 'rule-trace' });
    expect(connection.explanation.join(' ')).not.toContain('The model of this host');
  });

  it('outweighs the rule that the model names, and says so', () => {
    const two = snapshotWith(listeners.bridge, inputRules('tcp dport 19001 drop', 'tcp dport 19001 counter drop'));
    const rules = [
      tracedSyn(chain),
      tracedVerdict(chain, 'rule tcp dport 19001 counter drop # handle 3 (verdict drop)'),
    ];
    const connection = onlyConnection(caseOf({ sights: silent, snapshot: two, rules }));
    expect(told(connection).what).toBe('timeout - firewall-drop proven');
    expect(connection.where?.rule).toMatchObject({ handle: 3, namedBy: 'rule-trace' });
    expect(connection.explanation.at(-1)).toBe(
      'The model of this host names rule 1 of chain input in table inet filter on the host instead: the kernel says otherwise, and is right.',
    );
    expect(connection.hops.at(-1)?.evidence).toContainEqual({
      kind: 'snapshot',
      netns: 'host',
      command: 'nft -j list ruleset',
      text: 'table inet filter, chain input: tcp dport 19001 counter drop',
    });
  });

  it('outweighs a model that lets the packet pass', () => {
    const other = snapshotWith(listeners.bridge, inputRules('tcp dport 80 drop'));
    const rules = [tracedSyn(chain), tracedVerdict(chain, 'rule tcp dport 80 drop # handle 2 (verdict drop)')];
    const connection = onlyConnection(caseOf({ sights: silent, snapshot: other, rules }));
    expect(told(connection).what).toBe('timeout - firewall-drop proven');
    expect(connection.explanation.at(-1)).toBe(
      'The model of this host lets the packet pass there (input, on the host): the kernel says otherwise, and is right.',
    );
    expect(connection.fixes).toMatchObject([
      { commands: [expect.stringContaining('input handle 2')], verified: false },
    ]);
  });

  it('may be newer than the snapshot: it is known by the trace alone, and nothing is advised against it', () => {
    const rules = [tracedSyn(chain), tracedVerdict(chain, 'unknown rule handle 9 (verdict drop)')];
    const accepting = snapshotWith(listeners.bridge, inputRules('tcp dport 19001 accept'));
    const connection = onlyConnection(caseOf({ sights: silent, snapshot: accepting, rules }));
    expect(connection.where?.rule).toMatchObject({ handle: 9, text: 'a rule that nft did not print' });
    expect(connection.summary).toContain('a rule that was added to chain input in table inet filter');
    expect(connection.fixes).toEqual([]);
  });

  it('is the policy where no rule took the packet', () => {
    const rules = [tracedSyn(chain), tracedVerdict(chain, 'policy drop ')];
    const { where } = onlyConnection(caseOf({ sights: silent, snapshot, rules }));
    expect(where?.rule).toEqual({
      family: 'inet',
      table: 'filter',
      chain: 'input',
      policy: 'drop',
      text: 'policy drop',
      namedBy: 'rule-trace',
    });
  });
});

describe('a trace that shows the packet behind the rules', () => {
  it('is believed against the rule that the model names', () => {
    const passed = [tracedSyn(chain), tracedVerdict(chain, 'policy accept ')];
    const dropping = snapshotWith(listeners.bridge, inputRules('tcp dport 19001 drop'));
    expect(onlyConnection(caseOf({ sights: silent, snapshot: dropping })).cause).toBe('firewall-drop');
    expect(onlyConnection(caseOf({ sights: silent, snapshot: dropping, rules: passed })).cause).not.toBe(
      'firewall-drop',
    );
  });
});

describe('the packets of a trace', () => {
  const cause = (rules: readonly string[]): string =>
    told(onlyConnection(caseOf({ sights: refused, snapshot, rules }))).what;

  it.each([
    ['of another port', [tracedSyn(chain, { port: 19_002 }), tracedVerdict(chain, rejects)]],
    ['in a table that the snapshot does not have', [tracedSyn('inet x y'), tracedVerdict('inet x y', 'policy drop ')]],
  ])('%s prove nothing', (_name, rules) => {
    expect(cause(rules)).toBe('refused ECONNREFUSED firewall-reject inferred');
  });

  it('are joined by their IP id where NAT has given them another end', () => {
    const moved = { id: 33_042, to: '10.99.0.10', port: 80 };
    const before = [tracedSyn('inet filter input', { id: 33_042 }), tracedVerdict(chain, 'policy accept ')];
    expect(cause([...before, tracedSyn(chain, moved), tracedVerdict(chain, rejects)])).toContain('proven');
    expect(cause([tracedSyn(chain, moved), tracedVerdict(chain, rejects)])).toContain('inferred');
  });

  it('of long before prove nothing', () => {
    const evidence = caseOf({ sights: refused, snapshot, rules: rejected });
    const old = (evidence.ruleTraces ?? []).map(({ netns, lines }) => ({
      netns,
      lines: lines.map(({ timeNs, text }) => ({ timeNs: timeNs - 60_000_000_000n, text })),
    }));
    const stale: Case = { ...evidence, ruleTraces: old };
    expect(told(onlyConnection(stale)).what).toBe('refused ECONNREFUSED firewall-reject inferred');
  });
});
