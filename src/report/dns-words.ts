/** What resolvers were asked and what they said, for a line of the connection table and for JSON. */

import type { DnsExchange } from '../flow/dns-exchange.ts';
import { decodeDns } from '../wire/dns.ts';
import { responseCodes } from '../wire/dns-numbers.ts';
import { dnsAnswers, dnsQuestions, dnsResponseCode } from '../wire/dns-summary.ts';
import { fieldValue } from '../wire/fields.ts';
import type { Layer } from '../wire/layer.ts';
import { escapeText } from './escape.ts';

/** Exchanges that a line has room for; a count stands for the others. */
const mostShown = 4;

/** An exchange in words; names are raw. */
export interface ToldExchange {
  /** `A www.example.org`; null when neither message was kept, or its question cannot be read. */
  readonly question: { readonly type: string; readonly name: string } | null;
  /** `NXDOMAIN`; null without an answer. */
  readonly rcode: string | null;
  /** `A 10.0.0.1`, `10.0.0.2`: records of the type of the one before have none of their own. */
  readonly answers: readonly string[];
  /** The resolver cut its answer, to be asked again in a stream. */
  readonly isTruncated: boolean;
}

function layerOf(message: Uint8Array | null): Layer | null {
  // A message that was cut is read as far as it is here.
  return message && decodeDns(message, 0, message.length, { limitedBy: 'frame', incomplete: true }).layer;
}

/** Reads an exchange's messages. */
export function tellExchange({ question, answer, rcode }: DnsExchange): ToldExchange {
  const [asked, answered] = [layerOf(question), layerOf(answer)];
  const [first] = [asked, answered].flatMap((layer) => (layer === null ? [] : dnsQuestions(layer)));
  const code = answered === null ? rcode : dnsResponseCode(answered);
  return {
    question: first ?? null,
    rcode: code === null ? null : (responseCodes.get(code) ?? `rcode ${code}`),
    answers: answered === null ? [] : dnsAnswers(answered),
    isTruncated: answered !== null && fieldValue(answered, 'dns.flags.truncated') === true,
  };
}

function exchangeText(exchange: DnsExchange, durationText: (ns: number) => string): string {
  const { question, rcode, answers, isTruncated } = tellExchange(exchange);
  const { asked, responseNs } = exchange;
  const what = question === null ? '?' : `${question.type} ${escapeText(question.name)}`;
  const times = asked > 1 ? `, asked ${asked} times` : '';
  if (rcode === null) return `${what}: no answer${times}`;
  const records = answers.length > 0 ? escapeText(answers.join(', ')) : isTruncated ? 'truncated' : 'NODATA';
  const took = responseNs === null ? '' : ` in ${durationText(responseNs)}`;
  return `${what}: ${rcode === 'NOERROR' ? records : rcode}${took}${times}`;
}

/** `A www.example.org: A 10.0.0.1 in 1.2 ms; AAAA www.example.org: no answer, asked 2 times`, escaped. */
export function dnsWords(exchanges: readonly DnsExchange[], durationText: (ns: number) => string): string {
  const shown = exchanges.slice(0, mostShown).map((exchange) => exchangeText(exchange, durationText));
  const others = exchanges.length > mostShown ? [`${exchanges.length - mostShown} more`] : [];
  return [...shown, ...others].join('; ');
}
