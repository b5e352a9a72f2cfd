/** What is said of a connection that worked, or that failed for a reason nettrace cannot name. */

import { requestPacket } from '../flow/connection.ts';
import type { Context } from './context.ts';
import { frameEvidence } from './hops.ts';
import { clientText, serverText, wayText } from './words.ts';

function lastSight(context: Context): string | null {
  const frame = requestPacket(context.connection)?.frames.at(-1);
  return frame === undefined ? null : frameEvidence(context, frame).text;
}

const outcomes: Readonly<Record<string, string>> = {
  refused: 'refused the connection',
  unreachable: 'could not be reached: an ICMP error came back',
  timeout: 'did not answer',
  reset: 'accepted the connection and then reset it',
  closed: 'accepted the connection and closed it without an answer',
  unknown: 'was asked, and what came of it cannot be told from these frames',
};

/** The summary and explanation without a named cause. */
export function unnamedText(context: Context): { readonly summary: string; readonly explanation: readonly string[] } {
  const { connection, journey } = context;
  const server = serverText(context);
  const way = wayText(context, connection.outcome === 'ok' ? 'The packet' : 'By the state of the host, the packet');
  if (connection.outcome === 'ok') {
    return {
      summary: `${server} answered ${clientText(context, 'a program')}.`,
      explanation: way === null ? [] : [way],
    };
  }
  const sight = lastSight(context);
  const error = connection.errors[0]?.frame;
  const answered = error === undefined ? [] : [`An ICMP error came back: ${frameEvidence(context, error).text}.`];
  const seen = sight === null ? [] : [`The last sight of the request is: ${sight}.`];
  const { end, assumptions } = journey ?? { end: null, assumptions: [] };
  const model =
    end === null || !('reason' in end) ? [] : [`By the state of the host it goes no further than this: ${end.reason}.`];
  const unsure = assumptions.map((assumption) => `Not settled on its way: ${assumption}.`);
  return {
    summary: `${server} ${outcomes[connection.outcome] ?? outcomes['unknown']}; why is not settled by this evidence.`,
    explanation: [...(way === null ? [] : [way]), ...seen, ...answered, ...model, ...unsure],
  };
}
