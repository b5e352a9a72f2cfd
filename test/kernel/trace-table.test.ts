import { describe, expect, it, test } from 'vitest';
import { isTraceTable, traceTableName } from '../../src/host/trace-table-name.ts';
import { readAddresses, traceCommands, traceFamilies } from '../../src/kernel/trace-table.ts';

describe('the families of tables', () => {
  it.each([
    ['none where no rules stand', [], []],
    ['none beside those of other traces', ['table inet nettrace-812'], []],
    ['inet beside rules for IP', ['table ip filter', 'table ip6 nat', 'table inet fw4'], ['inet']],
    ['bridge beside rules for bridges', ['table bridge filter'], ['bridge']],
    ['both beside both', ['table ip filter', 'table bridge filter'], ['inet', 'bridge']],
    ["what is no table's line", ['', 'Error: x', 'tables ip filter'], []],
  ])('are %s', (_name, tables, families) => expect(traceFamilies(tables)).toEqual(families));
});

test('a table is known by its name', () => {
  expect(isTraceTable(traceTableName(812))).toBe(true);
  expect(['nettrace', 'nettrace-', 'nettrace-x', 'my-nettrace-1'].some(isTraceTable)).toBe(false);
});

const addresses = JSON.stringify([
  { ifname: 'lo', link_type: 'loopback', addr_info: [{ local: '127.0.0.1' }, { local: '::1' }] },
  { ifname: 'eth0', link_type: 'ether', addr_info: [{ local: '10.88.0.10' }, { local: 'fd00:88::10' }] },
  { ifname: 'x', link_type: 'ether', addr_info: [{ local: '} drop;' }, {}] },
]);

test('addresses are read, those of loopback apart, and what is none left out', () => {
  const outward = ['10.88.0.10', 'fd00:88::10'];
  expect(readAddresses(addresses)).toEqual({ all: ['127.0.0.1', '::1', ...outward], outward });
  expect(readAddresses('nonsense')).toEqual({ all: [], outward: [] });
});

describe('the commands', () => {
  const { outward } = readAddresses(addresses);
  const commands = traceCommands('nettrace-812', ['inet', 'bridge'], outward);

  it('make one table a line, which nft owns, and then listen', () => {
    const lines = commands.split('\n');
    expect(lines.map((line) => line.slice(0, 46).replace(/ chain.*$/, ''))).toEqual([
      'table inet nettrace-812 { flags owner;',
      'table bridge nettrace-812 { flags owner;',
      'monitor trace',
      '',
    ]);
  });

  it('mark a bounded number of packets that have one of the addresses at one end', () => {
    expect(commands).toContain('chain tcp-first { limit rate 50/second burst 100 packets meta nftrace set 1; }');
    expect(commands).toContain('ip daddr { 10.88.0.10 } goto tcp-first; ip6 saddr { fd00:88::10 } goto tcp-first');
    expect(commands.match(/meta nftrace set 1/g)).toHaveLength(4);
    expect(commands.match(/limit rate/g)).toHaveLength(4);
  });

  it('decide nothing, and leave connection tracking alone', () => {
    expect(commands).not.toMatch(/\b(?:ct|drop|reject|nat|accept;(?! ))\b/);
    expect(commands.match(/policy \w+/g)?.every((policy) => policy === 'policy accept')).toBe(true);
  });
});
