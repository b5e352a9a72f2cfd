/**
 * A case for the terminal UI, written by hand: a container that asks its host for a port on which only 127.0.0.1
 * listens; a connection that is well; one whose names are hostile.
 */

import type { ConnectionDiagnosis, Diagnosis, Hop } from '../../src/diagnose/diagnosis.ts';
import type { StreamLine } from '../../src/report/stream.ts';
import type {
  CaseView,
  FilterAnswer,
  FrameView,
  StreamAnswer,
  WriteAnswer,
  WriteRequest,
} from '../../src/ui/case-view.ts';
import { dissect } from '../../src/wire/dissect.ts';
import { summarize } from '../../src/wire/summary.ts';

const hostMac = '0a5800000001';
const containerMac = '0a580000000a';

const hex = (text: string): number[] => Array.from(Buffer.from(text, 'hex'));
const word = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const address = (text: string): number[] => text.split('.').map(Number);

/** The Internet checksum (RFC 1071) of bytes of an even number. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

interface Segment {
  readonly toHost: boolean;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly payload?: string;
}

const syn = 0x02;
const rst = 0x04;
const push = 0x08;
const ack = 0x10;

function tcpFrame(segment: Segment): Uint8Array {
  const { toHost, source, destination, flags } = segment;
  const payload = Array.from(Buffer.from(segment.payload ?? '', 'latin1'));
  const longs = new Uint8Array(8);
  new DataView(longs.buffer).setUint32(0, segment.sequence);
  new DataView(longs.buffer).setUint32(4, segment.acknowledgement);
  const options = flags & syn ? hex('020405b40402080a000f4240000000000103030a').slice(0, 20) : [];
  const headerWords = 5 + options.length / 4;
  const tcp = (sum: number): number[] => [
    ...word(segment.sourcePort),
    ...word(segment.destinationPort),
    ...longs,
    headerWords << 4,
    flags,
    ...word(flags & rst ? 0 : 64240),
    ...word(sum),
    0,
    0,
    ...options,
    ...payload,
  ];
  const length = headerWords * 4 + payload.length;
  const pseudo = [...address(source), ...address(destination), 0, 6, ...word(length)];
  const padding = length % 2 === 1 ? [0] : [];
  const tcpBytes = tcp(checksum([...pseudo, ...tcp(0), ...padding]));
  const ip = (sum: number): number[] => [
    ...hex('4500'),
    ...word(20 + length),
    ...hex('1c4640004006'),
    ...word(sum),
    ...address(source),
    ...address(destination),
  ];
  const macs = toHost ? [...hex(hostMac), ...hex(containerMac)] : [...hex(containerMac), ...hex(hostMac)];
  return Uint8Array.from([...macs, 0x08, 0x00, ...ip(checksum(ip(0))), ...tcpBytes]);
}

const arpRequest = Uint8Array.from([
  ...hex('ffffffffffff'),
  ...hex(containerMac),
  ...hex('08060001080006040001'),
  ...hex(containerMac),
  ...address('10.88.0.10'),
  ...hex('000000000000'),
  ...address('10.88.0.1'),
]);

const refusedSyn = tcpFrame({
  toHost: true,
  source: '10.88.0.10',
  sourcePort: 53620,
  destination: '10.88.0.1',
  destinationPort: 19001,
  sequence: 3735928559,
  acknowledgement: 0,
  flags: syn,
});
const refusedReset = tcpFrame({
  toHost: false,
  source: '10.88.0.1',
  sourcePort: 19001,
  destination: '10.88.0.10',
  destinationPort: 53620,
  sequence: 0,
  acknowledgement: 3735928560,
  flags: rst | ack,
});
const asked = { source: '10.88.0.10', sourcePort: 40112, destination: '10.88.0.1', destinationPort: 9000 };
const answered = { source: '10.88.0.1', sourcePort: 9000, destination: '10.88.0.10', destinationPort: 40112 };

/** What was captured, in the order of the case: interface, microseconds since the first, bytes. */
const captured: readonly (readonly [string, number, Uint8Array])[] = [
  ['portainer:eth0', 0, arpRequest],
  ['portainer:eth0', 112, refusedSyn],
  ['host:veth0', 118, refusedSyn],
  ['host:podman0', 121, refusedSyn],
  ['host:podman0', 164, refusedReset],
  ['host:veth0', 166, refusedReset],
  ['portainer:eth0', 171, refusedReset],
  ['portainer:eth0', 902_114, tcpFrame({ ...asked, toHost: true, sequence: 100, acknowledgement: 0, flags: syn })],
  [
    'portainer:eth0',
    902_180,
    tcpFrame({ ...answered, toHost: false, sequence: 900, acknowledgement: 101, flags: syn | ack }),
  ],
  ['portainer:eth0', 902_191, tcpFrame({ ...asked, toHost: true, sequence: 101, acknowledgement: 901, flags: ack })],
  [
    'portainer:eth0',
    902_260,
    tcpFrame({
      ...asked,
      toHost: true,
      sequence: 101,
      acknowledgement: 901,
      flags: push | ack,
      payload: 'GET / HTTP/1.1\r\nHost: \x1b]0;owned\x07\r\n\r\n',
    }),
  ],
  // Its IPv4 header claims more than the frame holds; and the interface has a hostile name.
  ['evil\x1b[2J\u202ename:eth0', 1_000_000, refusedSyn.slice(0, 40)],
];

