/** What `nettrace path` predicts, and what a program meets. */
import type { Lab } from './lab.ts';

const connectScript = `
import errno, socket, sys
host, port = sys.argv[1].rsplit(':', 1)
try:
    socket.create_connection((host.strip('[]'), int(port)), float(sys.argv[2])).close()
    print('ok -')
except TimeoutError:
    print('timeout -')
except OSError as error:
    name = errno.errorcode[error.errno]
    print('refused' if name == 'ECONNREFUSED' else 'unreachable', name)
`;

/**
 * Makes hosts give up soon: a neighbour who does not answer, and a connection whose opener does not hear them, since what is
 * sent again for one of before would ask for neighbours, and teach those. Whoever answers for others or as one of several
 * (`ndisc_recv_ns`) does so at once, and not some time after they are given up.
 */
export async function hasten(lab: Lab, ...hosts: readonly string[]): Promise<void> {
  const settings = [
    'for f in /proc/sys/net/ipv[46]/neigh/*/retrans_time_ms; do echo 100 >$f; done',
    'for f in /proc/sys/net/ipv[46]/neigh/*/proxy_delay; do echo 0 >$f; done',
    'echo 0 >/proc/sys/net/ipv4/tcp_synack_retries',
  ];
  for (const host of hosts) await lab.must(host, ['sh', '-c', settings.join('; ')]);
}

/** Longer than an unanswered neighbour takes to be given up (3 s); and where that is hastened. */
const patience = { usual: '5', hastened: '1.5' } as const;

/** What connect() gives in a host's namespace, as `OUTCOME ERRNO`. */
export async function connectThere(
  lab: Lab,
  host: string,
  destination: string,
  how: keyof typeof patience = 'usual',
): Promise<string> {
  const { stdout, stderr } = await lab.run(host, ['python3', '-c', connectScript, destination, patience[how]]);
  return stdout.trim() || stderr;
}

/** What `nettrace path` says that connect() would give, with what the kernel's own look-up says otherwise. */
export async function predict(lab: Lab, host: string, destination: string): Promise<string> {
  const { json, stderr } = await lab.nettrace(['path', '--json', '--netns', lab.netns(host), 'tcp', destination]);
  const [connection] = json?.connections ?? [];
  const disagreements = connection?.prediction?.kernelRoute?.disagreements;
  if (connection === undefined || disagreements === undefined) return `the kernel was not asked: ${stderr}`;
  return [connection.outcome, connection.errno ?? '-', ...disagreements].join(' ');
}
