import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/cli/errors.ts';
import { liveChoice } from '../../../src/cli/live/choice.ts';
import { linksOf } from '../../../src/host/parse/links-of.ts';
import { handle } from '../../capture/handles.ts';
import { oddHost } from '../../topology/sample.ts';

const links = linksOf(oddHost);
const namespaces = [handle('host', true), handle('web')];
const host = { links: () => links, namespaces };
const empty = { links: () => new Map(), namespaces };

describe('where a live capture looks', () => {
  it('is up to it when nothing is named', () => {
    expect(liveChoice({ devices: [], namespaces: [] })).toBeNull();
  });

  it('must be there at first', () => {
    const choose = liveChoice({ devices: ['eth9'], namespaces: [] });
    expect(() => choose?.(host)).toThrow(UserError);
  });

  it('may go and come back later', () => {
    const choose = liveChoice({ devices: ['eth0', 'web:eth0'], namespaces: [] });
    const places = [
      { netns: 'host', device: 'eth0' },
      { netns: 'web', device: 'eth0' },
    ];
    expect(choose?.(host)).toEqual(places);
    expect(choose?.(empty)).toEqual([]);
    expect(choose?.(host)).toEqual(places);
  });

  it('is where a run in a namespace would capture', () => {
    const points = liveChoice({ devices: [], namespaces: ['web'] })?.(host);
    expect(points?.map(({ netns, device }) => `${netns}:${device}`)).toContain('web:eth0');
  });
});