function frameView(number: number): FrameView {
  const [interfaceName, microseconds, bytes] = captured[number - 1] ?? ['', 0, new Uint8Array()];
  const dissection = dissect(bytes, 1, bytes.length);
  return {
    number,
    relativeTime: (microseconds / 1e6).toFixed(6),
    interfaceName,
    originalLength: bytes.length,
    bytes,
    info: summarize(dissection),
    dissection,
  };
}

const hop = (hop: Omit<Hop, 'direction'>): Hop => ({ ...hop, direction: 'request' });

const refusedHops: readonly Hop[] = [
  hop({
    index: 1,
    netns: 'portainer',
    device: 'eth0',
    stage: 'route',
    verdict: 'passed',
    detail: '10.88.0.0/16 is on eth0',
    time: null,
    evidence: [
      {
        kind: 'snapshot',
        netns: 'portainer',
        command: 'ip -j -d route show table all',
        text: '{"dst":"10.88.0.0/16","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"10.88.0.10"}',
      },
      { kind: 'model', text: 'the most specific route to 10.88.0.1 is the connected one' },
    ],
  }),
  hop({
    index: 2,
    netns: 'portainer',
    device: 'eth0',
    stage: 'egress',
    verdict: 'passed',
    detail: 'the frame left the container',
    time: '1795252471.012870935',
    evidence: [{ kind: 'frame', frame: 2, text: 'SYN 10.88.0.10:53620 > 10.88.0.1:19001' }],
  }),
  hop({
    index: 3,
    netns: 'host',
    device: 'veth0',
    stage: 'bridge',
    verdict: 'passed',
    detail: 'podman0 took it for itself: the MAC is its own',
    time: '1795252471.012882101',
    evidence: [{ kind: 'frame', frame: 3, text: 'SYN 10.88.0.10:53620 > 10.88.0.1:19001' }],
  }),
  hop({
    index: 4,
    netns: 'host',
    device: 'podman0',
    stage: 'ingress',
    verdict: 'passed',
    detail: 'the host received it',
    time: '1795252471.012883420',
    evidence: [{ kind: 'frame', frame: 4, text: 'SYN 10.88.0.10:53620 > 10.88.0.1:19001' }],
  }),
  hop({
    index: 5,
    netns: 'host',
    device: 'podman0',
    stage: 'route',
    verdict: 'delivered',
    detail: '10.88.0.1 is an address of this host',
    time: null,
    evidence: [],
  }),
  hop({
    index: 6,
    netns: 'host',
    device: 'podman0',
    stage: 'input',
    verdict: 'passed',
    detail: 'no rule of INPUT refuses it',
    time: null,
    evidence: [
      { kind: 'snapshot', netns: 'host', command: 'nft -j list ruleset', text: '' },
      { kind: 'model', text: 'no chain is hooked at input' },
    ],
  }),
  hop({
    index: 7,
    netns: 'host',
    device: 'podman0',
    stage: 'socket',
    verdict: 'refused',
    detail: 'nothing listens on 10.88.0.1:19001; ssh listens on 127.0.0.1:19001 only',
    time: null,
    evidence: [
      {
        kind: 'kernel',
        event: 'tcp:tcp_send_reset',
        text: '<idle>-0 [001] ..s.. 81.204117: tcp_send_reset: src=10.88.0.1:19001 dest=10.88.0.10:53620 state=UNKNOWN reason=NO_SOCKET',
      },
      { kind: 'frame', frame: 5, text: 'RST 10.88.0.1:19001 → 10.88.0.10:53620' },
      {
        kind: 'snapshot',
        netns: 'host',
        command: 'ss -HOtlnpe',
        text: 'LISTEN 0      128        127.0.0.1:19001      0.0.0.0:*    users:(("ssh",pid=4711,fd=4)) ino:38121 sk:5\n',
      },
      { kind: 'model', text: 'a look-up for 10.88.0.1:19001 finds no socket, so the kernel answers with RST' },
    ],
  }),
];

