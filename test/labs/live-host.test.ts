/** The host behind a live capture, when a look at it fails. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Guard } from '../../src/capture/guard.ts';
import { LiveHost } from '../../src/cli/live/host.ts';
import { describeLab } from './available.ts';
import { waitUntil } from './process.ts';

describeLab('a host that is watched', () => {
  test('goes on being watched when a look at it fails, which is told once', async () => {
    const guard = new Guard();
    const notes: string[] = [];
    let looks = 0;
    const host = new LiveHost(guard, () => true, {
      changed: () => {},
      linkChanged: () => {},
      gone: () => Promise.resolve(),
      note: (text) => notes.push(text),
      ownPids() {
        looks += 1;
        throw new Error('EMFILE: too many open files, open');
      },
    });
    await host.begin();
    expect(await waitUntil(() => looks >= 3, 15_000)).toBe(true);
    await delay(0);
    await host.stop();
    await guard.release();
    expect(notes).toEqual(['It could not be looked for new namespaces: too many open files (EMFILE).']);
  });
});
