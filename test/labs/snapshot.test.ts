import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectSnapshot } from '../../src/host/collect.ts';
import { findNamespaces, type NamespaceHandle } from '../../src/host/namespaces.ts';
import { parseSnapshot } from '../../src/host/parse/parse-snapshot.ts';
import { snapshotCommand } from '../../src/host/snapshot-commands.ts';
import { describeLab } from './available.ts';

const bridgeHost = `ntsnap${process.pid}h`;
const box = `ntsnap${process.pid}c`;
const both = [bridgeHost, box];
const tool = 'ip';

function ip(...args: string[]): void {
  execFileSync(tool, args);
}

function inside(netns: string, ...argv: [string, ...string[]]): string {
  return execFileSync(tool, ['netns', 'exec', netns, ...argv], { encoding: 'utf8' });
}

function build(): void {
  for (const netns of both) ip('netns', 'add', netns);
  ip('-n', bridgeHost, 'link', 'set', 'lo', 'up');
  ip('-n', bridgeHost, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', bridgeHost, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', box);
  ip('-n', bridgeHost, 'link', 'set', 'v0', 'master', 'br0', 'up');
  ip('-n', bridgeHost, 'link', 'set', 'br0', 'up');
  ip('-n', bridgeHost, 'addr', 'add', '10.88.0.1/16', 'dev', 'br0');
  ip('-n', box, 'link', 'set', 'eth0', 'up');
  ip('-n', box, 'addr', 'add', '10.88.0.10/16', 'dev', 'eth0');
  ip('-n', box, 'route', 'add', 'default', 'via', '10.88.0.1');
  // An interface with an escape sequence and an apostrophe in its name, which `ip -j` prints as no JSON.
  ip('-n', box, 'link', 'add', "a\u001b[1m'b", 'type', 'bridge');
  mkdirSync(`/etc/netns/${box}`, { recursive: true });
  writeFileSync(`/etc/netns/${box}/hosts`, '10.88.0.1 host.containers.internal\n');
}

function withHandles<Result>(use: (handles: NamespaceHandle[]) => Promise<Result>): Promise<Result> {
  const set = findNamespaces([]);
  return use(set.namespaces.filter(({ name }) => both.includes(name))).finally(() => set.dispose());
}

