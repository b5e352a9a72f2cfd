/** errno names by number: include/uapi/asm-generic/errno.h. */

const names: ReadonlyMap<number, string> = new Map([
  [1, 'EPERM'],
  [13, 'EACCES'],
  [22, 'EINVAL'],
  [92, 'ENOPROTOOPT'],
  [97, 'EAFNOSUPPORT'],
  [99, 'EADDRNOTAVAIL'],
  [100, 'ENETDOWN'],
  [101, 'ENETUNREACH'],
  [104, 'ECONNRESET'],
  [110, 'ETIMEDOUT'],
  [111, 'ECONNREFUSED'],
  [112, 'EHOSTDOWN'],
  [113, 'EHOSTUNREACH'],
]);

/** What connect() returns on a non-blocking socket: the outcome comes later. */
export const inProgress = 115;

/** The name of an errno; null for 0 and for one that no network call is known to give. */
export function errnoName(error: number): string | null {
  return names.get(error) ?? null;
}

/** What programs print for it (glibc's strerror). */
const meanings: ReadonlyMap<string, string> = new Map([
  ['EPERM', 'operation not permitted'],
  ['EACCES', 'permission denied'],
  ['EADDRNOTAVAIL', 'cannot assign requested address'],
  ['ENETDOWN', 'network is down'],
  ['ENETUNREACH', 'network is unreachable'],
  ['ECONNRESET', 'connection reset by peer'],
  ['ETIMEDOUT', 'connection timed out'],
  ['ECONNREFUSED', 'connection refused'],
  ['EHOSTDOWN', 'host is down'],
  ['EHOSTUNREACH', 'no route to host'],
]);

/** `ENETUNREACH ("network is unreachable")`, or the bare name. */
export function errnoText(name: string): string {
  const meaning = meanings.get(name);
  return meaning === undefined ? name : `${name} ("${meaning}")`;
}
