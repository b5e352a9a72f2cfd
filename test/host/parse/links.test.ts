import { expect, test } from 'vitest';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import type { LinkProgram } from '../../../src/host/state.ts';
import { printed, snapshotOf } from '../sample.ts';

/** What is told of eth0. */
function programs(record: object, filters: Readonly<Record<string, string>> = {}): readonly LinkProgram[] | undefined {
  const eth0 = { ifindex: 2, ifname: 'eth0', flags: ['UP', 'LOWER_UP'], link_type: 'ether', ...record };
  const listed = Object.entries(filters).map(([of, text]) => printed(`tc filter show dev ${of}`, text));
  const snapshot = snapshotOf([printed('ip -j -d -s link', JSON.stringify([eth0])), ...listed]);
  return parseSnapshot(snapshot).namespaces.get('host')?.links[0]?.programs;
}

test('no program', () => {
  expect(programs({}, { 'eth0 ingress': '', 'eth1 ingress': 'filter protocol ip pref 49152 bpf chain 0 \n' })).toEqual(
    [],
  );
});

// As iproute2's xdp_dump_json prints it.
test('an XDP program, told with its link', () => {
  expect(programs({ xdp: { mode: 2, prog: { id: 7, name: 'drop', tag: '3b185187f1855c4c', jited: 1 } } })).toEqual([
    {
      direction: 'ingress',
      what: 'an XDP program',
      source: expect.objectContaining({ text: expect.stringMatching(/> xdp$/) }),
    },
  ]);
});

test('filters of traffic control, by direction', () => {
  const listed = 'filter protocol ip pref 49152 bpf chain 0 \nfilter protocol ip pref 49152 bpf chain 0 handle 0x1\n';
  const what = 'a filter of traffic control (tc)';
  const source = (direction: string) => ({
    netns: 'host',
    command: `tc filter show dev eth0 ${direction}`,
    text: 'filter protocol ip pref 49152 bpf chain 0 ',
  });
  expect(programs({}, { 'eth0 ingress': listed, 'eth0 egress': listed })).toEqual([
    { direction: 'ingress', what, source: source('ingress') },
    { direction: 'egress', what, source: source('egress') },
  ]);
});
