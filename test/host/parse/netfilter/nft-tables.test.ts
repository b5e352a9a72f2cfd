import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expression } from '../../../../src/host/netfilter.ts';
import { parseNftTables } from '../../../../src/host/parse/netfilter/nft-tables.ts';
import { parseNftText } from '../../../../src/host/parse/nft-text.ts';
import { listed } from '../../../model/netfilter/tables.ts';

const place = { family: 'inet', table: 't' };
const base = [
  { table: { family: 'inet', name: 't', handle: 1 } },
  { chain: { ...place, name: 'c', handle: 1, type: 'filter', hook: 'input', prio: 0, policy: 'accept' } },
];

/** The expressions of a rule, as nft lists it. */
function expressionsOf(...expr: readonly unknown[]): readonly Expression[] {
  const rule = { rule: { ...place, chain: 'c', handle: 2, expr } };
  const [table] = listed(JSON.stringify({ nftables: [...base, rule] }));
  return table?.chains.get('c')?.rules[0]?.expressions ?? [];
}

/** The first one in short, bigints as decimal numbers. */
function shortOf(...expr: readonly unknown[]): string {
  const text = JSON.stringify(expressionsOf(...expr)[0] ?? null, (_key, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
  return text.replaceAll('"', '');
}

const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const only = (low: number, high = low): string =>
  `among:{kind:elements,elements:[{key:[{low:${low},high:${high}}],data:null}]}`;
const of = (name: string, negated = false): string => `{kind:match,key:[{kind:field,name:${name}}],negated:${negated},`;

describe('two negated matches with neighbouring fields', () => {
  const [source, destination] = [payload('tcp', 'sport'), payload('tcp', 'dport')];
  test.each<[title: string, first: unknown, second: unknown, kinds: readonly string[]]>([
    ['may be one', match(source, 1, '!='), match(destination, 2, '!='), ['merged']],
    ['are two in another order', match(destination, 2, '!='), match(source, 1, '!='), ['match', 'match']],
    ['are two where one is not negated', match(source, 1), match(destination, 2, '!='), ['match', 'match']],
    ['are two with a named set', match(source, '@ports', '!='), match(destination, 2, '!='), ['match', 'match']],
    ['are two with a set', match(source, { set: [1, 3] }, '!='), match(destination, 2, '!='), ['match', 'match']],
    [
      'may be one of addresses',
      match(payload('ip', 'saddr'), '192.0.2.1', '!='),
      match(payload('ip', 'daddr'), '192.0.2.2', '!='),
      ['merged'],
    ],
    [
      'may be one of the link',
      match(payload('ether', 'saddr'), '02:00:00:00:00:01', '!='),
      match(payload('ether', 'type'), 'ip', '!='),
      ['merged'],
    ],
    [
      'are two where they are longer than what the kernel compares at once',
      match(payload('ip6', 'saddr'), 'fd00::1', '!='),
      match(payload('ip6', 'daddr'), 'fd00::2', '!='),
      ['match', 'match'],
    ],
    [
      'are two of different headers',
      match(payload('ip', 'daddr'), '192.0.2.2', '!='),
      match(payload('tcp', 'sport'), 1, '!='),
      ['match', 'match'],
    ],
  ])('%s', (_title, first, second, kinds) => {
    expect(expressionsOf(first, second).map(({ kind }) => kind)).toEqual(kinds);
  });
});

describe('matches', () => {
  test.each<[title: string, statement: unknown, expected: string]>([
    ['a port', match(payload('tcp', 'dport'), 80), `${of('tcp dport')}${only(80)}}`],
    ['not a port', match(payload('tcp', 'dport'), 80, '!='), `${of('tcp dport', true)}${only(80)}}`],
    ['ports', match(payload('th', 'dport'), { range: [53, 60] }), `${of('th dport')}${only(53, 60)}}`],
    ['a TTL below', match(payload('ip', 'ttl'), 5, '<'), `${of('ip ttl')}${only(0, 4)}}`],
    ['a TTL of at most', match(payload('ip', 'ttl'), 5, '<='), `${of('ip ttl')}${only(0, 5)}}`],
    [
      'a prefix',
      match(payload('ip', 'daddr'), { prefix: { addr: '127.0.0.0', len: 8 } }),
      `${of('ip daddr')}${only(0x7f000000, 0x7fffffff)}}`,
    ],
    ['a protocol by name', match({ meta: { key: 'l4proto' } }, 'sctp'), `${of('meta l4proto')}${only(132)}}`],
    ['an ICMP type', match(payload('icmp', 'type'), 'echo-request'), `${of('icmp type')}${only(8)}}`],
    [
      'two flags, both of them',
      match({ '&': [payload('tcp', 'flags'), ['syn', 'ack']] }, ['syn', 'ack']),
      `{kind:match,key:[{kind:operation,operator:and,left:{kind:field,name:tcp flags},right:{kind:constant,value:18}}],negated:false,${only(18)}}`,
    ],
    ['a DSCP class', match(payload('ip', 'dscp'), 'af41'), `${of('ip dscp')}${only(34)}}`],
    [
      'one of several states',
      match({ ct: { key: 'state' } }, { set: ['established', 'new'] }),
      `${of('ct state')}among:{kind:elements,elements:[{key:[{low:2,high:2}],data:null},{key:[{low:8,high:8}],data:null}]}}`,
    ],
    [
      'a device',
      match({ meta: { key: 'iifname' } }, 'br*'),
      `${of('meta iifname')}among:{kind:elements,elements:[{key:[{name:br,prefix:true}],data:null}]}}`,
    ],
    [
      'a device with a star in its name',
      match({ meta: { key: 'iifname' } }, 'br\\*'),
      `${of('meta iifname')}among:{kind:elements,elements:[{key:[{name:br*,prefix:false}],data:null}]}}`,
    ],
    ['a named set', match(payload('ip', 'saddr'), '@s'), `${of('ip saddr')}among:{kind:named,name:s}}`],
    [
      'the original tuple',
      match({ ct: { key: 'proto-dst', dir: 'original' } }, 80),
      `${of('ct original proto-dst')}${only(80)}}`,
    ],
    [
      'a port as nft 1.0.6 prints it where it sees no protocol',
      match({ ct: { key: 'proto-dst', dir: 'original' } }, '0x50 [invalid type]'),
      `${of('ct original proto-dst')}${only(80)}}`,
    ],
    [
      'an address type',
      match({ fib: { result: 'type', flags: ['daddr', 'iif'] } }, 'local'),
      '{kind:match,key:[{kind:fib,result:type,address:daddr,device:iif,byMark:false}],negated:false,among:{kind:elements,elements:[{key:[{name:local,prefix:false}],data:null}]}}',
    ],
    [
      'a missing route',
      match({ fib: { result: 'oif', flags: ['saddr', 'iif'] } }, false),
      '{kind:match,key:[{kind:fib,result:device,address:saddr,device:iif,byMark:false}],negated:false,among:{kind:elements,elements:[{key:[{name:,prefix:false}],data:null}]}}',
    ],
    [
      'what is not in the JSON is no match that is known',
      match(payload('ip', 'saddr'), 'nonsense'),
      '{kind:maybe,text:{\\match\\:{\\op\\:\\==\\,\\left\\:{\\payload\\:{\\protocol\\:\\ip\\,\\field\\:\\saddr\\}},\\right\\:\\nonsense\\}}}',
    ],
    ['a rate', { limit: { rate: 5, per: 'minute' } }, '{kind:maybe,text:{\\limit\\:{\\rate\\:5,\\per\\:\\minute\\}}}'],
  ])('%s', (_title, statement, expected) => {
    expect(shortOf(statement)).toBe(expected);
  });

  test.each<[title: string, statement: unknown, mask: bigint, negated: boolean]>([
    ['any of the flags', match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), 6n, true],
    ['none of the flags', match({ ct: { key: 'state' } }, ['established', 'new'], '!'), 10n, false],
    ['one flag', match({ ct: { key: 'status' } }, 'dnat', 'in'), 32n, true],
    ['a TCP flag', match(payload('tcp', 'flags'), 'syn', 'in'), 2n, true],
  ])('%s', (_title, statement, mask, negated) => {
    // A bit is set when the masked number is not zero.
    expect(expressionsOf(statement)).toMatchObject([
      { kind: 'match', negated, key: [{ kind: 'operation', operator: 'and', right: { value: mask } }] },
    ]);
  });

  test.each<[title: string, mask: unknown, wanted: unknown, bits: bigint, among: bigint]>([
    ['a list', ['fin', 'syn', 'rst', 'ack'], 'syn', 23n, 2n],
    ['flags joined by one sign', { '|': ['fin', 'psh', 'urg'] }, { '|': ['fin', 'psh', 'urg'] }, 41n, 41n],
    [
      'flags joined two by two',
      { '|': [{ '|': ['fin', 'psh'] }, 'urg'] },
      { '|': ['fin', { '|': ['psh', 'urg'] }] },
      41n,
      41n,
    ],
    ['two flags', { '|': ['syn', 'ack'] }, { '|': ['syn', 'ack'] }, 18n, 18n],
  ])('masked flags are compared whole: %s', (_title, mask, wanted, bits, among) => {
    expect(expressionsOf(match({ '&': [payload('tcp', 'flags'), mask] }, wanted))).toMatchObject([
      {
        key: [{ kind: 'operation', operator: 'and', right: { kind: 'constant', value: bits } }],
        among: { elements: [{ key: [{ low: among, high: among }] }] },
      },
    ]);
  });
});

describe('statements', () => {
  test.each<[title: string, statement: unknown, expected: readonly object[]]>([
    ['counter', { counter: { packets: 1, bytes: 2 } }, []],
    ['log', { log: { prefix: 'x' } }, []],
    ['accept', { accept: null }, [{ kind: 'verdict', verdict: { kind: 'accept' } }]],
    ['jump', { jump: { target: 'x' } }, [{ kind: 'verdict', verdict: { kind: 'jump', chain: 'x' } }]],
    ['queue', { queue: { num: 0 } }, [{ kind: 'verdict', verdict: { kind: 'queue' } }]],
    [
      'reject',
      { reject: { type: 'icmpx', expr: 'admin-prohibited' } },
      [{ verdict: { kind: 'reject', with: { four: { type: 3, code: 13 }, six: { type: 1, code: 1 } } } }],
    ],
    ['reject with an RST', { reject: { type: 'tcp reset' } }, [{ verdict: { kind: 'reject', with: 'tcp-reset' } }]],
    [
      'reject of IPv6 alone',
      { reject: { type: 'icmpv6', expr: 'no-route' } },
      [{ verdict: { with: { four: null, six: { type: 1, code: 0 } } } }],
    ],
    [
      'dnat',
      { dnat: { family: 'ip', addr: '10.0.0.1', port: 80 } },
      [{ end: 'destination', how: 'to', family: 4, address: { value: 0x0a000001n }, port: { value: 80n } }],
    ],
    [
      'dnat to a range',
      { dnat: { addr: { range: ['10.0.0.1', '10.0.0.9'] } } },
      [{ address: { kind: 'one-of', low: 0x0a000001n, high: 0x0a000009n }, port: null }],
    ],
    [
      'dnat by a map',
      { dnat: { addr: { map: { key: payload('ip', 'daddr'), data: { set: [['1.1.1.1', '2.2.2.2']] } } } } },
      [{ address: { kind: 'map', among: { elements: [{ data: [{ value: 0x02020202n }] }] } } }],
    ],
    [
      'snat of a network',
      { snat: { addr: { map: { key: payload('ip', 'saddr'), data: '@m' } }, flags: 'netmap', type_flags: 'prefix' } },
      [{ address: { kind: 'unknown' } }],
    ],
    ['redirect', { redirect: { port: 8080 } }, [{ end: 'destination', how: 'redirect', port: { value: 8080n } }]],
    ['masquerade', { masquerade: null }, [{ end: 'source', how: 'masquerade', address: null, port: null }]],
    ['masquerade, at random', { masquerade: { flags: 'fully-random' } }, [{ port: null, random: true }]],
    [
      'a mark',
      { mangle: { key: { meta: { key: 'mark' } }, value: { '|': [{ meta: { key: 'mark' } }, 8192] } } },
      [{ kind: 'set', field: 'meta mark', value: { kind: 'operation', operator: 'or', right: { value: 8192n } } }],
    ],
    [
      'a TCP option',
      { mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value: 1400 } },
      [{ key: [{ name: 'meta l4proto' }] }, { key: [{ name: 'tcp option' }] }],
    ],
    ['notrack', { notrack: null }, [{ kind: 'notrack' }]],
    ['a zone', { mangle: { key: { ct: { key: 'zone' } }, value: 5 } }, [{ verdict: { kind: 'unknown' } }]],
    [
      'a zone of one direction',
      { mangle: { key: { ct: { key: 'zone', dir: 'original' } }, value: 6 } },
      [{ verdict: { kind: 'unknown' } }],
    ],
    ['add to a set', { set: { op: 'add', elem: payload('ip', 'saddr'), set: '@d' } }, []],
    [
      'add to a set within a rate',
      { set: { op: 'add', elem: payload('ip', 'saddr'), set: '@d', stmt: [{ limit: { rate: 1 } }] } },
      [{ kind: 'maybe' }],
    ],
    [
      'verdicts by a map',
      { vmap: { key: { ct: { key: 'state' } }, data: { set: [['invalid', { drop: null }]] } } },
      [{ kind: 'verdict-map', among: { elements: [{ key: [{ low: 1n }], data: { kind: 'drop' } }] } }],
    ],
    ['a match of iptables', { xt: { type: 'match', name: 'conntrack' } }, [{ kind: 'maybe' }]],
    ['a comment of iptables', { xt: { type: 'match', name: 'comment' } }, []],
    ['a target of iptables', { xt: { type: 'target', name: 'DNAT' } }, [{ verdict: { kind: 'unknown' } }]],
    ['what comes after this was written', { 'a statement of tomorrow': 1 }, [{ verdict: { kind: 'unknown' } }]],
    ['what is not even JSON', 'xt target "X"', [{ verdict: { kind: 'unknown' } }]],
    ['the name of every object', { constructor: 1 }, [{ verdict: { kind: 'unknown' } }]],
  ])('%s', (_title, statement, expected) => {
    expect(expressionsOf(statement)).toMatchObject(expected);
  });
});

