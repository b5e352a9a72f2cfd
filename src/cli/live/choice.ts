/** Where a live capture looks when the command line names places. */

import type { PointName } from '../../capture/points.ts';
import { UserError } from '../errors.ts';
import { recordPoints, type WantedPoints } from '../watch/record-points.ts';
import type { LiveHost } from './host.ts';

/** The part of a host that a choice is made of. */
type ChoosableHost = Pick<LiveHost, 'links' | 'namespaces'>;

/**
 * Chooses each time that the host has changed; null when no place is named. At first everything that is named must be
 * there: else a UserError says what is. Later what is gone is passed over, until it comes again.
 */
export function liveChoice({
  devices,
  namespaces,
}: WantedPoints): ((host: ChoosableHost) => readonly PointName[]) | null {
  if (devices.length === 0 && namespaces.length === 0) return null;
  let isFirst = true;
  return (host) => {
    const links = host.links();
    const start = host.namespaces.find(({ own }) => own)?.name ?? '';
    const points = (wanted: WantedPoints): readonly PointName[] => {
      try {
        return recordPoints(wanted, links, start, host.namespaces).points;
      } catch (error) {
        if (isFirst || !(error instanceof UserError)) throw error;
        return [];
      }
    };
    const chosen = [
      ...devices.flatMap((device) => points({ devices: [device], namespaces: [] })),
      ...namespaces.flatMap((name) => points({ devices: [], namespaces: [name] })),
    ];
    isFirst = false;
    return chosen;
  };
}
