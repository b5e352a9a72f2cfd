import { expect, test } from 'vitest';
import { wantedPlaces } from '../../../src/cli/live/places.ts';

const point = (place: string) => ({ netns: place.split(':')[0] ?? '', device: place.split(':')[1] ?? '' });

test.each<[string, readonly string[], Readonly<Record<string, boolean>>, readonly string[]]>([
  ['what was chosen', ['a:eth0'], {}, ['a:eth0']],
  ['not what was switched off', ['a:eth0', 'b:eth0'], { 'a:eth0': false }, ['b:eth0']],
  ['what was switched on and is there, again too', ['a:eth0'], { 'b:lo': true }, ['a:eth0', 'b:lo']],
  ['not what was switched on and has gone', ['a:eth0'], { 'c:lo': true }, ['a:eth0']],
  ['what was chosen and switched on, once', ['a:eth0'], { 'a:eth0': true }, ['a:eth0']],
])('it is captured at %s', (_name, chosen, switched, wanted) => {
  const there = ['a:lo', 'a:eth0', 'b:lo', 'b:eth0'].map(point);
  const points = wantedPlaces(chosen.map(point), there, new Map(Object.entries(switched)));
  expect(points.map(({ netns, device }) => `${netns}:${device}`)).toEqual(wanted);
});
