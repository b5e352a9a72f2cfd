/** What a program of a lab meets when it connects. */
import type { Lab } from './lab.ts';

const connectScript = `
import errno, socket, sys
host, port = sys.argv[1].rsplit(':', 1)
try:
    with socket.create_connection((host, int(port)), 2) as connection:
        print(connection.recv(200).decode())
except TimeoutError:
    print('timeout')
except OSError as error:
    print(errno.errorcode[error.errno])
`;

/** What the service says that it comes to (IPv4), `timeout` after two seconds, or connect()'s error: `ECONNREFUSED`. */
export async function connectFrom(lab: Lab, host: string, destination: string): Promise<string> {
  const { stdout, stderr } = await lab.run(host, ['python3', '-c', connectScript, destination]);
  return stdout.trim() || stderr;
}
