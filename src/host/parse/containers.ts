/**
 * What container engines print of their containers, and what a control group's name tells of one.
 *
 * Docker's form is that of `container inspect` (podman-container-inspect(1); nerdctl prints the same). Kubernetes' pods
 * are as `crictl inspectp` prints them: `status` is the CRI's PodSandboxStatus, `info` what containerd and CRI-O add to
 * it (cri-api's runtime/v1).
 */

import type { ContainerRecord, PublishedPort } from '../snapshot.ts';
import { asInteger, asRecord, asRecords, type JsonRecord, parseJson } from './json.ts';

/** A running container, or a pod of Kubernetes, whose containers share one network. Names and paths are raw text. */
export interface Container extends ContainerRecord {
  /** Its first process, null when the engine names none. */
  readonly pid: number | null;
  /** The file that holds its network namespace, null when the engine names none. */
  readonly netnsPath: string | null;
  /** The files that the engine shows it as /etc/hosts and /etc/resolv.conf, null when the engine names none. */
  readonly hostsPath: string | null;
  readonly resolvConfPath: string | null;
  /** It runs in the host's own network namespace. */
  readonly hostNetwork: boolean;
  /** It runs in the network of another container. */
  readonly joins: boolean;
  /** A pod's placeholder, which no person names. */
  readonly infrastructure: boolean;
}

const noMembers: JsonRecord = {};

