/**
 * Runs in a lab host: opens sockets and says `ready`. For each line of standard input, a list of probes, it sends them all
 * at once, and prints what became of them. It ends when standard input closes. Usage: `node agent.ts NAME LISTENERS`
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { setImmediate as afterEvents, setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../process.ts';
import { ping } from './ping.ts';
import type { ListenerSpec, Probe, ProbeResult, Receipt } from './probe.ts';

/**
 * The labs' neighbours are given up after a fifth of a second, or after some rounds of that when asked for again meanwhile;
 * TCP sends its SYN again after a second, and what conntrack knows then is another question.
 */
const patienceMs = 850;

/** What has been accepted is told by the other program, which may have to wait for its turn. */
const graceMs = 2500;

/** The slowest of the others may still be sending. */
const settleMs = 300;

const [, , name = '', listenersText = '[]'] = process.argv;
const listeners: readonly ListenerSpec[] = JSON.parse(listenersText);
const received: Receipt[] = [];

async function open({ protocol, address, port }: ListenerSpec): Promise<void> {
  if (protocol === 'tcp') {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(name);
    });
    server.listen({ port, host: address });
    await once(server, 'listening');
    return;
  }
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, { address: source, port: sourcePort }) =>
    // Without the IPv4-mapped prefix, and the zone that Node adds to an address of one link.
    received.push({ id: bytes.toString(), source: source.replace(/^::ffff:|%.*$/g, ''), sourcePort, port }),
  );
  socket.bind(port, address);
  await once(socket, 'listening');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}

let sentMs = 0;
/** By how much this process came too late to what it waited for, at worst. */
let lateMs = 0;

/** What there is to tell when the patience is over, of all events that are there by then. */
async function atTheEnd(tell: () => string): Promise<string> {
  await delay(patienceMs);
  await afterEvents();
  lateMs = Math.max(lateMs, performance.now() - sentMs - patienceMs);
  return tell();
}

/** As `atTheEnd`; a connection that is open by then is given time to say whose it is. */
async function atTheEndOf(socket: Socket, tell: () => string): Promise<string> {
  const told = await atTheEnd(tell);
  if (socket.connecting || socket.destroyed) return told;
  await Promise.race([once(socket, 'close'), delay(graceMs)]);
  return tell();
}

async function sendTcp({ id, address, port, sourcePort }: Probe): Promise<ProbeResult> {
  const socket = connect({ host: address, port, localPort: sourcePort, autoSelectFamily: false });
  let connected = false;
  let text = '';
  const sofar = (): string => (connected ? `connected ${text}`.trim() : 'timeout');
  const told = new Promise<string>((resolve) => {
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    socket.on('end', () => resolve(sofar()));
    socket.on('error', (error) => {
      const code = codeOf(error);
      // A reset before the SYN-ACK is ECONNREFUSED (`tcp_reset`).
      connected ||= code === 'ECONNRESET';
      resolve(connected ? sofar() : code);
    });
  });
  const result = await Promise.race([told, atTheEndOf(socket, sofar)]);
  socket.destroy();
  return { id, result };
}

async function sendUdp({ id, address, port, sourcePort }: Probe): Promise<ProbeResult> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const failed = new Promise<string>((resolve) => {
    socket.on('error', (error) => resolve(codeOf(error)));
    socket.bind(sourcePort, () => {
      socket.connect(port, address, (error?: Error) => {
        if (error === undefined) socket.send(id, (failure) => failure && resolve(codeOf(failure)));
        else resolve(codeOf(error));
      });
    });
  });
  const result = await Promise.race([failed, atTheEnd(() => 'timeout')]);
  try {
    socket.close();
  } catch (error) {
    if (!hasCode(error, 'ERR_SOCKET_DGRAM_NOT_RUNNING')) throw error;
  }
  return { id, result };
}

const senders = { tcp: sendTcp, udp: sendUdp, icmp: (probe: Probe) => ping(probe, patienceMs) } as const;

for (const listener of listeners) await open(listener);
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  // What follows is short, and hangs on being in time.
  setPriority(constants.priority.PRIORITY_HIGHEST);
  const probes: readonly Probe[] = JSON.parse(line);
  // Starting a process takes long: pings come last.
  const sending = probes.toSorted((a, b) => Number(a.protocol === 'icmp') - Number(b.protocol === 'icmp'));
  sentMs = performance.now();
  const results = await Promise.all(sending.map((probe) => senders[probe.protocol](probe)));
  await delay(probes.length === 0 ? patienceMs + settleMs : settleMs);
  await afterEvents();
  console.log(JSON.stringify({ results, received, lateMs }));
}
process.exit(0);
