/** The kernel's numbers of routing tables and scopes: linux/rtnetlink.h. */

/** RT_TABLE_*. */
export const routingTable = { unspec: 0, default: 253, main: 254, local: 255 } as const;

/** RT_SCOPE_*, in the words of `ip`: the greater, the nearer. */
export const routeScope = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
