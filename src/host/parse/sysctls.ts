/** Kernel settings: `grep` over /proc/sys/net, one `PATH:VALUE` a line. */

import type { NamespaceState } from '../state.ts';
import type { Sections } from './section.ts';

const command = 'grep -sH . net/*';

/**
 * Settings by name, `net.ipv4.conf.eth0.rp_filter`. A device keeps the dots of its own name (`eth0.100`): only that
 * part can hold any, for an interface name holds neither `/` nor `:`. The quote is what sysctl(8) prints, which writes
 * such a dot as `/`.
 */
export function parseSysctls(sections: Sections): NamespaceState['sysctls'] {
  const settings = new Map<string, { value: string; source: ReturnType<Sections['quote']> }>();
  // grep exits with 2 when one of the files is not there: some never are.
  const output = sections.find(command);
  if (output === undefined) sections.problem('the kernel settings under /proc/sys/net were not collected');
  for (const line of output?.text.split('\n') ?? []) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const path = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    const name = path.replaceAll('/', '.');
    // A host of many containers has thousands of these, of which few have a dot.
    const shown = path.includes('.') ? path.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : name;
    settings.set(name, {
      value,
      source: sections.quote(`sysctl ${shown}`, `${shown} = ${value}`),
    });
  }
  return settings;
}
