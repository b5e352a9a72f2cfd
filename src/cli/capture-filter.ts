/** What a live capture leaves out: what the user's filter does not accept, and the session that shows the screen. */

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { programIsThere } from '../host/environment.ts';
import { runTool } from '../host/run-tool.ts';
import { UserError } from './errors.ts';

const timeoutMs = 5000;
/** Processes above this one that are asked for their session; sudo takes the variable out of its children's. */
const mostAncestors = 32;
const variable = 'SSH_CONNECTION';

/** A filter in libpcap's language, null for all packets, and what people are to know of it, one sentence each. */
export interface CaptureFilter {
  readonly expression: string | null;
  readonly notes: readonly string[];
}

/** The environment variable of this process or of the nearest above it, `CLIENT PORT SERVER PORT` (ssh(1)). */
function sshConnection(): string | null {
  let pid = process.pid;
  for (let count = 0; count < mostAncestors && pid > 1; count += 1) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      const found = environment.find((entry) => entry.startsWith(`${variable}=`));
      if (found !== undefined) return found.slice(variable.length + 1);
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      pid = Number(stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[1]);
    } catch {
      return null;
    }
  }
  return null;
}

/** The session as a filter; null for what is no session. An environment is not to be trusted: it is the user's. */
export function sessionFilter(connection: string): string | null {
  const [client = '', clientPort = '', server = '', serverPort = ''] = connection.split(' ');
  // A zone (`fe80::1%eth0`) means nothing to libpcap.
  const hosts = [client, server].map((address) => address.replace(/%.*$/s, ''));
  const areHosts = hosts.every((host) => isIP(host) !== 0);
  const arePorts = [clientPort, serverPort].every((port) => /^\d{1,5}$/.test(port));
  if (!areHosts || !arePorts) return null;
  return `(host ${hosts[0]} and host ${hosts[1]} and tcp port ${clientPort} and tcp port ${serverPort})`;
}

/** Throws a UserError, with libpcap's own words, when an expression cannot be compiled for Ethernet. */
async function checkCompiles(expression: string): Promise<void> {
  // Without tcpdump the engine itself will say it.
  if (!programIsThere('tcpdump')) return;
  const result = await runTool('tcpdump', ['-y', 'EN10MB', '-d', '--', expression], { timeoutMs });
  if ('failure' in result) {
    throw new UserError(`the capture filter ${expression} cannot be used: ${result.failure}; see man pcap-filter`);
  }
}

/** The filter of a live capture. `withSsh`: the session in use is captured too. */
export async function captureFilter(wanted: string | undefined, withSsh: boolean): Promise<CaptureFilter> {
  if (wanted !== undefined) await checkCompiles(wanted);
  const connection = withSsh ? null : sshConnection();
  const session = connection === null ? null : sessionFilter(connection);
  const parts = [...(wanted === undefined ? [] : [`(${wanted})`]), ...(session === null ? [] : [`not ${session}`])];
  return {
    expression: parts.length === 0 ? null : parts.join(' and '),
    notes: [
      ...(wanted === undefined ? [] : [`Only what the capture filter accepts is captured: ${wanted}`]),
      ...(session === null ? [] : ['The SSH session that shows this screen is left out (--with-ssh takes it in).']),
    ],
  };
}
