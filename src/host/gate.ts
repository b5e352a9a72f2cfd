/**
 * A gate before a child: a shell that waits for a line and then becomes the command. Between the start of a child and the
 * moment when somebody else knows of it, whoever started it may be killed; a child at its gate has done nothing by then,
 * and ends by itself when the gate closes without a word.
 */

/** Is told of a child, which leads a process group of its own, and calls `letGo` as soon as that is known for good. */
export type ChildWatcher = (pid: number, letGo: () => void) => void;

// What the command reads as its standard input afterwards is what is written behind the first line.
const gateScript = 'read -r go && exec "$@"';

/** The command line of a child that waits at a gate; see `openGate`. It has the process number of the command. */
export function gated(command: readonly string[]): readonly [string, ...string[]] {
  return ['sh', '-c', gateScript, 'sh', ...command];
}

/** The part of a child that its gate needs. */
interface GatedChild {
  readonly pid?: number | undefined;
  readonly stdin: {
    write(text: string): unknown;
    end(): unknown;
    on(event: 'error', listener: () => void): unknown;
  };
}

/**
 * Lets a child go when its watcher knows of it; without a watcher, at once.
 *
 * @param keepsInput Its standard input is left open for what the caller has to say; else the command finds it empty.
 */
export function openGate({ pid, stdin }: GatedChild, watcher?: ChildWatcher, keepsInput = false): void {
  // A child that has ended takes no line: how it ended is known from its end.
  stdin.on('error', () => {});
  const letGo = (): void => {
    stdin.write('go\n');
    if (!keepsInput) stdin.end();
  };
  if (pid === undefined || watcher === undefined) letGo();
  else watcher(pid, letGo);
}
