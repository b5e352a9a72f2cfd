/** Documents that reports are tried on: the outage, and one in which every text is hostile. */

import { diagnose } from '../../src/diagnose/diagnose.ts';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { at, caseOf, listeners, noSocketLines, packets, seen, snapshotWith } from '../diagnose/cases.ts';

const sights = [...seen(packets.syn, [at.container]), ...seen(packets.reset, [at.container], 60_000n)];

/** A container is refused by a port that an ssh tunnel holds on the host's loopback address. */
export const outage: Diagnosis = diagnose(
  caseOf({
    sights,
    snapshot: snapshotWith(listeners.loopback, null, [
      { pid: 812, argv: ['ssh', '-N', '-L', '19001:localhost:80', 'backend'] },
    ]),
    kernel: noSocketLines,
  }),
);

/** What a terminal would act on: clear the screen, turn the text around, hide, break the line. */
export const hostile = '\u001b[2J\u202eevil\u200b\n\u009b31m\u{e0041}';

const words = [
  'schema',
  'protocol',
  'outcome',
  'certainty',
  'kind',
  'stage',
  'verdict',
  'direction',
  'engine',
  'clock',
  'time',
];

/** The same document with that in every text that comes from outside; the words of nettrace's own stay. */
export const hostileOutage: Diagnosis = JSON.parse(JSON.stringify(outage), (key, value: unknown) =>
  typeof value === 'string' && !words.includes(key) ? `${value}${hostile}` : value,
);
