import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { carried, counted, domainName, join, number, read, shown, tcp, text, udp, values } from './payloads.ts';

const port = 53;
const ends = '10.0.0.1:40000 > 10.0.0.2:53';
const back = '10.0.0.1:53 > 10.0.0.2:40000';

/** A message: flags in hex, the counts of its four sections, and those sections. */
function message(flags: string, counts: readonly number[], ...parts: (string | Uint8Array)[]): Uint8Array {
  return join('1a2b', flags, ...counts.map((count) => number(count, 2)), ...parts);
}

const type = { a: 1, ns: 2, cname: 5, soa: 6, ptr: 12, mx: 15, txt: 16, aaaa: 28, srv: 33, opt: 41, ds: 43, caa: 257 };
const www = domainName('www.example.org');

function question(name: Uint8Array, recordType: number, recordClass = '0001'): Uint8Array {
  return join(name, number(recordType, 2), recordClass);
}

/** Where the name of the only question stands, as a pointer. */
const pointer = 'c00c';

function record(owner: string | Uint8Array, recordType: number, ...data: (string | Uint8Array)[]): Uint8Array {
  return join(owner, number(recordType, 2), '0001 0000003c', counted(2, ...data));
}

function ask(...parts: (string | Uint8Array)[]): Dissection {
  return read(udp(40_000, port, join(...parts)));
}

function answer(...parts: (string | Uint8Array)[]): Dissection {
  return read(udp(port, 40_000, join(...parts)));
}

/** An answer with one record. */
function answerWith(recordType: number, ...data: (string | Uint8Array)[]): Dissection {
  const rest = [question(www, recordType), record(pointer, recordType, ...data)];
  return answer(message('8180', [1, 1, 0, 0], ...rest));
}

describe('messages', () => {
  test('a query', () => {
    const query = ask(message('0100', [1, 0, 0, 0], question(www, type.a)));
    expect(query.error).toBeNull();
    const header = ['id', 'flags', 'flags.response', 'flags.opcode', 'flags.recdesired', 'flags.rcode'];
    expect(values(query, 'dns', header)).toEqual([0x1a2b, 0x100, false, 0, true, null]);
    const counts = ['count.queries', 'count.answers', 'count.auth_rr', 'count.add_rr'];
    expect(values(query, 'dns', counts)).toEqual([1, 0, 0, 0]);
    expect(values(query, 'dns', ['qry.name', 'qry.type', 'qry.class'])).toEqual(['www.example.org', 1, 1]);
    expect(shown(query, 'dns.id')).toBe('0x1a2b');
    expect(summarize(query)).toBe(`DNS query 0x1a2b A www.example.org ${ends}`);
  });

  test('every flag of an answer', () => {
    const names = ['authoritative', 'truncated', 'recdesired', 'recavail', 'z', 'authenticated', 'checkdisable'];
    const flags = names.map((name) => `flags.${name}`);
    const all = answer(message('87f5', [0, 0, 0, 0]));
    expect(values(all, 'dns', flags)).toEqual(flags.map(() => true));
    expect(shown(all, 'dns.flags.rcode')).toBe('REFUSED (5)');
    const none = answer(message('8000', [0, 0, 0, 0]));
    expect(values(none, 'dns', flags)).toEqual(flags.map(() => false));
  });

  test('a name by a pointer, and a name with a pointer behind labels', () => {
    const records = [record(pointer, type.cname, counted(1, text('cdn')), 'c010'), record('c02d', type.a, '0a000005')];
    const found = answer(message('8180', [1, 2, 0, 0], question(www, type.a), ...records));
    expect(found.error).toBeNull();
    expect(values(found, 'dns', ['resp.name', 'cname', 'a', 'resp.ttl', 'resp.len'])).toEqual([
      ['www.example.org', 'cdn.example.org'],
      'cdn.example.org',
      '10.0.0.5',
      [60, 60],
      [6, 4],
    ]);
    expect(summarize(found)).toBe(`DNS answer 0x1a2b www.example.org CNAME cdn.example.org, A 10.0.0.5 ${back}`);
  });

  test.each([
    ['a code', message('8183', [1, 0, 0, 0], question(www, type.a)), 'NXDOMAIN www.example.org'],
    ['nothing', message('8180', [1, 0, 0, 0], question(www, type.aaaa)), 'NODATA AAAA www.example.org'],
    [
      'other servers',
      message('8100', [1, 0, 1, 0], question(www, type.a), record('c010', type.ns, domainName('ns.example.org'))),
      'referral A www.example.org',
    ],
    ['no room', message('8380', [1, 0, 0, 0], question(www, type.a)), 'A www.example.org truncated'],
    [
      'a code of EDNS',
      message('8180', [1, 0, 0, 1], question(www, type.a), '00 0029 04d0 01000000 0000'),
      'BADVERS www.example.org',
    ],
    [
      'many addresses',
      message(
        '8180',
        [1, 6, 0, 0],
        question(www, type.a),
        ...Array.from({ length: 6 }, (_, index) => record(pointer, type.a, '0a0000', number(index, 1))),
      ),
      'www.example.org A 10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3 and 2 more',
    ],
  ])('an answer with %s, in a line', (_name, bytes, line) => {
    expect(summarize(answer(bytes))).toBe(`DNS answer 0x1a2b ${line} ${back}`);
  });

  test('an update counts other things', () => {
    const update = ask(
      message('2800', [1, 0, 1, 0], question(domainName('example.org'), type.soa), www, '0001 00ff 00000000 0000'),
    );
    expect(update.error).toBeNull();
    expect(values(update, 'dns', ['count.zones', 'count.updates', 'resp.class'])).toEqual([1, 1, 255]);
    expect(summarize(update)).toBe(`DNS update 0x1a2b SOA example.org ${ends}`);
  });

  test('multicast DNS has a bit on top of classes, and no identifier', () => {
    const query = read(
      udp(
        5353,
        5353,
        join('0000 0000 0001 0000 0000 0000', question(domainName('_http._tcp.local'), type.ptr, '8001')),
      ),
    );
    expect(carried(query)).toEqual(['mdns']);
    expect(values(query, 'dns', ['qry.class', 'qry.qu'])).toEqual([1, true]);
    expect(summarize(query)).toBe('mDNS query PTR _http._tcp.local 10.0.0.1:5353 > 10.0.0.2:5353');
  });

  test('link-local name resolution has other flags', () => {
    const query = read(udp(40_000, 5355, message('0500', [1, 0, 0, 0], question(domainName('printer'), type.a))));
    expect(carried(query)).toEqual(['llmnr']);
    expect(values(query, 'dns', ['flags.conflict', 'flags.tentative'])).toEqual([true, true]);
    expect(summarize(query)).toMatch(/^LLMNR query 0x1a2b A printer /);
  });
});

