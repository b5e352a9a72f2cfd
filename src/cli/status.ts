/** Exit statuses; apart, because the command line needs them before it knows what else to load. */

import { type Diagnosis, isFailure } from '../diagnose/diagnosis.ts';

/** Of `run`, whose status is the command's: nettrace itself failed or was called wrongly, as env(1), timeout(1) and nohup(1) have it. */
export const ownFailureStatus = 125;

/** With `--fail`: a connection failed. */
export const failureStatus = 3;

/** True when one of the connections failed. */
export function hasFailed({ connections }: Pick<Diagnosis, 'connections'>): boolean {
  return connections.some(({ outcome }) => isFailure(outcome));
}
