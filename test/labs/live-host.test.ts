/** The host behind a live capture: what of it is told, and when a look at it fails. */
import { readlinkSync } from 'node:fs';
import { execa } from 'execa';
import { expect, test, vi } from 'vitest';
import { Guard } from '../../src/capture/guard.ts';
import { LiveHost } from '../../src/cli/live/host.ts';
import * as namespaces from '../../src/host/namespaces.ts';
import { describeLab } from './available.ts';
import { containerHost } from './causes/topology.ts';
import { buildLab } from './lab.ts';
import { waitUntil } from './process.ts';

vi.mock('../../src/host/namespaces.ts', { spy: true });

/** Watches this machine, but for the namespaces that are ignored. */
class Watcher implements AsyncDisposable {
  readonly #guard = new Guard();
  readonly host: LiveHost;
  readonly notes: string[] = [];

  constructor(isIgnored: (name: string) => boolean) {
    this.host = new LiveHost(this.#guard, isIgnored, {
      changed: () => {},
      linkChanged: () => {},
      gone: () => Promise.resolve(),
      note: (text) => this.notes.push(text),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
    await this.#guard.release();
  }
}

describeLab('a host that is watched', () => {
  test('takes no cable for one that leads to a namespace out of sight, though another end fits', async () => {
    await using first = await buildLab(containerHost());
    await using second = await buildLab(containerHost());
    const watched = [first.netns('host'), second.netns('outside')];
    await using watcher = new Watcher((name) => !watched.includes(name));
    await watcher.host.begin();
    const uplink = watcher.host
      .links()
      .get(first.netns('host'))
      ?.find(({ name }) => name === 'up0');
    expect(uplink?.peer).toMatchObject({ netns: null });
  });

  test('loses a namespace in which nothing but tools of two nettraces is left', async () => {
    const inhabitant = execa('unshare', ['--net', 'sleep', '60'], { reject: false });
    const ofInhabitant = `/proc/${inhabitant.pid}/ns/net`;
    const isApart = () => readlinkSync(ofInhabitant) !== readlinkSync('/proc/self/ns/net');
    expect(await waitUntil(isApart, 5000)).toBe(true);
    const name = `pid:${inhabitant.pid}`;
    await using one = new Watcher((other) => other !== name);
    await using two = new Watcher((other) => other !== name);
    for (const { host } of [one, two]) await host.begin();
    inhabitant.kill();
    await inhabitant;
    const gone = `The network namespace ${name} is gone.`;
    expect(await waitUntil(() => [one, two].every(({ notes }) => notes.includes(gone)), 15_000)).toBe(true);
  });

  test('goes on being watched when a look at it fails, which is told once', async () => {
    await using watcher = new Watcher(() => true);
    await watcher.host.begin();
    let looks = 0;
    using _finding = vi.spyOn(namespaces, 'findNamespaces').mockImplementation(() => {
      looks += 1;
      throw new Error('EMFILE: too many open files, open');
    });
    expect(await waitUntil(() => looks >= 3, 15_000)).toBe(true);
    expect(watcher.notes).toEqual(['It could not be looked for new namespaces: too many open files (EMFILE).']);
  });
});
