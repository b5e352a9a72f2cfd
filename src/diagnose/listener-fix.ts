/**
 * Fixes for a listener that is bound to the wrong place: the same program, bound where the packet is addressed. Each is
 * tried on the model: the listener is added to the snapshot and the packet sent again.
 */

import type { HostState, Listener } from '../host/state.ts';
import { formatEndpoint, formatHost } from '../inet/address.ts';
import { takesAddress, takesFamily } from '../model/socket.ts';
import type { ModelPacket } from '../model/step.ts';
import type { Fix } from './diagnosis.ts';
import { shellCommand } from './shell.ts';
import { askedAgain, withNamespace } from './what-if.ts';
import { netnsText, ownerText } from './words.ts';

/** `[bind:]port:` and the rest of a `-L`: `host:port` or a socket's path (ssh(1)). */
const sshForward = /^(?:(\[[^\]]+\]|[^:[\]/]*):)?(\d+):((?:\[[^\]]+\]|[^:]+):\d+|\/.*)$/;

/** Flags that may stand in front of an `L` in one argument: `-fNL`. */
const sshFlags = /^-[46AaCfGgKkMNnqsTtVvXxYy]*L/;

/** ssh's `-L` with the listener's port, bound to another address: `-L 10.88.0.1:19001:host:443`. */
function rebindSsh(argv: readonly string[], listener: Listener, address: string): string[] | null {
  let changed = false;
  const rebound = argv.map((argument, index) => {
    const flag = sshFlags.exec(argument)?.[0] ?? '';
    const separate = sshFlags.exec(argv[index - 1] ?? '')?.[0] === argv[index - 1];
    if (flag === '' && !separate) return argument;
    const forward = separate ? argument : argument.slice(flag.length);
    const match = sshForward.exec(forward);
    if (match === null || Number(match[2]) !== listener.port) return argument;
    changed = true;
    return `${separate ? '' : flag}${formatHost(address)}:${match[2]}:${match[3]}`;
  });
  return changed ? rebound : null;
}

const loopbackNames: Readonly<Record<string, readonly string[]>> = { '127.0.0.1': ['localhost'], '::1': ['localhost'] };

/** Options that name another end than the one that the program listens on: `--upstream`, `--redis-host`, `DB_URL=`. */
const otherEnd =
  /^-*(?:[\w-]*[-_])?(?:upstream|backend|target|remote|connect|proxy|peer|origin|server|db|database|redis|url|to|from|allow)(?:[-_](?:host|addr|address|ip|url))?$/i;

/** The option that an argument is the value of, or part of: `--bind` of `--bind 127.0.0.1` and of `--bind=127.0.0.1`. */
function optionOf(argv: readonly string[], index: number, at: number): string {
  const before = argv[index]?.slice(0, at) ?? '';
  const [name = ''] = before.includes('=') ? before.split('=') : [];
  const previous = argv[index - 1] ?? '';
  return name === '' && previous.startsWith('-') ? previous : name;
}

/**
 * The program's arguments with its address replaced, where they name it exactly once. An address with another port than
 * the listener's is another thing (`--upstream 127.0.0.1:9000`), and does not count; nor does one without a port behind an
 * option that says so.
 */
function rebindByArgument(argv: readonly string[], listener: Listener, address: string): string[] | null {
  const names = [listener.address, ...(loopbackNames[listener.address] ?? [])];
  const escaped = names.map((name) => name.replace(/[.[\]*]/g, '\\$&')).join('|');
  const pattern = new RegExp(
    `(^|[=/@,])(\\[(?:${escaped})\\]|(?:${escaped}))(?=$|[/,]|:(?:${listener.port}(?!\\d)|(?!\\d)))`,
    'g',
  );
  let places = 0;
  const rebound = argv.map((argument, index) =>
    index === 0
      ? argument
      : argument.replace(pattern, (found: string, before: string, _name: string, at: number) => {
          const hasPort = argument.slice(at + found.length).startsWith(`:${listener.port}`);
          if (!hasPort && otherEnd.test(optionOf(argv, index, at + before.length))) return found;
          places += 1;
          const portFollows = argument.charAt(at + found.length) === ':';
          return `${before}${portFollows || before === '/' ? formatHost(address) : address}`;
        }),
  );
  return places === 1 ? rebound : null;
}

/** A secret that was masked is not in the snapshot: no command can be made of such arguments. */
function isMasked(argument: string): boolean {
  return argument.includes('***');
}

/** The listener's own command line, bound to another address; null where it cannot be made of what is known. */
function reboundCommand(argv: readonly string[], listener: Listener, address: string): string | null {
  if (argv.some(isMasked)) return null;
  const isSsh = listener.process?.name === 'ssh';
  const rebound = isSsh ? rebindSsh(argv, listener, address) : rebindByArgument(argv, listener, address);
  return rebound === null ? null : shellCommand(rebound);
}

/** `./x`, `../x`, `keys/id`, `--config=etc/x`; neither a URL nor a network (`10.0.0.0/8`). */
const relativePath = /(?:^|=)(?![\d.]+\/\d)[\w.+-]+\/(?!\/)/;

