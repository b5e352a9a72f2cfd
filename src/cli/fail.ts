/** `--fail`: a status for scripts, of commands that explain. */

import type { Diagnosis, Outcome } from '../diagnose/diagnosis.ts';

/** The exit status when a connection failed. */
export const failureStatus = 3;

/** What is not known to have failed counts as no failure. */
const noFailures: readonly Outcome[] = ['ok', 'unknown'];

/** True when one of the connections failed. */
export function hasFailed({ connections }: Diagnosis): boolean {
  return connections.some(({ outcome }) => !noFailures.includes(outcome));
}