/** The container's question that its host refused: seven hops, evidence of every kind, one checked fix. */
export const refused: ConnectionDiagnosis = {
  protocol: 'tcp',
  source: { address: '10.88.0.10', port: 53620, netns: 'portainer', name: null },
  destination: { address: '10.88.0.1', port: 19001, netns: 'host', name: 'host.containers.internal' },
  translated: null,
  outcome: 'refused',
  errno: 'ECONNREFUSED',
  cause: 'listener-on-other-address',
  certainty: 'proven',
  where: { netns: 'host', device: 'podman0', stage: 'socket', hop: 7, rule: null },
  summary: 'The host refused the connection: ssh listens on 127.0.0.1:19001, and 10.88.0.1:19001 is another address.',
  explanation: [
    'The packet left the container, crossed the bridge podman0 and reached the host. There the kernel looked for a program that listens on 10.88.0.1, port 19001, and found none, so it answered with a reset.',
    'A program listens on that port (ssh, process 4711), but on 127.0.0.1 only. That address can be reached from the host itself and from nowhere else.',
  ],
  hops: refusedHops,
  fixes: [
    {
      summary: 'Let ssh listen on the address of the bridge',
      commands: ['ssh -N -L 10.88.0.1:19001:127.0.0.1:9001 admin@10.20.0.5'],
      netns: 'host',
      verified: true,
    },
  ],
  alternatives: [],
  frames: [2, 3, 4, 5, 6, 7],
};

/** A connection that worked, with a hop of the reply. */
export const well: ConnectionDiagnosis = {
  protocol: 'tcp',
  source: { address: '10.88.0.10', port: 40112, netns: 'portainer', name: null },
  destination: { address: '10.88.0.1', port: 9000, netns: 'host', name: 'host.containers.internal' },
  translated: null,
  outcome: 'ok',
  errno: null,
  cause: null,
  certainty: 'observed',
  where: null,
  summary: 'The connection worked.',
  explanation: ['Both ends sent data.'],
  hops: [
    ...refusedHops.slice(0, 6).map((passed) => ({ ...passed, evidence: [] })),
    {
      index: 7,
      direction: 'request',
      netns: 'host',
      device: 'podman0',
      stage: 'socket',
      verdict: 'delivered',
      detail: 'portainer listens on 0.0.0.0:9000',
      time: null,
      evidence: [],
    },
    {
      index: 8,
      direction: 'reply',
      netns: 'host',
      device: 'podman0',
      stage: 'egress',
      verdict: 'passed',
      detail: 'the answer left by podman0',
      time: '1795252471.015002000',
      evidence: [{ kind: 'frame', frame: 9, text: 'SYN, ACK' }],
    },
  ],
  fixes: [],
  alternatives: [],
  frames: [8, 9, 10, 11],
};

/** A connection whose every text carries escapes, bidirectional overrides or wide characters. */
export const hostile: ConnectionDiagnosis = {
  protocol: 'udp',
  source: { address: '2001:db8::10', port: 40000, netns: 'evil\x1b[31m\u202e名前', name: null },
  destination: { address: '2001:db8::53', port: 53, netns: null, name: 'a\u200bb.\x1b]0;owned\x07例え.test' },
  translated: null,
  outcome: 'timeout',
  errno: null,
  cause: 'no-answer',
  certainty: 'inferred',
  where: { netns: 'evil\x1b[31m\u202e名前', device: 'eth\x1b[2J', stage: 'egress', hop: 1, rule: null },
  summary: 'Nothing answered \x1b[32mOK\x1b[0m\r\nREALLY.',
  explanation: ['日本語の長い説明がここにあります。\u202eエスケープ\x9b31m'],
  hops: [
    {
      index: 1,
      direction: 'request',
      netns: 'evil\x1b[31m\u202e名前',
      device: 'eth\x1b[2J',
      stage: 'egress',
      verdict: 'unknown',
      detail: 'dev\x08\x08\x08 名前名前名前 \x1b[7m',
      time: null,
      evidence: [{ kind: 'kernel', event: 'skb:\x1b[1m', text: 'a\tb\nc\x1b[5mblink' }],
    },
  ],
  fixes: [{ summary: 'ask \x1b[8manother', commands: ['echo \x1b[31m'], netns: 'evil\x1b[0m', verified: false }],
  alternatives: [{ cause: 'dns\x1b-down', tellApart: 'dig \u202ename' }],
  frames: [12],
};

