/** Frames for tests: real ones, recorded between two namespaces over a veth pair, and builders for broken ones. */

/** Bytes of hex text; blanks are for the eye. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
}

/** A frame as it was captured, with the line that `summarize` owes it. */
export interface RealFrame {
  readonly name: string;
  readonly hex: string;
  readonly summary: string;
  readonly layers: string;
}

export const realFrames: readonly RealFrame[] = [
  {
    name: 'ARP request',
    hex: 'ffffffffffff02420a58000a0806000108000604000102420a58000a0a58000a0000000000000a580001',
    summary: 'who has 10.88.0.1? tell 10.88.0.10',
    layers: 'eth arp',
  },
  {
    name: 'ARP reply',
    hex: '02420a58000a02420a5800010806000108000604000202420a5800010a58000102420a58000a0a58000a',
    summary: '10.88.0.1 is at 02:42:0a:58:00:01',
    layers: 'eth arp',
  },
  {
    name: 'SYN',
    hex: '02420a58000102420a58000a08004500003c010b4000400624f70a58000a0a580001a80c4a392d9cc4ec00000000a002faf014e90000020405b40402080ac676bd84000000000103030a',
    summary: 'SYN 10.88.0.10:43020 > 10.88.0.1:19001 win 64240 mss 1460',
    layers: 'eth ip tcp',
  },
  {
    name: 'RST, ACK',
    hex: '02420a58000a02420a58000108004500002800004000400626160a5800010a58000a4a39a80c000000002d9cc4ed50140000b6460000',
    summary: 'RST, ACK 10.88.0.1:19001 > 10.88.0.10:43020',
    layers: 'eth ip tcp',
  },
  {
    name: 'TCP payload',
    hex: '02420a58000102420a58000a080045000037ab21400040067ae50a58000a0a580001baae1f90acb07fb71a5d39158018003f14e400000101080a8153fc004388128e68690a',
    summary: 'PSH, ACK 10.88.0.10:47790 > 10.88.0.1:8080 len 3',
    layers: 'eth ip tcp data',
  },
  {
    name: 'ACK',
    hex: '02420a58000a02420a580001080045000034819240004006a4770a5800010a58000a1f90baae1a5d391bacb07fbb8010004014e100000101080a438812908153fc02',
    summary: 'ACK 10.88.0.1:8080 > 10.88.0.10:47790',
    layers: 'eth ip tcp',
  },
  {
    name: 'UDP',
    hex: '02420a58000102420a58000a08004500001e9638400040118fdc0a58000a0a58000197bf0035000a14d6710a',
    summary: 'UDP 10.88.0.10:38847 > 10.88.0.1:53 len 2',
    layers: 'eth ip udp data',
  },
  {
    name: 'ICMP port unreachable',
    hex: '02420a58000a02420a580001080045c0003aca0e000040019b3a0a5800010a58000a0303df1d000000004500001e9638400040118fdc0a58000a0a58000197bf0035000a14d6710a',
    summary: 'ICMP port unreachable 10.88.0.1 > 10.88.0.10 (about UDP 10.88.0.10:38847 > 10.88.0.1:53)',
    layers: 'eth ip icmp (ip) (udp) (data)',
  },
  {
    name: 'neighbour solicitation',
    hex: '3333ff00000102420a58000a86dd6000000000203afffd000088000000000000000000000010ff0200000000000000000001ff000001870071d700000000fd000088000000000000000000000001010102420a58000a',
    summary: 'who has fd00:88::1? tell fd00:88::10',
    layers: 'eth ipv6 icmpv6',
  },
  {
    name: 'neighbour advertisement',
    hex: '02420a58000a02420a58000186dd6000000000203afffd000088000000000000000000000001fd0000880000000000000000000000108800105c60000000fd000088000000000000000000000001020102420a580001',
    summary: 'fd00:88::1 is at 02:42:0a:58:00:01',
    layers: 'eth ipv6 icmpv6',
  },
  {
    name: 'multicast listener report, hop-by-hop header',
    hex: '33330000001602420a58000a86dd6000000000380001fe8000000000000000420afffe58000aff0200000000000000000000000000163a000502000001008f0064d90000000204000000ff0200000000000000000001ff58000a04000000ff0200000000000000000001ff000010',
    summary: 'ICMPv6 multicast listener report v2 fe80::42:aff:fe58:a > ff02::16',
    layers: 'eth ipv6 icmpv6',
  },
  {
    name: 'ICMPv6 port unreachable',
    hex: '02420a58000a02420a58000186dd600ffe51003a3a40fd000088000000000000000000000001fd0000880000000000000000000000100104562d00000000600c3e2c000a1140fd000088000000000000000000000010fd000088000000000000000000000001960a0035000afb3d710a',
    summary: 'ICMPv6 port unreachable fd00:88::1 > fd00:88::10 (about UDP [fd00:88::10]:38410 > [fd00:88::1]:53)',
    layers: 'eth ipv6 icmpv6 (ipv6) (udp) (data)',
  },
  {
    name: 'last IPv4 fragment',
    hex: '02420a58000102420a58000a0800450000448e4901724001d6430a58000a0a58000188898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7',
    summary: 'ICMP fragment 10.88.0.10 > 10.88.0.1 id 0x8e49 at byte 2960',
    layers: 'eth ip data',
  },
  {
    name: 'last IPv6 fragment',
    hex: '02420a58000102420a58000a86dd600f1ac900782c40fd000088000000000000000000000010fd0000880000000000000000000000013a000b5013354dee48494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7',
    summary: 'ICMPv6 fragment fd00:88::10 > fd00:88::1 id 0x13354dee at byte 2896',
    layers: 'eth ipv6 data',
  },
  {
    name: 'ICMPv6 echo request',
    hex: '02420a58000102420a58000a86dd600f1ac900403a40fd000088000000000000000000000010fd0000880000000000000000000000018000be02406e00012b84016b000000008e2e0c0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637',
    summary: 'ICMPv6 echo request fd00:88::10 > fd00:88::1 id 16494 seq 1',
    layers: 'eth ipv6 icmpv6 data',
  },
];

/** The bytes of a real frame. */
export function realFrame(name: string): Uint8Array {
  const frame = realFrames.find((row) => row.name === name);
  if (frame === undefined) throw new Error(`no real frame is called ${name}`);
  return bytesOf(frame.hex);
}

/** A copy with some bytes replaced, from `offset` on. */
export function patched(bytes: Uint8Array, offset: number, hex: string): Uint8Array {
  const copy = bytes.slice();
  copy.set(bytesOf(hex), offset);
  return copy;
}

/** Where headers stand in an Ethernet frame of IPv4 without options. */
export const place = { type: 12, ip: 14, ipLength: 16, ipFragment: 20, ipProtocol: 23, transport: 34 };
