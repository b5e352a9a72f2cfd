/** What `nettrace path` asks of a host, here or in a snapshot. */

import type { HostState, NamespaceState } from '../host/state.ts';
import { isLinkLocal6, isUnspecified, parseAddress, unspecifiedAddress } from '../inet/address.ts';
import { isOwnAddress } from '../model/output.ts';
import type { ModelPacket } from '../model/step.ts';
import { type Destination, type ResolvedAddress, resolve } from './destination.ts';
import { UserError } from './errors.ts';
import { namespaceCalled, thereAre } from './namespace-choice.ts';

/** What is asked, as far as the command line says it. */
export interface Asked {
  /** The namespace to start from; absent: the one that nettrace ran in. */
  readonly netns?: string;
  readonly ignoreNetns: readonly string[];
  readonly from?: string;
  readonly protocol: ModelPacket['protocol'];
  readonly destination: Destination;
}

/** The same, with what the snapshot adds. */
export interface Settled {
  readonly packet: ModelPacket;
  readonly name: string | null;
}

function checkSource(namespace: NamespaceState, packet: ModelPacket): void {
  if (isOwnAddress(namespace, packet)) return;
  const own = namespace.links.flatMap(({ addresses }) => addresses.filter(({ family }) => family === packet.family));
  const known = thereAre(own.map(({ address }) => address));
  throw new UserError(
    `a program in ${namespace.name} cannot send from ${packet.source}, which is not its own. ${known}`,
  );
}

/**
 * connect() to no address means this host (`ip_route_output_key_hash_rcu`, `tcp_v6_connect`): where it comes from, or
 * loopback.
 */
function destinationOf({ address, family, name }: ResolvedAddress, from: string | undefined): ResolvedAddress {
  if (!isUnspecified(address)) return { address, family, name };
  return { address: family === 4 ? (from ?? '127.0.0.1') : '::1', family, name: name ?? address };
}

/** The packet that is asked for, sent from a namespace. Throws a UserError when no program there could send it. */
export function settle({ protocol, destination, from }: Asked, namespace: NamespaceState): Settled {
  const source = from === undefined ? null : parseAddress(from);
  const { address, family, name } = destinationOf(resolve(namespace, destination.host, source?.family ?? null), from);
  const { device } = destination;
  const devices = namespace.links.map((link) => link.name);
  if (device !== null && !devices.includes(device)) {
    throw new UserError(`there is no device ${device} in ${namespace.name}. ${thereAre(devices)}`);
  }
  if (device === null && isLinkLocal6(address)) {
    throw new UserError(`${address} is a link-local address: name the device as well, ${address}%eth0`);
  }
  const packet: ModelPacket = {
    protocol,
    family,
    source: from ?? unspecifiedAddress[family],
    destination: address,
    destinationPort: destination.port ?? 0,
    ...(device === null ? {} : { boundDevice: device }),
  };
  if (from !== undefined) checkSource(namespace, packet);
  return { packet, name };
}

/** The namespace to start from: the first is the one that nettrace ran in. */
export function startOf<Namespace extends { readonly name: string }>(
  all: readonly Namespace[],
  wanted: string | undefined,
): Namespace {
  const [first] = all;
  if (first === undefined)
    throw new UserError('the snapshot holds no network namespace: there is nothing to start from');
  return wanted === undefined ? first : namespaceCalled(all, wanted);
}

/** The namespace's state; there is one of every namespace that a snapshot names. */
export function stateOf(host: HostState, name: string): NamespaceState {
  const namespace = host.namespaces.get(name);
  if (namespace === undefined) throw new UserError(`the state of the network namespace ${name} could not be had`);
  return namespace;
}
