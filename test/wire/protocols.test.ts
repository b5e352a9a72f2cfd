import { describe, expect, test } from 'vitest';
import { dissect } from '../../src/wire/dissect.ts';
import { fieldValue, findLayer } from '../../src/wire/fields.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { bytesOf, patched, place, realFrame } from './frames.ts';

function whole(bytes: Uint8Array, linkType = 1): Dissection {
  return dissect(bytes, linkType, bytes.length);
}

/** The named fields of a protocol's outermost layer, absent ones as null. */
function values(dissection: Dissection, protocol: string, names: readonly string[]): unknown[] {
  const layer = findLayer(dissection, protocol);
  return names.map((name) => (layer === null ? undefined : fieldValue(layer, name)));
}

describe('tcp', () => {
  test('header and options of a SYN', () => {
    const names = ['srcport', 'dstport', 'seq_raw', 'ack_raw', 'hdr_len', 'flags', 'flags.syn', 'flags.ack', 'len'];
    const found = values(
      whole(realFrame('SYN')),
      'tcp',
      names.map((name) => `tcp.${name}`),
    );
    expect(found).toEqual([43020, 19001, 0x2d9cc4ec, 0, 40, 2, true, false, 0]);
    const options = ['mss_val', 'wscale.shift', 'sack_perm', 'timestamp.tsval', 'timestamp.tsecr'];
    const read = values(
      whole(realFrame('SYN')),
      'tcp',
      options.map((name) => `tcp.options.${name}`),
    );
    expect(read).toEqual([1460, 10, true, 0xc676bd84, 0]);
  });

  test('the payload length is the IP length minus headers: padding is none, a cut frame counts whole', () => {
    const padded = Uint8Array.from([...realFrame('RST, ACK'), 0, 0, 0, 0, 0, 0]);
    expect(values(whole(padded), 'tcp', ['tcp.len'])).toEqual([0]);
    expect(whole(padded).layers.at(-1)?.protocol).toBe('tcp');
    const data = realFrame('TCP payload');
    expect(values(dissect(data.subarray(0, 60), 1, data.length), 'tcp', ['tcp.len'])).toEqual([3]);
  });

  test.each([
    ['an option of length 0', '0200'],
    ['an option that runs past the header', '02ff'],
    ['an option whose length byte lies past the header', '0101010101010101010101010101010101010102'],
  ])('%s ends the options without an error', (_name, hex) => {
    const dissection = whole(patched(realFrame('SYN'), place.transport + 20, hex));
    expect(dissection.error).toBeNull();
    expect(values(dissection, 'tcp', ['tcp.options.mss_val'])).toEqual([null]);
  });

  test('a zero window is said', () => {
    expect(summarize(whole(patched(realFrame('ACK'), place.transport + 14, '0000')))).toMatch(/ win 0$/);
  });
});

describe('ip', () => {
  test('header fields', () => {
    const names = ['src', 'dst', 'id', 'ttl', 'proto', 'len', 'flags.df', 'flags.mf', 'frag_offset', 'checksum'];
    const found = values(
      whole(realFrame('SYN')),
      'ip',
      names.map((name) => `ip.${name}`),
    );
    expect(found).toEqual(['10.88.0.10', '10.88.0.1', 0x010b, 64, 6, 60, true, false, 0, 0x24f7]);
  });

  test('a first fragment is read as far as it goes, a later one is data', () => {
    const first = patched(realFrame('UDP'), place.ipFragment, '2000');
    const longer = patched(first, place.transport + 4, '0800');
    expect(whole(longer).error).toBeNull();
    expect(values(whole(longer), 'udp', ['udp.srcport', 'udp.length'])).toEqual([38847, 0x800]);
    const later = whole(patched(realFrame('UDP'), place.ipFragment, '2001'));
    expect(findLayer(later, 'udp')).toBeNull();
    expect(summarize(later)).toBe('UDP fragment 10.88.0.10 > 10.88.0.1 id 0x9638 at byte 8');
  });

  test('length 0 is segmentation offload: the frame sets the end', () => {
    const dissection = whole(patched(realFrame('TCP payload'), place.ipLength, '0000'));
    expect(dissection.error).toBeNull();
    expect(values(dissection, 'tcp', ['tcp.len'])).toEqual([3]);
  });

  test('options are bytes', () => {
    const syn = realFrame('SYN');
    const header = patched(syn.subarray(place.ip, place.transport), 0, '46');
    const bytes = Uint8Array.from([
      ...syn.subarray(0, place.ip),
      ...header,
      0x94,
      4,
      0,
      0,
      ...syn.subarray(place.transport),
    ]);
    const longer = patched(bytes, place.ipLength, '0040');
    expect(values(whole(longer), 'ip', ['ip.options', 'ip.hdr_len'])).toEqual(['94040000', 24]);
    expect(values(whole(longer), 'tcp', ['tcp.dstport'])).toEqual([19001]);
  });

  test('a protocol without a decoder is named', () => {
    expect(summarize(whole(patched(realFrame('UDP'), place.ipProtocol, '70')))).toBe('VRRP 10.88.0.10 > 10.88.0.1');
    expect(summarize(whole(patched(realFrame('UDP'), place.ipProtocol, 'fe')))).toMatch(/^IP protocol 254 /);
  });
});

