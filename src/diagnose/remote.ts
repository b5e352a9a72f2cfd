/** Causes beyond this host: the packet left as it should, and the answer came from outside. */

import { resetPacket } from '../flow/connection.ts';
import type { Cause } from './finding.ts';
import { clientText, serverText, wayText } from './words.ts';

/** The other end refused, outside of what the snapshot shows. */
export const refusedByRemote: Cause = (context) => {
  const { connection, journey, kernel } = context;
  if (connection.outcome !== 'refused' || journey?.end.kind !== 'leaves-view') return null;
  const reset = resetPacket(connection);
  const step = journey.steps.findLast(({ stage }) => stage === 'egress');
  if (reset === null || step === undefined || kernel?.resetSent != null) return null;
  const seen = reset.frames.some((frame) => {
    const point = context.evidence.interfaces[frame.interfaceIndex];
    return point?.netns === step.netns && point.device === step.device;
  });
  return {
    cause: 'refused-by-remote',
    certainty: seen ? 'observed' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: 'egress' },
    verdict: 'passed',
    detail: `left by ${step.device}; the reset came back from outside`,
    evidence: [],
    summary: `${serverText(context)} refused the connection: the reset came from outside this host, by ${step.netns}:${step.device}.`,
    explanation: [
      [`${clientText(context)} asked for ${serverText(context)}.`, wayText(context)]
        .filter((text) => text !== null)
        .join(' '),
      `${journey.end.reason[0]?.toUpperCase()}${journey.end.reason.slice(1)}, and a reset (RST) came back. Either nothing listens on port ${connection.server.port} there, or a firewall on the way answered in its name. To tell the two apart, look on that machine.`,
    ],
    fixes: [],
    alternatives: [],
  };
};