describeLab('a snapshot of real namespaces', () => {
  const listener = { stop: (): void => {} };

  beforeAll(async () => {
    build();
    const script = "require('net').createServer().listen(19001, '127.0.0.1', () => console.log('up'))";
    const child = spawn(
      tool,
      ['netns', 'exec', bridgeHost, process.execPath, '-e', script, '--', '--token', 'hunter2'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    listener.stop = () => child.kill('SIGKILL');
    const ended = once(child, 'exit').then(() => {
      throw new Error('the listener ended before it listened');
    });
    await Promise.race([once(child.stdout, 'data'), ended]);
    ended.catch(() => {});
  });

  afterAll(() => {
    listener.stop();
    for (const netns of both) spawnSync(tool, ['netns', 'del', netns]);
    rmSync(`/etc/netns/${box}`, { recursive: true, force: true });
    // Ours to remove only when nothing else is in it.
    spawnSync('rmdir', ['/etc/netns'], { stdio: 'ignore' });
  });

  test('finds each namespace once, our own among them, and closes what it opened', () => {
    const set = findNamespaces([]);
    const names = set.namespaces.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(both));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(set.namespaces.map(({ inode }) => inode)).size).toBe(names.length);
    expect(set.namespaces.filter(({ own }) => own)).toEqual([set.namespaces[0]]);
    const [first] = set.namespaces;
    set.dispose();
    expect(() => set.dispose()).not.toThrow();
    expect(first?.descriptor).toBeGreaterThan(2);
  });

  test('gives a namespace the name of its container, but not the host that of one that shares it', () => {
    const containerOf = (name: string, netnsPath: string, hostNetwork: boolean) => ({
      id: 'a'.repeat(64),
      name,
      runtime: 'podman',
      networks: null,
      ports: null,
      pid: null,
      netnsPath,
      hostsPath: null,
      resolvConfPath: null,
      hostNetwork,
      joins: false,
      infrastructure: false,
    });
    const set = findNamespaces([
      containerOf('portainer', `/run/netns/${box}`, false),
      containerOf('agent', '/proc/self/ns/net', true),
      // nerdctl has not always said that.
      containerOf('other', '/proc/1/ns/net', false),
    ]);
    const named = set.namespaces.find(({ netnsName }) => netnsName === box);
    set.dispose();
    expect(named).toMatchObject({ name: 'portainer', container: { name: 'portainer' } });
    const names = set.namespaces.map(({ name }) => name);
    expect(names).not.toContain('agent');
    expect(names).not.toContain('other');
  });

  test('of several containers in one network it has the ports of the one whose network it is', () => {
    const port = { protocol: 'tcp', hostAddress: null, hostPort: 8080, port: 80 };
    const member = {
      id: 'b'.repeat(64),
      name: 'sidecar',
      runtime: 'podman',
      networks: null,
      ports: [port, port],
      pid: null,
      netnsPath: `/run/netns/${box}`,
      hostsPath: null,
      resolvConfPath: null,
      hostNetwork: false,
      joins: true,
      infrastructure: false,
    };
    const owner = { ...member, id: 'a'.repeat(64), name: 'web', ports: [port], joins: false };
    const told = (...containers: (typeof member)[]) => {
      const set = findNamespaces(containers);
      set.dispose();
      const found = set.namespaces.find(({ netnsName }) => netnsName === box)?.container;
      return [found?.name, found?.id.charAt(0), found?.ports];
    };
    expect(told(member, owner)).toEqual(['web', 'a', [port]]);
    expect(told(member, { ...owner, infrastructure: true })).toEqual(['sidecar', 'a', [port]]);
  });

  test('collects a state that parses without a problem', async () => {
    const snapshot = await withHandles((handles) => collectSnapshot(handles));
    const { namespaces, problems, processes } = parseSnapshot(snapshot);
    expect(snapshot.missing).toEqual([]);
    expect(problems).toEqual([]);
    const host = namespaces.get(bridgeHost);
    const container = namespaces.get(box);
    expect(host?.links.find(({ name }) => name === 'v0')).toMatchObject({
      master: 'br0',
      peer: { netns: box, device: 'eth0' },
    });
    expect(container?.links.find(({ name }) => name === 'eth0')).toMatchObject({
      peer: { netns: bridgeHost, device: 'v0' },
    });
    expect(container?.links.map(({ name }) => name)).toContain("a\u001b[1m'b");
    expect(container?.routes).toContainEqual(
      expect.objectContaining({
        prefix: '0.0.0.0',
        prefixLength: 0,
        nextHops: [{ device: 'eth0', gateway: '10.88.0.1', dead: false, linkDown: false }],
      }),
    );
    expect(container?.hosts.get('10.88.0.1')).toEqual(['host.containers.internal']);
    expect(container?.listeners).toEqual([]);
    expect(host?.bridgePorts).toMatchObject([{ device: 'v0', bridge: 'br0' }]);
    expect(host?.sysctls.get('net.ipv4.conf.br0.forwarding')?.value).toMatch(/^[01]$/);
    expect(host).toMatchObject({ ruleTables: [], firewallKnown: true });
    const [socket] = host?.listeners ?? [];
    expect(socket).toMatchObject({ address: '127.0.0.1', port: 19_001 });
    expect(processes.get(socket?.process?.pid ?? 0)?.slice(-2)).toEqual(['--token', '***']);
  });

  test('gives the links before the rest', async () => {
    const seen: string[] = [];
    await withHandles(async ([handle]) => {
      if (handle === undefined) throw new Error('no namespace');
      const onLinks = (_handle: unknown, outputs: readonly { command: string }[]) => {
        seen.push(...outputs.map(({ command }) => command));
      };
      const { namespaces } = await collectSnapshot([handle], { onLinks });
      seen.push(namespaces[0]?.outputs[0]?.command ?? '', 'whole');
    });
    const first = [snapshotCommand.links, 'ip -j netns list-id', 'ip netns identify'];
    expect(seen).toEqual([...first, snapshotCommand.links, 'whole']);
  });

  test('holds back what follows the links until the namespace may go on', async () => {
    const snapshot = await withHandles((handles) =>
      collectSnapshot(handles, {
        // What is done while it is held back, its snapshot has.
        mayGoOn: async ({ name }) => {
          if (name !== box) return;
          await delay(200);
          ip('-n', box, 'route', 'add', 'blackhole', '192.0.2.0/24');
        },
      }),
    );
    ip('-n', box, 'route', 'del', 'blackhole', '192.0.2.0/24');
    const { namespaces } = parseSnapshot(snapshot);
    expect(snapshot.missing).toEqual([]);
    expect(namespaces.get(box)?.routes.map(({ prefix }) => prefix)).toContain('192.0.2.0');
  });

  test('leaves the rules as it found them: no table is made by looking', async () => {
    await withHandles((handles) => collectSnapshot(handles));
    for (const netns of both) {
      expect(inside(netns, 'nft', 'list', 'ruleset')).toBe('');
      expect(
        inside(netns, 'sh', '-c', 'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || true'),
      ).toBe('');
    }
  });

  test('reads nft and legacy rules where there are some', async () => {
    inside(bridgeHost, 'nft', 'add', 'table', 'inet', 'own');
    inside(bridgeHost, 'nft', 'add chain inet own input { type filter hook input priority 0; policy drop; }');
    const legacy = spawnSync(tool, ['netns', 'exec', bridgeHost, 'iptables-legacy', '-A', 'FORWARD', '-j', 'REJECT']);
    const snapshot = await withHandles((handles) => collectSnapshot(handles));
    const tables = parseSnapshot(snapshot).namespaces.get(bridgeHost)?.ruleTables ?? [];
    const chains = tables.flatMap(({ engine, chains: all }) =>
      [...all.values()].map((chain) => ({ engine, ...chain })),
    );
    expect(chains).toContainEqual(
      expect.objectContaining({ engine: 'nft', name: 'input', base: expect.objectContaining({ policy: 'drop' }) }),
    );
    if (legacy.status === 0) {
      const forward = chains.find(({ engine, name }) => engine === 'iptables-legacy' && name === 'FORWARD');
      expect(forward?.rules.map(({ text }) => text)).toEqual([
        '-A FORWARD -j REJECT --reject-with icmp-port-unreachable',
      ]);
    }
  });

  test('a namespace that cannot be entered says so', async () => {
    const { missing } = await withHandles(async ([handle]) => {
      if (handle === undefined) throw new Error('no namespace');
      return collectSnapshot([{ ...handle, descriptor: 999_999 }]);
    });
    expect(missing).toEqual([expect.stringContaining('failed at its start: nsenter')]);
  });
});