test('named sets: intervals, concatenations, timeouts, a default; one that is not understood is missing', () => {
  const set = (name: string, type: unknown, elem: unknown) => ({ set: { ...place, name, type, elem } });
  const items = [
    ...base,
    set(
      'pairs',
      ['ipv4_addr', 'inet_service'],
      [{ concat: [{ prefix: { addr: '10.0.0.0', len: 8 } }, { range: [80, 90] }] }],
    ),
    set('typed', { typeof: { concat: [{ meta: { key: 'l4proto' } }, payload('th', 'dport')] } }, [
      { concat: ['tcp', 80] },
    ]),
    set('timed', 'ipv4_addr', [{ elem: { val: '9.9.9.9', expires: 299 } }]),
    set('empty', 'ipv4_addr', undefined),
    set('tomorrow', 'ipv4_addr', [{ glob: '10.*' }]),
    {
      map: {
        ...place,
        name: 'verdicts',
        type: 'inet_service',
        map: 'verdict',
        elem: [
          [80, { jump: { target: 'x' } }],
          ['*', { drop: null }],
        ],
      },
    },
  ];
  const sets = listed(JSON.stringify({ nftables: items }))[0]?.sets;
  expect(Object.fromEntries(sets ?? [])).toEqual({
    pairs: [
      {
        key: [
          { low: 0x0a000000n, high: 0x0affffffn },
          { low: 80n, high: 90n },
        ],
        data: null,
      },
    ],
    typed: [
      {
        key: [
          { low: 6n, high: 6n },
          { low: 80n, high: 80n },
        ],
        data: null,
      },
    ],
    timed: [{ key: [{ low: 0x09090909n, high: 0x09090909n }], data: null }],
    empty: [],
    verdicts: [
      { key: [{ low: 80n, high: 80n }], data: { kind: 'jump', chain: 'x' } },
      { key: [], data: { kind: 'drop' } },
    ],
  });
});

