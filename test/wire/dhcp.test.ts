import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { carried, counted, domainName, join, read, shown, text, udp, values } from './payloads.ts';

interface Parts {
  readonly operation?: string;
  readonly yours?: string;
  readonly serverName?: Uint8Array;
  readonly file?: Uint8Array;
}

function padded(bytes: Uint8Array, room: number): Uint8Array {
  return join(bytes, '00'.repeat(room - bytes.length));
}

const nothing = new Uint8Array(0);

/** The part of fixed length; the cookie, if any, is the caller's. */
function bootp({ operation = '01', yours = '00000000', serverName = nothing, file = nothing }: Parts): Uint8Array {
  const addresses = ['00000000', yours, '00000000', '00000000'];
  const start = join(operation, '01 06 00 3903f326 0002 8000', ...addresses, padded(join('02420a580005'), 16));
  return join(start, padded(serverName, 64), padded(file, 128));
}

const cookie = '63825363';

function message(parts: Parts, ...options: (string | Uint8Array)[]): Dissection {
  return read(udp(68, 67, join(bootp(parts), cookie, ...options)));
}

function option(code: string, ...value: (string | Uint8Array)[]): Uint8Array {
  return join(code, counted(1, ...value));
}

test('a discovery', () => {
  const found = message({}, '35 01 01', option('37', '01 03 06'), option('0c', text('box')), 'ff');
  expect(found.error).toBeNull();
  const names = ['type', 'hw.len', 'id', 'secs', 'flags.bc', 'ip.your', 'hw.mac_addr', 'server', 'option.dhcp'];
  expect(values(found, 'dhcp', names)).toEqual([1, 6, 0x3903f326, 2, true, '0.0.0.0', '02:42:0a:58:00:05', null, 1]);
  expect(values(found, 'dhcp', ['option.request_list_item', 'option.hostname', 'option.type'])).toEqual([
    [1, 3, 6],
    'box',
    [53, 55, 12, 255],
  ]);
  expect(shown(found, 'dhcp.option.request_list_item')).toBe('Subnet mask (1)');
  expect(summarize(found)).toBe('DHCP Discover for 02:42:0a:58:00:05 10.0.0.1:68 > 10.0.0.2:67');
});

test('an offer says which address', () => {
  const found = message({ operation: '02', yours: '0a580005' }, '35 01 02', 'ff');
  expect(summarize(found)).toMatch(/^DHCP Offer 10\.88\.0\.5 for 02:42:0a:58:00:05 /);
});

test('a refusal says why', () => {
  const found = message({ operation: '02' }, '35 01 06', option('38', text('no lease')), 'ff');
  expect(summarize(found)).toMatch(/^DHCP NAK for 02:42:0a:58:00:05 "no lease" /);
});

test.each([
  ['several routers', option('03', '0a000001 0a000002'), { 'option.router': ['10.0.0.1', '10.0.0.2'] }],
  ['a lease time', option('33', '00000e10'), { 'option.ip_address_lease_time': 3600 }],
  ['a time offset before UTC', option('02', 'fffff1f0'), { 'option.time_offset': -3600 }],
  ['a flag', option('13', '01'), { 'option.ip_forwarding': true }],
  ['bytes', option('2b', 'abcd'), { vendor_specific_options: 'abcd' }],
  [
    'search domains, the second one with a pointer into the option',
    option('77', domainName('example.org'), counted(1, text('lab')), 'c000'),
    { 'option.dhcp_dns_domain_search_list_fqdn': ['example.org', 'lab.example.org'] },
  ],
  [
    'classless routes',
    option('79', '18 c0a801 0a000001', '00 0a000002'),
    { 'option.classless_static_route': ['192.168.1.0/24 via 10.0.0.1', '0.0.0.0/0 via 10.0.0.2'] },
  ],
  ['an option of a length that it cannot have', option('33', '0000000e10'), { 'option.ip_address_lease_time': null }],
  ['an option that nobody knows', option('f0', 'ab'), { 'option.type': 240 }],
  ['padding', join('0000', option('0f', text('lab'))), { 'option.domain_name': 'lab' }],
])('%s', (_name, bytes, expected) => {
  const found = message({}, bytes);
  expect(found.error).toBeNull();
  expect(values(found, 'dhcp', Object.keys(expected))).toEqual(Object.values(expected));
});

test('options that server name and file hold', () => {
  const found = message(
    { serverName: join(option('0f', text('lab')), 'ff'), file: join(option('0c', text('box')), 'ff') },
    '34 01 03 ff',
  );
  expect(values(found, 'dhcp', ['option.domain_name', 'option.hostname', 'server', 'file'])).toEqual([
    'lab',
    'box',
    null,
    null,
  ]);
});

test('names of server and file', () => {
  const found = message({ serverName: text('tftp'), file: text('vmlinuz') }, 'ff');
  expect(values(found, 'dhcp', ['server', 'file'])).toEqual(['tftp', 'vmlinuz']);
});

test('BOOTP has no options', () => {
  const found = read(udp(68, 67, join(bootp({}), '00000000')));
  expect(found.error).toBeNull();
  expect(summarize(found)).toMatch(/^BOOTP request for /);
});

describe('damaged messages', () => {
  test('an option that runs past the end', () => {
    const found = message({}, '35 01 01', '0c ff 61');
    expect(found.error && describeError(found.error)).toContain(
      'malformed dhcp at byte 28: 500 bytes needed, 246 bytes',
    );
    expect(values(found, 'dhcp', ['option.dhcp'])).toEqual([1]);
  });

  test('a message that is too short', () => {
    const found = read(udp(68, 67, bootp({}).subarray(0, 100)));
    expect(found.error && describeError(found.error)).toContain('236 bytes needed, 100 bytes');
  });

  test('another operation is none', () => {
    expect(carried(read(udp(68, 67, join(bootp({ operation: '07' }), cookie))))).toEqual(['data']);
  });

  test('a capture that was cut is no error', () => {
    const packet = udp(68, 67, join(bootp({}), cookie, '35 01 01', option('0c', text('box')), 'ff'));
    for (let captured = 0; captured < packet.length; captured++) expect(read(packet, captured).error).toBeNull();
  });
});