/** The document of the sample. */
export const sampleDiagnosis: Diagnosis = {
  schema: 'nettrace.diagnosis/1',
  command: { argv: ['curl', 'http://host.containers.internal:19001/'], exitCode: 7, netns: 'portainer' },
  evidence: {
    frames: captured.length,
    engine: 'tcpdump',
    clock: 'kernel',
    promiscuous: false,
    snapshot: true,
    kernelEvents: 40,
    ruleTrace: false,
    linkOutages: [],
    missing: ['Firewall rules were not traced: no nft table was added.'],
  },
  connections: [refused, hostile, well],
};

/** The filters that the sample knows; the same text gives the same object. */
const answers: ReadonlyMap<string, FilterAnswer> = new Map<string, FilterAnswer>([
  ['tcp', { ok: true, frames: [3, 4, 12] }],
  ['arp', { ok: true, frames: [1, 2] }],
  ['icmp', { ok: true, frames: [] }],
  ['tcp && tpc', { ok: false, start: 7, end: 10, message: '"tpc" is no field; did you mean tcp?' }],
]);

/** What the well connection said, in every form: sides, remarks, lines longer than a screen, wide characters. */
const said: Readonly<Record<'text' | 'hex' | 'raw', readonly StreamLine[]>> = {
  text: [
    { from: 'client', text: 'GET / HTTP/1.1' },
    { from: 'client', text: 'Host: \\x1b]0;owned\\x07' },
    { from: 'client', text: '' },
    { from: 'server', text: 'HTTP/1.1 200 OK' },
    { from: 'server', text: `X-Long: ${'0123456789'.repeat(25)}` },
    { from: 'server', text: '名前'.repeat(60) },
    { from: null, text: '[1460 bytes of the server missing: no captured frame holds them]' },
    ...Array.from({ length: 60 }, (_, index): StreamLine => ({ from: 'server', text: `line ${index + 1}` })),
    { from: null, text: '[the server sends no more (FIN, frame 11)]' },
  ],
  hex: [
    { from: 'client', text: '00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|' },
    { from: 'server', text: '00000000  48 54 54 50 2f 31 2e 31  20 32 30 30 20 4f 4b 0d  |HTTP/1.1 200 OK.|' },
  ],
  raw: [
    { from: 'client', text: '474554202f20485454502f312e310d0a' },
    { from: 'server', text: '485454502f312e3120323030204f4b0d' },
  ],
};

function follow(frame: number): StreamAnswer {
  if (!well.frames.includes(frame)) {
    return { ok: false, message: `Frame ${frame} belongs to no \x1b[31mconnection: there is nothing to follow.` };
  }
  const [client, server] = [well.source, well.destination].map(({ address, port }) => ({ address, port: port ?? 0 }));
  if (client === undefined || server === undefined) throw new Error('a connection has two ends');
  return { ok: true, protocol: 'tcp', client, server, lines: (form) => said[form] };
}

/** Writes nothing: a file called `there` is there, a folder called `nowhere` is not. */
function write({ frames, path, overwrite }: WriteRequest): Promise<WriteAnswer> {
  if (path === 'there' && !overwrite) return Promise.resolve({ kind: 'exists' });
  if (path.startsWith('nowhere/')) {
    const reason = 'no such file or directory (ENOENT). Name a file in a folder that is there and can be written to.';
    return Promise.resolve({ kind: 'failed', reason });
  }
  return Promise.resolve({ kind: 'written', frames: frames?.length ?? captured.length });
}

/** The case of the sample, frames decoded when asked for. */
export const sample: CaseView = {
  title: 'refused.pcapng',
  diagnosis: sampleDiagnosis,
  frameCount: captured.length,
  firstFrame: 1,
  live: null,
  framesOf: ({ frames }) => frames,
  frame: frameView,
  follow,
  write,
  filter: (text) =>
    answers.get(text.trim()) ?? { ok: false, start: 0, end: text.length, message: `"${text}" is no field` },
};
