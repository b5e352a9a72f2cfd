import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CaseReader, encodeCase, selectFrames } from '../../src/capfile/case-file.ts';
import type { Case } from '../../src/case/evidence.ts';
import { mergeCases } from '../../src/case/merge.ts';
import { dissect } from '../../src/wire/dissect.ts';
import { fieldValue, findLayer } from '../../src/wire/fields.ts';
import { bytesOf, realFrames } from '../wire/frames.ts';
import { exampleCase } from './example-case.ts';

const present = spawnSync('tshark', ['--version']).status === 0;
const required = process.env['NETTRACE_LABS'] === 'required';

function run(command: string, ...argv: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(command, argv, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  // Wireshark's tools warn about being root; that is no remark on the file.
  return { status, stdout, stderr: stderr.replaceAll(/^Running as user .*\n/gm, '').trim() };
}

describe('Wireshark and its tools on a case file', () => {
  let directory = '';
  let file = '';
  const evidence: Case = {
    ...exampleCase,
    frames: realFrames.map(({ hex }, index) => {
      const bytes = bytesOf(hex);
      const timeNs = 1_700_000_000_000_000_000n + BigInt(index) * 1_001n;
      return { number: index + 1, timeNs, interfaceIndex: index % 2, originalLength: bytes.length, bytes };
    }),
  };

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'nettrace-case-'));
    file = path.join(directory, 'case.pcapng');
    writeFileSync(file, Buffer.concat([...encodeCase(evidence, 'nettrace 0.1.0')]));
  });

  beforeEach(({ skip }) => skip(!present && !required, 'tshark is not installed'));

  afterAll(() => rmSync(directory, { recursive: true }));

  test('tshark numbers, times and places the frames alike, and says nothing', () => {
    const fields = ['frame.number', 'frame.time_epoch', 'frame.interface_name', 'frame.len'];
    const { status, stdout, stderr } = run(
      'tshark',
      '-n',
      '-r',
      file,
      '-T',
      'fields',
      ...fields.flatMap((name) => ['-e', name]),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const expected = evidence.frames.map(({ number, timeNs, interfaceIndex, originalLength }) => {
      const at = evidence.interfaces[interfaceIndex];
      const fraction = (timeNs % 1_000_000_000n).toString().padStart(9, '0');
      return `${number}\t${timeNs / 1_000_000_000n}.${fraction}\t${at?.netns}:${at?.device}\t${originalLength}`;
    });
    expect(stdout.trimEnd().split('\n')).toEqual(expected);
  });

  test('capinfos counts the frames and names the writer', () => {
    const { status, stdout, stderr } = run('capinfos', '-M', '-c', '-F', '-I', file);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`Number of packets: +${evidence.frames.length}\\b`));
    expect(stdout).toContain('nettrace 0.1.0');
    expect(stdout).toContain('Name = portainer:eth0');
  });

  test('editcap copies it; the copy has the frames, the rest is gone', () => {
    const copy = path.join(directory, 'copy.pcapng');
    expect(run('editcap', file, copy)).toMatchObject({ status: 0, stderr: '' });
    const reader = new CaseReader();
    reader.push(readFileSync(copy));
    const found = reader.end();
    expect(found?.frames).toEqual(evidence.frames);
    expect(found).toMatchObject({ session: null, snapshot: null });
    expect(reader.problems).toEqual([]);
  });

  test('chosen frames with remarks are a capture that they read without complaint', () => {
    const chosen = selectFrames(evidence, new Set([2, 3, 5]));
    const [first, ...others] = chosen.frames;
    if (first === undefined) throw new Error('no frame was chosen');
    const notes = { comments: ['a remark', 'and another'], flags: 1, dropped: 2 };
    const name = path.join(directory, 'chosen.pcapng');
    const remarked: Case = {
      ...chosen,
      frames: [{ ...first, notes }, ...others],
      interfaces: chosen.interfaces.map((one) => ({
        ...one,
        notes: {
          description: 'the uplink',
          filter: 'tcp',
          hardwareAddress: '02:00:00:00:00:01',
          bitsPerSecond: 1_000_000_000,
          comments: ['on the interface'],
          received: 9,
          dropped: 1,
        },
      })),
      notes: {
        sections: [{ hardware: 'x86', operatingSystem: 'Linux', application: null, comments: ['on the whole'] }],
        addressNames: [
          { address: '10.88.0.1', names: ['gateway'] },
          { address: 'fd00::1', names: ['six', 'seven'] },
        ],
      },
    };
    writeFileSync(name, Buffer.concat([...encodeCase(remarked, 'nettrace 0.1.0')]));
    const fields = ['-e', 'frame.time_epoch', '-e', 'frame.comment', '-e', 'frame.interface_description'];
    const { status, stdout, stderr } = run('tshark', '-n', '-r', name, '-T', 'fields', '-E', 'aggregator=;', ...fields);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const rows = stdout.trimEnd().split('\n');
    expect(rows).toHaveLength(3);
    expect(rows[0]).toBe('1700000000.000001001\ta remark;and another\tthe uplink');

    const info = run('capinfos', '-M', '-c', '-I', '-k', name);
    expect([info.status, info.stderr]).toEqual([0, '']);
    for (const phrase of ['Number of packets:   3', 'Description = the uplink', 'on the whole', 'Speed = 1000000000']) {
      expect(info.stdout).toContain(phrase);
    }
    const copy = path.join(directory, 'chosen-copy.pcapng');
    expect(run('editcap', name, copy)).toMatchObject({ status: 0, stderr: '' });
    const reader = new CaseReader();
    reader.push(readFileSync(copy));
    expect(reader.end()?.frames[0]?.notes).toEqual(notes);
  });

  test('several files are merged in the order in which mergecap merges them', () => {
    const names = [0, 1, 2].map((file) => {
      const frames = evidence.frames
        .filter((_, index) => (index * 7) % 3 === file)
        .map((frame, index) => ({ ...frame, number: index + 1, timeNs: frame.timeNs + BigInt((index % 4) * 2000) }));
      const name = path.join(directory, `part-${file}.pcapng`);
      writeFileSync(name, Buffer.concat([...encodeCase({ ...evidence, session: null, snapshot: null, frames })]));
      return name;
    });
    const read = (name: string): Case => {
      const reader = new CaseReader();
      reader.push(readFileSync(name));
      const found = reader.end();
      if (found === null) throw new Error(`${name} cannot be read`);
      return found;
    };
    const merged = path.join(directory, 'merged.pcapng');
    expect(run('mergecap', '-w', merged, ...names)).toMatchObject({ status: 0 });
    const ours = mergeCases(names.map((name) => ({ name, evidence: read(name) }))).evidence.frames;
    const theirs = read(merged).frames;
    expect(ours.map(({ timeNs, bytes }) => [timeNs, bytes])).toEqual(
      theirs.map(({ timeNs, bytes }) => [timeNs, bytes]),
    );
  });

  // Fields of the frame's own outer headers, by tshark's name; tshark prints hex for some and 1 and 0 for flags.
  const names = [
    'eth.src',
    'eth.dst',
    'arp.opcode',
    'arp.src.hw_mac',
    'arp.src.proto_ipv4',
    'arp.dst.proto_ipv4',
    'ip.src',
    'ip.dst',
    'ip.id',
    'ip.ttl',
    'ip.proto',
    'ip.len',
    'ip.flags.df',
    'ip.frag_offset',
    'ip.hdr_len',
    'ip.checksum',
    'ipv6.src',
    'ipv6.dst',
    'ipv6.hlim',
    'ipv6.plen',
    'ipv6.nxt',
    'ipv6.flow',
    'ipv6.fraghdr.offset',
    'ipv6.fraghdr.ident',
    'tcp.srcport',
    'tcp.dstport',
    'tcp.seq_raw',
    'tcp.ack_raw',
    'tcp.flags',
    'tcp.flags.syn',
    'tcp.flags.reset',
    'tcp.window_size_value',
    'tcp.len',
    'tcp.hdr_len',
    'tcp.options.mss_val',
    'tcp.options.wscale.shift',
    'tcp.options.timestamp.tsval',
    'tcp.options.timestamp.tsecr',
    'icmp.type',
    'icmp.code',
    'icmpv6.type',
    'icmpv6.code',
    'icmpv6.nd.ns.target_address',
    'icmpv6.nd.na.target_address',
    'icmpv6.opt.linkaddr',
    'icmpv6.echo.identifier',
  ];

  function textOf(value: number | string | boolean | null): string {
    if (value === null) return '';
    return typeof value === 'boolean' ? String(Number(value)) : String(value);
  }

  test('its frames decode as tshark decodes them', () => {
    const options = [
      '-o',
      'ip.defragment:FALSE',
      '-o',
      'ipv6.defragment:FALSE',
      '-o',
      'tcp.desegment_tcp_streams:FALSE',
    ];
    const { stdout } = run(
      'tshark',
      '-n',
      '-r',
      file,
      ...options,
      '-T',
      'fields',
      '-E',
      'occurrence=f',
      ...names.flatMap((name) => ['-e', name]),
    );
    const rows = stdout.replace(/\n$/, '').split('\n');
    for (const [index, { bytes, originalLength }] of evidence.frames.entries()) {
      const dissection = dissect(bytes, 1, originalLength);
      const ours = names.map((name) => {
        const layer = findLayer(dissection, name.slice(0, name.indexOf('.')));
        return [name, textOf(layer === null ? null : fieldValue(layer, name))];
      });
      const cells = rows[index]?.split('\t') ?? [];
      const theirs = names.map((name, column) => {
        const cell = cells[column] ?? '';
        return [name, cell.startsWith('0x') ? String(Number(cell)) : cell];
      });
      expect(ours).toEqual(theirs);
    }
  });
});
