/**
 * What a lab has made, on disk from before it is made, so that whoever comes after a crash can remove it. Each lab has a
 * directory `/run/nettrace-lab-PID-N` named after its owner; only root writes in /run, so a record can be believed.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { execa } from 'execa';
import { directoryOf, type LabName, namespaceOf, RUN_DIRECTORY } from './names.ts';
import { removeContainers } from './podman-command.ts';
import { endProcesses, hasCode, identify, isAlive, type ProcessIdentity } from './process.ts';

const DIRECTORY_NAME = /^nettrace-lab-(?<lab>\d+-\d+)$/;
const NAMESPACE_DIRECTORY = '/run/netns';

interface RecordFile {
  readonly owner: ProcessIdentity;
  readonly hosts: readonly string[];
  readonly processes: readonly ProcessIdentity[];
}

/** The record of a lab of this process. */
export class LabRecord {
  readonly lab: LabName;
  readonly #hosts: readonly string[];
  readonly #owner: ProcessIdentity;
  readonly #processes = new Map<number, ProcessIdentity>();

  /** Writes the record. Throws when /run is not writable. */
  constructor(lab: LabName, hosts: readonly string[]) {
    const owner = identify(process.pid);
    if (!owner) throw new Error('cannot read /proc/self/stat: is /proc mounted?');
    this.lab = lab;
    this.#hosts = hosts;
    this.#owner = owner;
    mkdirSync(directoryOf(lab), { mode: 0o700 });
    this.#write();
  }

  /** Remembers a process that the lab started, until `forget`. */
  remember(pid: number): ProcessIdentity | undefined {
    const identity = identify(pid);
    if (!identity) return undefined;
    this.#processes.set(pid, identity);
    this.#write();
    return identity;
  }

  /** The process has ended. */
  forget(pid: number): void {
    if (this.#processes.delete(pid)) this.#write();
  }

  /** Whole or not at all: a reader after a crash must not find half a record. */
  #write(): void {
    const file = `${directoryOf(this.lab)}/record.json`;
    const content: RecordFile = {
      owner: this.#owner,
      hosts: this.#hosts,
      processes: [...this.#processes.values()],
    };
    writeFileSync(`${file}.new`, JSON.stringify(content));
    renameSync(`${file}.new`, file);
  }
}

/** Removes a lab: its containers, its processes, whatever else runs in its namespaces, the namespaces, its files. May be repeated. */
export async function removeLab(lab: string): Promise<void> {
  const record = readRecord(lab);
  // Before the namespaces: Podman undoes its networks where it made them.
  await removeContainers(lab);
  await endProcesses(record?.processes ?? []);
  for (const host of record?.hosts ?? []) {
    const namespace = namespaceOf(lab, host);
    await endProcesses(await residentsOf(namespace));
    await execa('ip', ['netns', 'delete', namespace], { reject: false });
    if (inodeOf(namespace) !== undefined) throw new Error(`cannot remove the namespace ${namespace}`);
  }
  rmSync(directoryOf(lab), { recursive: true, force: true });
}

/** Removes every lab whose owner no longer runs. */
export async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(RUN_DIRECTORY)) {
    const lab = DIRECTORY_NAME.exec(name)?.groups?.['lab'];
    if (lab === undefined) continue;
    const record = readRecord(lab);
    // Without a record the owner is between making the directory and writing it, or died there; its pid must do.
    const owned = record ? isAlive(record.owner) : identify(Number.parseInt(lab, 10)) !== undefined;
    if (!owned) await removeLab(lab);
  }
}

function readRecord(lab: string): RecordFile | undefined {
  try {
    const record: RecordFile = JSON.parse(readFileSync(`${directoryOf(lab)}/record.json`, 'utf8'));
    return record;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * The processes in a lab's namespace. The lab made the namespace, so they descend from the lab; a traced command that
 * outlived nettrace is one of them.
 */
async function residentsOf(namespace: string): Promise<ProcessIdentity[]> {
  const inode = inodeOf(namespace);
  if (inode === undefined) return [];
  const { stdout } = await execa('ip', ['netns', 'pids', namespace], { reject: false });
  return stdout
    .split('\n')
    .map(Number)
    .flatMap((pid) => {
      const identity = pid > 0 ? identify(pid) : undefined;
      // Asked after the identity was taken: should the pid have gone to another process since `ip` looked, this tells.
      return identity && networkNamespaceOf(pid) === inode ? [identity] : [];
    });
}

/** The inode number that identifies a named namespace; undefined when there is none of that name. */
function inodeOf(namespace: string): number | undefined {
  return statSync(`${NAMESPACE_DIRECTORY}/${namespace}`, { throwIfNoEntry: false })?.ino;
}

function networkNamespaceOf(pid: number): number | undefined {
  try {
    const link = readlinkSync(`/proc/${pid}/ns/net`);
    return Number(/^net:\[(\d+)\]$/.exec(link)?.[1]);
  } catch {
    return undefined;
  }
}
