/**
 * Hides secrets in command lines before they are kept or shown. It errs on the side of hiding: a masked word that was
 * no secret costs little, a password in a report that is passed on costs much.
 */

const mask = '***';

/** Words that name a secret when an option, a variable, a header or a parameter ends in one. */
const secretWord =
  '(?:pass(?:w(?:or)?d|phrase|code|in|out)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|auth|credentials?|cookie|bearer|signature|session(?:[-_]?id)?)';

/** `--password`, `--db-password`, `-passwd`; `-u` and `--user` carry `NAME:PASSWORD`, or a key for a name. */
const secretOption = new RegExp(`^(?:--?(?:[\\w.-]*[-_.])?${secretWord}|-u|-U|--(?:[a-z]+-)*user)$`, 'i');
/** `--password=x`, `DB_PASSWORD=x`, `--user=x`. */
const assignment = new RegExp(`^((?:[^=\\s]*${secretWord}[-_]?(?:id|value|key)?|--(?:[a-z]+-)*user)=)(.+)$`, 'is');
/** curl's `-uNAME:PASSWORD`. */
const gluedUser = /^(-u)([^:]*:.*)$/is;
/** `Authorization: x`, `X-Auth-Token: x`; `auth:8080` is no header, it is a host and a port. */
const header = new RegExp(
  `^((?:-H|--header=)?\\s*(?:(?:(?:proxy-)?authorization|cookie)\\s*:\\s*|[\\w-]*${secretWord}[\\w-]*\\s*:\\s+))(\\S.*)$`,
  'is',
);
const urlUser = /([a-z][a-z0-9+.-]*:\/\/)[^/\s?#]+(@)/gi;
const parameter = new RegExp(`((?:^|[?&;,#\\s'"])[\\w.-]*${secretWord}=)([^&;,#\\s'"]+)`, 'gi');
const jsonMember = new RegExp(`("[\\w-]*${secretWord}"\\s*:\\s*")((?:[^"\\\\]|\\\\.)*)(")`, 'gi');
/** Options and headers in a script that is one argument: `sh -c 'curl -u a:b …'`. */
const inlineOption = new RegExp(`(\\s(?:-u|--(?:[a-z]+-)*user|--?(?:[\\w.-]*[-_.])?${secretWord})[\\s=]+)(\\S+)`, 'gi');
const inlineHeader = /((?:authorization|cookie|x-api-key)\s*:\s*)([^'"\n]+)/gi;

/** Programs that take a password glued to `-p`; elsewhere that is a port. */
const gluesPassword = /^(?:mysql\w*|mariadb[\w-]*|sshpass|7z\w?)$/;
/** Words of a command line that make a short option's value a secret. */
const shortOptions: readonly (readonly [RegExp, string])[] = [
  [/^(?:sshpass|login)$/, '-p'],
  [/^redis-cli$/, '-a'],
  [/^curl$/, '-b'],
  [/^(?:mosquitto_\w+|ipmitool)$/, '-P'],
  [/^ldap\w+$/, '-w'],
  [/^mongo\w*$/, '-p'],
  [/^snmp\w+$/, '-A'],
  [/^snmp\w+$/, '-X'],
  [/^snmp\w+$/, '-c'],
];

function maskInside(argument: string): string {
  if (header.test(argument)) return argument.replace(header, `$1${mask}`);
  const masked = argument
    .replace(urlUser, `$1${mask}$2`)
    .replace(jsonMember, `$1${mask}$3`)
    .replace(parameter, `$1${mask}`);
  if (/\s/.test(masked)) return masked.replace(inlineHeader, `$1${mask}`).replace(inlineOption, `$1${mask}`);
  return masked.replace(gluedUser, `$1${mask}`).replace(assignment, `$1${mask}`);
}

/** The arguments with their secrets replaced by `***`: as many as were given, in the same order. */
export function maskSecrets(argv: readonly string[]): string[] {
  // `sudo mysql -px`: any word may be the program that reads the option.
  const words = argv
    .filter((argument) => !argument.startsWith('-'))
    .map((word) => word.slice(word.lastIndexOf('/') + 1));
  const passwordGlued = words.some((word) => gluesPassword.test(word));
  const shorts = new Set(
    shortOptions.filter(([word]) => words.some((one) => word.test(one))).map(([, option]) => option),
  );
  let valueFollows = false;
  return argv.map((argument, index) => {
    const isValue = valueFollows;
    valueFollows = !isValue && index > 0 && (secretOption.test(argument) || shorts.has(argument));
    if (isValue) return mask;
    if (valueFollows) return argument;
    if (passwordGlued && /^-p./s.test(argument)) return `-p${mask}`;
    return maskInside(argument);
  });
}
