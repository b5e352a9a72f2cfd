/**
 * Fixes for a listener that is bound to the wrong place: the same program, bound where the packet is addressed. Each is
 * tried on the model: the listener is added to the snapshot and the packet sent again.
 */

import type { HostState, Listener } from '../host/state.ts';
import { formatEndpoint, journey } from '../model/journey.ts';
import type { ModelPacket } from '../model/step.ts';
import type { Fix } from './diagnosis.ts';
import { shellCommand } from './shell.ts';

const sshForward = /^(?:-L)?(?:(\[[^\]]+\]|[^:[\]/]*):)?(\d+):((?:\[[^\]]+\]|[^:]+):\d+|\/.*)$/;

/** ssh's `-L` with the listener's port, bound to another address: `-L 10.88.0.1:19001:host:443`. */
function rebindSsh(argv: readonly string[], listener: Listener, address: string): string[] | null {
  const bind = address.includes(':') ? `[${address}]` : address;
  let changed = false;
  const rebound = argv.map((argument, index) => {
    const separate = argv[index - 1] === '-L';
    if (!separate && !argument.startsWith('-L')) return argument;
    const match = sshForward.exec(argument);
    if (match === null || Number(match[2]) !== listener.port) return argument;
    changed = true;
    return `${separate ? '' : '-L'}${bind}:${match[2]}:${match[3]}`;
  });
  return changed ? rebound : null;
}

const loopbackNames: Readonly<Record<string, readonly string[]>> = { '127.0.0.1': ['localhost'], '::1': ['localhost'] };

/** The program's arguments with its address replaced, where they name it exactly once. */
function rebindByArgument(argv: readonly string[], listener: Listener, address: string): string[] | null {
  const names = [listener.address, ...(loopbackNames[listener.address] ?? [])];
  const escaped = names.map((name) => name.replace(/[.[\]]/g, '\\$&')).join('|');
  const pattern = new RegExp(`(^|[=/@[])(?:${escaped})(?=$|[\\]:/,])`);
  const places = argv
    .map((argument, index) => (index > 0 && pattern.test(argument) ? index : -1))
    .filter((i) => i >= 0);
  const [place] = places;
  if (places.length !== 1 || place === undefined) return null;
  return argv.map((argument, index) =>
    index === place ? argument.replace(pattern, (_match, before: string) => `${before}${address}`) : argument,
  );
}

/** The snapshot with one more listener: the same program, bound to another address. */
function withListener(host: HostState, netns: string, listener: Listener): HostState {
  const namespaces = new Map(host.namespaces);
  const namespace = namespaces.get(netns);
  if (namespace !== undefined) {
    namespaces.set(netns, { ...namespace, listeners: [...namespace.listeners, listener] });
  }
  return { ...host, namespaces };
}

/** True when the packet, sent again on the changed snapshot, is taken by the new listener. */
function mends(host: HostState, packet: ModelPacket, start: string, netns: string, listener: Listener): boolean {
  const { end } = journey(withListener(host, netns, listener), packet, start);
  return end.kind === 'accepted' && end.listener === listener;
}

/** Where the packet is sent, by whom, and the listener that should take it. */
export interface ListenerFixInput {
  readonly host: HostState;
  readonly packet: ModelPacket;
  /** Namespace of the sender. */
  readonly start: string;
  /** Namespace of the listener. */
  readonly netns: string;
  readonly listener: Listener;
}

/** The fixes, safest first: bound to the address that was asked for, then relayed from there. */
export function listenerFixes(input: ListenerFixInput): Fix[] {
  const { host, packet, start, netns, listener } = input;
  const address = packet.destination;
  const moved: Listener = { ...listener, family: packet.family, address, device: null };
  const verified = mends(host, packet, start, netns, moved);
  const there = formatEndpoint(address, listener.port);
  const argv = listener.process === null ? undefined : host.processes.get(listener.process.pid);
  const ssh = listener.process?.name === 'ssh' && argv !== undefined ? rebindSsh(argv, listener, address) : null;
  const rebound = ssh ?? (argv === undefined ? null : rebindByArgument(argv, listener, address));
  const command = rebound === null ? null : shellCommand(rebound);
  const owner = listener.process === null ? 'the service' : `${listener.process.name} (pid ${listener.process.pid})`;
  const wider = `Binding it to ${packet.family === 4 ? '0.0.0.0' : '::'} works too, and opens the port on every address of ${netns}.`;
  const how =
    ssh !== null
      ? `Open the tunnel on ${there} as well; the one on ${formatEndpoint(listener.address, listener.port)} may stay.`
      : `Stop ${owner} and start it bound to ${there}.`;
  return [{ summary: `${how} ${wider}`, commands: command === null ? [] : [command], netns, verified }];
}
