/** What a program would meet, by the model, in the words of a `Path` (`test/labs/rulesets/ruleset-lab.ts`). */

import { predictedOutcome } from '../../src/diagnose/predicted-outcome.ts';
import type { HostState } from '../../src/host/state.ts';
import { journey, replyJourney } from '../../src/model/journey.ts';
import type { JourneyEnd } from '../../src/model/step.ts';

/** What is not settled is told with what it turns on, so that no test takes it for an answer. */
export function whatBecomes(host: HostState, from: string, destination: string): string {
  const [address = '', port = ''] = destination.split(':');
  const packet = { protocol: 'tcp', family: 4, source: '0.0.0.0', destination: address } as const;
  const way = journey(host, { ...packet, destinationPort: Number(port) }, from);
  const back = replyJourney(host, way);
  const { outcome, errno } = predictedOutcome(way, back);
  const chosen = way.alternatives.flatMap(({ end }) => (end.kind === 'accepted' ? [end.netns] : []));
  if (way.end.kind === 'undetermined' && chosen.length > 1 && chosen.length === way.alternatives.length) {
    return chosen.toSorted().join(' or ');
  }
  const open = [
    ...way.assumptions,
    ...(back?.assumptions ?? []).map((assumption) => `on the way back, ${assumption}`),
    ...[...way.alternatives, ...(back?.alternatives ?? [])].map(({ end }) => `perhaps ${endText(end)}`),
    ...(outcome === 'unknown' ? [endText(way.end), back === null ? 'no answer' : endText(back.end)] : []),
  ];
  if (open.length > 0) return `not settled: ${open.join('; ')}`;
  if (outcome !== 'ok' || !('netns' in way.end)) return errno ?? outcome;
  const { arrived } = way;
  return `${way.end.netns} ${arrived.destination}:${arrived.destinationPort} sees ${arrived.source}`;
}

function endText(end: JourneyEnd): string {
  return 'reason' in end ? `${end.kind}: ${end.reason}` : `${end.kind} in ${end.netns}`;
}
