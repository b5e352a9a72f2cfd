/**
 * The netfilter model against the kernel: random rule sets on a router, real packets through it, and what became of them,
 * and which rules counted them, against what the model says.
 *
 *   client c0 10.1.0.2, .3 ── c0 10.1.0.1 router 10.2.0.1 s0 ── s0 10.2.0.2, .3 server
 *
 * `FUZZ_CASES=500 FUZZ_SEED=1 npm run fuzz:netfilter` runs more; a failing case names its seed.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSnapshot } from '../../src/host/parse/parse-snapshot.ts';
import type { CommandOutput } from '../../src/host/snapshot.ts';
import { hostViewOf } from '../../src/model/netfilter/host-view.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { arrivalsOf, connectResults, countsOf, type Knowledge, type Way } from './netfilter-prediction.ts';
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
