import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeSnapshot, readSnapshot } from '../../src/capfile/snapshot-file.ts';
import { asNobody } from '../as-nobody.ts';
import { recordedSnapshot } from '../host/sample.ts';

const program = 'bin/nettrace';
const shipped = 'fixtures/loopback-only-listener.pcapng';
const directory = mkdtempSync(join(tmpdir(), 'nettrace-cli-'));
afterAll(() => rmSync(directory, { recursive: true }));

const env = { PATH: process.env['PATH'], HOME: directory };

/** What came of a command: its exit status and its two outputs. */
function ended(command: readonly string[], input?: Uint8Array): { status: number | null; out: string; err: string } {
  const [file = '', ...rest] = command;
  const { status, stdout, stderr } = spawnSync(file, rest, { encoding: 'utf8', env, ...(input && { input }) });
  return { status, out: stdout, err: stderr };
}

function nettrace(...parameters: string[]): ReturnType<typeof ended> {
  return ended([program, ...parameters]);
}

/** A pcap of 40 MB: its header, and a hole, which is 2.6 million empty records. */
function largeCapture(): string {
  const path = fileOf('large.pcap', Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'));
  truncateSync(path, 24 + 16 * 2_600_000);
  return path;
}

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe('help', () => {
  it.each([
    [[]],
    [['run']],
    [['replay']],
    [['connections']],
    [['doctor']],
    [['snapshot']],
    [['topology']],
    [['record']],
    [['demo']],
  ])('nettrace %j --help', async (command) => {
    const { status, out, err } = nettrace(...command, '--help');
    expect([status, err]).toEqual([0, '']);
    await expect(out).toMatchFileSnapshot(`golden/help-${['nettrace', ...command].join('-')}.txt`);
  });

  it('the version', () => {
    const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(nettrace('--version')).toEqual({ status: 0, out: `${version}\n`, err: '' });
  });
});

describe('wrong usage ends with status 2 and says what is wrong', () => {
  it.each([
    ['no command', [], 'Usage: nettrace'],
    ['an unknown command', ['frobnicate'], "error: unknown command 'frobnicate'"],
    ['an unknown option', ['replay', '--nope', shipped], "error: unknown option '--nope'"],
    ['a missing file', ['replay'], "error: missing required argument 'file'"],
    ['a missing command to run', ['run', '--'], "error: missing required argument 'command'"],
    ['a wrong choice', ['replay', '--color', 'pink', shipped], 'Allowed choices are auto, always, never.'],
    ['a wrong time', ['run', '--timeout', '0', '--', 'true'], 'It is a number of seconds above 0, at most'],
    ['a time no timer counts', ['run', '--timeout', '2147484', '--', 'true'], 'at most 2147483 (24 days).'],
    ['a namespace without a name', ['run', '--netns', '', '--', 'true'], 'It is a name without a slash'],
    ['a namespace called .', ['run', '--netns', '.', '--', 'true'], 'It is a name without a slash'],
    ['a namespace called ..', ['run', '--netns', '..', '--', 'true'], 'It is a name without a slash'],
    ['a namespace by its path', ['run', '--netns', '../netns/blue', '--', 'true'], 'It is a name without a slash'],
    ['an option without --', ['run', 'curl', '-s', 'x'], 'stand behind --: nettrace run [options] -- COMMAND'],
    ['a word that would act on the terminal', ['\u001b[31m'], "unknown command '\\x1b[31m'\n"],
    ['a value of several lines', ['run', '--engine', 'a\nb', '--', 'true'], "'a\\x0ab' is invalid"],
    ['a word that is nearly one', ['demoo'], "'demoo'\n(Did you mean demo?)\n"],
    ['a recording into nothing', ['record'], "required option '-o, --output <file>' not specified"],
    ['a recording of no time', ['record', '-o', 'x', '--duration', '0'], 'It is a number of seconds above 0'],
    ['a recording of no frame', ['record', '-o', 'x', '--count', '0'], 'It is a number of frames above 0.'],
    ['a wrong process', ['run', '--pid', '../1', '--', 'true'], 'It is the number of a process.'],
  ])('%s', (_name, parameters, phrase) => {
    const { status, out, err } = nettrace(...parameters);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(phrase);
  });
});

describe('replay', () => {
  it('writes the plain report where there is no terminal', () => {
    const { status, out, err } = nettrace('replay', shipped);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^REFUSED {2}listener-on-other-address {2}\(proven\)\n/);
  });

  it('reads standard input', () => {
    expect(ended([program, 'replay', '-'], readFileSync(shipped))).toEqual(nettrace('replay', shipped));
  });

  it('of a capture that is too large to be held says as much', () => {
    const { status, out, err } = nettrace('replay', largeCapture());
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^No TCP connection and no UDP exchange is in this capture\.\n\nEvidence: 2600000 frames /);
  });

  it('writes one JSON document', () => {
    const { out } = nettrace('replay', '--json', shipped);
    expect(JSON.parse(out)).toMatchObject({ schema: 'nettrace.diagnosis/1' });
  });

  it('colours when it is told to', () => {
    expect(nettrace('replay', '--color', 'always', shipped).out.startsWith('\u001b[1m')).toBe(true);
    expect(nettrace('replay', '--color', 'never', shipped).out).not.toContain('\u001b');
  });

  it.each([
    ['a file that is not there', () => '/nonexistent', 'no such file or directory (ENOENT)'],
    ['a directory', () => directory, 'illegal operation on a directory (EISDIR)'],
    ['text', () => fileOf('text', 'hello, world\n'), 'not a pcap or pcapng capture, it looks like text'],
    ['/dev/null', () => '/dev/null', 'not a pcap or pcapng capture: it is empty'],
    ['a file without an end', () => '/dev/zero', 'not a pcap or pcapng capture'],
  ])('%s: one line, status 1', (_name, path, phrase) => {
    const { status, out, err } = nettrace('replay', path());
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^nettrace: cannot read [^\n]+\n$/);
    expect(err).toContain(phrase);
  });

  it('empty standard input: one line, status 1', () => {
    const { status, err } = ended([program, 'replay', '-'], new Uint8Array());
    expect(status).toBe(1);
    expect(err).toMatch(/^nettrace: cannot read standard input: [^\n]+\n$/);
  });

  it('a name that would act on the terminal is escaped', () => {
    expect(nettrace('replay', '/nonexistent/\u001b[2J').err).not.toContain('\u001b');
  });

  it('a capture that was cut gives what it holds, and says where it ends', () => {
    const whole = readFileSync(shipped);
    const cut = fileOf('cut.pcapng', whole.subarray(0, Math.floor(whole.length / 2)));
    const { status, out, err } = nettrace('replay', cut);
    expect(status).toBe(0);
    expect(err).toMatch(/cut\.pcapng: damaged at byte \d+: /);
    expect(out).toContain('Evidence: ');
  });
});

