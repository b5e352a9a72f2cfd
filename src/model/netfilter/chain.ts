/** The walk through the chains of one table: jumps, returns and policies, with every way that the packet may take. */

import { type RuleChain, tableOfChain } from '../../host/netfilter.ts';
import { runRule, type Step, type Walk } from './rule.ts';
import { mergeOutcomes, mergeStates, type Outcome, type RuleReference, referTo, type State } from './state.ts';

/** Ways that are followed side by side before the model gives up. */
const mostWays = 16;

/** The kernel's own bound on jumps inside jumps (NFT_JUMP_STACK_SIZE). */
const deepestJump = 16;

/** Rules that are run over one packet at one hook: far more than any host has, unless chains multiply. */
const mostRules = 200_000;

/** Rules that one packet matches at one hook. */
const longestTrail = 1000;

/** Ends are merged whenever there are as many. */
const mostEnds = 64;

/** What is left of the work that one evaluation may do. */
export class Budget {
  #rules = mostRules;

  /** False when nothing is left. */
  spend(): boolean {
    this.#rules -= 1;
    return this.#rules >= 0;
  }

  /** Leaves nothing. */
  exhaust(): void {
    this.#rules = 0;
  }
}

/** A packet that left a base chain: by a verdict, by translation, or by an end. */
interface Leaving {
  accepted: State[];
  ended: Outcome[];
}

/** What becomes of a packet in a chain. */
interface Passage {
  /** Came to the end, or was sent back. */
  readonly returned: State[];
}

/** The end of a way. */
export function outcomeOf(state: State, ending: Outcome['ending']): Outcome {
  return { ...state, ending };
}

/** Walks one base chain. */
class ChainWalk {
  readonly leaving: Leaving = { accepted: [], ended: [] };
  readonly #walk: Walk;
  readonly #budget: Budget;

  constructor(walk: Walk, budget: Budget) {
    this.#walk = walk;
    this.#budget = budget;
  }

  /** `callers` are the chains that this one was called from. */
  chain(chain: RuleChain, states: readonly State[], callers: readonly string[]): Passage {
    const walk = { ...this.#walk, table: tableOfChain(this.#walk.table, chain) };
    const returned: State[] = [];
    let current = [...states];
    for (const rule of chain.rules) {
      if (current.length === 0) break;
      const next: State[] = [];
      const calls = new Map<string, State[]>();
      for (const state of current) {
        if (state.trail.length > longestTrail || !this.#budget.spend()) {
          this.#give(state, null, 'the rules are too many for the model');
          continue;
        }
        for (const step of runRule(walk, chain, rule, state)) {
          this.#follow(step, { next, returned, calls }, [...callers, chain.name]);
        }
      }
      for (const [key, called] of calls) this.#call(key, called, [...callers, chain.name], { next, returned });
      current = this.#bounded(next);
    }
    return { returned: this.#bounded([...returned, ...current]) };
  }

  #follow(
    { state, verdict, reference }: Step,
    { next, returned, calls }: { next: State[]; returned: State[]; calls: Map<string, State[]> },
    callers: readonly string[],
  ): void {
    switch (verdict.kind) {
      case 'next':
      case 'continue':
        next.push(state);
        return;
      case 'return':
        returned.push(state);
        return;
      case 'accept':
      case 'translated':
        this.#accept({ ...state, passed: [...state.passed, reference] });
        return;
      case 'drop':
      case 'queue':
        this.#stop(outcomeOf(state, { kind: verdict.kind, by: reference }));
        return;
      case 'reject':
        this.#stop(outcomeOf(state, { kind: 'reject', by: reference, with: verdict.with }));
        return;
      case 'jump':
      case 'goto': {
        // The kernel takes no chains that call each other in a circle.
        const isCircle = callers.includes(verdict.chain);
        if (isCircle || callers.length > deepestJump || !this.#walk.table.chains.has(verdict.chain)) {
          this.#give(state, reference, `the chain ${verdict.chain} cannot be followed`);
          return;
        }
        const key = `${verdict.kind} ${verdict.chain}`;
        const called = calls.get(key);
        if (called === undefined) calls.set(key, [state]);
        else called.push(state);
        return;
      }
      case 'unknown':
      default:
        this.#give(state, reference, verdict.text);
    }
  }

  /** Into another chain; `goto` comes back to where this one was called from. */
  #call(
    key: string,
    states: readonly State[],
    callers: readonly string[],
    to: { next: State[]; returned: State[] },
  ): void {
    const space = key.indexOf(' ');
    const chain = this.#walk.table.chains.get(key.slice(space + 1));
    if (chain === undefined) return;
    const { returned } = this.chain(chain, this.#bounded(states), callers);
    (key.startsWith('goto ') ? to.returned : to.next).push(...returned);
  }

  #accept(state: State): void {
    this.leaving.accepted.push(state);
    if (this.leaving.accepted.length >= mostEnds) this.leaving.accepted = this.#bounded(this.leaving.accepted);
  }

  #stop(outcome: Outcome): void {
    this.leaving.ended.push(outcome);
    if (this.leaving.ended.length < mostEnds) return;
    this.leaving.ended = mergeOutcomes(this.leaving.ended);
    // As many ends that differ are as good as none that is known.
    if (this.leaving.ended.length >= mostEnds / 2) this.#budget.exhaust();
  }

  #give(state: State, by: RuleReference | null, reason: string): void {
    this.#stop(outcomeOf(state, { kind: 'unknown', by, reason }));
  }

  #bounded(states: readonly State[]): State[] {
    const merged = mergeStates(states);
    if (merged.length <= mostWays) return merged;
    const [first] = merged;
    if (first !== undefined) {
      const state = { ...first, assumptions: [] };
      this.#give(state, null, `the packet may take more than ${mostWays} ways through the rules`);
    }
    return [];
  }
}

/** A base chain and the packets that come to it: those that pass on, and the ends of the others. */
export function walkBaseChain(walk: Walk, chain: RuleChain, states: readonly State[], budget: Budget): Leaving {
  const chainWalk = new ChainWalk(walk, budget);
  const { returned } = chainWalk.chain(chain, states, []);
  const { accepted, ended } = chainWalk.leaving;
  const policy = referTo(walk.table, chain, null);
  for (const state of returned) {
    if (chain.base?.policy === 'drop') ended.push(outcomeOf(state, { kind: 'drop', by: policy }));
    else accepted.push({ ...state, passed: [...state.passed, policy] });
  }
  return { accepted: mergeStates(accepted), ended: mergeOutcomes(ended) };
}
