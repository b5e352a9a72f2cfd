/**
 * Asks this host what it gives. Nothing is changed: tools are asked for their versions, tracefs is mounted, where it is
 * not, in a mount namespace that ends with the child that looks, and a table is made in such a network namespace.
 */

import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { capIsBuilt } from '../capture/cap-engine.ts';
import { listContainers } from '../host/containers.ts';
import { programIsThere } from '../host/environment.ts';
import { kernelHasNftables } from '../host/kernel-modules.ts';
import { findNamespaces } from '../host/namespaces.ts';
import type { Container } from '../host/parse/containers.ts';
import { runTool } from '../host/run-tool.ts';
import { mountedTracefs, tracedEvents } from '../kernel/tracefs.ts';
import type { HostFacts, ToolFact, TracefsFact } from './facts.ts';
import { opensNetfilter } from './findings.ts';

/** All checks run at once; one that takes this long would keep whoever asked waiting. */
const timeoutMs = 800;

/** Each tool with the options that make it say its version; `ip` with the one as well that makes it print JSON. */
const versionOptions: Readonly<Record<string, string>> = {
  tcpdump: '--version',
  ip: '-j -V',
  bridge: '-V',
  ss: '-V',
  nsenter: '--version',
  unshare: '--version',
  nft: '--version',
  'iptables-save': '--version',
  'iptables-nft-save': '--version',
  'iptables-legacy-save': '--version',
  conntrack: '--version',
  podman: '--version',
  docker: '--version',
  crictl: '--version',
  nerdctl: '--version',
};

const versionPattern = /\d+(?:\.\d+)+/;

async function askTool(name: string, options: string, nftables: boolean): Promise<ToolFact> {
  const fact = { name, installed: true, version: null, lacksJson: false };
  if (!programIsThere(name)) return { ...fact, installed: false };
  if (!nftables && opensNetfilter.includes(name)) return fact;
  const result = await runTool(name, options.split(' '), { timeoutMs, evenIfFailed: true });
  if ('text' in result) return { ...fact, version: versionPattern.exec(result.text)?.[0] ?? null };
  return { ...fact, lacksJson: name === 'ip' && result.failure.startsWith('failed') };
}

// /run is there on every Linux; what is mounted over it is seen by this child alone.
const formatScript = `
directory=$1
shift
[ -n "$directory" ] || { directory=/run; mount -t tracefs nettrace /run || exit; }
for event; do
  printf '= %s\\n' "$event"
  cat "$directory/events/$event/format" 2>/dev/null
done
exit 0
`;

/** Cuts what the script printed: no line of a format file begins with an equals sign. */
function cutFormats(text: string): Map<string, string> {
  return new Map(
    text
      .split(/^= /m)
      .slice(1)
      .map((section): [string, string] => {
        const end = section.indexOf('\n');
        return [section.slice(0, end), section.slice(end + 1)];
      }),
  );
}

async function lookAtTracefs(root: boolean): Promise<TracefsFact> {
  const mounted = mountedTracefs();
  const formats = new Map<string, string>();
  if (!root) return { unavailable: 'only root may read it', mounted: false, formats };
  const script = ['sh', '-c', formatScript, 'sh', mounted ?? '', ...tracedEvents];
  const apart = ['unshare', '--mount', '--propagation', 'private', '--', ...script];
  const [file = '', ...args] = mounted === undefined ? apart : script;
  const result = await runTool(file, args, { timeoutMs });
  if ('text' in result) return { unavailable: null, mounted: mounted !== undefined, formats: cutFormats(result.text) };
  const what = mounted === undefined ? 'it cannot be mounted' : 'its events cannot be read';
  return { unavailable: `${what}: ${file} ${result.failure}`, mounted: mounted !== undefined, formats };
}

/** In a network namespace of its own, which ends with it. */
const ownerScript = "printf 'add table inet nettrace-probe { flags owner; }\\nlist tables\\n' | nft -i 2>&1";
const ownerMade = 'table inet nettrace-probe';

async function tryOwnerTable(wanted: boolean): Promise<HostFacts['ownerTables']> {
  if (!wanted || !programIsThere('nft')) return undefined;
  const result = await runTool('unshare', ['--net', '--', 'sh', '-c', ownerScript], { timeoutMs });
  if ('failure' in result) return `unshare ${result.failure}`;
  const lines = result.text.split('\n');
  return lines.includes(ownerMade) ? null : `nft says: ${lines[0]?.trim() ?? ''}`;
}

/** The line `CapEff` of proc_pid_status(5); none where it cannot be read. */
function effectiveCapabilities(): bigint {
  const mask = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return BigInt(`0x${mask ?? '0'}`);
}

function countByRuntime(containers: readonly Container[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { runtime } of containers) counts.set(runtime, (counts.get(runtime) ?? 0) + 1);
  return counts;
}

async function askForContainers(root: boolean): Promise<HostFacts['containers']> {
  // An engine asked by somebody else answers for that user's own, and makes its directories in that user's home.
  if (!root) return null;
  const { containers, missing } = await listContainers({ signal: AbortSignal.timeout(timeoutMs) });
  return { running: countByRuntime(containers), missing };
}

function countNamespaces(): HostFacts['namespaces'] {
  const set = findNamespaces([]);
  set.dispose();
  return { found: set.namespaces.length, missing: set.missing };
}

/** Collects the facts; what cannot be found out is a fact as well. */
export async function collectFacts(): Promise<HostFacts> {
  const root = process.getuid?.() === 0;
  const nftables = kernelHasNftables();
  const asking = Object.entries(versionOptions).map(([name, options]) => askTool(name, options, nftables));
  const [tools, tracefs, ownerTables, containers] = await Promise.all([
    Promise.all(asking),
    lookAtTracefs(root),
    tryOwnerTable(root && nftables),
    askForContainers(root),
  ]);
  return {
    kernelRelease: release(),
    root,
    capabilities: effectiveCapabilities(),
    aptGet: existsSync('/usr/bin/apt-get'),
    tools,
    capBuilt: capIsBuilt(),
    nodeVersion: process.versions.node,
    nftables,
    tracefs,
    ownerTables,
    namespaces: countNamespaces(),
    containers,
  };
}
