/** The host behind a live capture, when a look at it fails. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Guard } from '../../src/capture/guard.ts';
import { LiveHost } from '../../src/cli/live/host.ts';
import { describeLab } from './available.ts';
import { containerHost } from './causes/topology.ts';
import { buildLab } from './lab.ts';
import { waitUntil } from './process.ts';

describeLab('a host that is watched', () => {
  test('takes no cable for one that leads to a namespace out of sight, though another end fits', async () => {
    await using first = await buildLab(containerHost());
    await using second = await buildLab(containerHost());
    const watched = [first.netns('host'), second.netns('outside')];
    const guard = new Guard();
    const host = new LiveHost(guard, (name) => !watched.includes(name), {
      changed: () => {},
      linkChanged: () => {},
      gone: () => Promise.resolve(),
      note: () => {},
      ownPids: () => [],
    });
    await host.begin();
    const uplink = host
      .links()
      .get(first.netns('host'))
      ?.find(({ name }) => name === 'up0');
    await host.stop();
    await guard.release();
    expect(uplink?.peer).toMatchObject({ netns: null });
  });

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
