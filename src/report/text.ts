/** The diagnosis as plain text: what happened, the way hop by hop, why, what proves it, what mends it. */

import {
  type ConnectionDiagnosis,
  type Diagnosis,
  type DiagnosisHead,
  type Endpoint,
  type EvidenceItem,
  type Fix,
  type Hop,
  ruleTraceEvent,
} from '../diagnose/diagnosis.ts';
import { formatEndpoint, isUnspecified } from '../inet/address.ts';
import { hopIntervals } from './duration.ts';
import { escapeAll } from './escape.ts';
import type { Lesson } from './teach.ts';
import { wrapText } from './wrap.ts';

/** How words are made to stand out; the identity where there is no colour. */
export interface Paint {
  strong(text: string): string;
  bad(text: string): string;
  good(text: string): string;
}

/** No colour at all. */
export const plainPaint: Paint = { strong: (text) => text, bad: (text) => text, good: (text) => text };

/** Prose is broken at this many columns; evidence is quoted as it is. */
const proseColumns = 88;

/** Breaks prose at its width. */
export const wrap = (text: string, indent: string): string[] => wrapText(text, indent, proseColumns);

/** `web 10.88.0.20:80 (db)`. */
export function endpointText({ address, port, netns, name }: Endpoint): string {
  // A connect() that failed before the kernel chose a source has none.
  if ((port ?? 0) === 0 && netns !== null && isUnspecified(address)) return netns;
  const place = netns === null ? '' : `${netns} `;
  return `${place}${port === null ? address : formatEndpoint(address, port)}${name === null ? '' : ` (${name})`}`;
}

function placeText({ netns, device }: Hop): string {
  if (netns === null) return device ?? '';
  return device === null ? netns : `${netns}:${device}`;
}

const endVerdicts: readonly Hop['verdict'][] = ['dropped', 'rejected', 'refused', 'failed'];

/** One line a hop: number, place, stage, verdict, time since the hop before where there are times, detail; an X where it ends. */
function hopLines(hops: readonly Hop[], paint: Paint): string[] {
  const placeWidth = Math.max(...hops.map((hop) => placeText(hop).length));
  const stageWidth = Math.max(...hops.map(({ stage }) => stage.length));
  const verdictWidth = Math.max(...hops.map(({ verdict }) => verdict.length));
  const intervals = hopIntervals(hops);
  const intervalWidth = Math.max(...intervals.map(({ length }) => length));
  return hops.map((hop, at) => {
    const ended = endVerdicts.includes(hop.verdict);
    const verdict = hop.verdict.padEnd(verdictWidth);
    const columns = [
      `${ended ? 'X' : ' '}${String(hop.index).padStart(3)}`,
      placeText(hop).padEnd(placeWidth),
      hop.stage.padEnd(stageWidth),
      ended ? paint.bad(verdict) : verdict,
      ...(intervalWidth === 0 ? [] : [intervals[at]?.padStart(intervalWidth)]),
      hop.detail,
    ];
    return `  ${columns.join('  ')}`;
  });
}

function evidenceText(item: EvidenceItem): string {
  if (item.kind === 'frame') return `frame ${item.frame}: ${item.text}`;
  if (item.kind === 'snapshot') return `${item.command} (in ${item.netns}): ${item.text}`;
  if (item.kind === 'model') return item.text;
  return item.event === ruleTraceEvent ? `the kernel's rule trace: ${item.text}` : `kernel ${item.event}: ${item.text}`;
}

/** What is known of a fix's effect. */
export function checkedText({ verified, onlyShows }: Fix): string {
  if (onlyShows) return 'this changes nothing';
  return verified ? 'checked on a model of this host' : 'not confirmed on the model';
}

/** What to do, and the commands. */
export function fixLines(fix: Fix): string[] {
  return [
    ...wrap(
      `${fix.summary} (${checkedText(fix)}; to be run ${fix.netns === 'host' ? 'on the host' : `in ${fix.netns}`})`,
      '  ',
    ),
    ...fix.commands.map((command) => `      ${command}`),
  ];
}

/** Evidence proves only what the certainty says. */
const evidenceTitles: Readonly<Record<ConnectionDiagnosis['certainty'], string>> = {
  proven: 'What proves it',
  observed: 'What shows it',
  inferred: 'What speaks for it',
};

/** A titled part behind an empty line; nothing without lines. */
export function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : ['', paint.strong(title), ...lines];
}

/**
 * The hops, in two sections where some are of the way back.
 *
 * @param alone The title where none is.
 */
export function waySections(hops: readonly Hop[], paint: Paint, alone: string): string[] {
  const lines = hopLines(hops, paint);
  const there = lines.filter((_, at) => hops[at]?.direction === 'request');
  const back = lines.slice(there.length);
  return [
    ...section(back.length === 0 ? alone : 'The way there', there, paint),
    ...section('The way back', back, paint),
  ];
}

