/**
 * Netfilter hooks, as far as they are known without evaluating rules: a hook at which nothing can drop, reject or
 * translate passes for certain; of any other the model says that it does not know.
 */

import type { FirewallHook, NamespaceState } from '../host/state.ts';
import type { Stage, Step } from './step.ts';

/** A netfilter hook on the IP path that is a stage of its own. */
export type HookStage = Extract<Stage, 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'>;

function chainsAt(namespace: NamespaceState, hook: Stage, family: 4 | 6): FirewallHook[] {
  const own = family === 4 ? 'ip' : 'ip6';
  return namespace.firewallHooks.filter(
    (chain) => chain.hook === hook && (chain.family === own || chain.family === 'inet'),
  );
}

function mayStop(chain: FirewallHook): boolean {
  return chain.mayDrop || chain.mayReject || chain.mayTranslate || chain.mayDoUnknown;
}

function what(chain: FirewallHook): string {
  const acts = [
    chain.mayDrop ? 'drop' : null,
    chain.mayReject ? 'reject' : null,
    chain.mayTranslate ? 'translate' : null,
    chain.mayDoUnknown ? 'do what nettrace cannot read to' : null,
  ].filter((act) => act !== null);
  return acts.join(', ');
}

/** The step at a hook. `device` is the one that the hook's stage is shown at. */
export function hookStep(namespace: NamespaceState, hook: HookStage, family: 4 | 6, device: string | null): Step {
  const place = { netns: namespace.name, device, stage: hook };
  if (!namespace.firewallKnown) {
    return { ...place, verdict: 'unknown', detail: 'the firewall rules could not be read', quotes: [] };
  }
  const chains = chainsAt(namespace, hook, family);
  const deciding = chains.filter(mayStop);
  if (deciding.length === 0) {
    const detail = chains.length === 0 ? 'no firewall rule stands here' : 'the rules here let everything pass';
    const quotes = chains.length > 0 ? chains.map((chain) => chain.source) : [namespace.firewallSource];
    return { ...place, verdict: 'passed', detail, quotes: quotes.filter((quote) => quote !== null) };
  }
  return {
    ...place,
    verdict: 'unknown',
    detail: `rules here may ${[...new Set(deciding.map(what))].join(', ')} it`,
    quotes: deciding.flatMap((chain) => chain.decisiveRules),
  };
}

/** True when a chain stands at the hook, whatever is in it. */
export function hasChains(namespace: NamespaceState, hook: HookStage, family: 4 | 6): boolean {
  return chainsAt(namespace, hook, family).length > 0;
}

/** True when a rule at the hook may give the packet another destination: DNAT and REDIRECT work at these two alone. */
export function mayRedirect(namespace: NamespaceState, hook: Stage, family: 4 | 6): boolean {
  if (hook !== 'prerouting' && hook !== 'output') return false;
  return chainsAt(namespace, hook, family).some(({ mayTranslate }) => mayTranslate);
}

/** True when a rule or a policy at the hook may drop, or a rule may reject: answer with an RST or an ICMP error and drop. */
export function mayDo(act: 'mayDrop' | 'mayReject', namespace: NamespaceState, hook: Stage, family: 4 | 6): boolean {
  return chainsAt(namespace, hook, family).some((chain) => chain[act]);
}
