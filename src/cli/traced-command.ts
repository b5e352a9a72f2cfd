/**
 * The traced command: started early, held at a gate until everything watches, then let go. The shell that waits at the
 * gate becomes the command, so its process number is known before its first system call.
 */

import { execa } from 'execa';
import { inNamespace, type NamespaceHandle } from '../host/namespaces.ts';

/** What the command sees as /etc/hosts and /etc/resolv.conf; null leaves the host's. */
export interface NameFiles {
  readonly hosts: string | null;
  readonly resolvConf: string | null;
}

/** How the command ended. */
export interface CommandEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** Exit status for nettrace's own failure, as env(1), timeout(1) and nohup(1) have it. */
export const ownFailureStatus = 125;

// Descriptor 3 is the gate and not the command's. A gate that closes without a word means that nettrace is gone, and then
// the command is not started.
const gateScript = `
read -r go <&3 || exit ${ownFailureStatus}
exec 3<&-
exec "$@"
`;

const mountScript = `
hosts=$1 resolv=$2
shift 2
[ -z "$hosts" ] || mount --bind -- "$hosts" /etc/hosts || exit ${ownFailureStatus}
[ -z "$resolv" ] || mount --bind -- "$resolv" /etc/resolv.conf || exit ${ownFailureStatus}
exec "$@"
`;

function commandLine(namespace: NamespaceHandle, files: NameFiles, argv: readonly string[]): string[] {
  const gated = ['sh', '-c', gateScript, 'sh', ...argv];
  const mounts = files.hosts !== null || files.resolvConf !== null;
  const named = mounts
    ? [
        'unshare',
        '--mount',
        '--propagation',
        'private',
        '--',
        'sh',
        '-c',
        mountScript,
        'sh',
        files.hosts ?? '',
        files.resolvConf ?? '',
        ...gated,
      ]
    : gated;
  return [...inNamespace(namespace, named)];
}

function start(namespace: NamespaceHandle, files: NameFiles, argv: readonly string[], outputToError: boolean) {
  const [file = '', ...rest] = commandLine(namespace, files, argv);
  return execa(file, rest, {
    stdio: ['inherit', outputToError ? 2 : 'inherit', 'inherit', 'pipe'],
    buffer: false,
    // The command is the user's: it lives on when nettrace is killed.
    cleanup: false,
    reject: false,
  });
}

/** See the file's head. */
export class TracedProcess {
  readonly #child;
  /** Resolves when it has ended. */
  readonly ended: Promise<CommandEnd>;

  /** Starts it up to the gate. `outputToError` sends its standard output to standard error. */
  constructor(namespace: NamespaceHandle, files: NameFiles, argv: readonly string[], outputToError: boolean) {
    this.#child = start(namespace, files, argv, outputToError);
    this.ended = this.#child.then(({ exitCode, signal }) => ({ exitCode: exitCode ?? null, signal: signal ?? null }));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Opens the gate: from here on it is the command. */
  release(): void {
    const gate = this.#child.nodeChildProcess.stdio[3];
    if (gate !== null && gate !== undefined && 'write' in gate) gate.end('go\n');
  }

  /** Passes a signal on to it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** The exit status that a shell would show for it. */
export function exitStatus({ exitCode, signal }: CommandEnd, signalNumbers: Readonly<Record<string, number>>): number {
  if (exitCode !== null) return exitCode;
  return 128 + (signal === null ? 0 : (signalNumbers[signal] ?? 0));
}