function connectionLines(connection: Omit<ConnectionDiagnosis, 'frames'>, paint: Paint): string[] {
  const { outcome, cause, certainty, errno, hops, where } = connection;
  const ok = outcome === 'ok';
  const badge = ok ? paint.good('OK') : paint.bad(outcome.toUpperCase());
  const named = ok || cause !== null;
  const heading = [
    badge,
    cause === null ? null : paint.strong(cause),
    named ? `(${certainty})` : '(cause not settled)',
  ];
  const ended = hops.find((hop) => hop.index === where?.hop);
  const paragraphs = connection.explanation.flatMap((paragraph, index) => [
    ...(index === 0 ? [] : ['']),
    ...wrap(paragraph, '  '),
  ]);
  const rivals = connection.alternatives.flatMap((rival) => wrap(`${rival.cause}: ${rival.tellApart}`, '  '));
  return [
    heading.filter((part) => part !== null).join('  '),
    `${endpointText(connection.source)} > ${endpointText(connection.destination)}, ${connection.protocol}${errno === null ? '' : `, ${errno}`}`,
    '',
    ...wrap(connection.summary, ''),
    ...waySections(hops, paint, 'The way'),
    ...(ok ? [] : section('Why', paragraphs, paint)),
    ...section(
      evidenceTitles[certainty],
      ended === undefined ? [] : ended.evidence.map((item) => `  ${evidenceText(item)}`),
      paint,
    ),
    ...section('What mends it', connection.fixes.flatMap(fixLines), paint),
    ...section('It could also be', rivals, paint),
  ];
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

const clocks = { kernel: "the kernel's time stamps", 'user-space': 'time stamps of a program, not of the kernel' };

function timeText(seconds: string): string {
  const milliseconds = Number(seconds.split('.')[0]) * 1000 + Number(seconds.split('.')[1]?.slice(0, 3) ?? 0);
  return new Date(milliseconds).toISOString().replace('T', ' ').replace('Z', ' UTC');
}

function evidenceLines({ evidence }: DiagnosisHead): string[] {
  const frames = counted(evidence.frames, 'frame');
  const parts = [
    evidence.engine === null
      ? `${frames} of a capture that nettrace did not record`
      : `${frames} by ${evidence.engine}${evidence.clock === null ? '' : ` (${clocks[evidence.clock]}${evidence.promiscuous === true ? '; promiscuous' : ''})`}`,
    evidence.snapshot ? 'a snapshot of the host' : null,
    evidence.kernelEvents > 0 ? counted(evidence.kernelEvents, 'kernel event') : null,
  ].filter((part) => part !== null);
  const outages = evidence.linkOutages.map(
    ({ netns, device, from, to }) =>
      `${netns}:${device} was down from ${timeText(from)} ${to === null ? 'on, and had not come back by the end' : `to ${timeText(to)}`}.`,
  );
  return [
    ...wrap(`Evidence: ${parts.join(', ')}.`, ''),
    ...outages.flatMap((outage) => wrap(outage, '  ')),
    ...evidence.missing.flatMap((sentence) => wrap(`Missing: ${sentence}`, '  ')),
  ];
}

/** What the words of a report mean: a paragraph each. */
export function lessonLines(lessons: readonly Lesson[], paint: Paint): string[] {
  const paragraphs = lessons.flatMap(({ concept, text }, index) => [
    ...(index === 0 ? [] : ['']),
    `  ${paint.strong(concept)}`,
    ...wrap(text, '    '),
  ]);
  return section('What these words mean', paragraphs, paint);
}

/**
 * The whole report in pieces, with a final line feed. Everything in it that came from outside is escaped.
 *
 * @param connections Asked for one by one; their lists of frames are not looked at.
 */
export function* textReport(
  untrusted: DiagnosisHead,
  connections: Iterable<Omit<ConnectionDiagnosis, 'frames'>>,
  paint: Paint = plainPaint,
  lessons: readonly Lesson[] = [],
): Generator<string> {
  const head = escapeAll(untrusted);
  const { command } = head;
  const piece = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
  let isFirst = true;
  for (const connection of connections) {
    yield piece([...(isFirst ? [] : ['']), ...connectionLines(escapeAll(connection), paint)]);
    isFirst = false;
  }
  if (isFirst) {
    const none =
      command === null
        ? 'No TCP connection and no UDP exchange is in this capture.'
        : `${command.argv.join(' ')} made no connection that was seen (exit status ${command.exitCode ?? 'none: a signal ended it'}).`;
    yield piece(wrap(none, ''));
  }
  yield piece(['', ...evidenceLines(head), ...lessonLines(lessons, paint)]);
}

/** The report of a diagnosis that is held, as one text. */
export function formatText(
  { connections, ...head }: Diagnosis,
  paint: Paint = plainPaint,
  lessons: readonly Lesson[] = [],
): string {
  return [...textReport(head, connections, paint, lessons)].join('');
}
