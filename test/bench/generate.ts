/**
 * `npm run bench:generate -- FILE [PACKETS] [SEED]`: writes a capture for measurements, the same bytes for the same
 * seed. 5,000,000 packets (the default) make 20,000 connections and 1.8 GB.
 *
 * Clients and servers of one Ethernet talk TCP: handshakes, requests and answers acknowledged both ways, lost segments
 * sent again, refusals, unanswered SYNs, resets, orderly ends. Every sixteenth conversation asks a resolver, or is a ping. TCP
 * checksums are left unfilled, as a host that offloads them captures its own frames.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const defaultPackets = 5_000_000;
const defaultSeed = 20_260_101;
/** With the shares below this makes 20,000 connections of 5,000,000 packets. */
const shortestTransfer = 40;
const longestTransfer = 650;
/** Conversations that are open at a time: their packets take turns. */
const openAtOnce = 300;

const bufferLength = 4 * 1024 * 1024;
const largestFrame = 1514;
const recordHeader = 16;
const ethernetLength = 14;
const ipLength = 20;
const tcpLength = 32;
const udpLength = 8;
const firstSecond = 1_767_225_600;

const flag = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 };

/** Numbers that a seed decides (xorshift32, Marsaglia 2003). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** From 0 up to, not including, `below`. */
  below(below: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % below;
  }
}

/** The name that resolvers are asked for: `host123.example`. */
const dnsName = [7, ...Buffer.from('host123'), 7, ...Buffer.from('example'), 0];
/** An address of that name: 10.89.0.1, for a minute. */
const dnsRecord = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 89, 0, 1];

/** A message up to the end of its question. */
function dnsHeader(identifier: number, isAnswer: boolean): number[] {
  const [flags, answers] = isAnswer ? [[0x81, 0x80], 1] : [[0x01, 0x00], 0];
  return [identifier >> 8, identifier & 0xff, ...flags, 0, 1, 0, answers, 0, 0, 0, 0, ...dnsName, 0, 1, 0, 1];
}

type Story = 'transfer' | 'refused' | 'unanswered' | 'reset' | 'dns' | 'ping';

interface End {
  readonly address: number;
  readonly port: number;
  sequence: number;
  identification: number;
}

interface Conversation {
  readonly story: Story;
  readonly client: End;
  readonly server: End;
  /** How many packets it has sent, and is to send before it ends. */
  sent: number;
  readonly length: number;
  /** Payload bytes of a data segment that was lost and is to be sent again; 0 when none was. */
  lost: number;
}

/** Writes frames into a buffer, and the buffer to a file whenever it is full. */
class FrameFile {
  readonly #bytes = new Uint8Array(bufferLength);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #descriptor: number;
  #used = 0;
  #microseconds = 0;
  #checksum = 0;

  constructor(path: string, dice: Dice) {
    this.#descriptor = openSync(path, 'w');
    // Payloads are what the buffer holds: noise at first, then remains of earlier frames.
    for (let at = 0; at < bufferLength; at += 1) this.#bytes[at] = dice.below(256);
    for (const [at, value] of [0xa1b2c3d4, 0x00040002, 0, 0, 262_144, 1].entries()) {
      this.#view.setUint32(at * 4, value, true);
    }
    this.#used = 24;
  }

