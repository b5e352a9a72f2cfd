import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../src/doctor/facts.ts';
import { examine, verdict } from '../../src/doctor/findings.ts';
import { tracedEvents } from '../../src/kernel/tracefs.ts';
import { factsWith, formats, plainFormats, toolsWithout } from './facts.ts';

const denied = 'Not every network namespace is known: permission to read that of 7 processes was denied.';

function without(event: string): ReadonlyMap<string, string> {
  return new Map([...formats, [event, '']]);
}

describe('what is lacking, what that costs, what ends it', () => {
  it.each<[string, Partial<HostFacts>, boolean, string, string, string | null]>([
    [
      'root',
      { root: false },
      false,
      'root',
      'run and record need it',
      'sudo nettrace doctor shows what root would add',
    ],
    ['the right to capture', { capabilities: ~(1n << 13n) }, false, 'CAP_NET_RAW', 'No frame', '--privileged'],
    ['the right to enter', { capabilities: ~(1n << 21n) }, true, 'CAP_SYS_ADMIN', 'can be entered', '--privileged'],
    ['tcpdump', { tools: toolsWithout('tcpdump') }, true, 'tcpdump', 'cap engine', 'apt-get install tcpdump'],
    [
      'both engines',
      { tools: toolsWithout('tcpdump'), capBuilt: false },
      false,
      'tcpdump',
      'No frame can be captured',
      'apt-get install tcpdump',
    ],
    ['ip', { tools: toolsWithout('ip') }, false, 'ip', 'link outages', 'apt-get install iproute2'],
    ['ss', { tools: toolsWithout('ss') }, true, 'ss', 'listening', 'apt-get install iproute2'],
    ['nsenter', { tools: toolsWithout('nsenter') }, true, 'nsenter', 'be entered', 'apt-get install util-linux'],
    ['nft', { tools: toolsWithout('nft') }, true, 'nft', 'nftables are not known', 'apt-get install nftables'],
    [
      'conntrack, where there is no apt-get',
      { tools: toolsWithout('conntrack'), aptGet: false },
      true,
      'conntrack',
      'NAT',
      'install the package conntrack-tools',
    ],
    [
      'tracefs',
      { tracefs: { unavailable: 'it cannot be mounted', mounted: false, formats: new Map() } },
      true,
      'tracefs',
      'No report says proven',
      'on the host itself',
    ],
    [
      'an event',
      { tracefs: { unavailable: null, mounted: true, formats: without('fib/fib_table_lookup') } },
      true,
      'fib/fib_table_lookup',
      "the command's",
      null,
    ],
    [
      'drop reasons',
      {
        tracefs: {
          unavailable: null,
          mounted: true,
          formats: new Map([...formats, ['skb/kfree_skb', plainFormats.drop]]),
        },
      },
      true,
      'drop reasons',
      'Why the kernel dropped',
      'Linux 5.17 or newer',
    ],
    [
      'reset reasons',
      {
        tracefs: {
          unavailable: null,
          mounted: true,
          formats: new Map([...formats, ['tcp/tcp_send_reset', plainFormats.reset]]),
        },
      },
      true,
      'reset reasons',
      'Why the kernel sent a reset',
      'Linux 6.10 or newer',
    ],
    [
      'tables that vanish',
      { ownerTables: 'nft says: Error: syntax error, unexpected string' },
      true,
      'rule trace',
      'named by the model',
      'Linux 5.12',
    ],
    [
      'namespaces',
      { namespaces: { found: 1, missing: [denied] } },
      true,
      'some namespaces',
      'not known',
      'host itself',
    ],
    [
      "an engine's answer",
      {
        containers: {
          running: new Map(),
          missing: new Map([['podman', 'Containers of podman are not known: podman gave no answer within 5 s.']]),
        },
      },
      true,
      'podman',
      'pid:N',
      'podman ps shows the fault',
    ],
    [
      'an engine that runs and whose program was not found',
      {
        tools: toolsWithout('podman'),
        containers: {
          running: new Map(),
          missing: new Map([['podman', 'Containers of podman are not known: /run/libpod is there, but no program.']]),
        },
      },
      true,
      'podman',
      'pid:N',
      'link it into one of these folders',
    ],
    [
      'an engine that few hosts have',
      {
        tools: [...toolsWithout(), { name: 'crictl', installed: true, version: '1.28.0', lacksJson: false }],
        containers: { running: new Map(), missing: new Map([['crictl', 'Containers of crictl are not known: x.']]) },
      },
      true,
      'crictl',
      'by their ids',
      'crictl ps shows the fault',
    ],
  ])('%s', (_name, differences, canRun, name, costs, remedy) => {
    const report = examine(factsWith(differences));
    const lacks = report.findings.filter(({ state }) => state === 'lacking');
    expect(lacks.map((finding) => finding.name)).toEqual([name]);
    expect(report.canRun).toBe(canRun);
    expect(lacks[0]?.costs).toContain(costs);
    if (remedy === null) expect(lacks[0]?.remedy).toBeNull();
    else expect(lacks[0]?.remedy).toContain(remedy);
    expect(verdict(report)).toContain(name);
  });

  it('a host that has everything lacks nothing', () => {
    const report = examine(factsWith());
    expect(report.findings.filter(({ state }) => state === 'lacking')).toEqual([]);
    expect(verdict(report)).toBe('nettrace run works here, with everything that it can use.');
  });

  it('a lack always says what it costs, and nothing else does', () => {
    const bare = factsWith({ root: false, tools: [], capBuilt: false, containers: null });
    for (const { state, costs } of examine(bare).findings) expect(costs !== null).toBe(state === 'lacking');
  });
});

