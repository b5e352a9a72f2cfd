import { describe, expect, it } from 'vitest';
import { formatFrameJson, formatFrameLine, formatSpan } from '../../src/report/frame-lines.ts';
import { dissect } from '../../src/wire/dissect.ts';
import { realFrame } from '../wire/frames.ts';

const bytes = realFrame('SYN');
const timeNs = 1_795_252_471_012_870_935n;
const reading = {
  frame: { number: 2, timeNs, interfaceIndex: 0, originalLength: bytes.length, bytes },
  dissection: dissect(bytes, 1, bytes.length),
  interfaceName: 'host:eth0',
};

describe('a frame as a line', () => {
  it('has its number, time, interface and summary', () => {
    expect(formatFrameLine(reading, timeNs - 1_500_000_000n, 10)).toBe(
      '     2      1.500000  host:eth0   SYN 10.88.0.10:43020 > 10.88.0.1:19001 win 64240 mss 1460\n',
    );
  });

  it('has no interface where there is one only, and has comments', () => {
    const notes = { comments: ['see\nhere\u001b[31m'], flags: null, dropped: null };
    expect(formatFrameLine({ ...reading, frame: { ...reading.frame, notes } }, timeNs + 5_000n, null)).toBe(
      '     2     -0.000005  SYN 10.88.0.10:43020 > 10.88.0.1:19001 win 64240 mss 1460  # see\\x0ahere\\x1b[31m\n',
    );
  });

  it.each([
    [0n, '0.000000'],
    [999n, '0.000000'],
    [61_000_001_000n, '61.000001'],
    [-1_000_000_000n, '-1.000000'],
  ])('a span of %s ns', (span, text) => expect(formatSpan(span)).toBe(text));
});

describe('a frame as JSON', () => {
  it('is one line with its layers and fields, by their names', () => {
    const line = formatFrameJson(reading);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toMatchObject({
      number: 2,
      time: '1795252471.012870935',
      interface: 'host:eth0',
      length: bytes.length,
      captured: bytes.length,
      layers: [
        { protocol: 'eth', offset: 0, length: 14, fields: { 'eth.src': '02:42:0a:58:00:0a' } },
        { protocol: 'ip', fields: { 'ip.src': '10.88.0.10', 'ip.flags.df': true } },
        { protocol: 'tcp', fields: { 'tcp.flags': 2, 'tcp.options.mss_val': 1460 } },
      ],
    });
    expect(JSON.parse(line)).not.toHaveProperty('error');
  });

  it('a field that occurs several times is a list', () => {
    const field = { name: 'dns.a', label: '', value: '10.0.0.1', text: '', offset: 0, length: 4 };
    const layer = {
      protocol: 'dns',
      title: '',
      offset: 0,
      length: 4,
      fields: [field, { ...field, value: '10.0.0.2' }],
    };
    const line = formatFrameJson({ ...reading, dissection: { layers: [layer], error: null, truncated: false } });
    expect(JSON.parse(line)).toMatchObject({ layers: [{ fields: { 'dns.a': ['10.0.0.1', '10.0.0.2'] } }] });
  });

  it('marks what is quoted, names what is malformed, and says what the file says', () => {
    const notes = { comments: ['\u202e'], flags: 1, dropped: 4 };
    const quote = realFrame('ICMP port unreachable');
    const cut = quote.subarray(0, 40);
    const quoted = formatFrameJson({
      ...reading,
      frame: { ...reading.frame, timeNs: -1n, notes },
      dissection: dissect(quote, 1, quote.length),
      interfaceName: null,
    });
    expect(quoted).toContain('\\u202e');
    const value = JSON.parse(quoted);
    expect(value).toMatchObject({
      time: '-0.000000001',
      interface: null,
      comments: ['\u202e'],
      direction: 'inbound',
      dropped: 4,
    });
    expect(value.layers.at(-2)).toMatchObject({ protocol: 'udp', quoted: true });
    const malformed = formatFrameJson({ ...reading, dissection: dissect(cut, 1, cut.length) });
    expect(JSON.parse(malformed).error).toMatch(/^malformed ip at byte 14: /);
  });
});
