import { describe, expect, it } from 'vitest';
import { encodeCase } from '../../src/capfile/case-file.ts';
import type { Connections } from '../../src/flow/connection-table.ts';
import { dnsExchanges } from '../../src/flow/dns-exchange.ts';
import { summarizeConnection } from '../../src/flow/summary.ts';
import { CaptureIndex } from '../../src/index/capture-index.ts';
import { ConnectionPass } from '../../src/index/connection-pass.ts';
import { dnsWords } from '../../src/report/dns-words.ts';
import { concat } from '../capfile/build.ts';
import { captureOf, icmpError, reverse, type Sight, tcp, udp } from '../flow/frames.ts';
import { domainName, join, number } from '../wire/payloads.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.2:53' };
const type = { a: '0001', aaaa: '001c' };

function question(id: string, name = 'www.example.org', asked = type.a): string {
  return udp(ends, join(id, '0100 0001 0000 0000 0000', domainName(name), asked, '0001'));
}

function answer(id: string, flags: string, addresses: readonly string[] = [], asked = type.a): string {
  const records = addresses.map((address) => join('c00c', asked, '0001 0000003c 0004', address));
  const head = join(id, flags, '0001', number(records.length, 2), '0000 0000');
  return udp(reverse(ends), join(head, domainName('www.example.org'), asked, '0001', ...records));
}

const milliseconds = (ns: number): string => `${ns / 1e6} ms`;

/** Of each connection its outcome and what its resolver was asked. */
function told(table: Connections): string[] {
  return Array.from({ length: table.rows.count }, (_, id) => {
    const { outcome } = summarizeConnection(table, id);
    return `${outcome}: ${dnsWords(dnsExchanges(table, id), milliseconds)}`;
  });
}

function fileOf(sights: readonly (Sight | string)[]): Uint8Array {
  return concat(...encodeCase(captureOf(sights)));
}

describe('what resolvers are asked', () => {
  it.each<[string, readonly (Sight | string)[], string]>([
    [
      'an address',
      [question('1a2b'), answer('1a2b', '8180', ['0a000001', '0a000002'])],
      'ok: A www.example.org: A 10.0.0.1, 10.0.0.2 in 1 ms',
    ],
    ['no such name', [question('1a2b'), answer('1a2b', '8183')], 'dns-failed: A www.example.org: NXDOMAIN in 1 ms'],
    [
      'the resolver failed',
      [question('1a2b'), answer('1a2b', '8182')],
      'dns-failed: A www.example.org: SERVFAIL in 1 ms',
    ],
    [
      'an error that another question may mend',
      [question('1a2b'), answer('1a2b', '8181')],
      'ok: A www.example.org: FORMERR in 1 ms',
    ],
    ['no record of this type', [question('1a2b'), answer('1a2b', '8180')], 'ok: A www.example.org: NODATA in 1 ms'],
    ['cut by the resolver', [question('1a2b'), answer('1a2b', '8380')], 'ok: A www.example.org: truncated in 1 ms'],
    [
      'nothing came back',
      [question('1a2b'), question('1a2b'), question('1a2b')],
      'timeout: A www.example.org: no answer, asked 3 times',
    ],
    [
      'one of two on the same port is lost',
      [question('0001'), question('0002', 'www.example.org', type.aaaa), answer('0001', '8180', ['0a000001'])],
      'ok: A www.example.org: A 10.0.0.1 in 2 ms; AAAA www.example.org: no answer',
    ],
    ['the answer alone', [answer('1a2b', '8180', ['0a000001'])], 'timeout: A www.example.org: A 10.0.0.1'],
    [
      'an identifier that is used again',
      [question('0001'), answer('0001', '8183'), question('0001', 'b.test'), answer('0001', '8183')],
      'dns-failed: A www.example.org: NXDOMAIN in 1 ms; A b.test: NXDOMAIN in 1 ms',
    ],
    [
      'a repetition that comes after the answer',
      [question('0001'), answer('0001', '8180', ['0a000001']), question('0001'), answer('0001', '8183')],
      'ok: A www.example.org: A 10.0.0.1 in 1 ms, asked 2 times',
    ],
    [
      'seen at two capture points',
      [question('0001'), question('0001'), answer('0001', '8183'), answer('0001', '8183')].map((packet, at) => ({
        packet,
        at: at % 2,
      })),
      'dns-failed: A www.example.org: NXDOMAIN in 2 ms',
    ],
    ['hostile names', [question('0001', '\u001b[2J.test')], 'timeout: A \\x1b[2J.test: no answer'],
    ['no message', [udp(ends, 5)], 'timeout: '],
    ['a broken message', [udp(ends, join('0001 0100 0001 0000 0000 0000 ff'))], 'timeout: ?: no answer'],
    [
      'an error of ICMP',
      [question('0001'), icmpError('10.88.0.2', '10.88.0.10', 3, 3, question('0001'))],
      'refused: A www.example.org: no answer',
    ],
    ['a stream', [tcp(ends, { flags: 'SYN' })], 'timeout: '],
  ])('%s', async (_name, sights, expected) => {
    const file = fileOf(sights);
    const index = new CaptureIndex();
    index.push(file);
    index.end();
    expect(told(index.connections)).toEqual([expected]);
    for (const size of [0, Number.MAX_SAFE_INTEGER]) {
      await using pass = new ConnectionPass(3, size);
      await pass.push(file);
      expect(told(await pass.end())).toEqual([expected]);
    }
  });

  it('is told of many questions on one port, the last ones too', () => {
    const count = 3000;
    const index = new CaptureIndex();
    const id = (n: number): string => n.toString(16).padStart(4, '0');
    index.push(
      fileOf(Array.from({ length: count }, (_, n) => [question(id(n)), answer(id(n), '8180', ['0a000001'])]).flat()),
    );
    index.end();
    const exchanges = dnsExchanges(index.connections, 0);
    expect(exchanges.map(({ rcode, asked }) => [rcode, asked])).toEqual(Array.from({ length: count }, () => [0, 1]));
    expect(dnsWords(exchanges, milliseconds)).toMatch(/; 2996 more$/);
  });
});
