/** UDP ports whose datagrams are taken for a tunnel's. */

/** By what they carry. */
export const tunnelPort = {
  l2tp: 1701,
  vxlan: 4789,
  geneve: 6081,
  /** VXLAN on Linux, from before it had a port of its own. */
  vxlanOfLinux: 8472,
} as const;

const ports: ReadonlySet<number> = new Set(Object.values(tunnelPort));

/** True for a port whose datagrams hold packets of their own. */
export function isTunnelPort(port: number): boolean {
  return ports.has(port);
}
