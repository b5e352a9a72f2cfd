import { describe, expect, test } from 'vitest';
import { capEngine } from '../../src/capture/cap-engine.ts';
import type { CaptureEngine } from '../../src/capture/engine.ts';
import { tcpdumpEngine } from '../../src/capture/tcpdump.ts';
import { inNamespace } from '../../src/host/namespaces.ts';
import { handle } from './handles.ts';

const host = handle('host', true);
const box = handle('box');
const points = [
  { namespace: box, device: 'eth0' },
  { namespace: host, device: 'veth0' },
  { namespace: box, device: 'lo' },
];

const plain = { filter: null, pace: 'prompt' } as const;

function places(engine: CaptureEngine): string[] {
  return engine
    .jobs(points, { bufferKilobytes: 4096, ...plain })
    .map(({ namespace, points: own }) => `${namespace.name}: ${own.map(({ device }) => device).join(' ')}`);
}

describe('tcpdump', () => {
  test('has a child a point', () => {
    expect(places(tcpdumpEngine)).toEqual(['box: eth0', 'host: veth0', 'box: lo']);
  });

  const options = (count: number, kilobytes: number): readonly string[] =>
    tcpdumpEngine.jobs(Array(count).fill(points[0]), { bufferKilobytes: kilobytes, ...plain })[0]?.command ?? [];

  test('takes one device, without promiscuous mode, at nanoseconds, whole frames, and writes at once', () => {
    const command = options(1, 4096).join(' ');
    for (const option of ['-i eth0', '-p', '-U', '--time-stamp-precision=nano', '-Z root', '-w -']) {
      expect(` ${command} `).toContain(` ${option} `);
    }
    expect(tcpdumpEngine.promiscuous).toBe(false);
  });

  test.each([
    ['prompt', null, ['--immediate-mode'], ['-w', '-']],
    ['bulk', null, [], ['-w', '-']],
    ['bulk', '-d and port 1', [], ['-w', '-', '--', '-d and port 1']],
  ] as const)('at the pace %s with the filter %j', (pace, filter, immediate, end) => {
    const command = tcpdumpEngine.jobs(points, { bufferKilobytes: 4096, filter, pace })[0]?.command ?? [];
    expect(command.filter((word) => word === '--immediate-mode')).toEqual(immediate);
    expect(command.slice(command.indexOf('-w'))).toEqual(end);
  });

  test.each([
    [1, 32_768, 32_768],
    [8, 32_768, 4096],
    [3, 4096, 1365],
    [100, 32_768, 512],
  ])('%d points share %d kB: %d each, and never too little', (count, kilobytes, each) => {
    const command = options(count, kilobytes);
    expect(command[command.indexOf('-B') + 1]).toBe(String(each));
  });

  // tcpdump 4.99.3: on SIGUSR1 one line, at its end three.
  const listening = 'tcpdump: listening on c, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n';
  const asked = 'tcpdump: 2 packets captured, 2 packets received by filter, 0 packets dropped by kernel\n';
  const one = 'tcpdump: 1 packet captured, 1 packet received by filter, 1 packet dropped by kernel\n';
  const last = '2 packets captured\n3 packets received by filter\n7 packets dropped by kernel\n';

  test.each([
    ['nothing yet', listening, null],
    ['asked', listening + asked, [2, 2, 0]],
    ['singular', one, [1, 1, 1]],
    ['its last words', listening + last, [2, 3, 7]],
    ['the latest count', asked + one + last, [2, 3, 7]],
    ['a device that dropped', `${last}5 packets dropped by interface\n`, [2, 3, 7]],
    ['half of it', '2 packets captured\n3 packets received by', null],
    ['an answer cut at its front', `ackets captured, 9 packets received by filter\n${asked}`, [2, 2, 0]],
  ])('counts: %s', (_name, text, expected) => {
    const counts = tcpdumpEngine.counts(text);
    expect(counts === null ? null : [counts.captured, counts.received, counts.dropped]).toEqual(expected);
  });
});

describe('cap', () => {
  test('has a child a namespace', () => {
    expect(places(capEngine)).toEqual(['box: eth0 lo', 'host: veth0']);
  });

  test('divides the buffer among all points, in bytes, and names the devices in the order of the points', () => {
    const [first, second] = capEngine.jobs(points, { bufferKilobytes: 3072, ...plain });
    expect(first?.command.slice(2)).toEqual(['1048576', '', 'eth0', 'lo']);
    expect(second?.command.slice(2)).toEqual(['1048576', '', 'veth0']);
    expect(first?.command[0]).toBe(process.execPath);
  });

  test('says what it does not know', () => {
    expect(capEngine).toMatchObject({ clock: 'user-space', promiscuous: true, countsSignal: null });
    expect(
      capEngine.counts('2 packets captured, 2 packets received by filter, 0 packets dropped by kernel'),
    ).toBeNull();
  });
});

test('a command goes into another namespace by the descriptor that it inherits', () => {
  const command = ['tcpdump', '-i', '$(reboot)'];
  expect(inNamespace(host, command)).toEqual(command);
  expect(inNamespace(box, command)).toEqual(['nsenter', `--net=/proc/${process.pid}/fd/7`, '--', ...command]);
});
