/** The counters of legacy rules, read before and after: they speak for the rule that the model names, or against it. */
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../src/host/snapshot.ts';
import { printed } from '../host/sample.ts';
import { at, caseOf, firewallLines, onlyConnection, packets, seen, snapshotWith, told } from './cases.ts';

const silent = seen(packets.syn, [at.container]);
const drops = '-A INPUT -p tcp -m tcp --dport 19001 -j DROP';
const sometimes = '-A INPUT -p tcp -m tcp --dport 19001 -m limit --limit 10/sec -j DROP';
const other = '-A INPUT -p tcp -m tcp --dport 81 -m limit --limit 10/sec -j DROP';

/** The host with these rules, each with what its counter showed at the start and at the end. */
function snapshotOf(...rules: readonly (readonly [rule: string, start: number, end: number])[]): Snapshot {
  const save = (moment: 1 | 2): string =>
    ['*filter', ':INPUT ACCEPT [0:0]', ...rules.map((one) => `[${one[moment]}:0] ${one[0]}`), 'COMMIT', ''].join('\n');
  const command = 'iptables-legacy-save -c';
  const outputs = [
    printed('cat /proc/net/ip_tables_names', 'filter\n'),
    printed(command, save(1)),
    printed(`${command}, at the start`, save(1)),
    printed(`${command}, at the end`, save(2)),
  ];
  const snapshot = snapshotWith('');
  return {
    ...snapshot,
    namespaces: snapshot.namespaces.map((namespace) => {
      if (namespace.name !== 'host') return namespace;
      const kept = namespace.outputs.filter((one) => !outputs.some(({ command: own }) => own === one.command));
      return { ...namespace, outputs: [...kept, ...outputs] };
    }),
  };
}

describe('the counter of a legacy rule', () => {
  it('that rose speaks for the rule that the model names, and proves nothing', () => {
    const connection = onlyConnection(caseOf({ sights: silent, snapshot: snapshotOf([drops, 3, 5]) }));
    expect(told(connection).what).toBe('timeout - firewall-drop inferred');
    expect(connection.where?.rule).toMatchObject({ position: 1, namedBy: 'model' });
    expect(connection.explanation.join(' ')).toContain('Its counter rose by 2 packets meanwhile.');
    expect(connection.hops.at(-1)?.evidence).toContainEqual({
      kind: 'snapshot',
      netns: 'host',
      command: 'iptables-legacy-save -c, at the end',
      text: `[5:0] ${drops}`,
    });
  });

  it('that did not rise speaks against it: the rule is not named', () => {
    const connection = onlyConnection(caseOf({ sights: silent, snapshot: snapshotOf([drops, 3, 3]) }));
    expect(connection.cause).not.toBe('firewall-drop');
  });

  it('names the rule where the kernel says that one dropped the packet, and only its counter rose', () => {
    const snapshot = snapshotOf([other, 4, 4], [sometimes, 0, 1]);
    const connection = onlyConnection(caseOf({ sights: silent, snapshot, kernel: firewallLines }));
    expect(told(connection).what).toBe('timeout - firewall-drop proven');
    expect(connection.where?.rule).toMatchObject({ position: 2, namedBy: 'counter' });
    expect(connection.explanation.join(' ')).toContain('Its counter rose by 1 packet meanwhile.');
  });

  it('names none where several rose', () => {
    const snapshot = snapshotOf([other, 4, 5], [sometimes, 0, 1]);
    const connection = onlyConnection(caseOf({ sights: silent, snapshot, kernel: firewallLines }));
    expect(connection.where?.rule).toBeNull();
  });
});