describe('icmp', () => {
  test('what an error quotes is marked, and is not the frame itself', () => {
    const dissection = whole(realFrame('ICMP port unreachable'));
    expect(values(dissection, 'ip', ['ip.src'])).toEqual(['10.88.0.1']);
    expect(findLayer(dissection, 'udp')).toBeNull();
    const quoted = dissection.layers.filter((layer) => layer.quoted === true);
    expect(quoted.map((layer) => fieldValue(layer, 'udp.dstport'))).toContain(53);
  });

  test('a quote of 8 bytes of TCP gives ports and is no error', () => {
    const tcp = realFrame('SYN').subarray(place.ip, place.transport + 8);
    const icmp = realFrame('ICMP port unreachable').subarray(0, place.transport + 8);
    const bytes = patched(Uint8Array.from([...icmp, ...tcp]), place.ipLength, '0038');
    expect(summarize(whole(bytes))).toMatch(/\(about TCP 10\.88\.0\.10:43020 > 10\.88\.0\.1:19001\)$/);
  });

  test('a length field (RFC 4884) keeps extensions out of the quote', () => {
    const frame = realFrame('ICMP port unreachable');
    const bytes = patched(Uint8Array.from([...frame, 0x20, 0, 0, 0]), place.ipLength, '003e');
    const limited = whole(patched(bytes, place.transport + 5, '07'));
    expect(limited.layers.at(-1)).toMatchObject({ protocol: 'udp', quoted: true });
  });

  test.each([
    ['030d', 'ICMP administratively prohibited 10.88.0.1 > 10.88.0.10'],
    ['0304', 'ICMP fragmentation needed 10.88.0.1 > 10.88.0.10 mtu 1400'],
    ['0b00', 'ICMP time to live exceeded 10.88.0.1 > 10.88.0.10'],
    ['c807', 'ICMP type 200 code 7 10.88.0.1 > 10.88.0.10'],
  ])('type and code %s', (hex, summary) => {
    const frame = patched(realFrame('ICMP port unreachable'), place.transport + 6, '0578');
    const text = summarize(whole(patched(frame, place.transport, hex)));
    expect(text.startsWith(summary)).toBe(true);
  });
});

describe('link layers', () => {
  const ip = realFrame('UDP').subarray(place.ip);
  const expected = 'UDP 10.88.0.10:38847 > 10.88.0.1:53 len 2';
  const v6 = realFrame('ICMPv6 echo request').subarray(place.ip);
  test.each([
    ['Linux cooked v1', 113, '0004 0001 0006 02420a58000a 0000 0800', ip, expected],
    ['Linux cooked v2', 276, '0800 0000 00000005 0001 04 06 02420a58000a 0000', ip, expected],
    ['raw', 101, '', ip, expected],
    ['raw of BSD', 12, '', ip, expected],
    ['null, little-endian', 0, '02000000', ip, expected],
    ['null, big-endian', 0, '00000002', ip, expected],
    ['null, IPv6 of macOS', 0, '1e000000', v6, 'ICMPv6 echo request fd00:88::10 > fd00:88::1 id 16494 seq 1'],
    ['802.1Q', 1, '02420a580001 02420a58000a 8100 600a 0800', ip, expected],
    ['802.1ad with 802.1Q', 1, '02420a580001 02420a58000a 88a8 0064 8100 000a 0800', ip, expected],
  ])('%s', (_name, linkType, head, packet, summary) => {
    const dissection = whole(Uint8Array.from([...bytesOf(head), ...packet]), linkType);
    expect(summarize(dissection)).toBe(summary);
    expect(dissection.error).toBeNull();
  });

  test('fields of a VLAN tag and of a cooked header', () => {
    const tagged = whole(Uint8Array.from([...bytesOf('02420a580001 02420a58000a 8100 700a 0800'), ...ip]));
    expect(values(tagged, 'vlan', ['vlan.id', 'vlan.priority', 'vlan.dei'])).toEqual([10, 3, true]);
    const cooked = whole(Uint8Array.from([...bytesOf('0800 0000 00000005 0001 04 06 02420a58000a 0000'), ...ip]), 276);
    expect(values(cooked, 'sll', ['sll.ifindex', 'sll.pkttype', 'sll.src.eth'])).toEqual([5, 4, '02:42:0a:58:00:0a']);
  });

  test('frames that are not IP', () => {
    const netbios = bytesOf('030000000001 02420a58000a 0003 f0f003 000000');
    expect(summarize(whole(netbios))).toBe('NetBIOS 02:42:0a:58:00:0a > 03:00:00:00:00:01');
    expect(whole(netbios).layers.map(({ length }) => length)).toEqual([14, 3]);
    expect(summarize(whole(bytesOf('0180c200000e 02420a58000a 88cc 0207')))).toMatch(/^LLDP /);
  });
});
