import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CaseReader } from '../../../src/capfile/case-file.ts';
import { LiveFilters } from '../../../src/cli/live/filter.ts';
import { LiveNotes } from '../../../src/cli/live/notes.ts';
import { LiveStreams } from '../../../src/cli/live/streams.ts';
import { liveView } from '../../../src/cli/live/view.ts';
import { FramesOfConnection } from '../../../src/live/frames-of-connection.ts';
import { lineText } from '../../../src/report/stream.ts';
import type { FrameNumbers, StreamAnswer } from '../../../src/ui/case-view.ts';
import { nameConnections } from '../../../src/ui/selection.ts';
import { reverse, tcp } from '../../flow/frames.ts';
import { liveCapture } from '../../live/records.ts';
import { liveSample } from '../../ui/live-sample.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-live-view-'));
afterAll(() => rmSync(directory, { recursive: true }));

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
  const streams = new LiveStreams(live.store, places);
  const framesOf = new FramesOfConnection(live.store);
  const view = () => {
    if (liveSample.live === null) throw new Error('the sample is live');
    return liveView({
      store: live.store,
      interfaces: places,
      diagnosis: { ...liveSample.diagnosis, connections: live.connections.list(0) },
      status: liveSample.live,
      filters,
      streams,
      framesOf,
      idOf: (connection) => live.connections.idOf(connection),
      sightsOf: (id) => live.connections.sightsOf(id),
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

describe('a view that is held while the capture goes on', () => {
  it('has the frames and the answers of its moment', () => {
    const { live, view } = viewed();
    live.tell(0, [syn]);
    const held = view();
    const [connection] = held.diagnosis.connections;
    if (connection === undefined) throw new Error('there is no connection');
    live.tell(1000, [reset]);
    expect(view().framesOf(connection)).toEqual([1, 2]);
    expect(held.framesOf(connection)).toEqual([1]);
    expect(passing(view(), 'tcp')).toEqual([1, 2]);
    const answer = held.filter('tcp');
    expect(answer).toMatchObject({ ok: true, frames: [1] });
    live.tell(2000, [syn]);
    expect(held.filter('tcp')).toBe(answer);
    expect(held.frameCount).toBe(1);
  });
});

describe('the stream of a frame', () => {
  const question = tcp(ends, { flags: 'PSH ACK', sequence: 101, text: 'GET /' });
  const more = tcp(ends, { flags: 'PSH ACK', sequence: 106, text: ' HTTP' });
  const linesOf = (answer: StreamAnswer): string[] => (answer.ok ? answer.lines('text', 80).map(lineText) : []);

  it('goes on with its connection, and stays the same object while that says nothing', () => {
    const { live, view } = viewed();
    live.tell(0, [syn, question]);
    const before = view().follow(1);
    expect(linesOf(before)).toEqual(['> GET /']);
    live.tell(1000, [tcp({ from: '10.0.0.2:2000', to: '10.0.0.1:80' }, { flags: 'SYN' })]);
    expect(view().follow(1)).toBe(before);
    const held = view();
    live.tell(2000, [more]);
    expect(held.follow(1)).toBe(before);
    expect(linesOf(view().follow(1))).toEqual(['> GET / HTTP']);
  });

  it('is none of a frame that belongs to no connection', () => {
    const { view } = viewed();
    expect(view().follow(9)).toMatchObject({ ok: false });
  });
});

describe('frames that are written', () => {
  it('are those of the view, read one by one', async () => {
    const { live, view } = viewed();
    live.tell(
      0,
      Array.from({ length: 4500 }, () => syn),
    );
    const held = view();
    const path = join(directory, 'all');
    const writing = held.write({ frames: null, path, overwrite: false });
    live.tell(1_000_000_000, [reset]);
    expect(await writing).toEqual({ kind: 'written', frames: 4500 });
    const reader = new CaseReader();
    reader.push(readFileSync(path));
    const written = reader.end();
    expect(written?.interfaces).toEqual(places);
    expect(written?.frames.at(-1)).toMatchObject({ number: 4500, originalLength: 40 });
    expect(await held.write({ frames: [1, 99_999], path, overwrite: false })).toEqual({ kind: 'exists' });
    expect(await held.write({ frames: [1, 99_999], path, overwrite: true })).toEqual({ kind: 'written', frames: 1 });
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
