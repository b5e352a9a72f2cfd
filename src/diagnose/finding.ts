/** What a cause says when it fits. */

import type { RuleReference } from '../model/netfilter/state.ts';
import type { Context } from './context.ts';
import type { Certainty, EvidenceItem, Fix, Outcome, RuleName, Stage, StepVerdict } from './diagnosis.ts';

/** A cause that fits the evidence. */
export interface Finding {
  /** An id of docs/causes/. */
  readonly cause: string;
  readonly certainty: Certainty;
  /** What the program met, where what was said above TCP or UDP tells more than these do. */
  readonly outcome?: Outcome;
  readonly where: { readonly netns: string | null; readonly device: string | null; readonly stage: Stage };
  /** The rule that stopped it. */
  readonly rule?: RuleReference;
  /** Who names that rule. */
  readonly namedBy?: RuleName['namedBy'];
  /** The answer ended there, not the request. */
  readonly direction?: 'reply';
  /** What became of the packet there, where the evidence says other than the model. */
  readonly verdict: StepVerdict;
  readonly detail: string;
  /** What proves it beyond what the hop already carries. */
  readonly evidence: readonly EvidenceItem[];
  readonly summary: string;
  readonly explanation: readonly string[];
  readonly fixes: readonly Fix[];
  readonly alternatives: readonly { readonly cause: string; readonly tellApart: string }[];
}

/** One cause: looks at the context, and says whether it fits. */
export type Cause = (context: Context) => Finding | null;
