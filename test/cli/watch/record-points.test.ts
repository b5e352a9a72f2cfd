import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/cli/errors.ts';
import { recordPoints, type WantedPoints } from '../../../src/cli/watch/record-points.ts';
import { linksOf } from '../../../src/host/parse/links-of.ts';
import { oddHost } from '../../topology/sample.ts';

const links = linksOf(oddHost);
const namespaces = [
  { name: 'host', netnsName: null },
  { name: 'web', netnsName: 'podman-web' },
  { name: 'pid:12', netnsName: null },
];

function places(wanted: Partial<WantedPoints>): string[] {
  const { points } = recordPoints({ devices: [], namespaces: [], ...wanted }, links, 'host', namespaces);
  return points.map(({ netns, device }) => `${netns}:${device}`);
}

describe('where a recording captures', () => {
  it.each<[string, Partial<WantedPoints>, readonly string[]]>([
    ['a device here', { devices: ['eth0'] }, ['host:eth0']],
    ['a device in another namespace', { devices: ['web:eth0'] }, ['web:eth0']],
    ['by the name that ip netns has', { devices: ['podman-web:eth0'] }, ['web:eth0']],
    ['one that is named twice', { devices: ['eth0', 'host:eth0'] }, ['host:eth0']],
    [
      'devices first, then what a run in a namespace would choose',
      { devices: ['eth1'], namespaces: ['web'] },
      ['host:eth1', 'web:eth0'],
    ],
  ])('%s', (_name, wanted, expected) => {
    expect(places(wanted).slice(0, expected.length)).toEqual(expected);
    expect(new Set(places(wanted)).size).toBe(places(wanted).length);
  });

  it('without a choice is where a run captures', () => {
    expect(places({})).toContain('host:podman0');
    expect(places({ namespaces: ['host'] })).toEqual(places({}));
  });

  it.each<[string, Partial<WantedPoints>, string]>([
    [
      'a device',
      { devices: ['eth7'] },
      'there is no device eth7 in the network namespace host. There are: eth0, podman0',
    ],
    [
      'a device there',
      { devices: ['web:eth7'] },
      'no device eth7 in the network namespace web. There are: eth0, spare.',
    ],
    ['a namespace', { namespaces: ['db'] }, 'there is no network namespace db. There are: host, web, pid:12.'],
    ['a namespace of a device', { devices: ['db:eth0'] }, 'there is no network namespace db.'],
    [
      'a namespace whose links are not known',
      { devices: ['pid:12:eth0'] },
      'in the network namespace pid:12. None is known.',
    ],
  ])('a wrong name of %s: which there are', (_name, wanted, message) => {
    expect(() => places(wanted)).toThrow(UserError);
    expect(() => places(wanted)).toThrow(message);
  });
});
