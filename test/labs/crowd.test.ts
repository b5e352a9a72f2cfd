/** One connection in a crowd: what is told of it is its own, however many others there are at the same moment. */
import { execa } from 'execa';
import { expect, test } from 'vitest';
import type { ConnectionDiagnosis, Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { describeLab } from './available.ts';
import { buildLab } from './lab.ts';
import { waitUntil } from './process.ts';
import type { HostSpec, LabSpec, ServiceSpec } from './spec.ts';

/** Takes connections as fast as they come, and closes each. */
function acceptor(port: number): ServiceSpec {
  const script = [
    'import socket',
    `server = socket.create_server(("0.0.0.0", ${port}), backlog=1024)`,
    'while True: server.accept()[0].close()',
  ].join('\n');
  return { argv: () => ['python3', '-c', script], listens: `0.0.0.0:${port}` };
}

/**
 *   box 10.88.0.10 ── in0 10.88.0.1 :router: 10.99.0.1 out0 ── far 10.99.0.10
 *
 * `box` has a second address, 192.0.2.7, that nobody knows the way to.
 */
function routed({ router = {}, far = {} }: { router?: HostSpec; far?: HostSpec }): LabSpec {
  return {
    hosts: {
      router: {
        addresses: { in0: ['10.88.0.1/24'], out0: ['10.99.0.1/24'] },
        sysctls: { 'net.ipv4.ip_forward': '1' },
        services: { own: acceptor(80) },
        ...router,
      },
      box: { addresses: { eth0: ['10.88.0.10/24'], lo: ['192.0.2.7/32'] }, routes: ['default via 10.88.0.1'] },
      far: {
        addresses: { eth0: ['10.99.0.10/24'] },
        routes: ['10.88.0.0/24 via 10.99.0.1'],
        services: { web: acceptor(80) },
        ...far,
      },
    },
    veths: [
      ['router:in0', 'box:eth0'],
      ['router:out0', 'far:eth0'],
    ],
  };
}

// Begins all connections before it waits for any, the odd one in their middle, and says the odd one's port.
const crowdScript = `
import select, socket, sys, time
def address(text):
    host, port = text.rsplit(':', 1)
    return host, int(port)
odd, source, usual = address(sys.argv[1]), sys.argv[2], address(sys.argv[3])
count, seconds = int(sys.argv[4]), float(sys.argv[5])
poll, waiting = select.poll(), {}
for index in range(count + 1):
    one = socket.socket()
    one.setblocking(False)
    if index == count // 2:
        if source: one.bind((source, 0))
        one.connect_ex(odd)
        print(one.getsockname()[1], file=sys.stderr)
    else:
        one.connect_ex(usual)
    poll.register(one, select.POLLOUT)
    waiting[one.fileno()] = one
until = time.monotonic() + seconds
while waiting and time.monotonic() < until:
    for number, _ in poll.poll(100):
        poll.unregister(number)
        waiting.pop(number).close()
`;

interface Kind {
  readonly name: string;
  readonly spec: LabSpec;
  readonly before?: readonly (readonly [host: string, ...argv: string[]])[];
  /** Where the odd one goes, and from which address; the others go to `usual`. */
  readonly odd: string;
  readonly source?: string;
  readonly usual?: string;
  readonly seconds?: number;
  readonly outcome: ConnectionDiagnosis['outcome'];
  readonly cause: string;
  readonly where: { readonly host: string; readonly stage: string };
  /** What the kernel says of the packet, or of its socket. */
  readonly reason: string;
}

const farPort = (rules: string) =>
  routed({
    far: {
      addresses: { eth0: ['10.99.0.10/24'] },
      routes: ['10.88.0.0/24 via 10.99.0.1'],
      services: { web: acceptor(80) },
      nft: `table inet filter { chain input { type filter hook input priority 0; ${rules} }; }`,
    },
  });

const kinds: readonly Kind[] = [
  {
    name: 'no socket',
    spec: routed({}),
    odd: '10.99.0.10:81',
    outcome: 'refused',
    cause: 'no-listener',
    where: { host: 'far', stage: 'socket' },
    reason: 'NO_SOCKET',
  },
  {
    name: 'a rule of a firewall',
    spec: farPort('tcp dport 81 drop;'),
    odd: '10.99.0.10:81',
    outcome: 'timeout',
    cause: 'firewall-drop',
    where: { host: 'far', stage: 'input' },
    reason: 'NETFILTER_DROP',
  },
  {
    name: 'the policy of a firewall',
    spec: farPort('policy drop; tcp dport 80 accept;'),
    odd: '10.99.0.10:81',
    outcome: 'timeout',
    cause: 'firewall-drop',
    where: { host: 'far', stage: 'input' },
    reason: 'NETFILTER_DROP',
  },
  {
    name: 'the reverse path filter',
    spec: routed({}),
    before: [['router', 'sysctl', '-qw', 'net.ipv4.conf.in0.rp_filter=1']],
    odd: '10.99.0.10:80',
    source: '192.0.2.7',
    outcome: 'timeout',
    cause: 'reverse-path-filter',
    where: { host: 'router', stage: 'route' },
    reason: 'IP_RPFILTER',
  },
  {
    name: 'no route to forward by',
    spec: routed({}),
    odd: '198.51.100.7:80',
    outcome: 'unreachable',
    cause: 'no-route',
    where: { host: 'router', stage: 'route' },
    reason: 'IP_INNOROUTES',
  },
  {
    name: 'forwarding that is off',
    spec: routed({}),
    before: [['router', 'sysctl', '-qw', 'net.ipv4.conf.in0.forwarding=0']],
    odd: '10.99.0.10:80',
    usual: '10.88.0.1:80',
    outcome: 'timeout',
    cause: 'ip-forward-off',
    where: { host: 'router', stage: 'forward' },
    reason: 'IP_INADDRERRORS',
  },
  {
    name: 'a neighbour that does not answer',
    spec: routed({}),
    odd: '10.99.0.77:80',
    seconds: 6,
    outcome: 'unreachable',
    cause: 'neighbour-unresolved',
    where: { host: 'router', stage: 'neighbour' },
    reason: 'EHOSTUNREACH',
  },
];

/** The kernel's words about drops in a connection's evidence. */
function dropsOf({ hops, explanation }: ConnectionDiagnosis): string {
  const events = hops.flatMap(({ evidence }) => evidence.filter((item) => item.kind === 'kernel'));
  return [...events.map(({ text }) => text), ...explanation].join('\n');
}

const others = 100;

describeLab('among a hundred others of the same moment', () => {
  test.each(kinds)('$name is told of the one packet that it happened to', async (kind) => {
    const { spec, before = [], odd, source = '', usual = '10.99.0.10:80', seconds = 2, where } = kind;
    await using lab = await buildLab(spec);
    // Neighbours are known: what is asked first is not the question here.
    await lab.run('box', ['ping', '-c', '1', '-W', '2', '10.99.0.10']);
    for (const [host, ...argv] of before) await lab.must(host, argv);
    const crowd = ['python3', '-c', crowdScript, odd, source, usual, String(others), String(seconds)];
    const { json, stderr } = await lab.nettrace(['run', '--json', '--netns', lab.netns('box'), '--', ...crowd]);
    const connections = json?.connections ?? [];
    expect(connections).toHaveLength(others + 1);
    const [one, ...rest] = connections;
    expect(one?.source.port).toBe(Number(/^\d+$/m.exec(stderr)?.[0]));
    expect(one).toMatchObject({ outcome: kind.outcome, cause: kind.cause, certainty: 'proven' });
    expect(one?.where).toMatchObject({ netns: lab.netns(where.host), stage: where.stage });
    if (one === undefined) throw new Error('it is not told of');
    expect(dropsOf(one)).toContain(kind.reason);
    for (const other of rest) {
      expect(other).toMatchObject({ outcome: 'ok', cause: null, certainty: 'proven' });
      expect(dropsOf(other)).not.toMatch(/reason[:=]|NETFILTER_DROP/);
    }
  });
});

// Many short connections, as many at once as there is room for; says when the first are done, then goes on.
const bystanderScript = `
import concurrent.futures, socket, sys
def short(_):
    with socket.create_connection(('10.99.0.10', 80), 5) as one: one.recv(1)
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    for index, _ in enumerate(pool.map(short, range(int(sys.argv[1])))):
        if index == 50: print('begun', flush=True)
`;

describeLab('beside a thousand connections of another program', () => {
  test.each([
    ['of the same namespace', 'box'],
    ['of a namespace on its way', 'router'],
  ])('%s, to the same port, those of the command are told, and no other', async (_name, host) => {
    await using lab = await buildLab(routed({}));
    const ask = `curl -s -o /dev/null -m 5 -w '%{local_port}\\n' http://10.99.0.10/ >&2`;
    const script = `echo running >&2; read -r go; ${ask}; ${ask}; ${ask}`;
    const running = execa('bin/nettrace', ['run', '--json', '--netns', lab.netns('box'), '--', 'sh', '-c', script], {
      reject: false,
      stdin: 'pipe',
    });
    let said = '';
    running.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    expect(await waitUntil(() => said.includes('running'), 15_000)).toBe(true);
    const bystander = execa('ip', ['netns', 'exec', lab.netns(host), 'python3', '-c', bystanderScript, '1000']);
    let begun = '';
    bystander.stdout.on('data', (chunk: Buffer) => {
      begun += chunk.toString();
    });
    expect(await waitUntil(() => begun.includes('begun'), 15_000)).toBe(true);
    running.stdin.write('go\n');
    const [{ stdout, stderr }] = await Promise.all([running, bystander]);
    const { connections, evidence }: Diagnosis = JSON.parse(stdout);
    const ports = [...stderr.matchAll(/^(\d+)$/gm)].map(([port]) => Number(port));
    expect(ports).toHaveLength(3);
    expect(new Set(connections.map(({ source }) => source.port))).toEqual(new Set(ports));
    expect(connections).toHaveLength(ports.length);
    // Some of the others were there at the time.
    const told = connections.reduce((sum, { frames }) => sum + frames.length, 0);
    expect(evidence.frames - told).toBeGreaterThan(3 * 20);
    expect(evidence.missing.join('\n')).not.toContain('Kernel events were lost');
  });
});
