/** Which connections a front is told to have made, and how. */

import { describe, expect, it } from 'vitest';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { asEffect, upstreamsOf } from '../../src/diagnose/proxy.ts';
import type { Connection } from '../../src/flow/connection.ts';
import { host } from '../model/hosts.ts';
import { box, bridgeHost, web } from '../model/two-boxes.ts';
import { judged } from './on-host.ts';

const state = host(box(), web(), bridgeHost());
const second = 1_000_000_000n;

function connection(from: string, to: string, more: Partial<Connection>): Connection {
  return {
    protocol: 'tcp',
    family: 4,
    client: { address: from, port: 40_000 },
    server: { address: to, port: 80 },
    packets: [],
    errors: [],
    frames: [],
    beganNs: 0n,
    endedNs: 9n * second,
    translated: null,
    outcome: 'timeout',
    errno: null,
    ...more,
  };
}

const front = connection('10.88.0.10', '10.88.0.20', {});
/** What is said of the front, with the program of `web` to blame. */
const toldAs = (cause: string): ConnectionDiagnosis => ({
  ...judged(state),
  cause,
  summary: '10.88.0.20:80 took the request and did not answer.',
  where: { netns: 'web', device: 'eth0', stage: 'application', hop: null, rule: null },
});

describe('a front that waits for its upstream', () => {
  const asked = (more: Partial<Connection>): number => {
    const upstream = connection('10.88.0.20', '203.0.113.9', more);
    return upstreamsOf(
      { diagnosis: toldAs('no-response-from-application'), connection: front },
      [front, upstream],
      state,
    ).length;
  };

  it.each<[string, Partial<Connection>, number]>([
    ['that it asked at once', { beganNs: second / 10n }, 1],
    ["but not for what began later: that may be anybody's", { beganNs: 3n * second }, 0],
    ['but not for what was answered', { beganNs: second / 10n, outcome: 'ok' }, 0],
    ['but not for what another host asked', { client: { address: '10.88.0.10', port: 1 } }, 0],
  ])('is told with the one %s', (_name, more, count) => {
    expect(asked(more)).toBe(count);
  });

  it('that hangs up is told with the one that ended next to it', () => {
    const [early, late] = [1, 8].map((at) =>
      connection('10.88.0.20', '203.0.113.9', { beganNs: BigInt(at) * second, endedNs: BigInt(at) * second }),
    );
    if (early === undefined || late === undefined) throw new Error('there are two');
    const hangsUp = { diagnosis: toldAs('closed-by-application'), connection: front };
    expect(upstreamsOf(hangsUp, [front, early, late], state)).toEqual([late, early]);
  });

  it('is told as the effect, and as waiting', () => {
    const { cause, summary, explanation } = asEffect(toldAs('no-response-from-application'), judged(state));
    expect(cause).toBe('proxy-upstream-refused');
    expect(summary).toContain('did not answer, while a connection from the same place failed:');
    expect(explanation.at(-1)).toContain('has nothing to say as long as that one does not answer');
    expect(asEffect(toldAs('closed-by-application'), judged(state)).explanation.at(-1)).toContain('hangs up');
  });
});
