/** Builds a random lab, takes its snapshot with the project's own collectors, and sends real packets through it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { collectSnapshot } from '../../../src/host/collect.ts';
import { findNamespaces } from '../../../src/host/namespaces.ts';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import type { CommandOutput } from '../../../src/host/snapshot.ts';
import { snapshotCommand } from '../../../src/host/snapshot-commands.ts';
import type { HostState, Link, NamespaceState } from '../../../src/host/state.ts';
import { buildLab, type Lab } from '../lab.ts';
import { waitUntil } from '../process.ts';
import type { AgentReport, ListenerSpec, Probe, Receipt } from './probe.ts';
import { Random } from './random.ts';
import { type RandomLab, randomLab } from './random-lab.ts';

/** One packet, and what became of it in the kernel. */
export interface Observation {
  readonly probe: Probe;
  /** The host that sent it; in the model, its namespace is `netns`. */
  readonly host: string;
  readonly netns: string;
  readonly result: string;
  /** Where a datagram arrived, and how it was translated by then. */
  readonly arrived: ({ readonly netns: string } & Omit<Receipt, 'id'>) | null;
}

/** A case's state and packets. */
export interface Experiment {
  readonly seed: number;
  readonly state: HostState;
  /** Of the state after the packets, what hosts and tunnels have learnt of each other from them. */
  readonly after: HostState;
  readonly observations: readonly Observation[];
  /** What `ip route get` says, by namespace and address: the device, gateway and source, or the error. */
  readonly lookUps: readonly RouteGet[];
}

/** One answer of `ip route get`. */
export interface RouteGet {
  readonly netns: string;
  readonly address: string;
  /** `dev DEVICE via GATEWAY src SOURCE`, `local src SOURCE`, or the kernel's error. */
  readonly answer: string;
}

const agent = fileURLToPath(new URL('./agent.ts', import.meta.url));

/**
 * What takes time in the kernel: looking for duplicate addresses, three questions for a neighbour, a second each, and the
 * answers of proxies.
 */
const haste = [
  'for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >$f; done',
  'for f in /proc/sys/net/ipv[46]/neigh/*/retrans_time_ms; do echo 70 >$f; done',
  'for f in /proc/sys/net/ipv[46]/neigh/*/proxy_delay; do echo 0 >$f; done',
];

/** What iproute2 says of a command that it does not understand, unlike one that the kernel refuses. */
const misunderstood = /is unknown|is expected|is wrong|is invalid|duplicate|garbage|Usage:/;

async function batch(lab: Lab, host: string, argv: readonly string[], commands: readonly string[]): Promise<void> {
  const input = commands.map((one) => `${one}\n`).join('');
  const { stderr } = await lab.run(host, [...argv, '-force', '-batch', '-'], { input });
  if (misunderstood.test(stderr)) throw new Error(`${argv.join(' ')} on ${host}: ${stderr}, of\n${input}`);
}

async function lay(lab: Lab, random: RandomLab): Promise<void> {
  for (const host of Object.keys(random.spec.hosts)) {
    const settings = [...(random.settings.get(host) ?? [])].map(([name, value]) => `echo ${value} >/proc/sys/${name}`);
    await lab.run(host, ['sh', '-c', [...haste, ...settings].join('\n')]);
  }
  for (const host of Object.keys(random.spec.hosts)) {
    // IPv6 first: what sets links down is among the others.
    await batch(lab, host, ['ip', '-6'], random.commands6.get(host) ?? []);
    await batch(lab, host, ['ip'], random.commands.get(host) ?? []);
    await batch(lab, host, ['bridge'], random.bridgeCommands.get(host) ?? []);
  }
}

async function guard(lab: Lab, { ruleSets }: RandomLab): Promise<void> {
  for (const [host, sets] of ruleSets) {
    for (const { argv, text } of sets) await lab.must(host, argv, { input: text });
  }
}

interface Agent {
  /** Sends the probes, all at once, and tells what became of them. */
  readonly go: (probes: readonly Probe[]) => Promise<AgentReport>;
}

