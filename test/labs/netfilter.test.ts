/**
 * The netfilter model against the kernel: random rule sets on a router, real packets through it, and what became of them,
 * and which rules counted them, against what the model says.
 *
 *   client c0 10.1.0.2, .3 ── c0 10.1.0.1 router 10.2.0.1 s0 ── s0 10.2.0.2, .3 server
 *
 * `FUZZ_CASES=500 FUZZ_SEED=1 npm run fuzz:netfilter` runs more; a failing case names its seed.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionEntry, ConnectionTuple, Rule, RuleTable } from '../../src/host/netfilter.ts';
import { parseSnapshot } from '../../src/host/parse/parse-snapshot.ts';
import type { CommandOutput } from '../../src/host/snapshot.ts';
import { formatAddress, parseAddress } from '../../src/model/address.ts';
import { evaluateHook } from '../../src/model/netfilter/hook.ts';
import { hostViewOf } from '../../src/model/netfilter/host-view.ts';
import {
  type Connection,
  firstPacket,
  type HookPlace,
  type HostView,
  type NetfilterPacket,
  type TupleEnds,
} from '../../src/model/netfilter/packet.ts';
import type { Outcome } from '../../src/model/netfilter/state.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { type Probe, Prober } from './probes.ts';
import { clients, Dice, loopback, ports, type RandomRules, randomRules, routers, servers } from './random-rules.ts';
import type { ServiceSpec } from './spec.ts';

const cases = Number(process.env['FUZZ_CASES'] ?? 40);
const firstSeed = Number(process.env['FUZZ_SEED'] ?? 1);

/** Long enough for an answer over two veths, short of TCP's first retransmission. */
const connectLimitMs = 250;
/** Datagrams are delivered while they are sent; this is for the process that reads them. */
const settleMs = 40;
/** Longer than TCP's shortest retransmission. */
const drainMs = 300;

const numbers = { tcp: 6, udp: 17 } as const;

interface Knowledge {
  readonly tables: readonly RuleTable[];
  readonly host: HostView;
}

/** What the model says becomes of a packet: an end, with every rule that it matched on the way. */
interface Way {
  readonly end: 'delivered' | 'drop' | 'timeout' | 'reject' | 'unknown';
  readonly packet: NetfilterPacket;
  readonly outcomes: readonly Outcome[];
}

function listening(addresses: readonly string[]): string[] {
  return addresses.flatMap((address) => ports.map((port) => `${address}:${port}`));
}

function prober(name: string, addresses: readonly string[]): ServiceSpec {
  const program = new URL('./services/prober.ts', import.meta.url).pathname;
  const [first = '127.0.0.1:9'] = addresses;
  return { argv: ({ key }) => [process.execPath, program, `${key}.${name}`, ...addresses], listens: first };
}

/** Nothing but the probes shall pass, and nothing twice: what is sent again would be counted under the next rules. */
const quiet = {
  'net.ipv6.conf.all.disable_ipv6': '1',
  'net.ipv4.tcp_synack_retries': '0',
  'net.ipv4.tcp_syn_retries': '1',
};

let lab: Lab;
const controls = new Map<string, Prober>();

async function build(): Promise<void> {
  let keyFile = '';
  const service = (name: string, addresses: readonly string[]): ServiceSpec => {
    const spec = prober(name, addresses);
    return {
      ...spec,
      argv(files) {
        keyFile = files.key;
        return spec.argv(files);
      },
    };
  };
  lab = await buildLab({
    hosts: {
      client: {
        sysctls: quiet,
        addresses: { c0: ['10.1.0.2/24', '10.1.0.3/24'] },
        routes: ['default via 10.1.0.1'],
        services: { prober: service('client', ['127.0.0.1:9']) },
      },
      router: {
        sysctls: { ...quiet, 'net.ipv4.ip_forward': '1', 'net.ipv4.icmp_ratelimit': '0' },
        addresses: { c0: ['10.1.0.1/24'], s0: ['10.2.0.1/24'] },
        services: { prober: service('router', listening([...routers, loopback])) },
      },
      server: {
        sysctls: quiet,
        addresses: { s0: ['10.2.0.2/24', '10.2.0.3/24'] },
        routes: ['default via 10.2.0.1'],
        services: { prober: service('server', listening(servers)) },
      },
    },
    veths: [
      ['client:c0', 'router:c0'],
      ['router:s0', 'server:s0'],
    ],
  });
  for (const host of ['client', 'router', 'server']) controls.set(host, new Prober(`${keyFile}.${host}`));
}

function control(host: string): Prober {
  const found = controls.get(host);
  if (found === undefined) throw new Error(`no prober on ${host}`);
  return found;
}