/** ssh's options that take a file (ssh(1)), with or without it in the same argument. */
const sshFileOption = /^-[EFiS](.*)$/s;

function isRelativeFile(path: string): boolean {
  return path !== '' && path !== 'none' && !/^[/~%]/.test(path);
}

/** True when a command means the same only in the directory in which it was started first. */
function dependsOnDirectory(argv: readonly string[], isSsh: boolean): boolean {
  return argv.some((argument, index) => {
    const file = isSsh ? sshFileOption.exec(argument)?.[1] : undefined;
    const named = file === '' ? (argv[index + 1] ?? '') : (file ?? '');
    return relativePath.test(argument) || isRelativeFile(named);
  });
}

/** The snapshot with one more listener. */
function withListener(host: HostState, netns: string, listener: Listener): HostState {
  return withNamespace(host, netns, (namespace) => ({
    ...namespace,
    listeners: [...namespace.listeners, listener],
  }));
}

/**
 * True when another packet to the same place is taken for certain by a listener that the snapshot has not, and its answer
 * comes back.
 */
export function mends(host: HostState, packet: ModelPacket, start: string, netns: string, listener: Listener): boolean {
  const { there, back, after } = askedAgain(withListener(host, netns, listener), packet, start);
  const isSure = [there, back, after].every((way) => way === null || way.assumptions.length === 0);
  const isTaken = there.end.kind === 'accepted' && there.end.listener === listener;
  return isSure && isTaken && back?.end.kind === 'returned' && (after === null || after.end.kind === 'accepted');
}

/** Where the packet is sent, by whom, and the listener that should take it. */
export interface ListenerFixInput {
  readonly host: HostState;
  /** As it is sent. */
  readonly packet: ModelPacket;
  /** Where it is addressed when it comes to the socket. */
  readonly address: string;
  /** Namespace of the sender. */
  readonly start: string;
  /** Namespace of the listener. */
  readonly netns: string;
  readonly listener: Listener;
}

/** The same program, without its binding to a device: the address that was asked for is taken already. */
function unbindDevice({ host, packet, start, netns, listener }: ListenerFixInput): Fix {
  const verified = mends(host, packet, start, netns, { ...listener, device: null });
  const summary = `Stop ${ownerText(listener)} and start it without its binding to the device ${listener.device}. It may be there on purpose, to keep the port off other networks.`;
  return { summary, commands: [], netns, verified };
}

/** Programs that hold a published port for a container's engine. */
const publishers: readonly string[] = ['docker-proxy', 'rootlessport', 'pasta', 'slirp4netns'];

/** What to do where the listener is no program that somebody starts: it holds the port for another. */
function heldForAnother({ listener, address }: ListenerFixInput): string | null {
  const { process, port } = listener;
  const there = formatEndpoint(address, port);
  if (process !== null && publishers.includes(process.name)) {
    return `${ownerText(listener)} holds the port for a container, as it was published: publish it anew, on ${there} or on every address (-p ${port}:…).`;
  }
  return process?.name === 'systemd'
    ? `${ownerText(listener)} holds the port for a socket unit (systemctl list-sockets): let its ListenStream or ListenDatagram name ${there} as well (systemctl edit), and restart the unit.`
    : null;
}

/** The same program, bound to the address that was asked for. */
function rebind(input: ListenerFixInput): Fix {
  const { host, packet, address, start, netns, listener } = input;
  const verified = mends(host, packet, start, netns, { ...listener, family: packet.family, address, device: null });
  const held = heldForAnother(input);
  if (held !== null) return { summary: held, commands: [], netns, verified };
  const argv = listener.process === null ? undefined : host.processes.get(listener.process.pid);
  const command = argv === undefined ? null : reboundCommand(argv, listener, address);
  const isSsh = listener.process?.name === 'ssh';
  const commands = command === null ? [] : [command];
  const there = formatEndpoint(address, listener.port);
  const today = formatEndpoint(listener.address, listener.port);
  const wider = packet.family === 4 && listener.family === 4 ? '0.0.0.0' : ':: (for both families)';
  const opens = `and opens the port on every address of ${netnsText(netns)}.`;
  const summary =
    isSsh && command !== null
      ? `Open the tunnel on ${there} as well; the one on ${today} may stay. Binding it to ${wider} works too, ${opens}`
      : `Stop ${ownerText(listener)} and start it bound to ${there}; it is then no longer reached at ${today}. Binding it to ${wider} keeps both, ${opens}`;
  const relative = argv !== undefined && command !== null && dependsOnDirectory(argv, isSsh);
  const directory = relative
    ? ' The command names a relative path: run it in the directory where the program was started.'
    : '';
  return { summary: `${summary}${directory}`, commands, netns, verified };
}

/** What mends it, each tried on the model. */
export function listenerFixes(input: ListenerFixInput): Fix[] {
  const { packet, address, listener } = input;
  const fits = takesFamily(listener, packet.family) && takesAddress(listener, address);
  return [fits ? unbindDevice(input) : rebind(input)];
}
