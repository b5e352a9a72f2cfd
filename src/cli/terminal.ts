/** What tells whether a person looks. */
interface Ends {
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Why the terminal UI cannot be opened, as a clause; null where a person looks, and the terminal can draw. */
export function whyNoScreen({ stdin, stdout, env }: Ends = process): string | null {
  if (stdin.isTTY !== true) return 'standard input is no terminal';
  if (stdout.isTTY !== true) return 'standard output is no terminal';
  return env['TERM'] === 'dumb' ? 'the terminal cannot draw (TERM is dumb)' : null;
}

/** True when a person looks, and the terminal can draw. */
export function isTerminal(): boolean {
  return whyNoScreen() === null;
}