test('rules have their handle, position, counter, comment and the text of the listing', () => {
  const expr = [{ counter: { packets: 3, bytes: 180 } }, { drop: null }];
  const items = [...base, { rule: { ...place, chain: 'c', handle: 7, comment: 'why', expr } }];
  const text =
    'table inet t { # handle 1\n\tchain c { # handle 1\n\t\tcounter packets 3 bytes 180 drop comment "why" # handle 7\n\t}\n}\n';
  const [table] = listed(JSON.stringify({ nftables: items }), text);
  expect(table?.chains.get('c')).toMatchObject({
    base: { type: 'filter', hook: 'input', priority: 0, policy: 'accept' },
    rules: [
      {
        handle: 7,
        position: 1,
        comment: 'why',
        counter: { packets: 3, bytes: 180 },
        text: 'counter packets 3 bytes 180 drop comment "why"',
      },
    ],
  });
});

describe("a rule trace's own table", () => {
  const whole = JSON.stringify({ nftables: base }).replaceAll(/([,:])/g, '$1 ');
  const trace = ', {"table": {"family": "inet", "name": "nettrace-812", "handle": 2, "flags": ';
  // As nft 1.0.6 prints it: what it takes for the name of the flag is no text at times.
  const broken = `${whole.slice(0, -2)}${trace}\n`;
  const texts = ['table inet t { # handle 1\n}\n', 'table inet nettrace-812 { # handle 2 progname nft\n}\n'];

  test.each([
    ['is left out', `${whole.slice(0, -2)}${trace}"owner"}}]}`, texts.join(''), ['t']],
    ['is left out where the listing ends in it', broken, texts.join(''), ['t']],
    ['is left out where it has gone since', broken, texts[0], ['t']],
    ['hides nothing that stands behind it', broken, `${texts.join('')}table ip late { # handle 3\n}\n`, null],
    ['is not taken for the end of another listing', whole.slice(0, -9), texts.join(''), null],
  ])('%s', (_name, json, text, names) => {
    const tables = parseNftTables(json, 'nft -j list ruleset', parseNftText(text ?? ''));
    expect(tables?.map(({ name }) => name) ?? null).toEqual(names);
  });
});

test.each([['nothing at all'], ['[]'], ['{"nftables": 5}']])('%s is no rule set', (text) => {
  expect(parseNftTables(text, 'nft', parseNftText(''))).toBeNull();
});

test('whatever the JSON is, tables come out of it or nothing', () => {
  const words =
    'match op left right payload protocol field meta key ct fib flags & concat set map vmap data xt dnat addr port prefix range elem val jump target reject mangle value limit name'.split(
      ' ',
    );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 6, depthSize: 'large' },
      fc.constantFrom<unknown>(
        0,
        -1,
        80,
        1.5,
        true,
        false,
        null,
        '',
        '@s',
        '10.0.0.1',
        'tcp',
        '==',
        '!=',
        'in',
        'meta mark',
        'constructor',
      ),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...words), tie('json'), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(fc.array(json, { maxLength: 5 }), (expr) => {
      expect(expressionsOf(...expr).every(({ kind }) => kind.length > 0)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
