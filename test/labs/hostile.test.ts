/** Names and packets that carry what a terminal would obey, and files of a container that lead elsewhere. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTerminal, type Terminal } from '../e2e/terminal.ts';
import { describeLab } from './available.ts';
import { webServer } from './causes/topology.ts';
import { buildLab, type Lab } from './lab.ts';
import { captured } from './packet-sockets.ts';
import { waitUntil } from './process.ts';
import { containerOnBridge } from './topologies.ts';

/** Sets the title of a terminal; overlines what follows, which nettrace never does itself. */
const title = '\u001b]0;PWNED\u0007';
const overline = '\u001b[53m';
/** What a terminal obeys, of one byte or as UTF-8's C1; a tab and the ends of lines are none. */
const obeyed = /[^\P{Cc}\t\n]/u;

const device = `e${overline}x`;
const program = `ev${title}`;

const request = `
import socket, sys
with socket.create_connection(('10.88.0.1', 80), 5) as one:
    one.sendall(sys.argv[1].encode() + b'\\r\\n\\r\\n')
    one.recv(100)
try: socket.create_connection(('10.88.0.1', 81), 5)
except ConnectionRefusedError: sys.exit(7)
`;
const text = `GET /${title} HTTP/1.1\r\nHost: ${overline}\u009b53m`;

describeLab('escapes in the name of a device, in that of a program and in a packet', () => {
  let lab: Lab;
  let folder: string;
  let saved: string;
  let terminal: Terminal | null = null;

  beforeAll(async () => {
    lab = await buildLab(containerOnBridge());
    folder = mkdtempSync(join(tmpdir(), 'nettrace-hostile-'));
    saved = join(folder, 'hostile.pcapng');
    const python = execaSync('python3', ['-c', 'import sys; print(sys.executable)']).stdout;
    symlinkSync(python, join(folder, program));
    for (const [address, port] of [
      ['0.0.0.0', 80],
      ['127.0.0.1', 81],
    ] as const) {
      const { argv, listens } = webServer(address, port);
      await lab.start('host', String(port), {
        argv: (files) => [join(folder, program), ...argv(files).slice(1)],
        listens,
      });
    }
    for (const words of [
      ['link', 'set', 'eth0', 'down'],
      ['link', 'set', 'eth0', 'name', device],
      ['link', 'set', device, 'up'],
      ['route', 'replace', 'default', 'via', '10.88.0.1'],
    ]) {
      await lab.must('portainer', ['ip', ...words]);
    }
    const place = ['--netns', lab.netns('portainer'), '--save', saved];
    const result = await lab.nettrace(['run', ...place, '--', 'python3', '-c', request, text]);
    expect(result.exitCode).toBe(7);
    expect(result.stderr).toContain('listens on port 81');
    expect(result.stderr).not.toMatch(obeyed);
  });
  afterAll(async () => {
    terminal?.close();
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    [['replay', '@'], 'is bound to 127.0.0.1'],
    [['replay', '--teach', '@'], 'is bound to 127.0.0.1'],
    [['frames', '@'], 'PSH, ACK'],
    [['connections', '@'], '10.88.0.1:81'],
    [['follow', '@', '1'], 'GET /'],
    [['follow', '--as', 'hex', '@', '1'], '47 45 54'],
    [['topology'], '10.88.0.10/16'],
  ])('nettrace %s shows them as they are written', async (words, expected) => {
    const { stdout, stderr, exitCode } = await execa(
      'bin/nettrace',
      words.map((word) => (word === '@' ? saved : word)),
      { reject: false },
    );
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(expected);
    expect(stdout + stderr).not.toMatch(obeyed);
  });

  test.each([
    [['replay', '--json', '@'], true],
    [['frames', '--json', '@'], true],
    // Neither devices nor programs are in it.
    [['connections', '--json', '@'], false],
    [['topology', '--json'], true],
    [['snapshot'], true],
  ])('nettrace %s has them as data, and no byte that a terminal obeys', async (words, hasNames) => {
    const { stdout } = await execa(
      'bin/nettrace',
      words.map((word) => (word === '@' ? saved : word)),
    );
    expect(stdout).not.toMatch(obeyed);
    const lines = words[0] === 'frames' || words[0] === 'connections' ? stdout.split('\n') : [stdout];
    const decoded = lines.map((line) =>
      JSON.stringify(JSON.parse(line), (_key, value: unknown) =>
        typeof value === 'string' && value.includes(overline) ? 'FOUND' : value,
      ),
    );
    expect(decoded.join('').includes('FOUND')).toBe(hasNames);
  });

  test('the screens of a replay', async () => {
    const ui = openTerminal(['bin/nettrace', 'replay', saved], 140, 40);
    terminal = ui;
    await ui.until('REFUSED');
    ui.press('j');
    ui.press('2');
    await ui.until('PSH, ACK');
    ui.press('f');
    await ui.until('GET /');
    ui.press('?');
    await ui.until('== Help');
    expect(ui.received()).not.toContain(title);
    expect(ui.received()).not.toContain(overline);
    expect(ui.received()).not.toMatch(/[\u0080-\u009f]/);
    ui.close();
  });

  test('the screens of a live capture', async () => {
    const ui = openTerminal(['bin/nettrace', 'live', '--netns', lab.netns('portainer')], 140, 60);
    terminal = ui;
    ui.press('3');
    await ui.until(`* ${lab.netns('portainer')}:e`);
    // Shown as captured it is as soon as that is to be.
    const links = (await lab.must('portainer', ['ip', '-o', 'link'])).stdout;
    const own = Number(/^(\d+): (?!lo:)/m.exec(links)?.[1]);
    const isCaptured = async () =>
      captured((await lab.must('portainer', ['cat', '/proc/net/packet'])).stdout).includes(own);
    expect(await waitUntil(isCaptured, 15_000)).toBe(true);
    ui.press('1');
    await lab.run('portainer', ['python3', '-c', request, text]);
    await ui.until(/REFUSED [!~?] tcp/);
    ui.press('2');
    await ui.until('SYN');
    expect(ui.received()).not.toContain(title);
    expect(ui.received()).not.toContain(overline);
    expect(ui.received()).not.toMatch(/[\u0080-\u009f]/);
    ui.press('q');
    await ui.ended;
  });
});

