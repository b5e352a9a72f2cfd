import { expect, test } from 'vitest';
import { lookUpRoute } from '../../src/model/routing.ts';
import { link, loopback, namespace, rule } from './hosts.ts';

const links = [loopback(), link('eth0', { addresses: ['10.88.0.10', 'fd00:88::10'] })];

/** The text of the route, or what there is instead. */
function found(routes: readonly string[], destination: string, rules?: readonly string[]): string {
  const family = destination.includes(':') ? 6 : 4;
  const own = rules === undefined ? {} : { rules: rules.map((text) => rule(text, family)) };
  const result = lookUpRoute(namespace('box', { links, routes, ...own }), destination, family);
  return result.kind === 'route'
    ? result.route.source.text
    : result.kind === 'none'
      ? 'none'
      : `unknown: ${result.reason}`;
}

const usual = ['default via 10.88.0.1 dev eth0', '10.88.0.0/16 dev eth0', '10.88.7.0/24 via 10.88.0.7 dev eth0'];

test.each([
  ['the longest prefix', usual, '10.88.7.1', '10.88.7.0/24 via 10.88.0.7 dev eth0'],
  ['the order of the list says nothing', usual.toReversed(), '10.88.7.1', '10.88.7.0/24 via 10.88.0.7 dev eth0'],
  ['a shorter one beside it', usual, '10.88.8.1', '10.88.0.0/16 dev eth0'],
  ['the default route', usual, '192.0.2.1', 'default via 10.88.0.1 dev eth0'],
  ['the local table first', [...usual, '10.88.0.10/32 dev eth1'], '10.88.0.10', 'local 10.88.0.10 dev eth0'],
  ['no IPv4 route serves IPv6', usual, 'fd00:1::1', 'none'],
  ['IPv6', ['default via fd00:88::1 dev eth0', 'fd00:88::/64 dev eth0'], 'fd00:88::2', 'fd00:88::/64 dev eth0'],
  ['nothing at all', [], '192.0.2.1', 'none'],
  [
    'the lowest metric',
    ['default via 10.88.0.1 dev eth0 metric 200', 'default via 10.88.0.2 dev eth0 metric 100'],
    '192.0.2.1',
    'default via 10.88.0.2 dev eth0 metric 100',
  ],
  [
    'a longer prefix beats a lower metric',
    ['default via 10.88.0.1 dev eth0', '192.0.2.0/24 via 10.88.0.2 dev eth0 metric 9000'],
    '192.0.2.1',
    '192.0.2.0/24 via 10.88.0.2 dev eth0 metric 9000',
  ],
  [
    'two of one kind: the first added wins',
    ['10.9.0.0/16 dev eth0', '10.9.0.0/16 dev eth1'],
    '10.9.0.1',
    '10.9.0.0/16 dev eth0',
  ],
  ['blackhole is a route', ['blackhole 192.0.2.0/24', usual[0] ?? ''], '192.0.2.1', 'blackhole 192.0.2.0/24'],
  ['throw leaves the table', ['throw 192.0.2.0/24', usual[0] ?? ''], '192.0.2.1', 'none'],
])('%s', (_name, routes, destination, expected) => {
  expect(found(routes, destination)).toBe(expected);
});

const local = '0: from all lookup 255';
const main = '32766: from all lookup 254';
const marked = '5: from all fwmark 0x1 lookup 100';
const inTable = 'default via 10.88.0.9 dev eth0 table 100';

test.each([
  ['rules go by priority', ['5: from all lookup 100', main, local], [...usual, inTable], inTable],
  ['an earlier table without a match is passed over', [local, '5: from all lookup 7', main], usual, usual[0]],
  [
    'throw goes on with the next rule',
    [local, '5: from all lookup 100', main],
    ['throw 192.0.2.0/24 table 100', ...usual],
    usual[0],
  ],
  ['no rule leads to main', [local], usual, 'none'],
  [
    'a selector that the model does not read',
    [local, marked, main],
    [...usual, inTable],
    `unknown: the rule "${marked}" has a selector or action that the model does not evaluate`,
  ],
  [
    'one that leads to the only route there is',
    [local, marked],
    [inTable],
    `unknown: the rule "${marked}" has a selector or action that the model does not evaluate`,
  ],
  ['one whose table has no answer does not matter', [local, marked, main], usual, usual[0]],
  [
    'one that gives the same answer does not matter',
    [local, '5: from all fwmark 0x1 lookup 254', main],
    usual,
    usual[0],
  ],
  [
    'one behind the answer does not matter',
    [local, main, '40000: from all fwmark 0x1 lookup 100'],
    [...usual, inTable],
    usual[0],
  ],
  [
    'an action',
    [local, '5: from all prohibit', main],
    usual,
    'unknown: the rule "5: from all prohibit" has a selector or action that the model does not evaluate',
  ],
  ['no rules were read', [], usual, 'unknown: the snapshot has no routing rules of IPv4'],
])('%s', (_name, rules, routes, expected) => {
  expect(found(routes, '192.0.2.1', rules)).toBe(expected);
});

test.each([
  ['default nexthop via 10.88.0.1 dev eth0 nexthop via 10.88.0.2 dev eth0', 'has several next hops'],
  ['unknown 192.0.2.0/24 dev eth0', 'is of a kind that the model does not know'],
  ['192.0.2.0/24 via 10.88.0.1', 'is of a kind that the model does not know'],
])('%s: not known', (text, reason) => {
  expect(found([text], '192.0.2.1')).toBe(`unknown: the route "${text}" ${reason}`);
});