describe('data of records', () => {
  test.each([
    ['AAAA', type.aaaa, ['fd00 0000000000000000000000000005'], { aaaa: 'fd00::5' }],
    ['NS', type.ns, [domainName('ns1.example.org')], { ns: 'ns1.example.org' }],
    ['PTR of the root', type.ptr, ['00'], { 'ptr.domain_name': '<Root>' }],
    ['MX', type.mx, ['000a', domainName('mx')], { 'mx.preference': 10, 'mx.mail_exchange': 'mx' }],
    ['TXT', type.txt, [counted(1, text('a=b')), counted(1, text('ü'))], { txt: ['a=b', 'ü'], 'txt.length': [3, 2] }],
    [
      'SOA',
      type.soa,
      [domainName('ns'), domainName('admin'), '00000001 00000002 00000003 00000004 00000005'],
      { 'soa.mname': 'ns', 'soa.rname': 'admin', 'soa.serial_number': 1, 'soa.minimum_ttl': 5 },
    ],
    [
      'SRV',
      type.srv,
      ['0001 0002 1f90', domainName('node')],
      { 'srv.priority': 1, 'srv.weight': 2, 'srv.port': 8080, 'srv.target': 'node' },
    ],
    [
      'CAA',
      type.caa,
      ['80', counted(1, text('issue')), text('ca.example')],
      { 'caa.flags.issuer_critical': true, 'caa.tag': 'issue', 'caa.issue': 'ca.example' },
    ],
    ['DS', type.ds, ['0102 08 02 abcd'], { 'ds.key_id': 0x102, 'ds.algorithm': 8, 'ds.digest': 'abcd' }],
    [
      'RRSIG',
      46,
      ['0001 08 02 0000003c 5f000000 5e000000 0102', domainName('org'), 'abcd'],
      { 'rrsig.type_covered': 1, 'rrsig.signers_name': 'org', 'rrsig.signature': 'abcd' },
    ],
    [
      'HTTPS',
      65,
      ['0001 00', '0001', counted(2, counted(1, text('h2'))), '0003 0002 20fb', '0004 0004 0a000005'],
      {
        'svcb.targetname': '<Root>',
        'svcb.svcparam.alpn': 'h2',
        'svcb.svcparam.port': 8443,
        'svcb.svcparam.ipv4hint.ip': '10.0.0.5',
      },
    ],
    ['a type without a decoder', 9999, ['abcdef'], { data: 'abcdef' }],
  ])('%s', (_name, recordType, data, expected) => {
    const found = answerWith(recordType, ...data);
    expect(found.error).toBeNull();
    expect(values(found, 'dns', Object.keys(expected))).toEqual(Object.values(expected));
  });

  test('OPT: sizes, flags and options', () => {
    const option = '000a 0008 0102030405060708';
    const query = ask(
      message('0100', [1, 0, 0, 1], question(www, type.a), '00 0029 04d0 00008000', counted(2, option)),
    );
    const names = ['rr.udp_payload_size', 'resp.z.do', 'opt.code', 'opt.len', 'opt.data', 'resp.class'];
    expect(values(query, 'dns', names)).toEqual([1232, true, 10, 8, '0102030405060708', null]);
    expect(shown(query, 'dns.opt.code')).toBe('cookie (10)');
  });
});

