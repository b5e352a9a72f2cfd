/** Port 8080 of whatever comes in is port 80 of `web`: one rule, by each tool. */

import type { RuleTable } from '../../src/host/netfilter.ts';
import { chainOf } from '../model/netfilter/tables.ts';
import { ipRules } from './on-host.ts';

const publish = (program: 'iptables' | 'iptables-legacy'): readonly RuleTable[] =>
  ipRules(
    program,
    'nat',
    ':PREROUTING ACCEPT [0:0]',
    '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
  );

/** The rule, by each tool. */
export const published: readonly (readonly [tool: string, tables: readonly RuleTable[]])[] = [
  ['iptables on nft', publish('iptables')],
  ['legacy iptables', publish('iptables-legacy')],
  [
    'nftables',
    chainOf(
      'prerouting',
      [
        [
          { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 8080 } },
          { dnat: { family: 'ip', addr: '10.88.0.20', port: 80 } },
        ],
      ],
      { type: 'nat', priority: -100, table: 'publish' },
    ),
  ],
];

/** Of them, by iptables on nft. */
export const byIptables = publish('iptables');
