import { describe, expect, it, test } from 'vitest';
import { captureFilter, sessionFilter } from '../../src/cli/capture-filter.ts';
import { matchesAny } from '../../src/cli/globs.ts';
import { programIsThere } from '../../src/host/environment.ts';

describe('the SSH session in use as a filter', () => {
  it.each([
    ['IPv4', '192.0.2.7 50022 192.0.2.1 22', '(host 192.0.2.7 and host 192.0.2.1 and tcp port 50022 and tcp port 22)'],
    [
      'IPv6 of a link',
      'fe80::7%eth0 1 fe80::1%eth0 22',
      '(host fe80::7 and host fe80::1 and tcp port 1 and tcp port 22)',
    ],
    ['a name', 'client 1 server 22', null],
    ['a port that is more', '192.0.2.7 1) 192.0.2.1 22', null],
    ['something else', 'x', null],
    ['nothing', '', null],
  ])('%s', (_name, connection, expected) => {
    expect(sessionFilter(connection)).toBe(expected);
  });
});

describe('a capture filter', () => {
  it('is taken as it is, and said', async () => {
    const { expression, notes } = await captureFilter('tcp port 80 or arp', true);
    expect(expression).toBe('(tcp port 80 or arp)');
    expect(notes).toEqual(['Only what the capture filter accepts is captured: tcp port 80 or arp']);
  });

  it('is none without a wish', async () => {
    expect(await captureFilter(undefined, true)).toEqual({ expression: null, notes: [] });
  });

  it.runIf(programIsThere('tcpdump'))('that does not compile is told in the words of libpcap', async () => {
    await expect(captureFilter('tcp port', true)).rejects.toThrow(
      /^the capture filter tcp port cannot be used: .*can't parse filter expression: syntax error; see man pcap-filter$/,
    );
  });
});

test.each([
  ['web*', 'web-1', true],
  ['web*', 'a-web', false],
  ['pid:?', 'pid:7', true],
  ['pid:?', 'pid:77', false],
  ['a.b', 'axb', false],
  ['[ab]', 'a', false],
  ['[ab]', '[ab]', true],
])('the glob %s and the name %s', (glob, name, expected) => {
  expect(matchesAny(['never', glob])(name)).toBe(expected);
});
