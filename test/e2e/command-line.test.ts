import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeCase } from '../../src/capfile/case-file.ts';
import { rawBlock } from '../../src/capfile/pcapng-writer.ts';
import { encodeSnapshot, readSnapshot } from '../../src/capfile/snapshot-file.ts';
import type { Case } from '../../src/case/evidence.ts';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { asNobody } from '../as-nobody.ts';
import { at, listeners, packets, seen, snapshotWith } from '../diagnose/cases.ts';
import { captureOf, startNs } from '../flow/frames.ts';
import { recordedSnapshot } from '../host/sample.ts';
import { directory, ended, env, fileOf, nettrace, program, shipped } from './workplace.ts';

/** A pcap of 40 MB: its header, and a hole, which is 2.6 million empty records. */
function largeCapture(): string {
  const path = fileOf('large.pcap', Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'));
  truncateSync(path, 24 + 16 * 2_600_000);
  return path;
}

describe('help', () => {
  it.each([
    [[]],
    [['live']],
    [['run']],
    [['replay']],
    [['connections']],
    [['doctor']],
    [['snapshot']],
    [['topology']],
    [['path']],
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
    ['an unknown command', ['frobnicate'], "error: unknown command 'frobnicate'"],
    ['an unknown option', ['replay', '--nope', shipped], "error: unknown option '--nope'"],
    ['a missing file', ['replay'], "error: missing required argument 'file'"],
    ['a wrong choice', ['replay', '--color', 'pink', shipped], 'Allowed choices are auto, always, never.'],
    ['a word that would act on the terminal', ['\u001b[31m'], "unknown command '\\x1b[31m'\n"],
    ['a word that is nearly one', ['demoo'], "'demoo'\n(Did you mean demo?)\n"],
    ['a recording into nothing', ['record'], "required option '-o, --output <file>' not specified"],
    ['a recording of no time', ['record', '-o', 'x', '--duration', '0'], 'It is a number of seconds above 0'],
    ['a recording of no frame', ['record', '-o', 'x', '--count', '0'], 'It is a number of frames above 0.'],
  ])('%s', (_name, parameters, phrase) => {
    const { status, out, err } = nettrace(...parameters);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(phrase);
  });
});

describe("wrong usage of run ends with status 125: others are the command's", () => {
  it.each([
    ['a missing command to run', ['run', '--'], "error: missing required argument 'command'"],
    ['a report and no report', ['run', '--tui', '--teach', '--', 'true'], 'cannot be used with option'],
    ['a screen and a document', ['run', '--tui', '--json', '--', 'true'], 'cannot be used with option'],
    ['a wrong time', ['run', '--timeout', '0', '--', 'true'], 'It is a number of seconds above 0, at most'],
    ['a time no timer counts', ['run', '--timeout', '2147484', '--', 'true'], 'at most 2147483 (24 days).'],
    ['a namespace without a name', ['run', '--netns', '', '--', 'true'], 'It is a name without a slash'],
    ['a namespace called .', ['run', '--netns', '.', '--', 'true'], 'It is a name without a slash'],
    ['a namespace called ..', ['run', '--netns', '..', '--', 'true'], 'It is a name without a slash'],
    ['a namespace by its path', ['run', '--netns', '../netns/blue', '--', 'true'], 'It is a name without a slash'],
    ['an option without --', ['run', 'curl', '-s', 'x'], 'stand behind --: nettrace run [options] -- COMMAND'],
    ['a value of several lines', ['run', '--engine', 'a\nb', '--', 'true'], "'a\\x0ab' is invalid"],
    ['a wrong process', ['run', '--pid', '../1', '--', 'true'], 'It is the number of a process.'],
  ])('%s', (_name, parameters, phrase) => {
    const { status, out, err } = nettrace(...parameters);
    expect([status, out]).toEqual([125, '']);
    expect(err).toContain(phrase);
  });
});

describe('live, which nettrace is without a command', () => {
  const asUser = (command: string[]): string[] => (process.getuid?.() === 0 ? asNobody(command) : command);

  it.each([[[]], [['live']]])('%j without root: one line that says why, and what serves without', (command) => {
    const { status, out, err } = ended(asUser([program, ...command]));
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^nettrace: live needs root [^\n]*\n$/);
    for (const other of ['nettrace replay', 'nettrace path --snapshot', 'nettrace doctor'])
      expect(err).toContain(other);
  });

  it.runIf(process.getuid?.() === 0)('without a terminal: one line that offers record', () => {
    const { status, out, err } = nettrace();
    expect([status, out]).toEqual([1, '']);
    expect(err).toBe('nettrace: live needs a terminal; nettrace record -o FILE captures without one\n');
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

describe('replay --snapshot', () => {
  const state = { ...snapshotWith(listeners.loopback), takenNs: startNs };
  const host = fileOf('bridge-host.json', [...encodeSnapshot(state)].join(''));
  const sights = [...seen(packets.syn, [at.bridge]), ...seen(packets.reset, [at.bridge], 60_000n)];
  const refused = captureOf(sights);
  const elsewhere = refused.interfaces.map((point) => ({ ...point, device: 'wlan0' }));
  const captureFile = (name: string, evidence: Case) => fileOf(name, Buffer.concat([...encodeCase(evidence)]));
  const capture = captureFile('bridge.pcapng', refused);
  // Blocks that nobody knows make it more than is held.
  const padding = Array.from({ length: 40 }, () => rawBlock(0x0bad, new Uint8Array(1024 * 1024)));
  const large = fileOf('large.pcapng', Buffer.concat([...encodeCase(refused), ...padding]));

  it('says with the state of the host where the connection ended, and why', () => {
    const { status, out, err } = nettrace('replay', '--snapshot', host, capture);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^REFUSED {2}listener-on-other-address {2}\(observed\)\n/);
  });

  it.each([
    ['a capture that is held', capture],
    ['one that is too large to be held', large],
  ])('may fail: %s', (_name, path) => {
    expect(nettrace('replay', '--snapshot', host, '--fail', path).status).toBe(3);
  });

  it.each([[[]], [['--json']], [['--teach']], [['--json', '--teach']]])(
    'says the very same of a capture that is too large to be held: %j',
    (options) => {
      const replay = (path: string) => nettrace('replay', '--snapshot', host, ...options, path);
      expect(replay(large)).toEqual(replay(capture));
    },
  );

  it('stays with the packets where the capture is of another host, and says so', () => {
    const { status, out, err } = nettrace(
      'replay',
      '--snapshot',
      host,
      captureFile('wlan.pcapng', { ...refused, interfaces: elsewhere }),
    );
    expect([status, err]).toEqual([
      0,
      'nettrace: wlan.pcapng: the snapshot is not used: the capture is of wlan0 (the snapshot has none)\n',
    ]);
    expect(out).toMatch(/^REFUSED {2}refused-by-remote {2}\(inferred\)\n/);
  });

  it.each([
    ['a case that has its own', [host, shipped], 'loopback-only-listener.pcapng holds the state of its host'],
    ['standard input twice', ['-', '-'], 'standard input can be read once only'],
    ['no snapshot', [capture, capture], 'it is not JSON'],
  ])('%s: one line, status 1', (_name, [snapshot = '', file = ''], phrase) => {
    const { status, out, err } = nettrace('replay', '--snapshot', snapshot, file);
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^nettrace: [^\n]+\n$/);
    expect(err).toContain(phrase);
  });
});

describe('replay --fail', () => {
  it.each([
    ['a connection that failed: 3', [], 3],
    ['none that failed, of those that the filter chooses: 0', ['--filter', 'verdict == ok'], 0],
  ])('%s', (_name, filter, status) => {
    expect(nettrace('replay', '--fail', ...filter, shipped).status).toBe(status);
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
      `nettrace: cannot save to FOLDER/kept.json: it exists already, and nettrace overwrites nothing. Name another file.\n`,
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

describe('path', () => {
  const host = fileOf('path-host.json', [...encodeSnapshot(recordedSnapshot('two-namespaces'))].join(''));
  const path = (...parameters: string[]) => nettrace('path', '--snapshot', host, ...parameters);

  it('predicts on the host of a snapshot, from a file or compressed on standard input', () => {
    const asked = ['--netns', 'container', 'icmp', '10.88.0.1'];
    const { status, out, err } = path(...asked);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^icmp from container 10\.88\.0\.10 to bridgehost 10\.88\.0\.1: no packet was sent\n\nThe way there\n/,
    );
    const piped = ended([program, 'path', '--snapshot', '-', ...asked], gzipSync(readFileSync(host)));
    expect(piped.out).toBe(out);
  });

  it('starts where the snapshot was taken, unless it is told where', () => {
    expect(path('icmp', '127.0.0.1').out).toMatch(/^icmp from bridgehost 127\.0\.0\.1 to bridgehost 127\.0\.0\.1:/);
  });

  it('takes no address for this host, as connect() does', () => {
    expect(path('tcp', '0.0.0.0:1').out).toContain(' 127.0.0.1:1 (0.0.0.0): no packet was sent');
    expect(path('tcp', '[::]:1').out).toContain(' [::1]:1 (::): no packet was sent');
  });

  it('writes one JSON document', () => {
    const { out } = path('--json', '--netns', 'container', 'tcp', '10.88.0.1:1');
    expect(JSON.parse(out)).toMatchObject({
      schema: 'nettrace.diagnosis/1',
      command: null,
      evidence: { frames: 0 },
      connections: [{ protocol: 'tcp', destination: { port: 1 }, prediction: { kernelRoute: null } }],
    });
  });

  it('treats namespaces as out of sight', () => {
    const { out } = path('--ignore-netns', 'br*', '--netns', 'container', '--json', 'tcp', '10.88.0.1:1');
    const { connections }: Diagnosis = JSON.parse(out);
    expect(connections[0]?.hops.map(({ netns }) => netns)).not.toContain('bridgehost');
  });

  it.each([
    ['that gets nowhere: 0', ['tcp', '10.88.0.99:1'], 0],
    ['that gets nowhere, with --fail: 3', ['--fail', 'tcp', '10.88.0.99:1'], 3],
    ['that gets there, with --fail: 0', ['--fail', 'icmp', '10.88.0.10'], 0],
  ])('the status of a packet %s', (_name, parameters, status) => {
    expect(path('--netns', 'container', ...parameters).status).toBe(status);
  });

  it.each([
    ['another protocol', ['sctp', '10.88.0.1:1'], "'sctp' is invalid"],
    ['no port', ['tcp', '10.88.0.1'], 'error: tcp needs a port'],
    ['a source that is none', ['--from', 'eth0', 'tcp', '10.88.0.1:1'], 'error: --from eth0 is no address'],
  ])('%s: status 2', (_name, parameters, phrase) => {
    const { status, out, err } = path(...parameters);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(phrase);
  });

  it.each([
    ['a namespace that is not there', ['--netns', 'db', 'tcp', '10.88.0.1:1'], 'There are: bridgehost, container.'],
    ['a name that nobody knows', ['tcp', 'nobody:1'], 'the hosts file of bridgehost names none for it'],
    ['a source of another host', ['--from', '10.9.9.9', 'tcp', '10.88.0.1:1'], 'cannot send from 10.9.9.9'],
    ['a link-local address alone', ['tcp', '[fe80::1]:1'], 'name the device as well, fe80::1%eth0'],
    [
      'a device that is not there',
      ['tcp', '[fe80::1%eth9]:1'],
      'no device eth9 in bridgehost. There are: lo, br0, v0.',
    ],
  ])('%s: one line, status 1', (_name, parameters, phrase) => {
    const { status, out, err } = path(...parameters);
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^nettrace: [^\n]+\n$/);
    expect(err).toContain(phrase);
  });

  it('on this host asks the kernel as well, without root', () => {
    const command = [program, 'path', '--json', 'icmp', '127.0.0.1'];
    const { status, out } = ended(process.getuid?.() === 0 ? asNobody(command) : command);
    const { connections }: Diagnosis = JSON.parse(out);
    expect(status).toBe(0);
    expect(connections[0]?.prediction?.kernelRoute).toMatchObject({
      command: 'ip -j -4 route get 127.0.0.1 ipproto icmp',
      disagreements: [],
    });
  });
});

describe('demo', () => {
  it('shows the shipped case', () => {
    expect(nettrace('demo').out).toBe(nettrace('replay', shipped).out);
  });

  it('shows the case of a cause, and lists what there is', () => {
    expect(nettrace('demo', 'missing-masquerade').out).toBe(
      nettrace('replay', 'fixtures/causes/missing-masquerade.pcapng').out,
    );
    const listed = nettrace('demo', '--list').out.trimEnd().split('\n');
    const names = listed.map((line) => line.split(' ', 1).join(''));
    expect(names.slice(0, 2)).toEqual(['loopback-only-listener', 'accept-queue-full']);
    expect(names).toHaveLength(1 + readdirSync('fixtures/causes').filter((file) => file.endsWith('.pcapng')).length);
    expect(listed.find((line) => line.startsWith('no-listener '))).toMatch(/ nothing listens on tcp port 81 /);
  });

  it('names what there is where there is no such case, and opens no other file', () => {
    for (const name of ['no-such-cause', '../loopback-only-listener', '__proto__']) {
      const { status, out, err } = nettrace('demo', name);
      expect([status, out]).toEqual([2, '']);
      expect(err).toContain(`there is no shipped case '${name}'. There are:\n  loopback-only-listener\n`);
    }
  });

  it('explains its words when it is to teach, as text and in JSON', () => {
    const plain = nettrace('demo').out;
    const taught = nettrace('demo', '--teach').out;
    expect(taught.slice(0, plain.length)).toBe(plain);
    expect(taught.slice(plain.length)).toContain('What these words mean');
    const { teach, ...document } = JSON.parse(nettrace('demo', '--json', '--teach').out);
    expect(teach[0]).toMatchObject({ concept: 'network namespace', text: expect.any(String) });
    expect(document).toEqual(JSON.parse(nettrace('demo', '--json').out));
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