/** Flushing a legacy table leaves its policies. */
const emptyLegacy = [
  '*raw\nCOMMIT\n*mangle\nCOMMIT\n*nat\nCOMMIT\n',
  '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n',
].join('');
const flush = `nft flush ruleset && printf '${emptyLegacy.replaceAll('\n', '\\n')}' | iptables-legacy-restore && conntrack -F`;
const loaders = {
  nft: 'nft -f -',
  'iptables-nft': 'iptables-restore',
  'iptables-legacy': 'iptables-legacy-restore',
} as const;

/** Lets pass what ends of connections still have to say to each other, so that it is not counted under other rules. */
async function drain(): Promise<void> {
  const { exitCode, stderr } = await lab.run('router', ['sh', '-c', flush]);
  if (exitCode !== 0) throw new Error(`the rules are not flushed: ${stderr}`);
  await new Promise((resolve) => setTimeout(resolve, drainMs));
}

async function load({ tool, text }: RandomRules): Promise<void> {
  const script = `${flush} && ${loaders[tool]}`;
  const { exitCode, stderr } = await lab.run('router', ['sh', '-c', script], { input: text });
  if (exitCode !== 0) throw new Error(`${tool} does not take the rules: ${stderr}\n${text}`);
}

async function output(command: string): Promise<CommandOutput> {
  const { exitCode, stdout, stderr } = await lab.run('router', command.split(' '));
  return { command, exitCode, text: stdout, error: stderr };
}

/** What nettrace reads of the router, by its own parsers. */
async function look(): Promise<Knowledge> {
  const commands = [
    'ip -j -d -s link',
    'ip -j addr',
    'ip -j -4 route show table all',
    'ip -j -4 rule',
    'nft -j list ruleset',
    'nft -a list ruleset',
    'iptables-save -c',
    'iptables-legacy-save -c',
  ];
  const outputs = await Promise.all(commands.map(output));
  const snapshot = {
    takenNs: 0n,
    namespaces: [{ name: 'router', inode: 1, container: null, outputs }],
    processes: [],
    missing: [],
  };
  const namespace = parseSnapshot(snapshot).namespaces.get('router');
  if (namespace === undefined) throw new Error('the router was not parsed');
  return { tables: namespace.ruleTables, host: hostViewOf(namespace) };
}

function endpoint(text: string): { address: bigint; port: number } {
  const [address = '', port] = text.split(':');
  return { address: parseAddress(address)?.value ?? 0n, port: Number(port) };
}

function text(address: bigint | null, port: number | null): string {
  return `${address === null ? '?' : formatAddress({ family: 4, value: address })}:${port ?? '?'}`;
}

function packetOf({ source, destination }: Probe, protocol: 'tcp' | 'udp'): NetfilterPacket {
  const [from, to] = [endpoint(source), endpoint(destination)];
  return firstPacket({
    family: 4,
    protocol: numbers[protocol],
    source: from.address,
    sourcePort: from.port,
    destination: to.address,
    destinationPort: to.port,
    frameType: 'host',
  });
}

function place(hook: HookPlace['hook'], input: string, exit: string): HookPlace {
  return { hook, layer: 'ip', input, output: exit, inputPort: '', outputPort: '' };
}

function isRouter({ destination }: NetfilterPacket): boolean {
  return [...routers, loopback].some((address) => parseAddress(address)?.value === destination);
}

/** Every way of a packet through hooks, of which the later depend on what the earlier made of it. */
function ways(
  known: Knowledge,
  packet: NetfilterPacket,
  next: (packet: NetfilterPacket, at: number) => HookPlace | null,
): Way[] {
  const follow = (current: NetfilterPacket, at: number, outcomes: readonly Outcome[]): Way[] => {
    const hook = next(current, at);
    if (hook === null) return [{ end: 'delivered', packet: current, outcomes }];
    return evaluateHook(known.tables, hook, current, known.host).flatMap((outcome): Way[] => {
      const passed = [...outcomes, outcome];
      const { kind } = outcome.ending;
      if (kind === 'accept') return follow(outcome.packet, at + 1, passed);
      return [{ end: kind === 'queue' ? 'unknown' : kind, packet: outcome.packet, outcomes: passed }];
    });
  };
  return follow(packet, 0, []);
}

/** From the client to whoever has the destination. */
function forth(known: Knowledge, packet: NetfilterPacket): Way[] {
  return ways(known, packet, (current, at) => {
    if (at === 0) return place('prerouting', 'c0', '');
    if (isRouter(current)) return at === 1 ? place('input', 'c0', '') : null;
    return [place('forward', 'c0', 's0'), place('postrouting', 'c0', 's0')][at - 1] ?? null;
  });
}

