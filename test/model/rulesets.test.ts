/** Whole hosts with the rule sets of real tools; `test/labs/rulesets.test.ts` asks the kernel the same. */
import { describe, expect, test } from 'vitest';
import { rulesetLabs } from '../labs/rulesets/all.ts';
import { declaredHost } from './declared-host.ts';
import { ruleset } from './netfilter/tables.ts';
import { whatBecomes } from './what-becomes.ts';

describe.each(rulesetLabs)('$name', ({ name, rules, spec, paths }) => {
  const tables = ruleset(rules.endsWith('.nft') ? `${rules}.json` : rules);

  // Without it Kubernetes does not work: kube-proxy asks for it.
  const settings = name.startsWith('kube-proxy') ? (['1'] as const) : (['0', '1'] as const);

  describe.each(settings)('with net.bridge.bridge-nf-call-iptables = %s', (bridgeNetfilter) => {
    const host = declaredHost(spec, { host: tables }, bridgeNetfilter);

    test.each(paths)('%s asks %s: %s', (from, destination, expected) => {
      expect(whatBecomes(host, from, destination)).toBe(expected);
    });
  });
});
