/** `nettrace doctor`: what this host gives, and how to get what is missing. */

import { collectFacts } from '../doctor/collect.ts';
import { examine } from '../doctor/findings.ts';
import { formatDoctor } from '../report/doctor.ts';
import { formatJson } from '../report/json.ts';

/** The command line's options. */
export interface DoctorOptions {
  readonly json?: true;
}

/** Writes what was found; resolves to the exit status, 1 when `nettrace run` would not work here. */
export async function doctor(options: DoctorOptions): Promise<number> {
  const report = examine(await collectFacts());
  process.stdout.write(options.json ? formatJson(report) : formatDoctor(report));
  return report.canRun ? 0 : 1;
}