/** From the router itself to whoever has the destination; over loopback when that is the router. */
function out(known: Knowledge, packet: NetfilterPacket): Way[] {
  const exit = isRouter(packet) ? 'lo' : 's0';
  return ways(known, packet, (current, at) => {
    // After a translation the packet is routed anew, and the rest of the output chains still see the first device.
    if (at === 0) return place('output', '', exit);
    if (!isRouter(current)) return at === 1 ? place('postrouting', '', 's0') : null;
    return [place('postrouting', '', 'lo'), place('prerouting', 'lo', ''), place('input', 'lo', '')][at - 1] ?? null;
  });
}

/** The SYN-ACK that answers a delivered SYN, back to the client. */
function back(known: Knowledge, { packet }: Way): Way[] {
  const { connection } = packet;
  const answer: NetfilterPacket = {
    ...packet,
    source: packet.destination,
    sourcePort: packet.destinationPort,
    destination: packet.source,
    destinationPort: packet.sourcePort,
    tcpFlags: 0x12,
    mark: 0n,
    connection: answered(connection, packet),
  };
  if (isRouter(packet)) {
    return ways(
      known,
      answer,
      (_current, at) => [place('output', '', 'c0'), place('postrouting', '', 'c0')][at] ?? null,
    );
  }
  const hooks = [place('prerouting', 's0', ''), place('forward', 's0', 'c0'), place('postrouting', 's0', 'c0')];
  return ways(known, answer, (_current, at) => hooks[at] ?? null);
}

function tupleOf({ source, destination, sourcePort, destinationPort }: TupleEnds): ConnectionTuple {
  const write = (address: bigint | null): string => formatAddress({ family: 4, value: address ?? 0n });
  return { source: write(source), destination: write(destination), sourcePort, destinationPort };
}

