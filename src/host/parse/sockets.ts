/** Listening sockets: the text of `ss -HOtlnpe` and `ss -HOulnpe`, see ss(8). */

import type { Listener } from '../state.ts';
import type { Sections } from './section.ts';

const commands = [
  ['tcp', 'ss -HOtlnpe'],
  ['udp', 'ss -HOulnpe'],
] as const;

/**
 * State, two queues, local and peer address, the rest. A process may put any fifteen bytes into its name, line feeds
 * too: what does not begin like this is not a socket.
 */
const socketLine = /^(?:LISTEN|UNCONN) +\d+ +\d+ +(\S+) +\S+:\S+(?: +(.*))?$/;

/** `127.0.0.53%lo:53`, `[::1]:631`, `*:80`; the address, the device and the port. */
const localAddress = /^(\*|\[[0-9a-fA-F:.]*\]|[0-9.]+)(?:%([^\s:]+))?:(\d{1,5})$/;

const firstUser = /users:\(\("(.*?)",pid=(\d{1,7}),fd=\d+/;

const largestPort = 65_535;

function parseLine(line: string): Omit<Listener, 'protocol' | 'source'> | null {
  const [, local = '', rest = ''] = socketLine.exec(line) ?? [];
  const [, host = '', device = null, portText] = localAddress.exec(local) ?? [];
  const port = Number(portText);
  if (host === '' || !(port <= largestPort)) return null;
  // ss writes `*` for the IPv6 wildcard that takes IPv4 too, and `[::]` for the one that does not.
  const wildcard = host === '*';
  const bare = host.replace(/^\[|\]$/g, '');
  const family = wildcard || bare.includes(':') ? 6 : 4;
  const user = firstUser.exec(rest);
  return {
    family,
    address: wildcard ? '::' : bare,
    port,
    v6Only: bare === '::',
    device,
    process: user === null ? null : { name: user[1] ?? '', pid: Number(user[2]) },
  };
}

/** The listening sockets of a namespace; `known` is false when one of the lists could not be had, or read. */
export function parseListeners(sections: Sections): { listeners: Listener[]; known: boolean } {
  const listeners: Listener[] = [];
  let known = true;
  for (const [protocol, command] of commands) {
    const text = sections.text(command);
    if (text === null) known = false;
    for (const line of (text ?? '').split('\n')) {
      const socket = parseLine(line);
      if (socket !== null) listeners.push({ protocol, ...socket, source: sections.quote(command, line.trimEnd()) });
      else if (/^(?:LISTEN|UNCONN) /.test(line)) {
        known = false;
        sections.problem(`\`${command}\` printed a socket that could not be parsed: ${line.trimEnd()}`);
      }
    }
  }
  return { listeners, known };
}
