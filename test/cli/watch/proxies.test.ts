import { expect, test } from 'vitest';
import { proxiesOf } from '../../../src/cli/watch/proxies.ts';

test.each([
  ['http://proxy.example:3128', 'proxy.example', 3128],
  ['http://proxy.example:3128/', 'proxy.example', 3128],
  ['proxy:8080', 'proxy', 8080],
  ['10.0.0.5', '10.0.0.5', null],
  ['http://[fd00::5]:3128', 'fd00::5', 3128],
  ['socks5h://127.0.0.1:9050', '127.0.0.1', 9050],
  [' http://proxy:80 ', 'proxy', 80],
  ['http://me:secret@proxy:3128', 'proxy', 3128],
])('http_proxy=%s', (value, host, port) => {
  expect(proxiesOf({ http_proxy: value })).toEqual([{ variable: 'http_proxy', host, port }]);
});

test.each(['', ' ', 'http://', 'not a proxy', 'http://a b:1', 'http://proxy:3128/path'])(
  'http_proxy=%j names none',
  (value) => {
    expect(proxiesOf({ http_proxy: value })).toEqual([]);
  },
);

test('each variable is told, in the order in which curl asks for them', () => {
  const environment = { no_proxy: 'web', ALL_PROXY: 'b:2', https_proxy: 'a:1', PATH: '/bin' };
  expect(proxiesOf(environment).map(({ variable }) => variable)).toEqual(['https_proxy', 'ALL_PROXY']);
});
