import { describe, expect, it } from 'vitest';
import { LiveFilters } from '../../src/cli/live-filter.ts';
import { LiveNotes } from '../../src/cli/live-notes.ts';
import { liveView } from '../../src/cli/live-view.ts';
import type { FrameNumbers } from '../../src/ui/case-view.ts';
import { nameConnections } from '../../src/ui/selection.ts';
import { reverse, tcp } from '../flow/frames.ts';
import { liveCapture } from '../live/records.ts';
import { liveSample } from '../ui/live-sample.ts';

const ends = { from: '10.0.0.2:1000', to: '10.0.0.1:80' };
const syn = tcp(ends, { flags: 'SYN', sequence: 100 });
const reset = tcp(reverse(ends), { flags: 'RST ACK', acknowledgement: 101 });
const places = [{ netns: 'web', device: 'tun0', linkType: 101 }];

function viewed() {
  const live = liveCapture();
  const filters = new LiveFilters(live.store, () => ({
    interfaces: places,
    startNs: 0n,
    connectionOf: ({ number }) => live.connections.factsOf(live.store.connectionOf(number)),
  }));
  const view = () => {
    if (liveSample.live === null) throw new Error('the sample is live');
    return liveView({
      store: live.store,
      interfaces: places,
      diagnosis: { ...liveSample.diagnosis, connections: live.connections.list(0) },
      status: liveSample.live,
      filter: (text) => filters.ask(text),
      framesOf: (connection) => live.store.framesOf(live.connections.idOf(connection) ?? -1, 0, 100),
    });
  };
  return { live, view };
}

/** A frame's numbers that a filter accepts. */
function passing(view: ReturnType<ReturnType<typeof viewed>['view']>, text: string): FrameNumbers | string {
  const answer = view.filter(text);
  return answer.ok ? answer.frames : answer.message;
}

describe('a live capture as a view', () => {
  it('reads frames when they are asked for', () => {
    const { live, view } = viewed();
    live.tell(1_500_000, [syn, reset]);
    expect(view()).toMatchObject({ firstFrame: 1, frameCount: 2 });
    expect(view().frame(2)).toMatchObject({
      number: 2,
      relativeTime: '0.001501',
      interfaceName: 'web:tun0',
      info: 'RST, ACK 10.0.0.1:80 > 10.0.0.2:1000',
    });
  });

  it('says so of a frame that had to go while it was on the screen', () => {
    const { view } = viewed();
    expect(view().frame(7)).toMatchObject({ number: 7, info: 'gone from memory: later frames needed the room' });
  });

  it('lists the frames of a connection, which keeps its name while it goes on', () => {
    const { live, view } = viewed();
    live.tell(0, [syn]);
    const [before] = nameConnections(view().diagnosis.connections);
    live.tell(1000, [reset]);
    const [after] = nameConnections(view().diagnosis.connections);
    expect(after?.id).toBe(before?.id);
    expect(after && view().framesOf(after.connection)).toEqual([1, 2]);
  });
});

describe('a filter over it', () => {
  it('takes frames as they come, and gives the same list until there are others', () => {
    const { live, view } = viewed();
    live.tell(0, [syn, reset]);
    const first = passing(view(), 'tcp.flags.reset');
    expect(first).toEqual([2]);
    live.tell(1000, [syn]);
    expect(passing(view(), 'tcp.flags.reset')).toBe(first);
    live.tell(2000, [reset]);
    expect(passing(view(), 'tcp.flags.reset')).toEqual([2, 4]);
  });

  it('asks what became of connections', () => {
    const { live, view } = viewed();
    live.tell(0, [syn, reset]);
    expect(passing(view(), 'verdict == refused')).toEqual([1, 2]);
    expect(passing(view(), 'netns == web && connection == 1')).toEqual([1, 2]);
  });

  it('that cannot be read is told where it is wrong', () => {
    const { view } = viewed();
    expect(view().filter('tcp &&')).toMatchObject({ ok: false });
  });
});

describe('notes', () => {
  it('keep what holds, and the latest of what happened, with its time', () => {
    const notes = new LiveNotes(['A holds.']);
    for (let count = 1; count <= 250; count += 1) notes.happened(`${count}`);
    notes.stand('B holds.');
    expect(notes.standing).toEqual(['A holds.', 'B holds.']);
    expect(notes.all).toHaveLength(202);
    expect(notes.all.at(2)).toMatch(/^\d\d:\d\d:\d\d 51$/);
    expect(notes.all.at(-1)).toMatch(/ 250$/);
  });
});