/** The connection of the answer: a SYN-ACK that conntrack knows nothing of is invalid. */
function answered(connection: Connection, delivered: NetfilterPacket): Connection {
  if (connection.state !== 'new' || connection.original === null) {
    return { ...connection, state: 'invalid', tracked: false, entry: null, original: null };
  }
  const { source, destination, sourcePort, destinationPort } = tupleOf(delivered);
  const reply = {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
  const entry: ConnectionEntry = {
    family: 4,
    protocol: delivered.protocol,
    state: 'SYN_RECV',
    original: tupleOf(connection.original),
    reply,
    unreplied: false,
    assured: false,
    mark: Number(connection.mark ?? 0n),
    text: '',
  };
  return {
    ...connection,
    state: 'established',
    direction: 'reply',
    tracked: false,
    status: connection.status | 10n,
    entry,
  };
}

const icmpErrors = new Map([
  [0, 'ENETUNREACH'],
  [1, 'EHOSTUNREACH'],
  [3, 'ECONNREFUSED'],
  [13, 'EHOSTUNREACH'],
]);

function errorOf(way: Way): string {
  const ending = way.outcomes.at(-1)?.ending;
  if (ending?.kind !== 'reject') return 'timeout';
  if (ending.with === 'tcp-reset') return 'ECONNREFUSED';
  return icmpErrors.get(ending.with.four?.code ?? -1) ?? 'unknown';
}

/** True when the client's next segment goes the way of its SYN; else connect() and its error race. */
function isFollowed(known: Knowledge, probe: Probe, { packet }: Way): boolean {
  const { connection } = packet;
  const isTracked = connection.state === 'new' && connection.original !== null;
  const first = packetOf(probe, 'tcp');
  // A segment of a connection that conntrack does not know begins one there (nf_conntrack_tcp_loose).
  const own = isTracked ? { ...answered(connection, packet), direction: 'original' as const } : first.connection;
  const segments = forth(known, { ...first, tcpFlags: 0x10, connection: own });
  return segments.every((way) => way.end === 'delivered' && ends(way.packet) === ends(packet));
}

function ends({ source, sourcePort, destination, destinationPort }: NetfilterPacket): string {
  return `${text(source, sourcePort)} > ${text(destination, destinationPort)}`;
}

/** What connect() says, every way; null when more than its SYN and the answer decide. */
function connectResults(known: Knowledge, probe: Probe): string[] | null {
  const results = new Set<string>();
  for (const way of forth(known, packetOf(probe, 'tcp'))) {
    if (way.end === 'unknown') return null;
    if (way.end !== 'delivered') results.add(errorOf(way));
    else {
      for (const answer of back(known, way)) {
        if (answer.end !== 'delivered') results.add('timeout');
        else if (isFollowed(known, probe, way) && isAnswerTo(answer, probe)) results.add('connected');
        else return null;
      }
    }
  }
  return [...results];
}

/** True when the answer comes to the client from where it sent its SYN. */
function isAnswerTo({ packet }: Way, probe: Probe): boolean {
  const { source, destination } = packet;
  return (
    text(source, packet.sourcePort) === probe.destination && text(destination, packet.destinationPort) === probe.source
  );
}

/** Where a datagram arrives and from whom, every way; `nowhere` when it does not. */
function arrivalsOf(known: Knowledge, probe: Probe): { results: string[]; found: Way[] } {
  const isOwn = routers.some((address) => probe.source.startsWith(`${address}:`));
  const packet = packetOf(probe, 'udp');
  const found = isOwn ? out(known, packet) : forth(known, packet);
  const results = found.map(({ end, packet }) => (end === 'delivered' ? ends(packet) : 'nowhere'));
  return { results: [...new Set(results)], found };
}

/** How often each rule counts, where the model is certain. */
function countsOf(found: readonly (readonly Way[])[]): Map<Rule, { times: number; certain: boolean }> {
  const counts = new Map<Rule, { times: number; certain: boolean }>();
  for (const every of found) {
    for (const { outcomes } of every) {
      for (const { reference, certain } of outcomes.flatMap(({ trail }) => trail)) {
        if (reference.rule === null) continue;
        const count = counts.get(reference.rule) ?? { times: 0, certain: true };
        counts.set(reference.rule, {
          times: count.times + 1,
          certain: count.certain && certain && every.length === 1,
        });
      }
    }
  }
  return counts;
}

let lastPort = 20_000;

function probes(dice: Dice, count: number, sources: readonly [string, ...string[]] = clients, firstId = 0): Probe[] {
  return Array.from({ length: count }, (_, index) => {
    const id = firstId + index;
    lastPort = lastPort >= 60_000 ? 20_000 : lastPort + 1;
    const destination = `${dice.of([...servers, ...servers, ...routers])}:${dice.of(ports)}`;
    return { id, source: `${dice.of(sources)}:${lastPort}`, destination };
  });
}

/** Sends datagrams, and compares where they arrive and which rules count them; then connections. */
async function compare(seed: number): Promise<string[]> {
  const rules = randomRules(seed);
  const dice = new Dice(seed + 1_000_000);
  await load(rules);
  const fromClient = probes(dice, 16);
  const fromRouter = probes(dice, 8, routers, fromClient.length);
  const datagrams = [...fromClient, ...fromRouter];
  await Promise.all([control('client').sendDatagrams(fromClient), control('router').sendDatagrams(fromRouter)]);
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const arrived = new Map(
    [...(await control('server').takeArrivals()), ...(await control('router').takeArrivals())].map((arrival) => [
      arrival.id,
      `${arrival.source} > ${arrival.destination}`,
    ]),
  );
  const known = await look();
  const problems: string[] = [];
  const found: Way[][] = [];
  for (const probe of datagrams) {
    const said = arrivalsOf(known, probe);
    found.push(said.found);
    const seen = arrived.get(probe.id) ?? 'nowhere';
    const agrees = said.found.some(({ end }) => end === 'unknown') || said.results.includes(seen);
    if (!agrees) problems.push(`UDP ${probe.source} > ${probe.destination}: ${seen}, not ${said.results.join(' or ')}`);
  }
  const counts = countsOf(found);
  // What the router answers itself comes back to it over loopback, and is counted too.
  const answersItself = found.slice(fromClient.length).some((every) => every.some(({ end }) => end === 'reject'));
  const isCertain = !answersItself && found.every((every) => every.length === 1);
  for (const table of known.tables) {
    for (const chain of table.chains.values()) {
      for (const rule of chain.rules) {
        const count = counts.get(rule) ?? { times: 0, certain: true };
        if (rule.counter === null || !count.certain || !isCertain || rule.counter.packets === count.times) continue;
        problems.push(`${table.name} ${chain.name} "${rule.text}" counts ${rule.counter.packets}, not ${count.times}`);
      }
    }
  }
  const connections = probes(dice, 10);
  const results = await control('client').openConnections(connections, connectLimitMs);
  let isUnsettled = false;
  for (const [index, probe] of connections.entries()) {
    const said = connectResults(known, probe);
    const seen = results[index] ?? 'nothing';
    isUnsettled ||= said === null;
    if (said !== null && !said.includes(seen))
      problems.push(`TCP ${probe.source} > ${probe.destination}: ${seen}, not ${said.join(' or ')}`);
  }
  if (isUnsettled) await drain();
  return problems.length === 0 ? [] : [`seed ${seed}, ${rules.tool}:`, rules.text, ...problems];
}

describeLab('the netfilter model', () => {
  beforeAll(build);
  afterAll(() => lab?.close());

  const seeds = Array.from({ length: cases }, (_, index) => firstSeed + index);
  test.each(seeds)('agrees with the kernel on rule set %i', async (seed) => {
    expect((await compare(seed)).join('\n')).toBe('');
  });
});
