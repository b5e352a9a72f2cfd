/**
 * Sends probes from a host and notes what arrives there, told by JSON lines over a Unix socket, which reaches across
 * network namespaces. Usage: `node prober.ts CONTROL ADDRESS:PORT…`
 *
 * It takes UDP and TCP at every address and port that is named, and answers no datagram: so a datagram is one packet.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Arrival, Probe, ProberRequest } from '../probes.ts';

const [control = '', ...listens] = process.argv.slice(2);
let arrivals: Arrival[] = [];

function endpoint(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/** The system's name of an error, `EPERM`. */
function nameOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function sendDatagram({ id, source, destination }: Probe): Promise<string> {
  const [from, to] = [endpoint(source), endpoint(destination)];
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    const end = (result: string): void => {
      socket.close();
      resolve(result);
    };
    socket.once('error', (error) => end(nameOf(error)));
    socket.bind(from.port, from.host, () => {
      socket.send(String(id), to.port, to.host, (error) => end(error === null ? 'sent' : nameOf(error)));
    });
  });
}

function openConnection({ source, destination }: Probe, limitMs: number): Promise<string> {
  const [from, to] = [endpoint(source), endpoint(destination)];
  const socket: Socket = connect({ ...to, localAddress: from.host, localPort: from.port, timeout: limitMs });
  return new Promise((resolve) => {
    const end = (result: string): void => {
      // A reset leaves nothing that would be sent again under the rules that come next.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
      resolve(result);
    };
    socket.once('connect', () => end('connected'));
    socket.once('timeout', () => end('timeout'));
    socket.once('error', (error) =>
      end('code' in error && typeof error.code === 'string' ? error.code : error.message),
    );
  });
}

async function answer(line: string): Promise<unknown> {
  const request: ProberRequest = JSON.parse(line);
  if (request.kind === 'take') {
    const taken = arrivals;
    arrivals = [];
    return taken;
  }
  return Promise.all(
    request.probes.map((probe) =>
      request.kind === 'datagrams' ? sendDatagram(probe) : openConnection(probe, request.limitMs),
    ),
  );
}

for (const at of listens) {
  const { host, port } = endpoint(at);
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    arrivals.push({ id: Number(message.toString()), source: `${from.address}:${from.port}`, destination: at });
  });
  socket.bind(port, host);
  createServer((connection) => connection.on('error', () => connection.destroy()).resume()).listen(port, host);
}
createServer((client) => {
  client.on('error', () => client.destroy());
  createInterface(client).on('line', (line) => {
    void answer(line).then((result) => client.write(`${JSON.stringify(result)}\n`));
  });
}).listen(control);
