/** `nettrace path`: the journey that the model predicts, on this host or on one of which there is a snapshot. */

import type { Diagnosis } from '../diagnose/diagnosis.ts';
import { predict } from '../diagnose/predict.ts';
import { collectSnapshot } from '../host/collect.ts';
import { parseSnapshot } from '../host/parse/parse-snapshot.ts';
import { askForRoute, type RouteGetResult } from '../host/route-get.ts';
import type { Snapshot } from '../host/snapshot.ts';
import type { HostState, NamespaceState } from '../host/state.ts';
import { isLinkLocal6, isUnspecified, parseAddress } from '../model/address.ts';
import { isOwnAddress } from '../model/output.ts';
import type { ModelPacket } from '../model/step.ts';
import { formatJson } from '../report/json.ts';
import { formatPath } from '../report/path.ts';
import { type Destination, type ResolvedAddress, readDestination, resolve } from './destination.ts';
import { UserError, WrongUsage } from './errors.ts';
import { failureStatus, hasFailed } from './fail.ts';
import { namespaceCalled, namespacesInSight, thereAre } from './namespace-choice.ts';
import { type ColorChoice, paintFor } from './paint.ts';
import { openNamespaces, openSnapshot } from './snapshot.ts';

/** The command line's options. */
export interface PathOptions {
  readonly netns?: string;
  readonly from?: string;
  readonly snapshot?: string;
  readonly ignoreNetns?: readonly string[];
  readonly json?: true;
  readonly fail?: true;
  readonly color: ColorChoice;
}

/** What is asked, as far as the command line says it. */
interface Asked extends Pick<PathOptions, 'from'> {
  readonly protocol: ModelPacket['protocol'];
  readonly destination: Destination;
}

/** The same, with what the snapshot adds. */
interface Settled {
  readonly packet: ModelPacket;
  readonly name: string | null;
}

function checkSource(namespace: NamespaceState, packet: ModelPacket): void {
  if (isOwnAddress(namespace, packet)) return;
  const own = namespace.links.flatMap(({ addresses }) => addresses.filter(({ family }) => family === packet.family));
  const known = own.map(({ address }) => address).join(', ');
  throw new UserError(
    `a program in ${namespace.name} cannot send from ${packet.source}: ${known === '' ? 'it has no address of that family' : `its addresses are ${known}`}`,
  );
}

/** connect() to no address means this host (`ip_route_output_key_hash_rcu`, `tcp_v6_connect`): where it comes from, or loopback. */
function destinationOf({ address, family, name }: ResolvedAddress, from: string | undefined): ResolvedAddress {
  if (!isUnspecified(address)) return { address, family, name };
  return { address: family === 4 ? (from ?? '127.0.0.1') : '::1', family, name: name ?? address };
}

/** The packet that is asked for, sent from a namespace. Throws a UserError when no program there could send it. */
function settle({ protocol, destination, from }: Asked, namespace: NamespaceState): Settled {
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
    source: from ?? (family === 4 ? '0.0.0.0' : '::'),
    destination: address,
    destinationPort: destination.port ?? 0,
    ...(device === null ? {} : { boundDevice: device }),
  };
  if (from !== undefined) checkSource(namespace, packet);
  return { packet, name };
}

/** The namespace to start from: the first is the one that nettrace ran in. */
function startOf<Namespace extends { readonly name: string }>(
  all: readonly Namespace[],
  wanted: string | undefined,
): Namespace {
  const [first] = all;
  if (first === undefined)
    throw new UserError('the snapshot holds no network namespace: there is nothing to start from');
  return wanted === undefined ? first : namespaceCalled(all, wanted);
}

/** The namespace's state; there is one of every namespace that a snapshot names. */
function stateOf(host: HostState, name: string): NamespaceState {
  const namespace = host.namespaces.get(name);
  if (namespace === undefined) throw new UserError(`the state of the network namespace ${name} could not be had`);
  return namespace;
}

async function predictFromFile(path: string, asked: Asked, options: PathOptions): Promise<Diagnosis> {
  const whole = await openSnapshot(path);
  const start = startOf(whole.namespaces, options.netns);
  const snapshot: Snapshot = {
    ...whole,
    namespaces: namespacesInSight(whole.namespaces, start, options.ignoreNetns ?? []),
  };
  const host = parseSnapshot(snapshot);
  const { packet, name } = settle(asked, stateOf(host, start.name));
  return predict({ snapshot, host, netns: start.name, packet, name, kernelRoute: null });
}

function unasked(result: RouteGetResult): string[] {
  return 'failure' in result
    ? [`The kernel was not asked for its own look-up, to check the model by it: ip route get ${result.failure}.`]
    : [];
}

async function predictHere(asked: Asked, options: PathOptions): Promise<Diagnosis> {
  using set = await openNamespaces();
  const start = startOf(set.namespaces, options.netns);
  const inSight = namespacesInSight(set.namespaces, start, options.ignoreNetns ?? []);
  const collected = await collectSnapshot(inSight, { missing: set.missing });
  const host = parseSnapshot(collected);
  const { packet, name } = settle(asked, stateOf(host, start.name));
  const answered = await askForRoute(start, {
    ...packet,
    destinationPort: asked.destination.port,
    source: asked.from ?? null,
    device: asked.destination.device,
  });
  const snapshot = { ...collected, missing: [...collected.missing, ...unasked(answered)] };
  const kernelRoute = 'failure' in answered ? null : answered;
  return predict({ snapshot, host, netns: start.name, packet, name, kernelRoute });
}

/** Writes the prediction. Throws WrongUsage or a UserError when it cannot be made. */
export async function path(
  protocol: ModelPacket['protocol'],
  destination: string,
  options: PathOptions,
): Promise<void> {
  const { from, snapshot, json, fail, color } = options;
  const asked: Asked = { protocol, destination: readDestination(protocol, destination), ...(from && { from }) };
  if (from !== undefined && parseAddress(from) === null) {
    throw new WrongUsage([`error: --from ${from} is no address`]);
  }
  const diagnosis =
    snapshot === undefined ? await predictHere(asked, options) : await predictFromFile(snapshot, asked, options);
  process.stdout.write(json ? formatJson(diagnosis) : formatPath(diagnosis, paintFor(color, process.stdout)));
  if (fail && hasFailed(diagnosis)) process.exitCode = failureStatus;
}
