/** The explanation: what happened, why, what mends it, what else it could be, what is not known. */

import type { ConnectionDiagnosis, Diagnosis, Fix } from '../../diagnose/diagnosis.ts';
import { checkedText } from '../../report/text.ts';
import type { Line } from '../line.ts';
import { line, plain } from '../line.ts';
import { printable, wrap } from '../text.ts';
import { badge, certaintyMarks, certaintyMeanings, endpointText } from './words.ts';

const blank = plain('');

function paragraphs(texts: readonly string[], width: number): Line[] {
  return texts.flatMap((text) => [...wrap(printable(text), width).map(plain), blank]);
}

function fixLines(fix: Fix, number: number, width: number): Line[] {
  const lines = wrap(`${number}. ${printable(fix.summary)} (${checkedText(fix)})`, width, 3).map(plain);
  if (fix.commands.length > 0) lines.push(plain(`   in ${printable(fix.netns)}:`));
  for (const command of fix.commands) {
    lines.push(...wrap(`   $ ${printable(command)}`, width, 5).map((text) => line(text, 'strong')));
  }
  return lines;
}

function heading(connection: ConnectionDiagnosis, width: number): Line[] {
  const { certainty, cause, errno, translated } = connection;
  const facts = [
    `${badge(connection.outcome)} ${certaintyMarks[certainty]}`,
    `${certainty}: ${certaintyMeanings[certainty]}.`,
    ...(cause === null ? [] : [`Cause: ${printable(cause)}.`]),
    ...(errno === null ? [] : [`The program met ${printable(errno)}.`]),
    ...(translated === null
      ? []
      : [`Translated to ${endpointText(translated.source)} > ${endpointText(translated.destination)}.`]),
  ];
  return wrap(facts.join(' '), width).map(plain);
}

function section(title: string, lines: readonly Line[]): Line[] {
  return lines.length === 0 ? [] : [line(title, 'strong'), ...lines, blank];
}

/** All rows of the explanation at this width. */
export function whyLines(diagnosis: Diagnosis, connection: ConnectionDiagnosis | null, width: number): Line[] {
  const missing = diagnosis.evidence.missing.flatMap((text) => wrap(`- ${printable(text)}`, width, 2).map(plain));
  if (!connection) return section('Evidence that is missing', missing);
  const alternatives = connection.alternatives.flatMap(({ cause, tellApart }) => [
    ...wrap(`- ${printable(cause)}. This tells them apart:`, width, 2).map(plain),
    ...wrap(`  $ ${printable(tellApart)}`, width, 4).map((text) => line(text, 'strong')),
  ]);
  const lines = [
    ...wrap(printable(connection.summary), width).map((text) => line(text, 'strong')),
    blank,
    ...section(
      'What mends it',
      connection.fixes.flatMap((fix, index) => fixLines(fix, index + 1, width)),
    ),
    ...paragraphs(connection.explanation, width),
    ...section('It could also be', alternatives),
    ...section('Evidence that is missing', missing),
    ...heading(connection, width),
  ];
  return lines;
}
