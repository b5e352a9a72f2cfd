import { describe, expect, it } from 'vitest';
import type { Case } from '../../src/case/evidence.ts';
import { at, caseOf, listeners, noSocketLines, onlyConnection, packets, seen, snapshotWith } from './cases.ts';

/** A refused connection whose SYN was seen at these points, 10 µs apart, and whose frames have this clock. */
function refused(points: readonly number[], clock: 'kernel' | 'user-space' | null = 'kernel'): Case {
  const sights = [...seen(packets.syn, points), ...seen(packets.reset, [at.container], 60_000n)];
  const evidence = caseOf({ sights, snapshot: snapshotWith(listeners.loopback), kernel: noSocketLines });
  return { ...evidence, session: evidence.session && clock && { ...evidence.session, clock } };
}

/** The hops that have a time, and those times since the first frame, in microseconds. */
function times(evidence: Case): string[] {
  const startNs = evidence.frames[0]?.timeNs ?? 0n;
  return onlyConnection(evidence).hops.flatMap(({ netns, device, stage, time }) =>
    time === null ? [] : [`${netns}:${device} ${stage} ${(BigInt(time.replace('.', '')) - startNs) / 1000n}`],
  );
}

describe('the time of a hop', () => {
  it('is that of the frame which shows the request there', () => {
    expect(times(refused([at.container, at.port, at.bridge]))).toEqual([
      'portainer:eth0 egress 0',
      'host:veth0 bridge 10',
      'host:podman0 ingress 20',
    ]);
  });

  it('is the first one of a packet that came by twice', () => {
    expect(times(refused([at.container, at.port, at.port]))).toContain('host:veth0 bridge 10');
  });

  it('is left open where nobody looked', () => {
    expect(times(refused([at.container, at.bridge]))).toEqual(['portainer:eth0 egress 0', 'host:podman0 ingress 10']);
  });

  it.each(['user-space', null] as const)('is left open by a clock that cannot tell: %s', (clock) => {
    expect(times(refused([at.container, at.port, at.bridge], clock))).toEqual([]);
  });
});
