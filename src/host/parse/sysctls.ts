/** Kernel settings: `grep` over /proc/sys/net, one `PATH:VALUE` a line. */

import { snapshotCommand } from '../snapshot-commands.ts';
import type { NamespaceState } from '../state.ts';
import type { Sections } from './section.ts';

/**
 * `net/ipv4/conf/eth0.100/rp_filter` for `net.ipv4.conf.eth0.100.rp_filter`: a device keeps the dots of its own name, and
 * only that part can hold any.
 */
function pathOf(name: string): string {
  const [, before, device, after] = /^(net\.ipv[46]\.(?:conf|neigh))\.(.+)\.([^.]+)$/.exec(name) ?? [];
  if (before === undefined || device === undefined || after === undefined) return name.replaceAll('.', '/');
  return `${before.replaceAll('.', '/')}/${device}/${after}`;
}

/**
 * Settings by name. Each is looked for when it is asked for: a host of many containers has thousands, of which few
 * matter. The quote is what sysctl(8) prints, which writes the dot of a device's name as `/`; an interface name holds
 * neither `/` nor `:`.
 */
export function parseSysctls(sections: Sections): NamespaceState['sysctls'] {
  // grep exits with 2 when one of the files is not there: some never are.
  const output = sections.find(snapshotCommand.sysctls);
  if (output === undefined) sections.uncollected('the kernel settings under /proc/sys/net');
  const text = `\n${output?.text ?? ''}`;
  return {
    get(name) {
      const path = pathOf(name);
      const start = text.lastIndexOf(`\n${path}:`);
      if (start < 0) return undefined;
      const end = text.indexOf('\n', start + 1);
      const value = text.slice(start + path.length + 2, end < 0 ? text.length : end).trim();
      const shown = path.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/'));
      return { value, name: shown, source: sections.quote(`sysctl ${shown}`, `${shown} = ${value}`) };
    },
  };
}
