import { assert, constantFrom, dictionary, json, oneof, property, string } from 'fast-check';
import { expect, it } from 'vitest';
import { parseRouteGet } from '../../../src/host/parse/route-get.ts';

const away =
  '[{"dst":"10.10.1.1","gateway":"10.9.0.254","dev":"d0","prefsrc":"10.9.0.1","flags":[],"uid":0,"cache":[]}]';

it.each<[string, string, object | null]>([
  [
    'by a gateway',
    away,
    {
      kind: 'route',
      type: 'unicast',
      device: 'd0',
      gateway: '10.9.0.254',
      source: '10.9.0.1',
      text: '10.10.1.1 via 10.9.0.254 dev d0 src 10.9.0.1',
    },
  ],
  [
    'by a gateway of the other family',
    '[{"dst":"10.15.0.1","via":{"family":"inet6","host":"fd00:9::77"},"dev":"d0","prefsrc":"10.9.0.1","flags":[]}]',
    {
      kind: 'route',
      type: 'unicast',
      device: 'd0',
      gateway: 'fd00:9::77',
      source: '10.9.0.1',
      text: '10.15.0.1 via inet6 fd00:9::77 dev d0 src 10.9.0.1',
    },
  ],
  [
    'to itself',
    '[{"type":"local","dst":"fd00:9::1","from":"::","dev":"lo","table":"local","prefsrc":"fd00:9::1","flags":[]}]',
    {
      kind: 'route',
      type: 'local',
      device: 'lo',
      gateway: null,
      source: 'fd00:9::1',
      text: 'local fd00:9::1 from :: dev lo table local src fd00:9::1',
    },
  ],
  [
    'from a source that was named, which IPv4 does not repeat',
    '[{"dst":"10.10.1.1","from":"10.9.0.1","gateway":"10.9.0.254","dev":"d0","flags":[],"uid":0,"cache":[]}]',
    {
      kind: 'route',
      type: 'unicast',
      device: 'd0',
      gateway: '10.9.0.254',
      source: null,
      text: '10.10.1.1 from 10.9.0.1 via 10.9.0.254 dev d0',
    },
  ],
  [
    'no route',
    'failed: RTNETLINK answers: Network is unreachable',
    { kind: 'error', errno: 'ENETUNREACH', text: 'Network is unreachable' },
  ],
  [
    'a prohibited one',
    'RTNETLINK answers: Permission denied\n',
    { kind: 'error', errno: 'EACCES', text: 'Permission denied' },
  ],
  ['an error that is none of a look-up', 'RTNETLINK answers: Operation not permitted', null],
  ['a tool that is not there', 'is not installed', null],
  ['nothing', '', null],
  ['a route without a device', '[{"dst":"10.0.0.1"}]', null],
  ['no array', '{"dev":"d0"}', null],
])('%s', (_name, printed, read) => {
  expect(parseRouteGet(printed)).toEqual(read);
});

it('takes anything, and makes a route only of what names a device', () => {
  const keys = constantFrom('dev', 'dst', 'gateway', 'via', 'prefsrc', 'type', 'flags', 'metrics', 'nexthops');
  const record = dictionary(
    keys,
    oneof(
      json().map((text): unknown => JSON.parse(text)),
      string(),
    ),
  );
  const printed = oneof(
    string(),
    json(),
    record.map((one) => JSON.stringify([one])),
  );
  assert(
    property(printed, (text) => {
      const read = parseRouteGet(text);
      if (read?.kind === 'route') expect(text).toContain('dev');
      else if (read !== null) expect(text).toContain('RTNETLINK');
    }),
  );
});
