/** What is said of a connection that worked, or that failed for a reason nettrace cannot name. */

import { answerPacket, requestPacket, wasAnswered, wasUnheard } from '../flow/connection.ts';
import type { Context } from './context.ts';
import { errnoText } from './errno.ts';
import { frameEvidence } from './hops.ts';
import { isUnseen, silenceTells } from './silence.ts';
import { clientText, dropText, serverText, wayText } from './words.ts';

/** How far an answer came that its client did not hear. */
function answerText(context: Context): string | null {
  const frame = wasUnheard(context.connection) ? answerPacket(context.connection)?.frames.at(-1) : undefined;
  return frame === undefined ? null : `The last sight of the answer is: ${frameEvidence(context, frame).text}.`;
}

/** How far the request is known to have come, when nothing came back. */
function sightText(context: Context): string | null {
  const { connection } = context;
  if (connection.frames.length === 0) {
    const told = connection.errno === null ? '' : `; the program's connect() met ${errnoText(connection.errno)}`;
    return `No packet of it was seen at any capture point${told}.`;
  }
  const frame = wasAnswered(connection) ? undefined : requestPacket(connection)?.frames.at(-1);
  return frame === undefined ? null : `The last sight of the request is: ${frameEvidence(context, frame).text}.`;
}

/** What the kernel said of it, in its own words: the drop's reason and the error that the socket got. */
function kernelText(context: Context): string | null {
  const { kernel, connection } = context;
  const error = kernel?.socketError?.event;
  const dropped = dropText(context);
  const met =
    error?.kind === 'socket-error' && connection.frames.length > 0 && connection.errno !== null
      ? `it gave the program's socket ${errnoText(connection.errno)}`
      : null;
  const said = [dropped === null ? null : `it ${dropped}`, met].filter((text) => text !== null);
  return said.length === 0 ? null : `The kernel said that ${said.join(', and that ')}.`;
}

const outcomes: Readonly<Record<string, string>> = {
  refused: 'refused the connection',
  timeout: 'did not answer',
  reset: 'accepted the connection and then reset it',
  closed: 'accepted the connection and closed it without an answer',
  'dns-failed': 'could not find out what it was asked',
  unknown: 'was asked, and what came of it cannot be told from this evidence',
};

function failure(context: Context): string {
  const { connection } = context;
  if (isUnseen(context)) return 'was asked, and no packet of it was seen to leave';
  if (wasUnheard(connection)) return 'answered, and its answer was not heard';
  if (connection.outcome === 'timeout' && !silenceTells(context)) {
    return 'was not seen to answer; whether an answer was due, or came later, cannot be told from this evidence';
  }
  if (connection.outcome === 'unreachable') {
    const icmp = connection.errors.length > 0 ? ': an ICMP error came back' : '';
    return `could not be reached${icmp}`;
  }
  if (connection.outcome === 'timeout' && wasAnswered(connection)) {
    return 'accepted the connection, and did not answer what it was asked';
  }
  return outcomes[connection.outcome] ?? 'failed';
}

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
  const error = connection.errors[0]?.frame;
  const answered = error === undefined ? null : `An ICMP error came back: ${frameEvidence(context, error).text}.`;
  const { end, assumptions } = journey ?? { end: null, assumptions: [] };
  const reason = end !== null && 'reason' in end ? end.reason : null;
  const unsent = connection.frames.length === 0;
  const model =
    reason === null
      ? null
      : `By the state of the host ${unsent ? `the request ends here: ${reason}` : `it goes no further than this: ${reason}`}.`;
  const unsure = assumptions.map((assumption) => `Not settled on its way: ${assumption}.`);
  return {
    summary:
      unsent && reason !== null
        ? `${server} ${failure(context)}: ${reason}, by the state of the host.`
        : `${server} ${failure(context)}${connection.outcome === 'timeout' && !silenceTells(context) ? '' : '; why is not settled by this evidence'}.`,
    explanation: [
      ...[unsent ? null : way, sightText(context), answerText(context), answered, kernelText(context), model].filter(
        (text) => text !== null,
      ),
      ...unsure,
    ],
  };
}

/** The summary of a connection whose packets were not looked into. */
export function unreadText(context: Context): string {
  const { outcome } = context.connection;
  const server = serverText(context);
  if (outcome === 'ok') return `${server} answered ${clientText(context, 'a program')}.`;
  const failed = outcome === 'unreachable' ? 'could not be reached' : (outcomes[outcome] ?? 'failed');
  return `${server} ${failed}; why was not looked into.`;
}
