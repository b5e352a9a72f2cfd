import { expect, test } from 'vitest';
import type { FirewallHook } from '../../src/host/state.ts';
import { hasChains, hookStep, mayDo, mayRedirect } from '../../src/model/firewall.ts';
import { chain, namespace } from './hosts.ts';

function said(hooks: readonly FirewallHook[], family: 4 | 6 = 4): string {
  const { verdict, detail } = hookStep(namespace('box', { firewallHooks: hooks }), 'input', family, 'eth0');
  return `${verdict}: ${detail}`;
}

const empty = 'passed: no firewall rule stands here';
const harmless = 'passed: the rules here let everything pass';

test.each<[string, readonly FirewallHook[], string]>([
  ['no chain', [], empty],
  ['a chain at another hook', [chain('forward', { mayDrop: true })], empty],
  ['a chain of another family', [chain('input', { family: 'ip6', mayDrop: true })], empty],
  ['a bridge chain of that hook', [chain('input', { family: 'bridge', mayDrop: true })], empty],
  ['rules that can only let pass', [chain('input')], harmless],
  ['a chain that may drop', [chain('input', { mayDrop: true })], 'unknown: rules here may drop it'],
  ['inet serves both', [chain('input', { family: 'inet', mayReject: true })], 'unknown: rules here may reject it'],
  [
    'one that may do two',
    [chain('input', { mayDrop: true, mayTranslate: true })],
    'unknown: rules here may drop, translate it',
  ],
  [
    'an unreadable rule',
    [chain('input', { mayDoUnknown: true })],
    'unknown: rules here may do what nettrace cannot read to it',
  ],
  [
    'two chains, one of them harmless',
    [chain('input'), chain('input', { mayDrop: true })],
    'unknown: rules here may drop it',
  ],
  [
    'two that may do the same',
    [chain('input', { mayDrop: true }), chain('input', { mayDrop: true })],
    'unknown: rules here may drop it',
  ],
])('%s', (_name, hooks, expected) => {
  expect(said(hooks)).toBe(expected);
});

test('IPv6 meets ip6 and inet chains', () => {
  expect(said([chain('input', { family: 'ip6', mayDrop: true })], 6)).toBe('unknown: rules here may drop it');
  expect(said([chain('input', { family: 'inet', mayDrop: true })], 6)).toBe('unknown: rules here may drop it');
  expect(said([chain('input', { mayDrop: true })], 6)).toBe(empty);
});

test('a firewall that could not be read is unknown, not absent, even where no chain is known', () => {
  const box = namespace('box', { firewallKnown: false });
  expect(hookStep(box, 'input', 4, 'eth0')).toMatchObject({
    verdict: 'unknown',
    detail: 'the firewall rules could not be read',
    quotes: [],
  });
});

test('a step quotes what decides it', () => {
  const decisive = { netns: 'box', command: 'nft', text: 'tcp dport 80 drop' };
  const quoted = (hooks: readonly FirewallHook[]): string[] =>
    hookStep(namespace('box', { firewallHooks: hooks }), 'input', 4, 'eth0').quotes.map(({ text }) => text);
  expect(quoted([])).toEqual(['table ip none']);
  expect(quoted([chain('input')])).toEqual(['chain input']);
  expect(quoted([chain('input'), chain('input', { mayDrop: true, decisiveRules: [decisive] })])).toEqual([
    decisive.text,
  ]);
});

test('chains and those that may reject are found by hook and family', () => {
  const reject = chain('input', { family: 'inet', mayReject: true });
  const box = namespace('box', {
    firewallHooks: [chain('input', { mayDrop: true }), reject, chain('output', { family: 'ip6' })],
  });
  expect([mayDo('mayReject', box, 'input', 6), mayDo('mayReject', box, 'output', 4)]).toEqual([true, false]);
  expect([mayDo('mayDrop', box, 'input', 4), mayDo('mayDrop', box, 'output', 4)]).toEqual([true, false]);
  expect([hasChains(box, 'output', 4), hasChains(box, 'output', 6)]).toEqual([false, true]);
});

test('a packet gets another destination in prerouting and output alone', () => {
  const stages = ['prerouting', 'output', 'postrouting', 'input', 'forward'] as const;
  const box = namespace('box', { firewallHooks: stages.map((hook) => chain(hook, { mayTranslate: true })) });
  expect(stages.filter((hook) => mayRedirect(box, hook, 4))).toEqual(['prerouting', 'output']);
});
