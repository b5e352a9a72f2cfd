/** Causes of name look-ups: what the resolver said, or that it said nothing. */

import { fromClient } from '../flow/connection.ts';
import { dnsPort } from '../flow/dns-table.ts';
import { fieldValue, numberOf, valuesOf } from '../wire/fields.ts';
import type { Layer } from '../wire/layer.ts';
import type { Context } from './context.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { layerOf } from './payload.ts';
import { silenceTells } from './silence.ts';
import { askedText, joinWords, ownerText, serverText } from './words.ts';

/** One message of the exchange, with the frame that first carried it. */
interface Message {
  readonly layer: Layer;
  readonly evidence: Finding['evidence'];
  readonly name: string;
  readonly answer: boolean;
}

function messagesOf(context: Context): Message[] {
  const { connection } = context;
  if (connection.server.port !== dnsPort) return [];
  return connection.packets.flatMap((packet) => {
    const layer = layerOf(context, packet, 'dns');
    const [frame] = packet.frames;
    const name = layer === null ? null : fieldValue(layer, 'dns.qry.name');
    if (layer === null || frame === undefined || name === null) return [];
    return [
      { layer, evidence: [frameEvidence(context, frame)], name: String(name), answer: !fromClient(connection, packet) },
    ];
  });
}

/** By response code, RFC 1035 section 4.1.1. */
const failures: Readonly<Record<number, { readonly cause: string; readonly said: string; readonly meaning: string }>> =
  {
    2: {
      cause: 'dns-servfail',
      said: 'that it failed (SERVFAIL)',
      meaning:
        'The resolver could not find out: the servers that it asks do not answer it, or what they say does not hold (DNSSEC).',
    },
    3: {
      cause: 'dns-nxdomain',
      said: 'that there is no such name (NXDOMAIN)',
      meaning:
        'The name is not known there: it is misspelt, or known to another resolver only. (Of a name that was tried with a suffix of the search list first, that alone is no fault.)',
    },
    5: {
      cause: 'dns-refused',
      said: 'that it refuses to say (REFUSED)',
      meaning: 'The resolver does not serve whoever asks from there, or not for this name.',
    },
  };

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function rcodeOf({ layer }: Message): number {
  return numberOf(layer, 'dns.flags.rcode') ?? 0;
}

/** The resolver answered with an error for every name that was asked. */
export const dnsError: Cause = (context) => {
  const answers = messagesOf(context).filter(({ answer }) => answer);
  const [first] = answers;
  if (first === undefined || answers.some((message) => rcodeOf(message) === 0)) return null;
  const failure = failures[rcodeOf(first)];
  if (failure === undefined) return null;
  const alike = answers.filter((message) => rcodeOf(message) === rcodeOf(first));
  const names = joinWords(unique(alike.map(({ name }) => name)));
  return {
    cause: failure.cause,
    outcome: 'dns-failed',
    certainty: 'observed',
    where: { netns: null, device: null, stage: 'application' },
    verdict: 'failed',
    detail: `asked for ${names}, the resolver said ${failure.said}`,
    evidence: first.evidence,
    summary: `The resolver ${serverText(context)}, asked for ${names}, said ${failure.said}.`,
    explanation: [
      askedText(context),
      `It was asked for ${names} and answered ${failure.said}. ${failure.meaning} The network carried question and answer.`,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** What may have become of the question: it was seen to come to a program that listens for it, or nobody knows how far it came. */
function fateText(context: Context): string {
  const { journey, connection } = context;
  const last = journey?.steps.at(-1);
  const listener = journey?.end.kind === 'accepted' ? journey.end.listener : null;
  const sent = connection.packets.flatMap(({ frames }) => frames);
  if (last === undefined || listener === null || framesAt(context, sent, last).length === 0) {
    return 'Either the question or the answer was lost on the way, or no resolver serves that address.';
  }
  return `The question was seen at ${last.netns}:${last.device}, and ${ownerText(listener)} listens there: it has not read the question, or is busy with it, or waits for another resolver.`;
}

/** The resolver never answered. Where something is known to have stopped the question, that is the cause and this its effect. */
export const dnsTimeout: Cause = (context) => {
  const messages = messagesOf(context);
  if (context.connection.outcome !== 'timeout' || messages.length === 0 || !silenceTells(context)) return null;
  if (messages.some(({ answer }) => answer)) return null;
  const names = joinWords(unique(messages.flatMap(({ layer }) => valuesOf(layer, 'dns.qry.name').map(String))));
  return {
    cause: 'dns-timeout',
    outcome: 'dns-failed',
    certainty: 'observed',
    where: { netns: null, device: null, stage: 'application' },
    verdict: 'failed',
    detail: `asked for ${names}, the resolver did not answer`,
    evidence: messages[0]?.evidence ?? [],
    summary: `The resolver ${serverText(context)} did not answer when it was asked for ${names}.`,
    explanation: [
      askedText(context),
      `It was asked for ${names} ${messages.length === 1 ? 'once' : `${messages.length} times`}, and nothing came back: no answer and no ICMP error. ${fateText(context)}`,
    ],
    fixes: [],
    alternatives: [],
  };
};
