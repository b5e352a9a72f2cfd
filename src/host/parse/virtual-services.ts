/** IPVS: /proc/net/ip_vs, as `ip_vs_info_seq_show` prints it (net/netfilter/ipvs/ip_vs_ctl.c), in hexadecimal. */

import { formatAddress } from '../../inet/address.ts';
import { snapshotCommand } from '../snapshot-commands.ts';
import type { Quote, VirtualService } from '../state.ts';
import type { Sections } from './section.ts';

/** Of IPv4 `TCP  0A600001:0050 rr`, of IPv6 `UDP  [2001:0db8:…]:0035 rr`; its servers are on lines of their own. */
const serviceLine = /^(TCP|UDP) +(?:([0-9A-F]{8})|\[([0-9a-f:]+)\]):([0-9A-F]{4}) /;
/** By a mark of the firewall: `FWM  00000105 rr`. */
const markLine = /^FWM +([0-9A-F]{8}) /;

function parseLine(line: string, source: Quote): VirtualService | null {
  const [, name, four, six, port] = serviceLine.exec(line) ?? [];
  if (name !== undefined && port !== undefined) {
    const address = six ?? formatAddress({ family: 4, value: BigInt(`0x${four ?? 0}`) });
    const protocol = name === 'TCP' ? 'tcp' : 'udp';
    return { kind: 'end', protocol, address, port: Number.parseInt(port, 16), source };
  }
  const [, mark] = markLine.exec(line) ?? [];
  return mark === undefined ? null : { kind: 'mark', mark: Number.parseInt(mark, 16), source };
}

/** What a namespace's IPVS takes; nothing where there is none. */
export function parseVirtualServices(sections: Sections): VirtualService[] {
  const command = snapshotCommand.virtualServices;
  const lines = (sections.find(command)?.text ?? '').split('\n');
  return lines.flatMap((line) => parseLine(line, sections.quote(command, line.trimEnd())) ?? []);
}