describe('doctor', () => {
  it('works without root: says what root would add, and ends with 1', () => {
    const command = [program, 'doctor', '--json'];
    const { status, out, err } = ended(process.getuid?.() === 0 ? asNobody(command) : command);
    expect([status, err]).toEqual([1, '']);
    const report: { canRun: boolean; findings: { name: string; state: string }[] } = JSON.parse(out);
    expect(report.canRun).toBe(false);
    expect(report.findings.find(({ name }) => name === 'root')).toMatchObject({ state: 'lacking', needed: true });
  });
});

describe('snapshot', () => {
  it('without root writes what may be seen, and says what is missing', () => {
    const command = [program, 'snapshot'];
    const { status, out, err } = ended(process.getuid?.() === 0 ? asNobody(command) : command);
    expect(status).toBe(0);
    const read = readSnapshot(Buffer.from(out));
    expect(read).toMatchObject({ namespaces: [expect.objectContaining({ name: 'host' })] });
    expect(err).toMatch(/^(nettrace: snapshot: [^\n]+\n)+$/);
  });

  it('overwrites nothing', () => {
    const path = fileOf('kept.json', 'mine');
    const { status, err } = nettrace('snapshot', '--output', path);
    expect([status, readFileSync(path, 'utf8')]).toEqual([1, 'mine']);
    expect(err).toBe(
      `nettrace: cannot save to ${path}: it exists already, and nettrace overwrites nothing. Name another file.\n`,
    );
  });
});

