/**
 * The traced command: started early, held at a gate until everything watches, then let go. The shell that waits at the
 * gate becomes the command, so its process number is known before its first system call.
 */

import { execa } from 'execa';
import { childFailure } from '../../host/child-failure.ts';
import { inNamespace, type NamespaceHandle } from '../../host/namespaces.ts';
import { UserError } from '../errors.ts';
import { ownFailureStatus } from '../status.ts';

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

// Descriptor 3 is the gate and not the command's. A gate that closes without a word means that nettrace is gone, and then
// the command is not started.
// Node gives a child every signal's default action: what was ignored before is ignored again here.
const gateScript = `
ignored=$1
shift
[ -z "$ignored" ] || trap '' $ignored
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

/** What is to be started, and how. */
export interface CommandOptions {
  readonly argv: readonly string[];
  readonly nameFiles: NameFiles;
  /** Its standard output goes to standard error. */
  readonly outputToError: boolean;
  /** Signals that it is to ignore, as it would had it been started without nettrace. */
  readonly ignoredSignals: readonly NodeJS.Signals[];
}

function commandLine(namespace: NamespaceHandle, options: CommandOptions): string[] {
  const { argv, nameFiles: files, ignoredSignals } = options;
  const ignored = ignoredSignals.map((signal) => signal.replace(/^SIG/, '')).join(' ');
  const gated = ['sh', '-c', gateScript, 'sh', ignored, ...argv];
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

function start(namespace: NamespaceHandle, options: CommandOptions) {
  const [file = '', ...rest] = commandLine(namespace, options);
  return execa(file, rest, {
    stdio: ['inherit', options.outputToError ? 2 : 'inherit', 'inherit', 'pipe'],
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
  #failure: string | null = null;

  /** Starts it up to the gate. */
  constructor(namespace: NamespaceHandle, options: CommandOptions) {
    this.#child = start(namespace, options);
    this.ended = this.#child.then((result) => {
      this.#failure = childFailure(result, '');
      return { exitCode: result.exitCode ?? null, signal: result.signal ?? null };
    });
  }

  /** Throws a UserError when nothing waits at the gate: what leads there could not be started, or has ended. */
  async checkGate(): Promise<void> {
    if (this.pid === undefined) await this.ended;
    if (this.#failure === null) return;
    throw new UserError(
      `the command could not be started: ${this.#failure}. nettrace needs sh, and nsenter and unshare (util-linux) for another namespace: see that they are in the PATH and may be run.`,
    );
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
