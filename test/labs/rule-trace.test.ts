/** The rule trace on the real kernel: which tables it makes, that they vanish, and where none is made. */
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { containerHost, curl, webServer } from './causes/topology.ts';
import { buildLab, type Lab } from './lab.ts';
import { waitUntil } from './process.ts';

const dropping = '*filter\n-A INPUT -p tcp -m tcp --dport 8080 -j DROP\nCOMMIT\n';
const limitMs = 15_000;

async function tablesOf(lab: Lab, host: string): Promise<string> {
  return (await lab.run(host, ['nft', 'list', 'tables'])).stdout;
}

async function processesOf(lab: Lab, host: string): Promise<string> {
  return (await execa('ip', ['netns', 'pids', lab.netns(host)])).stdout;
}

/** Every change that is made to the rules of a host while `run` runs. */
async function changesDuring(lab: Lab, host: string, run: () => Promise<unknown>): Promise<string> {
  const monitor = execa('nsenter', [`--net=/run/netns/${lab.netns(host)}`, '--', 'nft', 'monitor'], { reject: false });
  let told = '';
  monitor.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  // It has no word for having begun: a table of the lab's own tells.
  const hears = async (): Promise<boolean> => {
    await lab.must(host, ['nft', 'add table ip begun; delete table ip begun']);
    return told.includes('begun');
  };
  if (!(await waitUntil(hears, limitMs))) throw new Error('nft monitor hears nothing');
  await run();
  await waitUntil(async () => !(await tablesOf(lab, host)).includes('nettrace-'), limitMs);
  monitor.kill();
  await monitor;
  return told
    .split('\n')
    .filter((line) => !line.includes('begun') && !line.startsWith('# new generation'))
    .join('\n');
}

function traced(lab: Lab, ...options: readonly string[]) {
  return tracedFor(1, lab, ...options);
}

/** The same, with time enough for a request that succeeds. */
function tracedFor(seconds: number, lab: Lab, ...options: readonly string[]) {
  return lab.nettrace([
    'run',
    '--json',
    '--netns',
    lab.netns('box'),
    ...options,
    '--',
    ...curl('box', '10.88.0.1:8080/', seconds).argv,
  ]);
}

