/** A prediction as plain text: the way there and back, a line a step, what stands in the way, and what was assumed. */

import type { ConnectionDiagnosis, Diagnosis, Prediction } from '../diagnose/diagnosis.ts';
import { escapeAll } from './escape.ts';
import type { Lesson } from './teach.ts';
import { endpointText, fixLines, lessonLines, type Paint, plainPaint, section, waySections, wrap } from './text.ts';

function kernelLines(kernelRoute: Prediction['kernelRoute']): string[] {
  if (kernelRoute === null) return [];
  const { command, text, disagreements } = kernelRoute;
  return [
    ...wrap(disagreements.length === 0 ? 'It agrees.' : `It does not agree: ${disagreements.join('; ')}.`, '  '),
    `  ${command}: ${text}`,
  ];
}

function outcomeText(outcome: ConnectionDiagnosis['outcome'], paint: Paint): string {
  if (outcome === 'unknown') return paint.strong('NOT SETTLED');
  return outcome === 'ok' ? paint.good('OK') : paint.bad(outcome.toUpperCase());
}

function connectionLines(connection: ConnectionDiagnosis, paint: Paint): string[] {
  const { protocol, source, destination, outcome, cause, certainty, hops, prediction, fixes, alternatives } =
    connection;
  const verdict = [outcomeText(outcome, paint), ...(cause === null ? [] : [paint.strong(cause), `(${certainty})`])];
  return [
    `${protocol} from ${endpointText(source)} to ${endpointText(destination)}: no packet was sent`,
    ...waySections(hops, paint, 'The way there'),
    '',
    verdict.join('  '),
    ...wrap(connection.summary, ''),
    ...section('What mends it', fixes.flatMap(fixLines), paint),
    ...section(
      'It could also be',
      alternatives.flatMap((rival) => wrap(`${rival.cause}: ${rival.tellApart}`, '  ')),
      paint,
    ),
    ...section(
      'What the model does not know',
      (prediction?.assumptions ?? []).flatMap((sentence) => wrap(`${sentence}.`, '  ')),
      paint,
    ),
    ...section("The kernel's own look-up", kernelLines(prediction?.kernelRoute ?? null), paint),
  ];
}

/** The whole text, with a final line feed. Everything in it that came from outside is escaped. */
export function formatPath(untrusted: Diagnosis, paint: Paint = plainPaint, lessons: readonly Lesson[] = []): string {
  const { connections, evidence } = escapeAll(untrusted);
  const missing = evidence.missing.flatMap((sentence) => wrap(`Missing: ${sentence}`, '  '));
  const lines = connections.flatMap((connection) => connectionLines(connection, paint));
  const taught = lessonLines(lessons, paint);
  return `${[...lines, ...(missing.length === 0 ? [] : ['', ...missing]), ...taught].join('\n')}\n`;
}
