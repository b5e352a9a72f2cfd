/** Programs that run on a lab's hosts. */
import { fileURLToPath } from 'node:url';
import type { ServiceSpec } from './spec.ts';

/** HTTPS on one address, `127.0.0.1:19001` or `[::1]:19001`: answers `/ping` with `pong`. */
export function httpsServer(listen: string): ServiceSpec {
  const program = fileURLToPath(new URL('./services/https-server.ts', import.meta.url));
  return {
    argv: ({ key, cert }) => [process.execPath, program, '--listen', listen, '--key', key, '--cert', cert],
    listens: listen,
  };
}