describeLab('the table of a rule trace', () => {
  test('is there during a run, where rules stand, and gone after it', async () => {
    await using lab = await buildLab(containerHost({ host: { iptables: dropping } }));
    const before = await tablesOf(lab, 'host');
    const changes = await changesDuring(lab, 'host', () => traced(lab));
    expect(changes).toMatch(/^add table inet nettrace-\d+$/m);
    expect(await tablesOf(lab, 'host')).toBe(before);
  });

  test('is not made where no rules stand', async () => {
    await using lab = await buildLab(containerHost({ host: { iptables: dropping } }));
    expect(await changesDuring(lab, 'box', () => traced(lab))).toBe('');
  });

  test('is not made with --no-rule-trace, and the model names the rule', async () => {
    await using lab = await buildLab(containerHost({ host: { iptables: dropping } }));
    let said: Awaited<ReturnType<typeof traced>> | undefined;
    const changes = await changesDuring(lab, 'host', async () => {
      said = await traced(lab, '--no-rule-trace');
    });
    expect(changes).toBe('');
    expect(said?.json?.evidence).toMatchObject({ ruleTrace: false });
    expect(said?.json?.evidence.missing).toContain('Firewall rules were not traced (--no-rule-trace).');
    expect(said?.json?.connections[0]?.where?.rule).toMatchObject({ namedBy: 'model' });
  });

  test('is not made where legacy iptables stands, and that is said', async () => {
    await using lab = await buildLab(containerHost());
    await lab.must('host', ['iptables-legacy', '-A', 'INPUT', '-p', 'tcp', '--dport', '8080', '-j', 'DROP']);
    let said: Awaited<ReturnType<typeof traced>> | undefined;
    const changes = await changesDuring(lab, 'host', async () => {
      said = await traced(lab);
    });
    expect(changes).toBe('');
    expect(said?.json?.evidence.missing).toContain(
      `The rules of ${lab.netns('host')} were not traced: legacy iptables stands there, which no table of nftables can trace.`,
    );
    expect(said?.json?.connections[0]).toMatchObject({
      cause: 'firewall-drop',
      where: { rule: { namedBy: 'model', position: 1 } },
    });
    // Its counter is read before and after instead.
    expect(said?.json?.connections[0]?.explanation.join(' ')).toMatch(/Its counter rose by \d packets? meanwhile\./);
  });

  test('vanishes when nettrace is killed, with the process that owns it', async () => {
    await using lab = await buildLab(containerHost({ host: { iptables: dropping }, box: { iptables: dropping } }));
    const [tables, processes] = [await tablesOf(lab, 'host'), await processesOf(lab, 'host')];
    const script = 'echo $$; exec sleep 30';
    const run = execa('bin/nettrace', ['run', '--netns', lab.netns('box'), '--', 'sh', '-c', script], {
      reject: false,
      stdin: 'ignore',
    });
    let told = '';
    run.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    expect(await waitUntil(() => told.endsWith('\n'), 10_000)).toBe(true);
    const name = `table inet nettrace-${run.pid}\n`;
    for (const host of ['host', 'box']) {
      expect(await waitUntil(async () => (await tablesOf(lab, host)).includes(name), limitMs)).toBe(true);
    }
    expect(await processesOf(lab, 'host')).not.toBe(processes);
    process.kill(run.pid ?? 0, 'SIGKILL');
    // The command is the user's, and lives on.
    const isAsBefore = async () =>
      (await tablesOf(lab, 'host')) === tables &&
      (await processesOf(lab, 'host')) === processes &&
      !(await tablesOf(lab, 'box')).includes('nettrace-') &&
      (await processesOf(lab, 'box')) === told.trim();
    expect(await waitUntil(isAsBefore, limitMs)).toBe(true);
    process.kill(Number(told), 'SIGKILL');
    await run;
  });
});

describeLab('a rule trace', () => {
  test('shows the rule of NAT that gave a packet its other end', async () => {
    const nft =
      'table ip nat { chain in { type nat hook prerouting priority -100; tcp dport 8080 counter dnat to 203.0.113.1:80; }; }';
    const outside = { routes: ['10.88.0.0/16 via 203.0.113.2'], services: { web: webServer('0.0.0.0', 80) } };
    await using lab = await buildLab(containerHost({ host: { nft }, outside }));
    const { json } = await tracedFor(5, lab);
    expect(json?.connections[0]?.outcome).toBe('ok');
    const hop = json?.connections[0]?.hops.find(({ verdict }) => verdict === 'translated');
    expect(hop?.evidence).toContainEqual({
      kind: 'kernel',
      event: 'nft:trace',
      text: expect.stringMatching(
        /^ip nat in rule tcp dport 8080 .* dnat to 203\.0\.113\.1:80 # handle 2 \(verdict accept\)$/,
      ),
    });
  });

  test('of a recording tells of packets between any of its namespaces', async () => {
    await using lab = await buildLab(containerHost({ web: { iptables: dropping } }));
    const file = `/tmp/nettrace-lab-${process.pid}.pcapng`;
    const options = ['--netns', lab.netns('host'), '--netns', lab.netns('web'), '--duration', '3'];
    const recording = execa('bin/nettrace', ['record', '-o', file, ...options], { reject: false, stdin: 'ignore' });
    let told = '';
    recording.stderr.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    try {
      expect(await waitUntil(() => told.includes('recording at'), 10_000)).toBe(true);
      await lab.run('box', curl('box', '10.88.0.20:8080/', 1).argv);
      await recording;
      const { json } = await lab.nettrace(['replay', '--json', file]);
      expect(json?.connections.find(({ destination }) => destination.port === 8080)).toMatchObject({
        cause: 'firewall-drop',
        certainty: 'proven',
        where: { netns: lab.netns('web'), stage: 'input', rule: { handle: 2, namedBy: 'rule-trace' } },
      });
    } finally {
      await execa('rm', ['-f', file]);
    }
  });
});