describe('record', () => {
  it('without root says so, and leaves no file', () => {
    const command = [program, 'record', '-o', '/tmp/nettrace-never-recorded.pcapng'];
    const { status, out, err } = ended(process.getuid?.() === 0 ? asNobody(command) : command);
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^nettrace: record needs root [^\n]+\n$/);
    expect(existsSync('/tmp/nettrace-never-recorded.pcapng')).toBe(false);
  });
});

describe('topology', () => {
  const snapshot = [...encodeSnapshot(recordedSnapshot('two-namespaces'))].join('');

  it('shows the host of a snapshot, in a file or compressed on standard input', () => {
    const { status, out, err } = nettrace('topology', '--snapshot', fileOf('host.json', snapshot));
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^2 network namespaces\n/);
    expect(ended([program, 'topology', '--snapshot', '-'], gzipSync(snapshot)).out).toBe(out);
  });

  it('writes one JSON document', () => {
    const { out } = nettrace('topology', '--json', '--snapshot', fileOf('host.json', snapshot));
    expect(JSON.parse(out)).toMatchObject({ schema: 'nettrace.topology/1' });
  });

  it.each([
    ['a file that is not there', () => '/nonexistent', 'no such file or directory (ENOENT)'],
    ['text', () => fileOf('text', 'hello, world\n'), 'it is not JSON'],
    ['a capture', () => shipped, 'it is not JSON'],
    ['another document', () => fileOf('other.json', '{"schema": "x"}'), 'its schema is x, and this nettrace reads'],
  ])('%s: one line, status 1', (_name, path, phrase) => {
    const { status, out, err } = nettrace('topology', '--snapshot', path());
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^nettrace: cannot read [^\n]+\n$/);
    expect(err).toContain(phrase);
  });
});

describe('demo', () => {
  it('shows the shipped case', () => {
    expect(nettrace('demo').out).toBe(nettrace('replay', shipped).out);
  });
});

describe('a reader that has seen enough', () => {
  it('ends it quietly', () => {
    const pipeline = ['bash', '-c', '"$0" "$@" | head -1; echo "${PIPESTATUS[0]}"', program, 'replay', shipped];
    const { out, err } = ended(pipeline);
    expect([out.split('\n')[1], err]).toEqual(['0', '']);
  });

  it('ends it quietly even before it wrote anything', async () => {
    const child = spawn(program, ['replay', '--json', shipped], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const [status] = await once(child, 'close');
    expect([status, err]).toEqual([0, '']);
  });
});

describe('an output that is broken', () => {
  it('is said by the exit status, without a stack trace', () => {
    const { status, err } = ended(['sh', '-c', '"$0" "$@" >/dev/full', program, 'replay', shipped]);
    expect([status, err]).toEqual([1, '']);
    expect(ended(['sh', '-c', '"$0" "$@" 2>/dev/full', program, 'nonesuch']).status).toBe(2);
  });
});

describe('run', () => {
  it('without root says so, and starts nothing', () => {
    const marker = join(directory, 'started');
    const command = [program, 'run', '--', 'touch', marker];
    const { status, out, err } = ended(process.getuid?.() === 0 ? asNobody(command) : command);
    expect([status, out]).toEqual([125, '']);
    expect(err).toMatch(/^nettrace: run needs root [^\n]+\n$/);
    expect(() => closeSync(openSync(marker, 'r'))).toThrow('ENOENT');
  });
});