function member(value: JsonRecord, ...path: readonly string[]): JsonRecord {
  return path.reduce((inner, name) => asRecord(inner[name]) ?? noMembers, value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function positive(value: unknown): number | null {
  const number = asInteger(value);
  return number !== null && number > 0 ? number : null;
}

/** Ids are lower-case hex in all engines: anything else must not become an argument. */
export const idShape = /^[0-9a-f]{12,64}$/;

function portNumber(value: unknown): number | null {
  const number = positive(Number(value));
  return number !== null && number <= 0xffff ? number : null;
}

const portShape = /^(\d+)\/(\w+)$/;

/** Published ports beyond this number are left out: a range has one for each. */
const mostPorts = 1000;

/** `{"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "443/tcp": null}`: what is not published is null. */
function portsOfInspect(told: unknown): PublishedPort[] | null {
  const ports = asRecord(told);
  if (ports === null) return null;
  const published = Object.entries(ports).flatMap(([name, bindings]) => {
    const [, number, protocol = ''] = portShape.exec(name) ?? [];
    const port = portNumber(number);
    return (asRecords(bindings) ?? []).flatMap((binding) => {
      const hostPort = portNumber(binding['HostPort']);
      return port === null || hostPort === null
        ? []
        : [{ protocol, hostAddress: text(binding['HostIp']), hostPort, port }];
    });
  });
  return published.slice(0, mostPorts);
}

/** Names that people gave: nerdctl makes some up where it knows none. */
function networksOfInspect(told: unknown): string[] | null {
  const networks = asRecord(told);
  const names = networks === null ? [] : Object.keys(networks).filter((name) => !name.startsWith('unknown-'));
  return names.length === 0 ? null : names;
}

/**
 * The containers of an engine's `container inspect`, null when the text is no such thing. Entries without an id or a
 * name are left out.
 */
export function parseInspect(runtime: string, output: string): Container[] | null {
  const items = asRecords(parseJson(output));
  if (items === null) return null;
  const containers: Container[] = [];
  for (const item of items) {
    const id = text(item['Id']);
    // Docker writes `/name`.
    const name = text(item['Name'])?.replace(/^\//, '');
    if (id === null || !idShape.test(id) || name === undefined || name === '') continue;
    const network = member(item, 'NetworkSettings');
    const mode = text(member(item, 'HostConfig')['NetworkMode']);
    containers.push({
      id,
      name,
      runtime,
      networks: networksOfInspect(network['Networks']),
      ports: portsOfInspect(network['Ports']),
      pid: positive(member(item, 'State')['Pid']),
      netnsPath: text(network['SandboxKey']),
      hostsPath: text(item['HostsPath']),
      resolvConfPath: text(item['ResolvConfPath']),
      hostNetwork: mode === 'host',
      joins: mode?.startsWith('container:') === true,
      infrastructure: item['IsInfra'] === true,
    });
  }
  return containers;
}

/** Of several pods crictl prints a list; before 1.31, one document behind the other. */
function documents(output: string): JsonRecord[] | null {
  const whole = parseJson(output);
  const one = asRecord(whole);
  if (one !== null) return [one];
  const several = asRecords(whole) ?? asRecords(output.split(/(?<=^\})\n(?=\{)/m).map((each) => parseJson(each))) ?? [];
  return several.length === 0 ? null : several;
}

/** The CRI's Protocol, an enumeration whose first is left out. */
const protocols = ['tcp', 'udp', 'sctp'] as const;

/** By its configuration, which CRI-O does not tell. */
function portsOfPod(configuration: JsonRecord | null): PublishedPort[] | null {
  if (configuration === null) return null;
  const published = (asRecords(configuration['port_mappings']) ?? []).flatMap((mapping) => {
    const protocol = protocols[asInteger(mapping['protocol']) ?? 0];
    const [port, hostPort] = [portNumber(mapping['container_port']), portNumber(mapping['host_port'])];
    if (protocol === undefined || port === null || hostPort === null) return [];
    return [{ protocol, hostAddress: text(mapping['host_ip']), hostPort, port }];
  });
  return published.slice(0, mostPorts);
}

const uidShape = /^[0-9a-f-]{1,64}$/;

/**
 * The pods of `crictl inspectp`, null when the text is no such thing, called NAMESPACE/NAME. Entries without an id or a
 * name are left out. Their /etc/hosts is where the kubelet keeps it unless it was told another folder.
 */
export function parsePods(output: string): Container[] | null {
  return (
    documents(output)?.flatMap((document): Container[] => {
      const [status, info] = [member(document, 'status'), member(document, 'info')];
      const { name, namespace, uid } = member(status, 'metadata');
      const id = text(status['id']);
      if (id === null || !idShape.test(id) || text(name) === null) return [];
      const spec = member(info, 'runtimeSpec');
      const named = (list: unknown, key: string, value: string): JsonRecord | undefined =>
        asRecords(list)?.find((one) => one[key] === value);
      return [
        {
          id,
          name: `${text(namespace) ?? 'default'}/${text(name)}`,
          runtime: 'kubernetes',
          networks: null,
          ports: portsOfPod(asRecord(info['config'])),
          pid: positive(info['pid']),
          netnsPath: text(named(member(spec, 'linux')['namespaces'], 'type', 'network')?.['path']),
          hostsPath: typeof uid === 'string' && uidShape.test(uid) ? `/var/lib/kubelet/pods/${uid}/etc-hosts` : null,
          resolvConfPath: text(named(spec['mounts'], 'destination', '/etc/resolv.conf')?.['source']),
          hostNetwork: member(status, 'linux', 'namespaces', 'options')['network'] === 'NODE',
          joins: false,
          infrastructure: false,
        },
      ];
    }) ?? null
  );
}

/** `docker-ID.scope`, `libpod-ID`, `cri-containerd-ID.scope`, or the id alone, below a folder that may name the engine. */
const groupShape = /^(?:(.+)-)?([0-9a-f]{64})(?:\.scope)?$/;

const runtimeWords: ReadonlyMap<string, string> = new Map([
  ['docker', 'docker'],
  ['libpod', 'podman'],
  ['libpod_parent', 'podman'],
  ['cri-containerd', 'containerd'],
  ['nerdctl', 'containerd'],
  ['crio', 'cri-o'],
]);

/**
 * The container that a process is in by the names of its control groups (proc_pid_cgroup(5)), the innermost; null where
 * they name none.
 */
export function containerOfGroups(groups: string): Pick<Container, 'id' | 'runtime'> | null {
  for (const line of groups.split('\n')) {
    const folders = line.split('/').slice(1);
    const at = folders.findLastIndex((folder) => groupShape.test(folder));
    const [, prefix, id] = groupShape.exec(folders[at] ?? '') ?? [];
    if (id === undefined) continue;
    const runtime = runtimeWords.get(prefix ?? folders[at - 1] ?? '') ?? 'unknown engine';
    return { id, runtime };
  }
  return null;
}
