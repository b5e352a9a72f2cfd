/** Packet sockets of a network namespace, which capture engines have: proc_pid_net(5), packet. */

/** The indexes of the devices whose packets they take by now; one for each socket. */
export function captured(proc: string): number[] {
  const rows = proc.split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, , , , index, running] = row.trim().split(/\s+/);
    return running === '1' ? [Number(index)] : [];
  });
}
