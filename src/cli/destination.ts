/** `DST[:PORT]` on the command line of `nettrace path`, and which address it means. */

import type { NamespaceState } from '../host/state.ts';
import { parseAddress } from '../inet/address.ts';
import { UserError, WrongUsage } from './errors.ts';

/** A destination as it was typed. */
export interface Destination {
  /** An address, or a name. */
  readonly host: string;
  /** The device behind `%`, for link-local addresses. */
  readonly device: string | null;
  /** Null for pings. */
  readonly port: number | null;
}

/** An address, and the name that stood for it. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
  readonly name: string | null;
}

const highestPort = 65_535;

function wrong(...lines: readonly string[]): WrongUsage {
  return new WrongUsage(lines.map((line, at) => (at === 0 ? `error: ${line}` : line)));
}

function readPort(text: string, digits: string): number {
  const port = Number(digits);
  if (/^\d{1,5}$/.test(digits) && port > 0 && port <= highestPort) return port;
  throw wrong(`the port of ${text} is no number from 1 to ${highestPort}`);
}

/** `[fd00::1]:80`, `10.88.0.1:80`, `web:80`, the host alone, an IPv6 address without brackets and so without a port. */
const inBrackets = /^\[([^[\]]*)\](?::(.*))?$/s;
const beforePort = /^([^:]*)(?::([^:]*))?$/s;

/** Reads it: with a port for `tcp` and `udp`, without for `icmp`. Throws WrongUsage when it is none. */
export function readDestination(protocol: 'tcp' | 'udp' | 'icmp', text: string): Destination {
  const [, between, portText] = inBrackets.exec(text) ?? beforePort.exec(text) ?? [null, text, undefined];
  const [host = '', device = null] = between?.split('%', 2) ?? [];
  if (host === '') throw wrong('a destination is missing', 'It is DST:PORT, or [DST]:PORT for IPv6.');
  if (protocol === 'icmp') {
    if (portText !== undefined) throw wrong(`icmp has no ports, and ${text} names one`);
    return { host, device, port: null };
  }
  if (portText === undefined) {
    const example = host.includes(':') ? `[${between}]:443` : `${between}:443`;
    throw wrong(`${protocol} needs a port, and ${text} names none`, `It is written ${example}`);
  }
  return { host, device, port: readPort(text, portText) };
}

/**
 * The address itself, or the first that the namespace's hosts file gives the name; of the family that is asked for, if
 * one is. No resolver is asked. Throws a UserError when there is none.
 */
export function resolve(namespace: NamespaceState, host: string, family: 4 | 6 | null): ResolvedAddress {
  const direct = parseAddress(host);
  if (direct !== null) {
    if (family !== null && family !== direct.family) {
      throw new UserError(`${host} is of IPv${direct.family}, and --from of IPv${family}: a packet has one of them`);
    }
    return { address: host, family: direct.family, name: null };
  }
  for (const [address, names] of namespace.hosts) {
    const known = names.includes(host) ? parseAddress(address) : null;
    if (known !== null && (family === null || family === known.family)) {
      return { address, family: known.family, name: host };
    }
  }
  throw new UserError(
    `${host} is no address, and the hosts file of ${namespace.name} names none for it. No resolver is asked: ` +
      'name the address, as getent hosts NAME or dig +short NAME gives it.',
  );
}
