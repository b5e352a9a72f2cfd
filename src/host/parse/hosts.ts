/** Names by address, as a namespace's /etc/hosts has them: hosts(5). */

import type { Sections } from './section.ts';

/** Names by address, in the order of the file; empty when no hosts file was read. */
export function parseHosts(sections: Sections): Map<string, string[]> {
  const byAddress = new Map<string, string[]>();
  const [file] = sections.all((command) => /^cat \/.*hosts$/.test(command));
  for (const line of file?.text.split('\n') ?? []) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (address === '' || names.length === 0) continue;
    const known = byAddress.get(address) ?? [];
    byAddress.set(address, [...known, ...names.filter((name) => !known.includes(name))]);
  }
  return byAddress;
}
