/**
 * Runs in a lab host: opens sockets, says `ready`, reads its probes from standard input, sends them all at once, and
 * prints what became of them. It ends when standard input closes. Usage: `node agent.ts NAME LISTENERS`
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../process.ts';
import type { ListenerSpec, Probe, ProbeResult, Receipt } from './probe.ts';

/** The kernel gives up on a neighbour after three seconds. */
const patienceMs = 4200;

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
  socket.on('message', (bytes, { address: source }) =>
    received.push({ id: bytes.toString(), source: source.replace(/^::ffff:/, '') }),
  );
  socket.bind(port, address);
  await once(socket, 'listening');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}

async function sendTcp({ id, address, port }: Probe): Promise<ProbeResult> {
  const socket = connect({ host: address, port, autoSelectFamily: false });
  let text = '';
  const told = new Promise<string>((resolve) => {
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    socket.on('end', () => resolve(`connected ${text}`));
    socket.on('error', (error) => resolve(codeOf(error)));
  });
  const result = await Promise.race([told, delay(patienceMs, 'timeout')]);
  socket.destroy();
  return { id, result };
}

async function sendUdp({ id, address, port }: Probe): Promise<ProbeResult> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const failed = new Promise<string>((resolve) => {
    socket.on('error', (error) => resolve(codeOf(error)));
    socket.connect(port, address, (error?: Error) => {
      if (error === undefined) socket.send(id, (failure) => failure && resolve(codeOf(failure)));
      else resolve(codeOf(error));
    });
  });
  const result = await Promise.race([failed, delay(patienceMs, 'timeout')]);
  try {
    socket.close();
  } catch (error) {
    if (!hasCode(error, 'ERR_SOCKET_DGRAM_NOT_RUNNING')) throw error;
  }
  return { id, result };
}

for (const listener of listeners) await open(listener);
const lines = createInterface({ input: process.stdin });
console.log('ready');
const [line] = await once(lines, 'line');
const probes: readonly Probe[] = JSON.parse(String(line));
const results = await Promise.all(probes.map((probe) => (probe.protocol === 'tcp' ? sendTcp(probe) : sendUdp(probe))));
// The slowest of the others may still be sending.
await delay(patienceMs / 4);
console.log(JSON.stringify({ results, received }));
process.exit(0);
