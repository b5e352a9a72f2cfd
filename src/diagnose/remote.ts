/** Causes beyond this host: the packet left as it should, and the answer came from outside. */

import { resetPacket } from '../flow/connection.ts';
import type { Cause } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { clientText, proofAdvice, serverText, wayText } from './words.ts';

/** A clause at the front of a sentence; one that begins with an address (`fe80::1`) is left as it is. */
function capitalised(text: string): string {
  return /^[a-z]+ /.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
}

/** The other end refused, outside of what the snapshot shows. */
export const refusedByRemote: Cause = (context) => {
  const { connection, journey, kernel } = context;
  if (connection.outcome !== 'refused' || journey?.end.kind !== 'leaves-view') return null;
  const reset = resetPacket(connection);
  const step = journey.steps.findLast(({ stage }) => stage === 'egress');
  if (reset === null || step === undefined || (kernel?.resetSent ?? null) !== null) return null;
  const [seen] = framesAt(context, reset.frames, step);
  const shown = seen ?? reset.frames[0];
  const last = `${step.netns}:${step.device}`;
  return {
    cause: 'refused-by-remote',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: { netns: step.netns, device: step.device, stage: 'remote' },
    verdict: 'refused',
    detail: `a reset (RST) came back from beyond ${last}`,
    evidence: shown === undefined ? [] : [frameEvidence(context, shown)],
    summary: `${serverText(context)} refused the connection: the reset came from beyond ${last}, where this host's view ends.`,
    explanation: [
      [`${clientText(context)} asked for ${serverText(context)}.`, wayText(context)]
        .filter((text) => text !== null)
        .join(' '),
      `${capitalised(journey.end.reason)}, and a reset (RST) came back, which a program reports as "connection refused". ${seen === undefined ? `Nothing was captured at ${last}, so that it came from there is what the state of this host says. ` : ''}Either nothing listens on port ${connection.server.port} of that machine, or a firewall there or on the way answered in its name. To tell the two apart, look on that machine.`,
    ],
    fixes: [],
    alternatives:
      seen === undefined && journey.assumptions.length > 0 && !context.kernelComplete
        ? [
            {
              cause: 'firewall-reject',
              tellApart: `${proofAdvice(context)}: the kernel then says NETFILTER_DROP when a rule of this host did it`,
            },
          ]
        : [],
  };
};
