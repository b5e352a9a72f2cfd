/** Sockets: the text of `ss -HOtlnpe`, `ss -HOulnpe` and of the connected ones, see ss(8). */

import { snapshotCommand } from '../snapshot-commands.ts';
import type { ConnectedSocket, Listener } from '../state.ts';
import type { Sections } from './section.ts';

const commands = [
  ['tcp', snapshotCommand.tcpListeners],
  ['udp', snapshotCommand.udpListeners],
] as const;

/**
 * State, two queues, local and peer address, the rest. A process may put any fifteen bytes into its name, line feeds
 * too: what does not begin like this is not a socket.
 */
const socketLine = /^(?:LISTEN|UNCONN) +(\d+) +(\d+) +(\S+) +\S+:\S+(?: +(.*))?$/;

/** `127.0.0.53%lo:53`, `[::1]:631`, `*:80`; the address, the device and the port. */
const localAddress = /^(\*|\[[0-9a-fA-F:.]*\]|[0-9.]+)(?:%([^\s:]+))?:(\d{1,5})$/;

const firstUser = /users:\(\("(.*?)",pid=(\d{1,7}),fd=\d+/;

const largestPort = 65_535;

interface LocalEnd {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  readonly v6Only: boolean;
  readonly device: string | null;
}

function parseEnd(text: string): LocalEnd | null {
  const [, host = '', device = null, portText] = localAddress.exec(text) ?? [];
  const port = Number(portText);
  if (host === '' || !(port <= largestPort)) return null;
  // ss writes `*` for the IPv6 wildcard that takes IPv4 too, and `[::]` for the one that does not.
  const wildcard = host === '*';
  const bare = host.replace(/^\[|\]$/g, '');
  const family = wildcard || bare.includes(':') ? 6 : 4;
  return { family, address: wildcard ? '::' : bare, port, v6Only: bare === '::', device };
}

function parseLine(line: string, protocol: 'tcp' | 'udp'): Omit<Listener, 'protocol' | 'source'> | null {
  const [, waiting, limit, local = '', rest = ''] = socketLine.exec(line) ?? [];
  const end = parseEnd(local);
  if (end === null) return null;
  const user = firstUser.exec(rest);
  return {
    ...end,
    // A UDP socket's queues are bytes.
    queue: protocol === 'tcp' ? { waiting: Number(waiting), limit: Number(limit) } : { waiting: 0, limit: 0 },
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
      const socket = parseLine(line, protocol);
      if (socket !== null) listeners.push({ protocol, ...socket, source: sections.quote(command, line.trimEnd()) });
      else if (/^(?:LISTEN|UNCONN) /.test(line)) {
        known = false;
        sections.problem(`\`${command}\` printed a socket that could not be parsed: ${line.trimEnd()}`);
      }
    }
  }
  return { listeners, known };
}

/** Netid, state, two queues, both ends. */
const connectedLine = /^(tcp|udp) +([A-Z0-9-]+) +\d+ +\d+ +(\S+) +(\S+)(?: |$)/;

/** The connected sockets of a namespace; those that cannot be read are left out, for no absence is concluded from them. */
export function parseConnectedSockets(sections: Sections): ConnectedSocket[] {
  return (sections.find(snapshotCommand.connectedSockets)?.text ?? '').split('\n').flatMap((line) => {
    const [, protocol, state = '', localText = '', remoteText = ''] = connectedLine.exec(line) ?? [];
    const [local, remote] = [parseEnd(localText), parseEnd(remoteText)];
    if (local === null || remote === null) return [];
    const { family, address, port, device } = local;
    return [
      {
        protocol: protocol === 'udp' ? 'udp' : 'tcp',
        family,
        address,
        port,
        remoteAddress: remote.address,
        remotePort: remote.port,
        state,
        device,
        source: sections.quote(snapshotCommand.connectedSockets, line.trimEnd()),
      },
    ];
  });
}