describe('what is not there and not missed', () => {
  it.each<[string, Partial<HostFacts>, string]>([
    ['the cap engine beside tcpdump', { capBuilt: false }, 'cap'],
    ['nft where the kernel has no nf_tables', { nftables: false, tools: toolsWithout('nft') }, 'nft'],
    ['the other iptables', { tools: toolsWithout('iptables-legacy-save') }, 'iptables-legacy-save'],
    ['an engine that is not installed', {}, 'docker'],
    ['an engine that root alone asks', { containers: null }, 'podman'],
  ])('%s', (_name, differences, name) => {
    const { findings } = examine(factsWith(differences));
    expect(findings.find((finding) => finding.name === name)).toMatchObject({ state: 'unused', costs: null });
  });
});

it("an ip that prints no JSON, as BusyBox's, is as good as none", () => {
  const tools = toolsWithout('ip').map((tool) =>
    tool.name === 'ip' ? { ...tool, installed: true, lacksJson: true } : tool,
  );
  const report = examine(factsWith({ tools }));
  expect(report.canRun).toBe(false);
  expect(report.findings.find(({ name }) => name === 'ip')).toMatchObject({
    state: 'lacking',
    detail: 'has no JSON output',
    remedy: 'apt-get install iproute2',
  });
});

it('a tool that was not asked, because asking would load a module, is there all the same', () => {
  const tools = toolsWithout().map((tool) => (tool.name === 'conntrack' ? { ...tool, version: null } : tool));
  const { findings } = examine(factsWith({ nftables: false, tools }));
  expect(findings.find(({ name }) => name === 'conntrack')).toMatchObject({
    state: 'ok',
    detail: 'there, and not asked: see nf_tables',
  });
});

it('every event that a run enables is judged', () => {
  const none = new Map(tracedEvents.map((event) => [event, '']));
  const { findings } = examine(factsWith({ tracefs: { unavailable: null, mounted: true, formats: none } }));
  const judged = findings.filter(({ state }) => state === 'lacking').map(({ name }) => name);
  expect(judged.toSorted()).toEqual(tracedEvents.toSorted());
});
