/** One echo request by `ping`, and what its output says in the words of a socket's errors. */
import { execFile } from 'node:child_process';
import type { Probe, ProbeResult } from './probe.ts';

/** What ping prints of an ICMP error or a failed call, as the errno that a socket would have. */
const errnoTexts: readonly (readonly [RegExp, string])[] = [
  [/Destination Net (Unreachable|Prohibited)|unreachable: No route|Network is unreachable/, 'ENETUNREACH'],
  [/Destination Host (Unreachable|Prohibited)|Packet filtered|Address unreachable|No route to host/, 'EHOSTUNREACH'],
  [/Time to live exceeded|Time exceeded: Hop limit/, 'EHOSTUNREACH'],
  [/Destination Port Unreachable|Port unreachable/, 'ECONNREFUSED'],
  [/Destination Protocol Unreachable/, 'ENOPROTOOPT'],
  [/Administratively prohibited|unreachable: Unknown code [56]|Permission denied|ping broadcast\?/, 'EACCES'],
  [/Operation not permitted/, 'EPERM'],
  [/Invalid argument/, 'EINVAL'],
  [/Cannot assign requested address/, 'EADDRNOTAVAIL'],
];

/** Sends one echo request to the probe's address. An answer from another address than was asked is none. */
export function ping({ id, address }: Probe, patienceMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const args = ['-n', '-c', '1', '-W', String(patienceMs / 1000), address];
    execFile('ping', args, { env: { ...process.env, LC_ALL: 'C' } }, (_error, stdout, stderr) => {
      const output = `${stdout}\n${stderr}`;
      const answered = output.includes('bytes from ') && !output.includes('DIFFERENT ADDRESS');
      const told = errnoTexts.find(([pattern]) => pattern.test(output))?.[1];
      const silent = /0 received/.test(output) || output.includes('DIFFERENT ADDRESS') ? 'timeout' : output.trim();
      resolve({ id, result: answered ? 'answered' : (told ?? silent) });
    });
  });
}
