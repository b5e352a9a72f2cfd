import { expect, test } from 'vitest';
import type { Case, Session } from '../../../src/case/evidence.ts';
import { LiveExplainer } from '../../../src/cli/live/explainer.ts';
import { LiveNotes } from '../../../src/cli/live/notes.ts';
import { diagnose } from '../../../src/diagnose/diagnose.ts';
import type { Diagnosis } from '../../../src/diagnose/diagnosis.ts';
import { reverse, tcp } from '../../flow/frames.ts';
import { liveCapture } from '../../live/records.ts';

const later = 2_000_000_000;
const session: Session = {
  engine: 'tcpdump',
  clock: 'kernel',
  promiscuous: false,
  command: null,
  kernelEvents: false,
  kernelEventsLost: 0,
  linkOutages: [],
  framesDropped: [],
  missing: [],
};
const snapshot = { takenNs: 0n, namespaces: [], processes: [], missing: [] };

/** Three refused connections, and what is explained of them by a diagnoser that may fail. */
async function explained(diagnoseOne: (evidence: Case) => Diagnosis, refresh = () => Promise.resolve()) {
  const live = liveCapture();
  for (const port of [1, 2, 3]) {
    const ends = { from: `10.0.0.2:${port}`, to: '10.0.0.1:80' };
    live.tell(port * 1000, [
      tcp(ends, { flags: 'SYN', sequence: 100, id: port }),
      tcp(reverse(ends), { flags: 'RST ACK', acknowledgement: 101 }),
    ]);
  }
  const notes = new LiveNotes([]);
  const explainer = new LiveExplainer({
    store: live.store,
    connections: live.connections,
    host: { snapshot, mayRefresh: true, refresh },
    kernel: { between: () => ({ lines: [], isComplete: false }) },
    diagnoser: {
      diagnose: (evidence) => Promise.resolve().then(() => diagnoseOne(evidence)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    notes,
    session: () => session,
    interfaces: () => [{ netns: 'web', device: 'tun0', linkType: 101 }],
  });
  await explainer.explainDue(later);
  const list = live.connections.list(later);
  return { list, notes: notes.all.map((note) => note.slice(9)), isBusy: explainer.isBusy };
}

test('one that cannot be explained takes no other with it, and says so', async () => {
  const { list, notes, isBusy } = await explained((evidence) => {
    if (evidence.frames.some(({ number }) => number === 3)) throw new Error('it broke');
    return diagnose(evidence);
  });
  expect(list.map(({ explanation }) => explanation.length > 0)).toEqual([true, false, true]);
  expect(list[1]?.summary).toMatch(/^It failed \(refused\); why could not be worked out\./);
  expect(notes).toEqual(['A connection could not be explained: it broke.']);
  expect(isBusy).toBe(false);
});

test('a host whose state cannot be collected again is taken as it was', async () => {
  const { list, notes } = await explained(diagnose, () => Promise.reject(new Error('no room')));
  expect(list.every(({ explanation }) => explanation.length > 0)).toBe(true);
  expect(notes).toEqual(['The state of the host could not be collected again: no room.']);
});
