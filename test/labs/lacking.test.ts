/** What is said where a tool or a facility is lacking: the same, or less, and that it was lacking. */
import { execFileSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { describeLab } from './available.ts';
import { containerHost, webServer } from './causes/topology.ts';
import { buildLab, type Lab } from './lab.ts';

// In a mount namespace of its own: nothing that may be run lies over each program, nothing at all over each folder.
const hideScript = `
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mount -t tmpfs -o size=4k none "$1"; else mount --bind /dev/null "$1"; fi || exit 99
  shift
done
shift
exec "$@"
`;

function pathOf(program: string): string {
  return realpathSync(execFileSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' }).trim());
}

/** What may be hidden; `mount` has to be the last. */
const hidden = {
  tcpdump: () => pathOf('tcpdump'),
  nft: () => pathOf('nft'),
  conntrack: () => pathOf('conntrack'),
  'the cap module': () => realpathSync('node_modules/cap/build/Release'),
  'the names of `ip netns`': () => '/run/netns',
  'tracefs, which cannot be mounted': () => pathOf('mount'),
} as const;
type Lack = keyof typeof hidden;

/** A command without these. */
function without(lacks: readonly Lack[], command: readonly string[]): readonly string[] {
  const paths = lacks.map((lack) => hidden[lack]());
  return [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--',
    'sh',
    '-c',
    hideScript,
    'sh',
    ...paths,
    '--',
    ...command,
  ];
}

function ask(address: string): readonly string[] {
  return ['curl', '-sS', '-o', '/dev/null', '-m', '2', `http://${address}/`];
}

/** nettrace beside a curl in \`box\`, without these. */
async function run(lab: Lab, lacks: readonly Lack[], address: string, ...options: readonly string[]) {
  const traced = ['bin/nettrace', 'run', '--json', '--netns', lab.netns('box'), ...options, '--', ...ask(address)];
  const [file = '', ...args] = without(lacks, traced);
  const { exitCode, stdout, stderr } = await execa(file, args, { reject: false });
  const json: Diagnosis | null = stdout === '' ? null : JSON.parse(stdout);
  return {
    exitCode,
    stderr,
    connection: json?.connections[0],
    evidence: json?.evidence,
    missing: json?.evidence.missing.join('\n'),
  };
}

const dropping = 'table inet f { chain input { type filter hook input priority 0; tcp dport 81 drop; }; }';
const published = [
  '*nat',
  '-A PREROUTING -d 203.0.113.2/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:81',
  '-A POSTROUTING -s 10.88.0.0/16 -d 10.88.0.20/32 -p tcp -j MASQUERADE',
  'COMMIT',
  '',
].join('\n');

describeLab('without', () => {
  test('tracefs: nothing is proven, and the report says why', async () => {
    await using lab = await buildLab(containerHost());
    const { connection, missing } = await run(lab, ['tracefs, which cannot be mounted'], '10.88.0.20:81');
    expect(connection).toMatchObject({ outcome: 'refused', cause: 'no-listener', certainty: 'observed' });
    expect(missing).toMatch(/^Kernel events could not be had: /m);
  });

  test('tcpdump: the cap module captures, by a clock of its own', async () => {
    await using lab = await buildLab(containerHost());
    const { connection, evidence } = await run(lab, ['tcpdump'], '10.88.0.20:81');
    expect(connection).toMatchObject({ outcome: 'refused', cause: 'no-listener', certainty: 'proven' });
    expect(evidence).toMatchObject({ engine: 'cap', clock: 'user-space', promiscuous: true });
  });

  test('the cap module: tcpdump captures; asked for by name it is said to be missing', async () => {
    await using lab = await buildLab(containerHost());
    const { connection, evidence } = await run(lab, ['the cap module'], '10.88.0.20:81');
    expect(connection).toMatchObject({ outcome: 'refused', cause: 'no-listener', certainty: 'proven' });
    expect(evidence).toMatchObject({ engine: 'tcpdump', clock: 'kernel' });
    const wanted = await run(lab, ['the cap module'], '10.88.0.20:81', '--engine', 'cap');
    expect([wanted.exitCode, wanted.stderr]).toEqual([125, expect.stringContaining('the cap module is not built')]);
  });

  test('both engines: it does not begin, and says what to install', async () => {
    await using lab = await buildLab(containerHost());
    const { exitCode, stderr } = await run(lab, ['tcpdump', 'the cap module'], '10.88.0.20:81');
    expect(exitCode).toBe(125);
    expect(stderr).toContain('neither tcpdump nor the cap module is there; bin/setup installs both');
  });

  test('nft: a drop of the firewall is told by the kernel, and no rule is made up', async () => {
    await using lab = await buildLab(containerHost({ web: { nft: dropping } }));
    const { connection, missing } = await run(lab, ['nft'], '10.88.0.20:81');
    expect(connection).toMatchObject({ outcome: 'timeout' });
    expect(['firewall-drop', null]).toContain(connection?.cause);
    expect(connection?.where?.rule ?? null).toBeNull();
    expect(missing).toMatch(/nft/);
  });

  test('conntrack: what was translated is told by the rules and the frames', async () => {
    await using lab = await buildLab(containerHost({ host: { iptables: published } }));
    // Of a namespace without entries none are asked for.
    await lab.run('box', ['ping', '-c', '1', '-W', '2', '203.0.113.1']);
    const { connection, missing } = await run(lab, ['conntrack'], '203.0.113.2:8080');
    expect(connection).toMatchObject({ outcome: 'refused', cause: 'no-listener' });
    expect(connection?.translated?.destination).toMatchObject({ address: '10.88.0.20', port: 81 });
    expect(missing).toMatch(/conntrack/);
  });

  test('either end of a cable, twice: what is left of the two is not taken for one cable', async () => {
    const silent = '*filter\n-A INPUT -p tcp -m tcp --dport 81 -j DROP\nCOMMIT\n';
    // By the numbers of its devices each is the other's twin.
    const spec = containerHost({ outside: { iptables: silent } });
    await using asking = await buildLab(spec);
    await using twin = await buildLab(spec);
    const ignored = [asking.netns('outside'), twin.netns('host')].flatMap((name) => ['--ignore-netns', name]);
    const { connection } = await run(asking, [], '203.0.113.1:81', '--netns', asking.netns('host'), ...ignored);
    expect(connection).toMatchObject({
      outcome: 'timeout',
      cause: 'no-reply-from-remote',
      destination: { netns: null },
    });
    expect(connection?.where).toMatchObject({ netns: asking.netns('host'), stage: 'remote' });
  });

  test('names of namespaces, as where engines keep them to themselves: twins keep their cables apart', async () => {
    await using asking = await buildLab(containerHost());
    await using twin = await buildLab(containerHost());
    for (const lab of [asking, twin]) {
      // What is not named is found by its processes.
      for (const host of ['host', 'box', 'web', 'outside']) await lab.start(host, 'any', webServer('127.0.0.1', 9000));
    }
    const traced = ['bin/nettrace', 'run', '--json', '--', ...ask('10.88.0.20:81')];
    const { stdout } = await asking.run('box', without(['the names of `ip netns`'], traced));
    const { connections }: Diagnosis = JSON.parse(stdout);
    expect(connections).toMatchObject([{ cause: 'no-listener', certainty: 'proven' }]);
    const met = new Set(connections.flatMap(({ hops }) => hops.map(({ netns }) => netns ?? '')));
    // To the nettrace that runs in it, that is the name of box.
    met.delete('host');
    const inodes = [...met].map((name) => statSync(`/proc/${name.replace('pid:', '')}/ns/net`).ino);
    expect(inodes).toEqual(['host', 'web'].map((host) => statSync(`/run/netns/${asking.netns(host)}`).ino));
  });
});