async function startAgent(lab: Lab, host: string, listeners: readonly ListenerSpec[]): Promise<Agent> {
  const netns = lab.netns(host);
  const node = [process.execPath, agent, netns, JSON.stringify(listeners)];
  const [file, ...args] = ['nsenter', `--net=/run/netns/${netns}`, '--', ...node] as const;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the agent of ${host} ended early`);
  });
  ended.catch(() => {});
  await Promise.race([once(lines, 'line'), ended]);
  return {
    go: async (probes) => {
      child.stdin.write(`${JSON.stringify(probes)}\n`);
      const [line] = await once(lines, 'line');
      return JSON.parse(String(line));
    },
  };
}

/** Below the ports that the kernel chooses. */
const firstSourcePort = 10_000;

function chooseProbes(random: Random, { targets, spec }: RandomLab): ReadonlyMap<string, readonly Probe[]> {
  let sourcePort = firstSourcePort;
  const ofHost = (host: string): Probe[] =>
    random.some(targets, 16).flatMap((address, at) => {
      const other = random.pick([7001, 7002]);
      const wanted: (readonly [Probe['protocol'], number])[] = [
        ['tcp', 7000],
        ['udp', 7000],
        [random.pick(['tcp', 'udp'] as const), other],
      ];
      // `ping` asks before it sends to a broadcast address.
      if (at < echoes && !address.endsWith('.255')) wanted.push(['icmp', 0]);
      return wanted.map(([protocol, port], which) => ({
        id: `${host}-${at}-${which}`,
        protocol,
        address,
        port,
        sourcePort: protocol === 'icmp' ? 0 : sourcePort++,
      }));
    });
  return new Map(Object.keys(spec.hosts).map((host) => [host, ofHost(host)]));
}

/** Targets of a host that are pinged, each by a process. */
const echoes = 6;

/** The state of hosts of a lab, as the program collects it. */
export async function snapshot(lab: Lab, hosts: readonly string[]): Promise<HostState> {
  const names = hosts.map((host) => lab.netns(host));
  const set = findNamespaces([]);
  try {
    return parseSnapshot(await collectSnapshot(set.namespaces.filter(({ name }) => names.includes(name))));
  } finally {
    set.dispose();
  }
}

/** The kernel opens a bridge's port up to a second after its link came up (net/core/link_watch.c). */
function bridgesAreOpen({ bridgePorts, links }: NamespaceState): boolean {
  return bridgePorts.every(({ device, bridge, state }) => {
    const find = (name: string): Link | undefined => links.find((link) => link.name === name);
    const [port, over] = [find(device), find(bridge)];
    const works = port?.up === true && port.carrier && over?.up === true;
    return !works || (state === 'forwarding' && over.carrier);
  });
}

/** What depends on a carrier that came or went follows up to a second later (net/core/link_watch.c), the state last. */
function linksAreKnown({ links }: NamespaceState): boolean {
  return links.every(({ up, carrier, source }) => !up || carrier === / state (UP|UNKNOWN)\b/.test(source.text));
}

/** An IPv6 address serves once it is known that nobody else has it, also where that is not tried. */
function addressesServe({ links }: NamespaceState): boolean {
  return links.every(
    ({ up, carrier, addresses }) => !up || !carrier || addresses.every(({ flags }) => !flags.includes('tentative')),
  );
}

function isSettled({ namespaces }: HostState): boolean {
  return [...namespaces.values()].every((one) => linksAreKnown(one) && bridgesAreOpen(one) && addressesServe(one));
}

/** What these commands of a snapshot tell by themselves: a whole one takes some 30 processes a host. */
async function partOf(lab: Lab, hosts: readonly string[], commands: readonly string[]): Promise<HostState> {
  const outputs = (host: string): Promise<CommandOutput[]> =>
    Promise.all(
      commands.map(async (command) => {
        const { exitCode, stdout, stderr } = await lab.run(host, command.split(' '));
        return { command, exitCode, text: stdout, error: stderr };
      }),
    );
  const namespaces = await Promise.all(
    hosts.map(async (host, at) => ({
      name: lab.netns(host),
      inode: at,
      container: null,
      outputs: await outputs(host),
    })),
  );
  return parseSnapshot({ takenNs: 0n, namespaces, processes: [], missing: [] });
}

const settlesIn = [snapshotCommand.links, 'ip -j addr', 'bridge -j -d link'];
const betweenLooksMs = 100;

async function settledSnapshot(lab: Lab, hosts: readonly string[]): Promise<HostState> {
  const settled = async (): Promise<boolean> => {
    if (isSettled(await partOf(lab, hosts, settlesIn))) return true;
    await delay(betweenLooksMs);
    return false;
  };
  await waitUntil(settled, 3000);
  return snapshot(lab, hosts);
}

interface RouteGetRecord {
  readonly type?: string;
  readonly dev?: string;
  readonly gateway?: string;
  readonly prefsrc?: string;
}

function answerText({ type, dev, gateway, prefsrc }: RouteGetRecord): string {
  if (type === 'local') return `local src ${prefsrc ?? ''}`;
  if (type !== undefined) return type;
  return `dev ${dev ?? ''} via ${gateway ?? '-'} src ${prefsrc ?? ''}`;
}

async function routeGet(lab: Lab, host: string, address: string): Promise<RouteGet> {
  const { stdout, stderr } = await lab.run(host, ['ip', '-j', 'route', 'get', address]);
  const records: readonly RouteGetRecord[] = stdout.trim() === '' ? [] : JSON.parse(stdout);
  const [record] = records;
  const answer = record === undefined ? (stderr.split(': ')[1]?.split('\n')[0] ?? stderr) : answerText(record);
  return { netns: lab.netns(host), address, answer };
}

/** More than this, and TCP may have sent its SYN again before the first one's fate was looked at. */
const mostLateMs = 130;

const mostAttempts = 5;

/**
 * Runs the case of a seed, again while a busy machine disturbs it; null when it does so every time. Its packets are sent
 * all at once, or, where some are named, only those, one after the other: what a packet does may hang on others, as where
 * the kernel forgets those that wait for a neighbour when the error of one asks for the same neighbour
 * (`neigh_invalidate`).
 */
export async function experiment(seed: number, alone: ReadonlySet<string> | null = null): Promise<Experiment | null> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const { lateMs, ...tried } = await attemptOf(seed, alone);
    if (lateMs <= mostLateMs) return tried;
  }
  return null;
}

type Round = ReadonlyMap<string, readonly Probe[]>;

function roundsOf(probes: Round, alone: ReadonlySet<string> | null): readonly Round[] {
  if (alone === null) return [probes];
  return [...probes].flatMap(([host, all]) =>
    all.filter(({ id }) => alone.has(id)).map((probe) => new Map([[host, [probe]]])),
  );
}

async function attemptOf(
  seed: number,
  alone: ReadonlySet<string> | null,
): Promise<Experiment & { readonly lateMs: number }> {
  const random = randomLab(seed);
  await using lab = await buildLab(random.spec);
  await lay(lab, random);
  await guard(lab, random);
  const hosts = Object.keys(random.spec.hosts);
  const agents = await Promise.all(
    hosts.map(async (host) => [host, await startAgent(lab, host, random.listeners.get(host) ?? [])] as const),
  );
  const state = await settledSnapshot(lab, hosts);
  const choices = new Random(seed + 1);
  const lookUps: RouteGet[] = [];
  for (const host of hosts) {
    for (const address of choices.some(random.targets, 5)) lookUps.push(await routeGet(lab, host, address));
  }
  const rounds = roundsOf(chooseProbes(choices, random), alone);
  const reports: (AgentReport & { readonly host: string })[] = [];
  for (const round of rounds) {
    const told = agents.map(async ([host, one]) => ({ host, ...(await one.go(round.get(host) ?? [])) }));
    reports.push(...(await Promise.all(told)));
  }
  const after = await partOf(lab, hosts, ['ip -j neigh', snapshotCommand.forwardingEntries]);
  const arrivals = new Map(
    reports.flatMap(({ host, received }) =>
      received.map(({ id, ...receipt }) => [id, { netns: lab.netns(host), ...receipt }] as const),
    ),
  );
  const results = new Map(reports.flatMap((report) => report.results.map(({ id, result }) => [id, result])));
  const observations = rounds.flatMap((round) =>
    [...round].flatMap(([host, probes]) =>
      probes.map((probe) => ({
        probe,
        host,
        netns: lab.netns(host),
        result: results.get(probe.id) ?? 'missing',
        arrived: arrivals.get(probe.id) ?? null,
      })),
    ),
  );
  const lateMs = Math.max(0, ...reports.map((report) => report.lateMs));
  return { seed, state, after, observations, lookUps, lateMs };
}
