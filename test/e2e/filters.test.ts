import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeCase } from '../../src/capfile/case-file.ts';
import { concat } from '../capfile/build.ts';
import { captureOf, icmpError, reverse, tcp, udp } from '../flow/frames.ts';
import { directory, ended, fileOf, nettrace, program, shipped } from './workplace.ts';

/** The numbers that lines begin with. */
function numbers(text: string): number[] {
  return [...text.matchAll(/^ *(\d+) /gm)].map(([, number]) => Number(number));
}

const web = { from: '10.88.0.10:40000', to: '10.88.0.1:80' };
const refused = { from: '10.88.0.10:40001', to: '10.88.0.1:81' };
const name = { from: '10.88.0.10:5000', to: '10.88.0.2:53' };
const question = udp(name, 20);
const sights = [
  tcp(web, { flags: 'SYN', sequence: 100 }),
  tcp(reverse(web), { flags: 'SYN ACK', sequence: 500, acknowledgement: 101 }),
  tcp(web, { flags: 'ACK', sequence: 101, acknowledgement: 501 }),
  tcp(web, { flags: 'PSH ACK', sequence: 101, acknowledgement: 501, text: 'GET /\x1b[31m\r\n' }),
  tcp(refused, { flags: 'SYN', sequence: 7 }),
  tcp(reverse(refused), { flags: 'RST ACK', acknowledgement: 8 }),
  question,
  icmpError('10.88.0.2', '10.88.0.10', 3, 3, question),
  tcp(reverse(web), { flags: 'FIN ACK', sequence: 503, acknowledgement: 113 }),
];
const capture = fileOf('some.pcapng', concat(...encodeCase(captureOf(sights))));

describe('frames --filter', () => {
  it.each([
    ['tcp.flags.reset', [6]],
    ['udp.port == 53', [7, 8]],
    ['connection == 2', [5, 6]],
    ['verdict == refused', [5, 6, 7, 8]],
    ['cause == refused-by-remote && tcp', [5, 6]],
    ['interface == eth0 && frame.number in {2..3}', [2, 3]],
    ['frame.time_relative >= 0.007', [8, 9]],
    ['arp', []],
  ])('%s', (filter, expected) => {
    const { status, out, err } = nettrace('frames', '--filter', filter, capture);
    expect([status, err]).toEqual([0, '']);
    expect(numbers(out)).toEqual(expected);
  });

  it('counts those that pass, and needs no end of a file for them', () => {
    const cut = fileOf('cut.pcapng', readFileSync(capture).subarray(0, -20));
    expect(numbers(nettrace('frames', '--filter', 'tcp.flags.ack', '--count', '2', cut).out)).toEqual([2, 3]);
  });

  it('a pipe and a compressed file, for one look and for two', () => {
    for (const filter of ['tcp.flags.reset', 'verdict == refused && tcp.flags.reset']) {
      const plain = nettrace('frames', '--filter', filter, capture);
      expect(numbers(plain.out)).toEqual([6]);
      expect(nettrace('frames', '--filter', filter, fileOf('some.gz', gzipSync(readFileSync(capture))))).toEqual(plain);
      expect(ended([program, 'frames', '--filter', filter, '-'], readFileSync(capture))).toEqual(plain);
    }
  });

  it('the namespaces of a case', () => {
    expect(numbers(nettrace('frames', '--filter', 'netns == portainer && tcp', shipped).out)).toEqual([9, 14]);
  });

  it('a damaged file: what passes before the damage, then the message, and status 1', () => {
    const cut = fileOf('damaged.pcapng', readFileSync(capture).subarray(0, -20));
    for (const filter of ['tcp.flags.reset', 'verdict == refused && tcp.flags.reset']) {
      const { status, out, err } = nettrace('frames', '--filter', filter, cut);
      expect([status, numbers(out)]).toEqual([1, [6]]);
      expect(err).toMatch(/^nettrace: FOLDER\/damaged.pcapng: damaged at byte [^\n]+\n$/);
    }
  });
});

