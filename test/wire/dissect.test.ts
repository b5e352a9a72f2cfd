import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import { decoders, dissect } from '../../src/wire/dissect.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { linkTypeDecoders } from '../../src/wire/link-types.ts';
import { summarize } from '../../src/wire/summary.ts';
import type { BuiltFrame } from './build.ts';
import { builtFrames } from './built-frames.ts';
import { bytesOf, patched, place, realFrame, realFrames } from './frames.ts';

const ethernet = 1;

/** All frames that tests cut and change. */
const frames = [...realFrames, ...builtFrames].map((frame: BuiltFrame) => {
  const { name, hex, layers, linkType = ethernet } = frame;
  return { name, layers, linkType, bytes: bytesOf(hex) };
});

/** Every link type that is decoded, and one that is not. */
const linkTypes = [...linkTypeDecoders.keys(), 147];

function layerNames({ layers }: Dissection): string {
  return layers.map(({ protocol, quoted }) => (quoted === true ? `(${protocol})` : protocol)).join(' ');
}

function expectWithin(dissection: Dissection, captured: number): void {
  for (const layer of dissection.layers) {
    expect(layer.offset).toBeGreaterThanOrEqual(0);
    expect(layer.offset + layer.length).toBeLessThanOrEqual(captured);
    for (const field of layer.fields) {
      expect(field.offset).toBeGreaterThanOrEqual(layer.offset);
      expect(field.offset + field.length).toBeLessThanOrEqual(captured);
    }
  }
}

test.each(frames)('$name: layers', ({ bytes, linkType, layers }) => {
  const dissection = dissect(bytes, linkType, bytes.length);
  expect(layerNames(dissection)).toBe(layers);
  expect(dissection.error).toBeNull();
  expect(dissection.truncated).toBe(false);
  expectWithin(dissection, bytes.length);
});

describe('any bytes', () => {
  test('never throw, and fields lie within the frame', () => {
    const frame = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(frame, fc.constantFrom(...linkTypes), fc.nat(300), (bytes, linkType, originalLength) => {
        const dissection = dissect(bytes, linkType, originalLength);
        expectWithin(dissection, bytes.length);
        expect(summarize(dissection)).toMatch(/^[\x20-\x7e]+$/);
        if (dissection.error !== null) expect(describeError(dissection.error)).toMatch(/^malformed \w+ at byte \d+: /);
      }),
    );
  });

  test.each(Object.entries(decoders))('never make the %s decoder throw or leave its bytes', (_name, decode) => {
    const before = 3;
    const bytes = fc.uint8Array({ maxLength: 160 });
    fc.assert(
      fc.property(bytes, fc.nat(200), fc.boolean(), (all, size, incomplete) => {
        const end = before + size;
        const { layer, payload, error } = decode(all, before, end, { limitedBy: 'frame', incomplete });
        expectWithin({ layers: layer.length > 0 ? [layer] : [], error, truncated: false }, all.length);
        // Whatever is handed on lies behind the header, or decoding would not end.
        if (payload !== null) expect(payload.offset).toBeGreaterThanOrEqual(before + layer.length);
        if (layer.protocol !== 'data' && payload !== null) expect(payload.offset).toBeGreaterThan(before);
      }),
    );
  });

  test('nor do frames with a few bytes changed, cut anywhere', () => {
    const change = fc.record({ at: fc.nat(120), value: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(change, { maxLength: 6 }),
        fc.nat(120),
        fc.boolean(),
        (frame, changes, cut, snapped) => {
          const whole = frame.bytes.slice();
          for (const { at, value } of changes) if (at < whole.length) whole[at] = value;
          const bytes = whole.subarray(0, Math.max(1, whole.length - cut));
          const dissection = dissect(bytes, frame.linkType, snapped ? whole.length : bytes.length);
          expectWithin(dissection, bytes.length);
          expect(summarize(dissection)).toMatch(/^[\x20-\x7e]+$/);
        },
      ),
      // So that each frame is changed in more ways than one.
      { numRuns: 2000 },
    );
  });

  test('a capture cut short is no error, wherever the cut is', () => {
    for (const { bytes: whole, linkType } of frames) {
      for (let length = 0; length < whole.length; length++) {
        const dissection = dissect(whole.subarray(0, length), linkType, whole.length);
        expect(dissection.error).toBeNull();
        expect(dissection.truncated).toBe(true);
      }
    }
  });

  test('a frame of nothing but VLAN tags ends as data', () => {
    const bytes = bytesOf('02420a580001 02420a580002'.concat('81000001'.repeat(5000)));
    const dissection = dissect(bytes, ethernet, bytes.length);
    expect(dissection.layers.length).toBeLessThan(100);
    expect(dissection.layers.at(-1)?.protocol).toBe('data');
  });
});