  tcp(from: End, to: End, flags: number, payload: number, window: number): void {
    const at = this.#frame(from, to, 6, tcpLength + payload);
    const view = this.#view;
    view.setUint16(at, from.port);
    view.setUint16(at + 2, to.port);
    view.setUint32(at + 4, from.sequence);
    view.setUint32(at + 8, (flags & flag.ack) === 0 ? 0 : to.sequence);
    view.setUint16(at + 12, ((tcpLength / 4) << 12) | flags);
    view.setUint16(at + 14, window);
    view.setUint32(at + 16, 0);
    // Two no-operations, then the timestamps option.
    view.setUint32(at + 20, 0x0101080a);
    view.setUint32(at + 24, this.#microseconds >>> 10);
    view.setUint32(at + 28, this.#microseconds >>> 11);
  }

  /** A question for an address, or its answer, which may end with bytes that mean nothing. */
  dns(from: End, to: End, identifier: number, payload: number, isAnswer: boolean): void {
    const at = this.#frame(from, to, 17, udpLength + payload);
    this.#view.setUint16(at, from.port);
    this.#view.setUint16(at + 2, to.port);
    this.#view.setUint16(at + 4, udpLength + payload);
    this.#view.setUint16(at + 6, 0);
    const message = isAnswer ? [...dnsHeader(identifier, true), ...dnsRecord] : dnsHeader(identifier, false);
    for (const [index, byte] of message.entries()) this.#view.setUint8(at + udpLength + index, byte);
  }

  echo(from: End, to: End, type: number, identifier: number, sequence: number): void {
    const at = this.#frame(from, to, 1, 64);
    this.#view.setUint32(at, type << 24);
    this.#view.setUint16(at + 4, identifier);
    this.#view.setUint16(at + 6, sequence);
  }

  close(): void {
    this.#flush();
    closeSync(this.#descriptor);
  }

  advance(microseconds: number): void {
    this.#microseconds += microseconds;
  }

  #flush(): void {
    writeSync(this.#descriptor, this.#bytes, 0, this.#used);
    this.#used = 0;
  }

  #frame(from: End, to: End, protocol: number, transportLength: number): number {
    if (this.#used + recordHeader + largestFrame > bufferLength) this.#flush();
    const view = this.#view;
    const length = ethernetLength + ipLength + transportLength;
    const record = this.#used;
    view.setUint32(record, firstSecond + Math.floor(this.#microseconds / 1e6), true);
    view.setUint32(record + 4, this.#microseconds % 1e6, true);
    view.setUint32(record + 8, length, true);
    view.setUint32(record + 12, length, true);
    const ethernet = record + recordHeader;
    this.#mac(ethernet, to.address);
    this.#mac(ethernet + 6, from.address);
    view.setUint16(ethernet + 12, 0x0800);
    const ip = ethernet + ethernetLength;
    this.#checksum = 0;
    this.#word(ip, 0x4500);
    this.#word(ip + 2, ipLength + transportLength);
    this.#word(ip + 4, from.identification);
    from.identification = (from.identification + 1) & 0xffff;
    this.#word(ip + 6, 0x4000);
    this.#word(ip + 8, (64 << 8) | protocol);
    this.#word(ip + 12, from.address >>> 16);
    this.#word(ip + 14, from.address & 0xffff);
    this.#word(ip + 16, to.address >>> 16);
    this.#word(ip + 18, to.address & 0xffff);
    const folded = (this.#checksum & 0xffff) + (this.#checksum >>> 16);
    view.setUint16(ip + 10, ~(folded + (folded >>> 16)) & 0xffff);
    this.#used = ethernet + length;
    return ip + ipLength;
  }

  #mac(at: number, address: number): void {
    this.#view.setUint16(at, 0x0242);
    this.#view.setUint32(at + 2, address);
  }

  #word(at: number, value: number): void {
    this.#view.setUint16(at, value);
    this.#checksum += value;
  }
}

/** Of 16 conversations that have more to say than a few packets, one is none of TCP's. */
const stories: readonly Story[] = [
  ...Array<Story>(11).fill('transfer'),
  'refused',
  'unanswered',
  'reset',
  'dns',
  'ping',
];

/** The few packets of the other stories are made up by the transfers. */
const lengths: Readonly<Record<Story, (dice: Dice) => number>> = {
  transfer: (dice) => shortestTransfer + dice.below(longestTransfer - shortestTransfer),
  refused: () => 2,
  unanswered: () => 5,
  reset: (dice) => 20 + dice.below(100),
  dns: () => 2,
  ping: (dice) => 2 * (1 + dice.below(20)),
};

function begin(number: number, dice: Dice): Conversation {
  const story = stories[dice.below(stories.length)] ?? 'transfer';
  const end = (address: number, port: number): End => ({
    address: address >>> 0,
    port,
    sequence: dice.below(0xffffffff),
    identification: dice.below(0xffff),
  });
  const serverPort = story === 'dns' ? 53 : ([443, 80, 5432, 6379, 8080][dice.below(5)] ?? 443);
  return {
    story,
    // A client's address and port come back after 50 * 28,000 conversations.
    client: end(0x0a580000 + 10 + (number % 50), 32_768 + (Math.floor(number / 50) % 28_000)),
    server: end(0x0a590000 + 1 + dice.below(40), serverPort),
    sent: 0,
    length: lengths[story](dice),
    lost: 0,
  };
}

/** A segment and the sequence space that it takes. */
function send(file: FrameFile, from: End, to: End, flags: number, payload = 0): void {
  file.tcp(from, to, flags, payload, 502);
  from.sequence = (from.sequence + payload + ((flags & (flag.syn | flag.fin)) === 0 ? 0 : 1)) >>> 0;
}

function open(talk: Conversation, file: FrameFile): void {
  const { client, server, sent, story } = talk;
  if (story === 'unanswered' || sent === 0) {
    file.tcp(client, server, flag.syn, 0, 64_240);
    if (story !== 'unanswered') client.sequence = (client.sequence + 1) >>> 0;
  } else if (story === 'refused') {
    file.tcp({ ...server, sequence: 0 }, client, flag.rst | flag.ack, 0, 0);
  } else if (sent === 1) send(file, server, client, flag.syn | flag.ack);
  else send(file, client, server, flag.ack);
}

/** Requests, answers of one to a few segments, and their acknowledgements; one segment in 64 is lost at first. */
function exchange(talk: Conversation, file: FrameFile, dice: Dice): void {
  const { client, server } = talk;
  if (talk.lost > 0) {
    const repeated = { ...server, sequence: (server.sequence - talk.lost) >>> 0 };
    file.tcp(repeated, client, flag.psh | flag.ack, talk.lost, 502);
    server.identification = repeated.identification;
    talk.lost = 0;
    return;
  }
  const turn = dice.below(8);
  if (turn < 4) send(file, turn < 3 ? client : server, turn < 3 ? server : client, flag.ack);
  else if (turn === 4) send(file, client, server, flag.psh | flag.ack, 20 + dice.below(300));
  else {
    const payload = dice.below(18) < 7 ? largestFrame - ethernetLength - ipLength - tcpLength : 20 + dice.below(400);
    send(file, server, client, flag.psh | flag.ack, payload);
    if (dice.below(64) === 0) talk.lost = payload;
  }
}

const closing = 4;

function close(talk: Conversation, file: FrameFile): void {
  const { client, server } = talk;
  if (talk.story === 'reset') {
    if (talk.sent === talk.length - 1) file.tcp(server, client, flag.rst | flag.ack, 0, 0);
    else send(file, client, server, flag.ack);
    return;
  }
  const step = talk.length - talk.sent;
  const [from, to] = step === closing || step === 1 ? [client, server] : [server, client];
  send(file, from, to, step === closing || step === 2 ? flag.fin | flag.ack : flag.ack);
}

const handshake = 3;

function next(talk: Conversation, file: FrameFile, dice: Dice): void {
  const { client, server, sent, story } = talk;
  if (story === 'dns') {
    const asks = sent % 2 === 0;
    file.dns(
      asks ? client : server,
      asks ? server : client,
      client.sequence & 0xffff,
      asks ? 33 : 49 + dice.below(200),
      !asks,
    );
  } else if (story === 'ping') {
    const asks = sent % 2 === 0;
    file.echo(asks ? client : server, asks ? server : client, asks ? 8 : 0, client.sequence & 0xffff, sent >> 1);
  } else if (sent < handshake || story === 'refused' || story === 'unanswered') open(talk, file);
  else if (sent >= talk.length - closing) close(talk, file);
  else exchange(talk, file, dice);
  talk.sent += 1;
}

/** Writes the capture and gives the number of its conversations. */
export function generate(path: string, packets = defaultPackets, seed = defaultSeed): number {
  const dice = new Dice(seed);
  const file = new FrameFile(path, dice);
  const talks: Conversation[] = [];
  let begun = 0;
  for (; begun < openAtOnce; begun += 1) talks.push(begin(begun, dice));
  for (let count = 0; count < packets; count += 1) {
    const place = dice.below(openAtOnce);
    let talk = talks[place];
    if (talk === undefined || talk.sent === talk.length) {
      talk = begin(begun, dice);
      talks[place] = talk;
      begun += 1;
    }
    file.advance(1 + dice.below(20));
    next(talk, file, dice);
  }
  file.close();
  return begun;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [path, packets, seed] = process.argv.slice(2);
  if (path === undefined) throw new Error('usage: generate.ts FILE [PACKETS] [SEED]');
  const conversations = generate(
    path,
    packets === undefined ? defaultPackets : Number(packets),
    seed === undefined ? defaultSeed : Number(seed),
  );
  console.log(`${path}: ${conversations} conversations`);
}
