/** The one place where arguments become a shell command that a person may paste. */

/** What no pasted command may hold: controls, formats, separators, lone surrogates, characters that are not seen. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** What a shell takes as it is; zsh would expand a leading `=`. */
const plain = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

/** The longest command, in UTF-16 units: views cut longer texts, and half a command is worse than none. */
const longest = 4096;

function quote(argument: string, isProgram: boolean): string {
  // A first word with `=` would be an assignment.
  const asItIs = plain.test(argument) && !(isProgram && argument.includes('='));
  return asItIs ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** Quotes each argument for a POSIX shell; null where no command can be shown that a person could paste. */
export function shellCommand(argv: readonly string[]): string | null {
  if (argv.some((argument) => unsafe.test(argument))) return null;
  const command = argv.map((argument, index) => quote(argument, index === 0)).join(' ');
  return command.length > longest ? null : command;
}

/** The tool that changes what a command of its family saves: `iptables-legacy` of `iptables-legacy-save -c`. */
export function writerOf(command: string): string {
  return command.replace(/-save.*$/s, '');
}