describe('malformed packets keep what is before the error', () => {
  const syn = realFrame('SYN');
  const udp = realFrame('UDP');
  test.each([
    [
      'eth/cut',
      syn.subarray(0, 10),
      'eth',
      'malformed eth at byte 0: 14 bytes needed, 10 bytes are there (the frame ends there)',
    ],
    [
      'ip/none',
      syn.subarray(0, 14),
      'eth',
      'malformed ip at byte 14: 20 bytes needed, 0 bytes are there (the frame ends there)',
    ],
    ['ip/version', patched(syn, place.ip, '55'), 'eth ip', 'malformed ip at byte 14: ip.version is 5, must be 4'],
    [
      'ip/header length',
      patched(syn, place.ip, '44'),
      'eth ip',
      'malformed ip at byte 14: ip.hdr_len is 16, must be at least 20',
    ],
    [
      'ip/length below header',
      patched(syn, place.ipLength, '0013'),
      'eth ip',
      'malformed ip at byte 14: ip.len is 19, must be at least 20',
    ],
    [
      'ip/length beyond frame',
      patched(syn, place.ipLength, '0100'),
      'eth ip tcp data',
      'malformed ip at byte 14: 256 bytes needed, 60 bytes are there (the frame ends there)',
    ],
    [
      'tcp/ip.len',
      patched(syn, place.ipLength, '0020'),
      'eth ip tcp',
      'malformed tcp at byte 34: 20 bytes needed, 12 bytes are there (ip.len sets the end)',
    ],
    [
      'tcp/header length',
      patched(syn, place.transport + 12, '40'),
      'eth ip tcp',
      'malformed tcp at byte 34: tcp.hdr_len is 16, must be at least 20',
    ],
    [
      'tcp/options beyond',
      patched(syn, place.transport + 12, 'f0'),
      'eth ip tcp',
      'malformed tcp at byte 34: 60 bytes needed, 40 bytes are there (ip.len sets the end)',
    ],
    [
      'udp/length<8',
      patched(udp, place.transport + 4, '0007'),
      'eth ip udp',
      'malformed udp at byte 34: udp.length is 7, must be at least 8',
    ],
    [
      'udp/length beyond',
      patched(udp, place.transport + 4, '00ff'),
      'eth ip udp data',
      'malformed udp at byte 34: 255 bytes needed, 10 bytes are there (ip.len sets the end)',
    ],
    [
      'arp/cut',
      realFrame('ARP request').subarray(0, 30),
      'eth arp',
      'malformed arp at byte 14: 28 bytes needed, 16 bytes are there (the frame ends there)',
    ],
    [
      'icmpv6/target cut',
      patched(realFrame('neighbour solicitation'), 18, '0010'),
      'eth ipv6 icmpv6',
      'malformed icmpv6 at byte 54: 24 bytes needed, 16 bytes are there (ipv6.plen sets the end)',
    ],
  ])('%s', (_name, bytes, layers, text) => {
    const dissection = dissect(bytes, ethernet, bytes.length);
    expect(dissection.error).not.toBeNull();
    expect(dissection.error && describeError(dissection.error)).toBe(text);
    // What follows a field that merely promises too much is still read.
    expect(layerNames(dissection).startsWith(layers.replace(/ data$/, ''))).toBe(true);
    expect(summarize(dissection)).toContain(', malformed ');
  });
});

test('a link type without a decoder says so', () => {
  const dissection = dissect(bytesOf('0102'), 147, 2);
  expect(layerNames(dissection)).toBe('data');
  expect(summarize(dissection)).toBe('link type 147 is not decoded, 2 bytes');
});
