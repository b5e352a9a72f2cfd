/**
 * The service of the labs: HTTPS on one address, `pong` for `/ping`, 404 for the rest. Node runs this file as it is, so
 * its command line is what a snapshot shows of the listener.
 *
 * Usage: `node https-server.ts --listen ADDRESS:PORT --key FILE --cert FILE`
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { listen: { type: 'string' }, key: { type: 'string' }, cert: { type: 'string' } },
});
const listen = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<v4>[0-9.]+)):(?<port>\d{1,5})$/i.exec(values.listen ?? '')?.groups;
if (!listen || !values.key || !values.cert) {
  console.error('usage: https-server.ts --listen ADDRESS:PORT --key FILE --cert FILE');
  process.exit(2);
}

const server = createServer({ key: readFileSync(values.key), cert: readFileSync(values.cert) }, (request, response) => {
  const known = request.url === '/ping';
  response.writeHead(known ? 200 : 404, { 'content-type': 'text/plain', connection: 'close' });
  response.end(known ? 'pong\n' : 'not found\n');
});
server.on('error', (error) => {
  console.error(`cannot listen on ${values.listen}: ${error.message}`);
  process.exit(1);
});
server.listen({ host: listen['v6'] ?? listen['v4'], port: Number(listen['port']), ipv6Only: true });
