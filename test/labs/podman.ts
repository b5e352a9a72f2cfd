/**
 * Real containers: Podman, run on a host of a lab, so that its bridge, its rules and its settings are made in the lab's
 * namespace and go with it. Images, containers and locks are its own too, in the lab's directory: a Podman that is used
 * on this machine takes no notice.
 *
 * A container holds busybox alone. `apt-get install podman runc netavark busybox-static` brings what is needed (crun
 * refuses hybrid cgroups).
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { directoryOf } from './names.ts';
import { controlGroupOf, environmentOf, folderOf, podmanOf } from './podman-command.ts';
import { type Lab, must } from './standing-lab.ts';

const image = 'localhost/busybox:lab';
const busybox = '/bin/busybox';

/** Locks in files: those in shared memory are one set for all Podmans of a machine, and a new one clears it. */
const configuration = `[containers]
base_hosts_file = "none"
[engine]
lock_type = "file"
events_logger = "none"
`;

// Another /run with the lab's directory in it.
const machineScript = `
folder=$1
lab=$2
shift 2
run="$folder/machine-run"
mount -t tmpfs none "$run"
mkdir -p "$run/netns" "$run/libpod" "$run/\${lab#/run/}"
mount --rbind /run/netns "$run/netns"
mount --bind "$lab" "$run/\${lab#/run/}"
mount --rbind "$run" /run
podman=$(command -v podman)
mount --bind "$podman" "$folder/podman-itself"
mount --bind "$folder/podman-wrapper" "$podman"
exec "$@"
`;

/** Why there are no containers here; null where there can be some. */
export function missingForContainers(): string | null {
  for (const program of ['podman', 'runc', '/usr/lib/podman/netavark']) {
    if (spawnSync(program, ['--version']).error) return `containers need the program ${program}`;
  }
  return existsSync(busybox) ? null : `containers need ${busybox}, linked statically (busybox-static)`;
}

/** Podman on a host of a lab. What it runs is taken away with the lab. */
export class Podman {
  readonly #lab: Lab;
  readonly #host: string;

  private constructor(lab: Lab, host: string) {
    this.#lab = lab;
    this.#host = host;
  }

  /** Makes it ready: an image of busybox. */
  static async on(lab: Lab, host: string): Promise<Podman> {
    const folder = folderOf(lab.name, host);
    const programs = join(folder, 'image', 'bin');
    mkdirSync(programs, { recursive: true });
    mkdirSync(join(folder, 'networks'));
    writeFileSync(join(folder, 'containers.conf'), configuration);
    copyFileSync(busybox, join(programs, 'busybox'));
    for (const name of ['sh', 'httpd', 'sleep']) symlinkSync('busybox', join(programs, name));
    const podman = new Podman(lab, host);
    await must(podman.#podman('import', '--quiet', await podman.#archive(folder), image), 'podman import');
    return podman;
  }

  async #archive(folder: string): Promise<string> {
    const archive = join(folder, 'image.tar');
    await execa('tar', ['-C', join(folder, 'image'), '-cf', archive, '.']);
    return archive;
  }

  /**
   * Runs a command in a container of that name, with options of podman-run(1), and returns the name of its network
   * namespace, for `ip netns` and nettrace's `--netns`.
   */
  async run(name: string, options: readonly string[], command: readonly string[]): Promise<string> {
    // Podman's own limits exceed what a restricted root may raise.
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'];
    const group = ['--cgroup-parent', `/${controlGroupOf(this.#lab.name)}`];
    const run = this.#podman('run', '--detach', '--name', name, ...limits, ...group, ...options, image, ...command);
    await must(run, `podman run ${name}`);
    const { stdout } = await this.#podman('inspect', '--format', '{{.NetworkSettings.SandboxKey}}', name);
    return basename(stdout.trim());
  }

  /**
   * A command for which this Podman is the machine's own: in a mount namespace with a /run of its own, which says that a
   * Podman has run, and a `podman` that knows the lab's folder.
   */
  asMachines(command: readonly string[]): readonly string[] {
    const folder = folderOf(this.#lab.name, this.#host);
    const own = podmanOf(this.#lab.name, this.#host).slice(1);
    const environment = Object.entries(environmentOf(this.#lab.name, this.#host)).map(
      ([key, value]) => `${key}=${value}`,
    );
    const wrapper = join(folder, 'podman-wrapper');
    const words = ['exec', 'env', ...environment, join(folder, 'podman-itself'), ...own].map((word) => `'${word}'`);
    writeFileSync(wrapper, `#!/bin/sh\n${words.join(' ')} "$@"\n`, { mode: 0o755 });
    writeFileSync(join(folder, 'podman-itself'), '');
    mkdirSync(join(folder, 'machine-run'), { recursive: true });
    return [
      'unshare',
      '--mount',
      '--',
      'sh',
      '-ec',
      machineScript,
      'sh',
      folder,
      directoryOf(this.#lab.name),
      ...command,
    ];
  }

  #podman(...args: readonly string[]) {
    const [file = '', ...own] = podmanOf(this.#lab.name, this.#host);
    return this.#lab.run(this.#host, [file, ...own, ...args], { env: environmentOf(this.#lab.name, this.#host) });
  }
}
