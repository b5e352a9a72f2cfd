import { expect, test } from 'vitest';
import { type LinkChange, OutageLog, parseLinkChange } from '../../src/capture/link-monitor.ts';

/** Lines of iproute2 6.1 on Linux 6.18; the backslash stands where `-o` leaves a line feed out. */
const stamp = '[2026-11-21T12:02:52.379772]';
const rest = 'mtu 1500 qdisc noqueue state UP group default \\    link/ether 5e:b4:93:b7:23:e2 brd ff:ff:ff:ff:ff:ff';

test('a line tells the device, the time and the state', () => {
  expect(parseLinkChange(`${stamp} 2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> ${rest} link-netns host`)).toEqual({
    device: 'eth0',
    timeNs: BigInt(Date.UTC(2026, 10, 21, 12, 2, 52)) * 1_000_000n + 379_772_000n,
    usable: true,
  });
});

test.each([
  ['3: t5v@if2: <BROADCAST,MULTICAST,UP,LOWER_UP>', 't5v', true],
  ['2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP>', 'br0', true],
  ['2: br0: <BROADCAST,MULTICAST,UP>', 'br0', false],
  ['2: br0: <NO-CARRIER,BROADCAST,MULTICAST,UP>', 'br0', false],
  ['1: lo: <LOOPBACK>', 'lo', false],
  ['1: lo: <LOOPBACK,UP,LOWER_UP>', 'lo', true],
  // A link is set down before it is deleted; one that leaves its bridge is "deleted" from the bridge alone.
  ['Deleted 3: t5v@NONE: <BROADCAST,MULTICAST>', 't5v', false],
  ['Deleted 3: t5v@br0: <BROADCAST,MULTICAST,UP,LOWER_UP>', 't5v', true],
  // Any name without blank, slash and colon is a device's.
  ['3: v@x@if2: <UP,LOWER_UP>', 'v@x', true],
  ['3: <UP>: <UP,LOWER_UP>', '<UP>', true],
])('%s', (text, device, usable) => {
  expect(parseLinkChange(`${stamp} ${text} ${rest}`)).toMatchObject({ device, usable });
});

test.each([
  '',
  '2: eth0: <UP>',
  `${stamp} 2: eth0`,
  '[2026-99-99T99:99:99.000001] 2: eth0: <UP>',
  '[2026-11-21T12:02:52] 2: eth0: <UP>',
  'Timestamp: Sat Nov 21 12:02:52 2026 379772 usec',
])('%j is none', (line) => {
  expect(parseLinkChange(line)).toBeNull();
});

function outages(...changes: readonly (readonly [device: string, timeNs: bigint, usable: boolean])[]): string[] {
  const log = new OutageLog('box');
  for (const [device, timeNs, usable] of changes) log.note({ device, timeNs, usable } satisfies LinkChange);
  return log.outages().map(({ netns, device, fromNs, toNs }) => `${netns}:${device} ${fromNs}-${toNs ?? ''}`);
}

test('outages', () => {
  expect(outages()).toEqual([]);
  expect(outages(['eth0', 1n, true], ['eth0', 2n, true])).toEqual([]);
  expect(outages(['eth0', 1n, false], ['eth0', 5n, true])).toEqual(['box:eth0 1-5']);
  expect(outages(['eth0', 1n, false])).toEqual(['box:eth0 1-']);
});

test('an outage begins with the first word of it', () => {
  expect(outages(['eth0', 1n, false], ['eth0', 2n, false], ['eth0', 5n, true])).toEqual(['box:eth0 1-5']);
});

test('a link that flaps, beside one that stays down', () => {
  expect(
    outages(
      ['eth0', 1n, false],
      ['br0', 2n, false],
      ['eth0', 3n, true],
      ['eth0', 4n, false],
      ['eth0', 6n, true],
      ['eth0', 7n, false],
    ),
  ).toEqual(['box:eth0 1-3', 'box:eth0 4-6', 'box:br0 2-', 'box:eth0 7-']);
});
