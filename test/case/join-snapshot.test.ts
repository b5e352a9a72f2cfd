import { describe, expect, it } from 'vitest';
import type { Case } from '../../src/case/evidence.ts';
import { interfaceName } from '../../src/case/interface-name.ts';
import { joinSnapshot } from '../../src/case/join-snapshot.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { at, listeners, packets, seen, snapshotWith } from '../diagnose/cases.ts';
import { captureOf, startNs } from '../flow/frames.ts';
import { recordedSnapshot } from '../host/sample.ts';

/** `bridgehost` has lo, br0 and v0; `container` has lo and eth0. */
const snapshot = { ...recordedSnapshot('two-namespaces'), takenNs: startNs };

function capture(...names: readonly string[]): Case {
  const interfaces = names.map((device) => ({ netns: null, device, linkType: 1 }));
  return { ...captureOf([packets.syn]), interfaces };
}

/** The interfaces' names and what is missing, or why the two were not joined. */
function joined(evidence: Case, its = snapshot): string[] {
  const result = joinSnapshot(evidence, its);
  if ('problem' in result) return [result.problem];
  return [...result.evidence.interfaces.map(interfaceName), ...(result.evidence.snapshot?.missing ?? [])];
}

describe('where a capture was made', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['at a device that one namespace has', ['br0'], ['bridgehost:br0']],
    ['at a device of a namespace that is named', ['container:lo'], ['container:lo']],
    ['at several', ['eth0', 'v0'], ['container:eth0', 'bridgehost:v0']],
    [
      'at one that is known, among others',
      ['br0', 'lo', '', 'wlan0', 'wlan0'],
      [
        'bridgehost:br0',
        'lo',
        '',
        'wlan0',
        'wlan0',
        'Not known where it was captured: lo (of bridgehost and container), an interface without a name and wlan0 (the snapshot has none).',
      ],
    ],
    [
      'at a device that several have',
      ['lo'],
      ['the snapshot is not used: the capture is of lo (of bridgehost and container)'],
    ],
    ['at no name', [''], ['the snapshot is not used: the capture is of an interface without a name']],
    ['nowhere', [], ['the snapshot is not used: the capture is of no interface']],
    [
      'at a device of a namespace that has it not',
      ['container:br0'],
      ['the snapshot is not used: the capture is of container:br0 (the snapshot has none)'],
    ],
  ])('%s', (_name, names, told) => {
    expect(joined(capture(...names))).toEqual(told);
  });

  it('a place that the case knows is not replaced by another', () => {
    const evidence = capture('eth0', 'br0');
    const interfaces = evidence.interfaces.map((point) => ({ ...point, netns: 'gone' }));
    expect(joined({ ...evidence, interfaces })).toEqual([
      'the snapshot is not used: the capture is of gone:eth0 (the snapshot has none) and gone:br0 (the snapshot has none)',
    ]);
  });
});

describe('a snapshot of another time is said to be one', () => {
  const second = 1_000_000_000n;
  it.each<[string, bigint, readonly string[]]>([
    ['a minute later', 60n * second, []],
    ['two minutes later', 120n * second, ['2 minutes after the last frame']],
    ['an hour later', 3600n * second, ['1 hour after the last frame']],
    ['three days earlier', -3n * 86_400n * second, ['3 days before the first frame']],
  ])('%s', (_name, apart, told) => {
    const [, ...missing] = joined(capture('br0'), { ...snapshot, takenNs: startNs + apart });
    expect(missing).toEqual(told.map((when) => `The snapshot was taken ${when}: the host may have been another then.`));
  });
});

it('the state explains what the frames show', () => {
  const sights = [...seen(packets.syn, [at.bridge]), ...seen(packets.reset, [at.bridge], 60_000n)];
  const result = joinSnapshot(captureOf(sights), { ...snapshotWith(listeners.loopback), takenNs: startNs });
  const [connection] = 'evidence' in result ? diagnose(result.evidence).connections : [];
  expect(connection).toMatchObject({
    outcome: 'refused',
    cause: 'listener-on-other-address',
    certainty: 'observed',
    where: { netns: 'host', device: 'podman0', stage: 'socket' },
  });
});
