/** Whole hosts with the rule sets of real tools; `test/labs/rulesets.test.ts` asks the kernel the same. */
import { describe, expect, test } from 'vitest';
import { rulesetLabs } from '../labs/rulesets/all.ts';
import { pathsWithout } from '../labs/rulesets/ruleset-lab.ts';
import { declaredHost } from './declared-host.ts';
import { ruleset } from './netfilter/tables.ts';
import { whatBecomes } from './what-becomes.ts';

describe.each(rulesetLabs)('$name', (lab) => {
  const tables = ruleset(lab.rules.endsWith('.nft') ? `${lab.rules}.json` : lab.rules);

  test.each(lab.paths)('%s asks %s: %s', (from, destination, expected) => {
    expect(whatBecomes(declaredHost(lab.spec, { host: tables }, '1'), from, destination)).toBe(expected);
  });

  test.skipIf(lab.withoutBridgeNetfilter === null).each(pathsWithout(lab))(
    'without br_netfilter, %s asks %s: %s',
    (from, destination, expected) => {
      expect(whatBecomes(declaredHost(lab.spec, { host: tables }, '0'), from, destination)).toBe(expected);
    },
  );
});
