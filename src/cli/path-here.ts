/** `nettrace path` on this host; apart, because collecting takes modules that a saved snapshot does not need. */

import type { Question } from '../diagnose/predict.ts';
import { collectSnapshot } from '../host/collect.ts';
import { parseSnapshot } from '../host/parse/parse-snapshot.ts';
import { askForRoute, type RouteGetResult } from '../host/route-get.ts';
import { namespacesInSight } from './namespace-choice.ts';
import { type Asked, settle, startOf, stateOf } from './path-question.ts';
import { openNamespaces } from './snapshot.ts';

function unasked(result: RouteGetResult): string[] {
  return 'failure' in result
    ? [`The kernel was not asked for its own look-up, to check the model by it: ip route get ${result.failure}.`]
    : [];
}

/**
 * Takes the state of this host, and asks its kernel for the same look-up. Throws a UserError when it cannot be asked.
 */
export async function questionHere(asked: Asked): Promise<Question> {
  using set = await openNamespaces();
  const start = startOf(set.namespaces, asked.netns);
  const inSight = namespacesInSight(set.namespaces, start, asked.ignoreNetns);
  const collected = await collectSnapshot(inSight, { missing: set.missing });
  const host = parseSnapshot(collected);
  const { packet, name } = settle(asked, stateOf(host, start.name));
  const answered = await askForRoute(start, {
    ...packet,
    destinationPort: asked.destination.port,
    source: asked.from ?? null,
    device: asked.destination.device,
  });
  const snapshot = { ...collected, missing: [...collected.missing, ...unasked(answered)] };
  const kernelRoute = 'failure' in answered ? null : answered;
  return { snapshot, host, netns: start.name, packet, name, kernelRoute };
}
