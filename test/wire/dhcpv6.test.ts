import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { carried, counted, domainName, join, number, read, shown, text, udp, values } from './payloads.ts';

function message(...parts: (string | Uint8Array)[]): Dissection {
  return read(udp(546, 547, join(...parts)));
}

function option(code: number, ...value: (string | Uint8Array)[]): Uint8Array {
  return join(number(code, 2), counted(2, ...value));
}

const ends = '10.0.0.1:546 > 10.0.0.2:547';
const client = option(1, '0001 0001 2a000000 02420a580005');
const address = 'fd000000000000000000000000000005';

test('a request for addresses', () => {
  const found = message(
    '01 9a0006',
    client,
    option(3, '00000001 00000000 00000000'),
    option(6, '0017 0018'),
    option(8, '0064'),
  );
  expect(found.error).toBeNull();
  const names = [
    'msgtype',
    'xid',
    'duid.type',
    'duidllt.link_layer_addr',
    'iaid',
    'requested_option_code',
    'elapsed_time',
  ];
  expect(values(found, 'dhcpv6', names)).toEqual([1, 0x9a0006, 1, '02:42:0a:58:00:05', '00000001', [23, 24], 1000]);
  expect(shown(found, 'dhcpv6.requested_option_code')).toBe('DNS servers (23)');
  expect(summarize(found)).toBe(`DHCPv6 Solicit 0x9a0006 ${ends}`);
});

test('options in options', () => {
  const leased = option(5, address, '00000e10 00001c20', option(13, '0000', text('fine')));
  const delegated = option(26, '00000e10 00001c20 38', address);
  const found = message(
    '07 9a0006',
    option(3, '00000001 00000e10 00001c20', leased),
    option(25, '00000002 00000000 00000000', delegated),
  );
  expect(found.error).toBeNull();
  const names = [
    'iaaddr.ip',
    'iaaddr.pref_lifetime',
    'iaaddr.valid_lifetime',
    'status_code',
    'status_msg',
    'iaprefix.pref_len',
  ];
  expect(values(found, 'dhcpv6', names)).toEqual(['fd00::5', 3600, 7200, 0, 'fine', 56]);
  expect(values(found, 'dhcpv6', ['iaprefix.pref_addr', 'iaid'])).toEqual(['fd00::5', ['00000001', '00000002']]);
  expect(summarize(found)).toBe(`DHCPv6 Reply 0x9a0006 fd00::5 ${ends}`);
});

test.each([
  ['DNS servers', option(23, address, address), { dns_server: ['fd00::5', 'fd00::5'] }],
  [
    'search domains',
    option(24, domainName('lab.example.org'), domainName('org')),
    { search_list_entry: ['lab.example.org', 'org'] },
  ],
  ['a client name', option(39, '01', domainName('box')), { client_domain: 'box' }],
  ['a preference', option(7, 'ff'), { option_preference: 255 }],
  [
    'an identifier of a UUID',
    option(2, '0004', '11'.repeat(16)),
    { 'duid.type': 4, 'duid.bytes': `0004${'11'.repeat(16)}` },
  ],
  ['an option without a decoder', option(999, 'ab'), { 'option.type': 999, 'option.length': 1 }],
])('%s', (_name, bytes, expected) => {
  const found = message('07 000001', bytes);
  expect(found.error).toBeNull();
  expect(values(found, 'dhcpv6', Object.keys(expected))).toEqual(Object.values(expected));
});

test('a refusal is said', () => {
  const found = message('07 000001', option(13, '0002'));
  expect(summarize(found)).toBe(`DHCPv6 Reply 0x000001 NoAddrsAvail ${ends}`);
});

test('messages that relay agents carry', () => {
  const found = message('0c 00', address, address, option(9, '01 000001', client), option(18, text('eth0')));
  expect(values(found, 'dhcpv6', ['msgtype', 'hopcount', 'linkaddr', 'xid', 'interface_id'])).toEqual([
    [12, 1],
    0,
    'fd00::5',
    1,
    '65746830',
  ]);
  expect(summarize(found)).toBe(`DHCPv6 Relay-forward Solicit 0x000001 ${ends}`);
});

test('relays of relays have an end', () => {
  let bytes = join('01 000001');
  for (let depth = 0; depth < 200; depth++) bytes = join('0c 00', address, address, option(9, bytes));
  expect(values(message(bytes), 'dhcpv6', ['msgtype'])[0]).toHaveLength(13);
});

describe('damaged messages', () => {
  test.each([
    ['an option beyond the message', ['01 000001', '0001 00ff 00'], 'dhcpv6.option.length is 255, must be at most 1'],
    [
      'an option beyond its own',
      ['01 000001', option(3, '00000001 00000000 00000000', '0005 00ff')],
      'must be at most 0',
    ],
    [
      'an address that is too short',
      ['01 000001', option(5, address)],
      'dhcpv6.option.length is 16, must be at least 24',
    ],
    ['a cut option', ['01 000001', '0001'], '8 bytes needed, 6 bytes are there'],
    ['a cut relay message', ['0c 00', address], '34 bytes needed, 18 bytes are there'],
  ])('%s', (_name, parts, error) => {
    const found = message(...parts);
    expect(found.error && describeError(found.error)).toContain('malformed dhcpv6 at byte 28: ');
    expect(found.error && describeError(found.error)).toContain(error);
  });

  test('another type of message is none', () => {
    expect(carried(message('63 000001'))).toEqual(['data']);
  });

  test('a capture that was cut is no error', () => {
    const packet = udp(546, 547, join('01 000001', client, option(24, domainName('org'))));
    for (let captured = 0; captured < packet.length; captured++) expect(read(packet, captured).error).toBeNull();
  });
});
