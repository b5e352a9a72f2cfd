/** What this host gives, as plain text: a verdict, then each thing with what its lack costs and how to get it. */

import { type DoctorReport, type Finding, type Subject, verdict } from '../doctor/findings.ts';
import { escapeAll } from './escape.ts';
import { wrapText } from './wrap.ts';

const columns = 80;

const titles: Readonly<Record<Subject, string>> = {
  privileges: 'Privileges',
  capture: 'Capture engines',
  tools: 'Tools',
  kernel: 'Kernel',
  namespaces: 'Namespaces',
  containers: 'Containers',
};

const stateWords: Readonly<Record<Finding['state'], string>> = { ok: 'ok', lacking: 'LACKING', unused: '-' };
const stateWidth = Math.max(...Object.values(stateWords).map((word) => word.length));

function findingLines({ name, state, detail, costs, remedy }: Finding, nameWidth: number): string[] {
  const head = `  ${stateWords[state].padEnd(stateWidth)}  ${name.padEnd(nameWidth)}  `;
  const [first = '', ...rest] = wrapText(detail, ' '.repeat(head.length), columns);
  const indent = ' '.repeat(stateWidth + 4);
  return [
    head + first.trimStart(),
    ...rest,
    ...(costs === null ? [] : wrapText(costs, indent, columns)),
    ...(remedy === null ? [] : wrapText(`To get it: ${remedy}`, indent, columns)),
  ];
}

/** The whole text, with a final line feed; escaped. */
export function formatDoctor(untrusted: DoctorReport): string {
  const report = escapeAll(untrusted);
  const nameWidth = Math.max(...report.findings.map(({ name }) => name.length));
  const subjects = [...new Set(report.findings.map(({ subject }) => subject))];
  const sections = subjects.flatMap((subject) => [
    '',
    titles[subject],
    ...report.findings.filter((one) => one.subject === subject).flatMap((one) => findingLines(one, nameWidth)),
  ]);
  return `${[...wrapText(verdict(report), '', columns), ...sections].join('\n')}\n`;
}