describe('a filter that is none', () => {
  it.each([['frames'], ['connections'], ['replay']])('%s says where, with status 2', (command) => {
    const { status, out, err } = nettrace(command, '--filter', 'tcp.port == 80 && tpc\u001b', capture);
    expect([status, out]).toEqual([2, '']);
    expect(err).toBe(
      'filter: column 19: "tpc\\x1b" is no field; did you mean tcp?\n  tcp.port == 80 && tpc \n                    ^^^^\n',
    );
  });

  it('leaves no file behind', () => {
    const path = join(directory, 'never.pcapng');
    expect(nettrace('frames', '--filter', 'tcp &&', '--write', path, capture).status).toBe(2);
    expect(existsSync(path)).toBe(false);
  });
});

describe('frames --write', () => {
  function fieldsOf(path: string): string {
    return ended(['tshark', '-n', '-r', path, '-T', 'fields', '-e', 'frame.interface_name', '-e', 'tcp.flags']).out;
  }
  const present = spawnSync('tshark', ['--version']).status === 0;

  it('a capture that is readable by its owner alone, and reads back', () => {
    const path = join(directory, 'refused.pcapng');
    const { status, out, err } = nettrace('frames', '--filter', 'tcp.flags.reset', '--write', path, shipped);
    expect([status, out, err]).toEqual([0, '', 'nettrace: FOLDER/refused.pcapng: 3 frames written\n']);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    const lines = (text: string): string[] => text.split('\n').map((line) => line.slice(20));
    expect(lines(nettrace('frames', path).out)).toEqual(
      lines(nettrace('frames', '--filter', 'tcp.flags.reset', shipped).out),
    );
    expect(numbers(nettrace('frames', '--filter', 'netns == host', path).out)).toEqual([1, 2]);
  });

  it('never overwrites', () => {
    const path = fileOf('kept', new TextEncoder().encode('mine'));
    const { status, err } = nettrace('frames', '--write', path, shipped);
    expect([status, err]).toEqual([
      1,
      'nettrace: cannot save to FOLDER/kept: it exists already, and nettrace overwrites nothing. Name another file.\n',
    ]);
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('leaves nothing of what is no capture', () => {
    const path = join(directory, 'nothing.pcapng');
    expect(nettrace('frames', '--write', path, '/dev/null').status).toBe(1);
    expect(existsSync(path)).toBe(false);
  });

  it('keeps what is before damage, and says so', () => {
    const path = join(directory, 'before.pcapng');
    const cut = fileOf('damaged.pcapng', readFileSync(capture).subarray(0, -20));
    const { status, err } = nettrace('frames', '--filter', 'tcp.flags.reset', '--write', path, cut);
    expect(status).toBe(1);
    expect(err).toMatch(/: damaged at byte .*\nnettrace: FOLDER\/before.pcapng: 1 frame written\n$/);
    expect(numbers(nettrace('frames', path).out)).toEqual([1]);
  });

  it('does not go with --json', () => {
    expect(nettrace('frames', '--json', '--write', join(directory, 'x'), capture).status).toBe(2);
  });

  it.runIf(present)('Wireshark’s tools have nothing to complain of', () => {
    const path = join(directory, 'tools.pcapng');
    nettrace('frames', '--filter', 'tcp.flags.reset', '--write', path, shipped);
    expect(fieldsOf(path)).toBe('host:podman0\t0x0014\nhost:veth0\t0x0014\nportainer:eth0\t0x0014\n');
    for (const command of [
      ['capinfos', path],
      ['editcap', path, join(directory, 'edited.pcapng')],
    ]) {
      const { status, err } = ended(command);
      expect([status, err.replaceAll(/^Running as user .*\n/gm, '')]).toEqual([0, '']);
    }
  });
});

describe('connections --filter', () => {
  it.each([
    ['tcp.flags.reset', [2]],
    ['tcp', [1, 2]],
    ['udp.port == 53', [3]],
    ['icmp.code == 3', [3]],
    ['verdict == refused', [2, 3]],
    ['cause == refused-by-remote', [2]],
    ['connection == 2', [2]],
    ['tcp contains "GET"', [1]],
    ['arp', []],
  ])('%s', (filter, expected) => {
    const { status, out, err } = nettrace('connections', '--filter', filter, capture);
    expect([status, err]).toEqual([0, '']);
    expect(numbers(out)).toEqual(expected);
    const json = nettrace('connections', '--json', '--filter', filter, capture).out;
    expect([...json.matchAll(/^\{"number":(\d+)/gm)].map(([, number]) => Number(number))).toEqual(expected);
  });

  it('compressed and from a pipe alike', () => {
    const plain = nettrace('connections', '--filter', 'tcp contains "GET"', capture);
    const packed = gzipSync(readFileSync(capture));
    const ask = ['connections', '--filter', 'tcp contains "GET"'];
    expect(nettrace(...ask, fileOf('packed', packed))).toEqual(plain);
    expect(ended([program, ...ask, '-'], packed)).toEqual(plain);
  });
});

describe('replay --filter', () => {
  interface Document {
    readonly connections: readonly {
      readonly destination: { readonly port: number };
      readonly frames: readonly number[];
    }[];
  }
  function documentOf(...parameters: string[]): Document {
    const document: Document = JSON.parse(nettrace('replay', '--json', ...parameters).out);
    return document;
  }

  it.each([
    ['tcp.flags.reset', [81]],
    ['verdict == refused', [81, 53]],
    ['cause == refused-by-remote', [81]],
    ['connection == 1', [80]],
    ['frame.number == 8', [53]],
    ['arp', []],
  ])('%s', (filter, ports) => {
    const whole = documentOf(capture);
    const chosen = documentOf('--filter', filter, capture);
    expect(chosen.connections.map(({ destination }) => destination.port)).toEqual(ports);
    const kept = whole.connections.filter(({ destination }) => ports.includes(destination.port));
    expect(chosen).toEqual({ ...whole, connections: kept });
  });

  it('says so when nothing passes', () => {
    const { status, out } = nettrace('replay', '--filter', 'arp', capture);
    expect([status, out]).toEqual([0, 'No connection has a frame that the filter accepts.\n']);
  });
});

describe('follow', () => {
  const said = [
    '> GET /\\x1b[31m',
    '[2 bytes of the server missing: no captured frame holds them]',
    '[the server sends no more (FIN, frame 9)]',
    '',
  ];

  it('explains itself', async () => {
    const { status, out } = nettrace('follow', '--help');
    expect(status).toBe(0);
    await expect(out).toMatchFileSnapshot('golden/help-nettrace-follow.txt');
  });

  it('both ends, safe for a terminal, with what is missing', () => {
    expect(nettrace('follow', capture, '1')).toEqual({ status: 0, out: said.join('\n'), err: '' });
  });

  it('one end alone', () => {
    expect(nettrace('follow', '--from', 'client', capture, '1').out).toBe(`${said[0]}\n`);
  });

  it('as a hex dump', () => {
    expect(nettrace('follow', '--as', 'hex', capture, '1').out).toContain(
      '> 00000000  47 45 54 20 2f 1b 5b 33  31 6d 0d 0a              |GET /.[31m..|\n',
    );
  });

  it('as the bytes themselves, what is missing on standard error', () => {
    expect(nettrace('follow', '--as', 'raw', capture, '1')).toEqual({
      status: 0,
      out: 'GET /\u001b[31m\r\n',
      err: 'nettrace: FOLDER/some.pcapng: 2 bytes of connection 1 are missing\n',
    });
  });

  it('datagrams, compressed and from a pipe', () => {
    const packed = gzipSync(readFileSync(capture));
    const out = `> ${'a'.repeat(20)}\n`;
    expect(nettrace('follow', fileOf('packed', packed), '3').out).toBe(out);
    expect(ended([program, 'follow', '-', '3'], packed).out).toBe(out);
  });

  it('a number that there is not', () => {
    const { status, err } = nettrace('follow', capture, '4');
    expect([status, err]).toEqual([
      1,
      'nettrace: FOLDER/some.pcapng has no connection 4: it has connections 1 to 3, which nettrace connections lists\n',
    ]);
    expect(nettrace('follow', capture, '0').status).toBe(2);
  });

  it('ends quietly when its reader has seen enough', () => {
    const script = '"$0" follow "$1" 1 | head -1 | wc -l; echo "${PIPESTATUS[0]}"';
    const { out, err } = ended(['bash', '-c', script, program, capture]);
    expect([out, err]).toEqual(['1\n0\n', '']);
  });
});
