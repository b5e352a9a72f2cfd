/** What Node puts around a system call's error: `ENOENT: no such file or directory, open '/x'`. */
const systemError = /^([A-Z][A-Z0-9]+): (.+?), \w+(?: '.*')?$/s;

/** The text of anything thrown, without a stack; a system call's error as `no such file or directory (ENOENT)`. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message.replace(systemError, '$2 ($1)') : String(error);
}
