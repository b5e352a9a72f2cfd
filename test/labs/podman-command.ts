/** How a lab's Podman is called, and how everything that it made is taken away. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { directoryOf, namespaceOf } from './names.ts';
import { waitUntil } from './process.ts';

const lastProcessLimitMs = 5000;

/** The folder of the Podman of a host: its images, containers, networks and locks. */
export function folderOf(lab: string, host: string): string {
  return join(directoryOf(lab), 'podman', host);
}

/** The environment that it is run in. */
export function environmentOf(lab: string, host: string): Record<string, string> {
  return { CONTAINERS_CONF: join(folderOf(lab, host), 'containers.conf') };
}

/** The command with the options that keep it to its folder. */
export function podmanOf(lab: string, host: string): string[] {
  const folder = folderOf(lab, host);
  const places = [
    ['--root', 'root'],
    ['--runroot', 'run'],
    ['--tmpdir', 'tmp'],
    ['--network-config-dir', 'networks'],
  ].flatMap(([option = '', name = '']) => [option, join(folder, name)]);
  return ['podman', ...places, '--storage-driver', 'vfs', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
}

/** The control group of a lab's containers. */
export function controlGroupOf(lab: string): string {
  return `nettrace-lab-${lab}`;
}

/** Removes the containers of a lab, and what Podman leaves behind. May be repeated. */
export async function removeContainers(lab: string): Promise<void> {
  const folder = join(directoryOf(lab), 'podman');
  if (!existsSync(folder)) return;
  for (const host of readdirSync(folder)) {
    const podman = ['--', ...podmanOf(lab, host), 'rm', '--all', '--force', '--time', '0'];
    const options = { env: environmentOf(lab, host), reject: false };
    await execa('nsenter', [`--net=/run/netns/${namespaceOf(lab, host)}`, ...podman], options);
  }
  const group = `*/${controlGroupOf(lab)}`;
  const groups = ['-depth', '-type', 'd', '(', '-path', group, '-o', '-path', `${group}/*`, ')'];
  const removal = ['/sys/fs/cgroup', ...groups, '-exec', 'rmdir', '{}', '+'];
  // Podman does not wait for the process that minds a container, and it keeps its group.
  await waitUntil(async () => (await execa('find', removal, { reject: false })).exitCode === 0, lastProcessLimitMs);
}