describe('damaged messages say what is wrong and keep what is before it', () => {
  const long = Array.from({ length: 5 }, () => counted(1, text('x'.repeat(60))));
  test.each([
    ['a pointer to itself', [1, 0, 0, 0], ['c00c', '0001 0001'], 'dns.name.pointer is 12, must be at most 11'],
    ['a pointer forward', [1, 0, 0, 0], ['c0ff', '0001 0001'], 'dns.name.pointer is 255, must be at most 11'],
    ['a loop of a label', [1, 0, 0, 0], ['0161 c00c', '0001 0001'], 'dns.name.pointer is 12, must be at most 11'],
    ['a label of another kind', [1, 0, 0, 0], ['41', '0001 0001'], 'dns.label.length is 65, must be at most 63'],
    ['a name that is too long', [1, 0, 0, 0], [...long, '00'], 'dns.name.length is 306, must be at most 255'],
    ['no question', [1, 0, 0, 0], [], '13 bytes needed, 12 bytes are there (udp.length sets the end)'],
    ['a cut question', [1, 0, 0, 0], [www, '00'], '33 bytes needed, 30 bytes are there (udp.length sets the end)'],
    ['data beyond the end', [0, 1, 0, 0], ['00 0063 0001 0000003c 00ff'], '278 bytes needed, 23 bytes are there'],
    [
      'an address of three bytes',
      [0, 1, 0, 0],
      [record('00', type.a, '0a0000')],
      'dns.resp.len is 3, must be at least 4',
    ],
  ])('%s', (_name, counts, parts, error) => {
    const found = ask(message('0100', counts, ...parts));
    expect(carried(found)).toEqual(['dns']);
    expect(found.error && describeError(found.error)).toContain(`malformed dns at byte 28: ${error}`);
    expect(values(found, 'dns', ['id'])).toEqual([0x1a2b]);
  });

  test('a chain of pointers has an end', () => {
    const chain = Array.from({ length: 4000 }, (_, index) => number(0xc000 + 12 + 2 * index, 2));
    // The pointers stand in a record's data, each at the one before it; the next owner points at the last.
    const data = ['00 0063 0001 00000000', counted(2, '00', ...chain)];
    const found = ask(message('8000', [0, 2, 0, 0], ...data, number(0xc000 + 2 * 4000, 2), '0001 0001 00000000 0000'));
    expect(found.error?.limitedBy).toMatch(/^dns\.name\.pointer/);
  });

  test('a cut capture, and a first fragment, are no error', () => {
    const packet = udp(
      port,
      40_000,
      message('8180', [1, 1, 0, 0], question(www, type.mx), record(pointer, type.mx, '000a', domainName('mx'))),
    );
    for (let captured = 0; captured < packet.length; captured++) expect(read(packet, captured).error).toBeNull();
    const fragment = packet.slice(0, -8);
    fragment.set([0x20, 0x00], 6);
    fragment.set(number(fragment.length, 2), 2);
    expect(read(fragment).error).toBeNull();
    expect(values(read(fragment), 'dns', ['qry.name'])).toEqual(['www.example.org']);
  });
});

describe('over TCP', () => {
  const query = message('0100', [1, 0, 0, 0], question(www, type.a));
  test('several messages in a segment are several layers', () => {
    const found = read(tcp(40_000, port, join(counted(2, query), counted(2, query))));
    expect(carried(found)).toEqual(['dns', 'dns']);
    expect(values(found, 'dns', ['length', 'qry.name'])).toEqual([query.length, 'www.example.org']);
    expect(summarize(found)).toBe(`DNS query 0x1a2b A www.example.org; DNS query 0x1a2b A www.example.org ${ends}`);
  });

  test('a message that goes on in the next segment is no error', () => {
    const found = read(tcp(40_000, port, counted(2, query).subarray(0, 20)));
    expect(found.error).toBeNull();
    expect(values(found, 'dns', ['id', 'qry.name'])).toEqual([0x1a2b, null]);
  });

  test('a segment that starts amid a message is data', () => {
    expect(carried(read(tcp(40_000, port, counted(2, query).subarray(10))))).toEqual(['data']);
    expect(carried(read(tcp(40_000, port, text('hello, this is not DNS at all'))))).toEqual(['data']);
  });
});