// An engine that gives this answer, as it is found on a host: its socket, and a client in the path. All of it in a mount
// namespace of its own, where the names of network namespaces are still there.
const engineScript = `
mkdir "$1/run" && mount --rbind /run "$1/run" && mount -t tmpfs -o mode=755 none /run || exit 99
mkdir /run/netns && mount --rbind "$1/run/netns" /run/netns && touch /run/docker.sock || exit 99
mount -t tmpfs none /usr/local/sbin && cp "$1/docker" /usr/local/sbin/docker || exit 99
shift
exec "$@"
`;
const id = 'abcdef0123456789'.repeat(4);
const clientScript = (answer: string) => `#!/bin/sh
case "$1" in ps) echo ${id} ;; *) cat ${answer} ;; esac
`;

describeLab('a container whose files lead elsewhere, with a name for a shell', () => {
  const name = `evil${overline}$(touch pwned);\`id\`'"`;
  let lab: Lab;
  let folder: string;

  beforeAll(async () => {
    lab = await buildLab(containerOnBridge());
    folder = mkdtempSync(join(tmpdir(), 'nettrace-engine-'));
    const [fifo, link, answer] = ['fifo', 'link', 'answer.json'].map((file) => join(folder, file));
    await execa('mkfifo', [fifo ?? '']);
    symlinkSync('/etc/shadow', link ?? '');
    const container = {
      Id: id,
      Name: `/${name}`,
      NetworkSettings: { SandboxKey: `/run/netns/${lab.netns('portainer')}` },
      HostsPath: fifo,
      ResolvConfPath: link,
    };
    writeFileSync(answer ?? '', JSON.stringify([container]));
    writeFileSync(join(folder, 'docker'), clientScript(answer ?? ''), { mode: 0o755 });
  });
  afterAll(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  /** nettrace on that host. The folder's \`run\` is a mount point in that mount namespace alone. */
  async function nettrace(...args: readonly string[]) {
    rmSync(join(folder, 'run'), { recursive: true, force: true });
    const inside = ['--mount', '--propagation', 'private', '--', 'sh', '-c', engineScript, 'sh', folder];
    return execa('unshare', [...inside, 'bin/nettrace', ...args], { reject: false, timeout: 30_000 });
  }

  test('a snapshot has the name, and neither waits for a FIFO nor follows a link', async () => {
    const { exitCode, stdout, stderr } = await nettrace('snapshot');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).not.toMatch(obeyed);
    const secret = readFileSync('/etc/shadow', 'utf8').split('\n', 1).join('');
    expect(secret.length).toBeGreaterThan(8);
    expect(stdout).not.toContain(secret);
    expect(JSON.stringify(JSON.parse(stdout), (_key, value: unknown) => (value === name ? 'FOUND' : value))).toContain(
      'FOUND',
    );
  });

  test('a command is not given such files', async () => {
    const { exitCode, stderr } = await nettrace('run', '--container', name, '--', 'true');
    expect(exitCode).toBe(125);
    expect(stderr).toContain('it is not there, or a link, or no plain file');
    expect(stderr).not.toMatch(obeyed);
  });

  test('the report names it, escaped, and prints no command with that name', async () => {
    const ask = ['curl', '-s', '-m', '3', 'http://10.88.0.1:81/'];
    const { stderr } = await nettrace('run', '--netns', lab.netns('portainer'), '--', ...ask);
    expect(stderr).toContain('evil\\x1b[53m$(touch pwned)');
    expect(stderr).toContain('nothing listens on tcp port 81');
    expect(stderr).not.toMatch(obeyed);
    const commands = stderr.split('\n').filter((line) => /^\s+(?:ip|nsenter|ss|docker|podman) /.test(line));
    expect(commands.join('\n')).not.toContain('pwned');
  });
});
