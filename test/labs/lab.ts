/**
 * Labs: hosts, bridges, veth pairs, rules and services in network namespaces of their own, built from a declaration and
 * taken down whole. The root namespace is never touched; nettrace runs there and looks at the lab from outside.
 */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { identify } from './process.ts';
import { LabRecord, removeLeftovers } from './record.ts';
import type { HostSpec, LabSpec } from './spec.ts';
import { Lab } from './standing-lab.ts';

export type { Lab } from './standing-lab.ts';

let built = 0;
let guarded = false;

/** Removes what dead owners left, then builds the lab. Throws, with everything taken down again, when a part fails. */
export async function buildLab(spec: LabSpec): Promise<Lab> {
  await removeLeftovers();
  startGuard();
  const lab = new Lab(new LabRecord(`${process.pid}-${++built}`, Object.keys(spec.hosts)));
  try {
    await lay(lab, spec);
  } catch (error) {
    await lab.close();
    throw error;
  }
  return lab;
}

/** Lays the parts in the order in which they need each other: devices, settings, links up, addresses, rules, services. */
async function lay(lab: Lab, { hosts, veths, macvlans = [], vxlans = [] }: LabSpec): Promise<void> {
  for (const host of Object.keys(hosts)) await ip(['netns', 'add', lab.netns(host)]);
  for (const [one, other] of veths) {
    const [host, device] = ends(one);
    const [peerHost, peer] = ends(other);
    await ip([
      '-n',
      lab.netns(host),
      'link',
      'add',
      device,
      'type',
      'veth',
      'peer',
      'name',
      peer,
      'netns',
      lab.netns(peerHost),
    ]);
  }
  for (const [one, lower, mode] of macvlans) {
    const [host, device] = ends(one);
    const [lowerHost, link] = ends(lower);
    const [on, into] = [lab.netns(lowerHost), lab.netns(host)];
    await ip(['-n', on, 'link', 'add', device, 'link', link, 'netns', into, 'type', 'macvlan', 'mode', mode]);
  }
  for (const [one, options] of vxlans) {
    const [host, device] = ends(one);
    await batch(lab, host, [`link add ${device} type vxlan ${options}`]);
  }
  const places = [...veths.flat(), ...macvlans.map(([one]) => one), ...vxlans.map(([one]) => one)].map(ends);
  for (const [host, spec] of Object.entries(hosts)) {
    const devices = ['lo', ...places.flatMap(([of, device]) => (of === host ? [device] : []))];
    await layHost(lab, host, spec, devices);
  }
  // Last, and only when every host stands: a service may call another host's.
  for (const [host, { services = {} }] of Object.entries(hosts)) {
    for (const [name, spec] of Object.entries(services)) await lab.start(host, name, spec);
  }
}

async function layHost(lab: Lab, host: string, spec: HostSpec, devices: readonly string[]): Promise<void> {
  const bridges = Object.entries(spec.bridges ?? {});
  const bridgesWithPorts = bridges.flatMap(([bridge, ports]) => [
    `link add ${bridge} type bridge`,
    ...ports.map((port) => `link set dev ${port} master ${bridge}`),
  ]);
  await batch(lab, host, bridgesWithPorts);
  for (const [name, value] of Object.entries(spec.sysctls ?? {})) {
    await lab.must(host, ['sysctl', '-w', `${name}=${value}`]);
  }
  await batch(lab, host, [
    ...[...devices, ...bridges.map(([bridge]) => bridge)].map((device) => `link set dev ${device} up`),
    ...Object.entries(spec.addresses ?? {}).flatMap(([device, addresses]) =>
      addresses.map((address) => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
    ),
    ...(spec.routes ?? []).map((route) => `route add ${route}`),
  ]);
  for (const [argv, input] of [
    [['nft', '-f', '-'], spec.nft],
    [['iptables-restore', '-w'], spec.iptables],
  ] as const) {
    if (input !== undefined) await lab.must(host, argv, { input });
  }
}

/** Runs `ip` commands in a host's namespace in one process. */
async function batch(lab: Lab, host: string, commands: readonly string[]): Promise<void> {
  const input = commands.map((command) => `${command}\n`).join('');
  await lab.must(host, ['ip', '-batch', '-'], { input });
}

async function ip(args: readonly string[]): Promise<void> {
  await execa('ip', args);
}

/** Host and device of `HOST:DEVICE`. */
function ends(place: string): [string, string] {
  const colon = place.lastIndexOf(':');
  if (colon < 1) throw new Error(`${place} is not HOST:DEVICE`);
  return [place.slice(0, colon), place.slice(colon + 1)];
}

/** One guard serves all labs of this process. Detached, it outlives a Ctrl-C in the terminal. */
function startGuard(): void {
  const owner = identify(process.pid);
  if (guarded || !owner) return;
  const guard = fileURLToPath(new URL('./guard.ts', import.meta.url));
  const child = spawn(process.execPath, [guard, String(owner.pid), owner.startTime], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  // The pipe must stay open and must not keep this process running.
  if (child.stdin instanceof Socket) child.stdin.unref();
  guarded = true;
}
