/**
 * Random rule sets for a host of a random network: filters with policies, translations, marks, notrack, in the words of
 * nft and of iptables, both kinds. Every answer that they ask of the model is determined by the snapshot.
 */
import type { Random } from './random.ts';
import { randomIptables } from './random-iptables.ts';
import { randomNft } from './random-nft.ts';
import type { RuleSet, Surroundings } from './rule-place.ts';

/** The rule sets of a host, to be loaded in this order. */
export function randomFirewall(random: Random, at: Surroundings): readonly RuleSet[] {
  const tool = random.pick(['nft', 'nft', 'iptables', 'legacy', 'both'] as const);
  if (tool === 'nft') return [randomNft(random, at)];
  const legacy = tool === 'legacy';
  const sets = [randomIptables(random, at, 4, legacy)];
  if (random.chance(0.25)) sets.push(randomIptables(random, at, 6, legacy));
  return tool === 'both' && random.chance(0.4) ? [...sets, randomNft(random, at)] : sets;
}
