/**
 * Whether a namespace tracks connections at all. The kernel does so from the first rule on that needs it
 * (nf_ct_netns_get); without, no packet has a connection, and the NAT core lets everything pass unasked.
 */

import type { Expression, Operand, RuleTable } from '../../host/netfilter.ts';

function readsConnection(operand: Operand): boolean {
  switch (operand.kind) {
    case 'field':
      return operand.name.startsWith('ct ');
    case 'operation':
      return readsConnection(operand.left) || readsConnection(operand.right);
    case 'map':
      return operand.key.some(readsConnection);
    case 'constant':
    case 'fib':
    case 'reverse-path':
    case 'one-of':
    case 'unknown':
    default:
      return false;
  }
}

/** What is not understood may need it: it is taken to, as nearly every host has rules that do. */
function needsConnection(expression: Expression): boolean {
  switch (expression.kind) {
    case 'match':
    case 'verdict-map':
      return expression.key.some(readsConnection);
    case 'set':
      return expression.field.startsWith('ct ') || readsConnection(expression.value);
    case 'translate':
    case 'maybe':
      return true;
    case 'verdict':
      return expression.verdict.kind === 'unknown';
    // What is to be left alone needs none (`xt_ct_tg_check`), and the fields of these are of headers.
    case 'notrack':
    case 'merged':
    default:
      return false;
  }
}

/** True when one of the tables has a rule that needs connections. */
export function tracksConnections(tables: readonly RuleTable[]): boolean {
  return tables.some((table) =>
    [...table.chains.values()].some(({ rules }) => rules.some(({ expressions }) => expressions.some(needsConnection))),
  );
}
