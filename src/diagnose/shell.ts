/** The one place where arguments become a shell command that a person may paste. */

// oxlint-disable-next-line no-control-regex -- these are what no pasted command may hold
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const plain = /^[\w@%+=:,./-]+$/;

/** Quotes each argument for a POSIX shell; null when one has control characters, for which there is no command. */
export function shellCommand(argv: readonly string[]): string | null {
  if (argv.some((argument) => control.test(argument))) return null;
  return argv.map((argument) => (plain.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`)).join(' ');
}
