/** The name of the table that a rule trace makes beside the host's own (`src/kernel/rule-trace.ts`). */

const pattern = /^nettrace-\d+$/;

/** The table's name, by nettrace's own process number. */
export function traceTableName(pid: number): string {
  return `nettrace-${pid}`;
}

/** True for the name of such a table: it marks packets and decides nothing, and is no part of the host's firewall. */
export function isTraceTable(name: string): boolean {
  return pattern.test(name);
}
