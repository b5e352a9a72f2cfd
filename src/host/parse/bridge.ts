/** Bridge ports and what the bridge has learnt: `bridge -j -d link` and `bridge -j fdb`, see bridge(8). */

import type { BridgePort, ForwardingEntry } from '../state.ts';
import { asInteger, asText, asTexts, type JsonRecord } from './json.ts';
import { named, type Sections, words } from './section.ts';

const portCommand = 'bridge -j -d link';
const entryCommand = 'bridge -j fdb';

/** A port's switches as `bridge -d link` prints them: `hairpin off … isolated on`. */
function switchesText(record: JsonRecord): string {
  return Object.entries(record)
    .flatMap(([name, value]) => (typeof value === 'boolean' ? [`${name} ${value ? 'on' : 'off'}`] : []))
    .join(' ');
}

/** The ports of a namespace's bridges. */
export function parseBridgePorts(sections: Sections): BridgePort[] {
  return sections.records(portCommand).flatMap((record) => {
    const device = asText(record['ifname']);
    const bridge = asText(record['master']);
    const state = asText(record['state']);
    if (device === null || bridge === null || state === null) return [];
    const text = words(
      `${asInteger(record['ifindex']) ?? '?'}: ${device}: <${asTexts(record['flags']).join(',')}>`,
      named('mtu', asInteger(record['mtu'])),
      `master ${bridge} state ${state}`,
      named('priority', asInteger(record['priority'])),
      named('cost', asInteger(record['cost'])),
      switchesText(record),
    );
    return [{ device, bridge, state, source: sections.quote(portCommand, text) }];
  });
}

/** The forwarding entries of a namespace; those without a bridge are a device's own filters. */
export function parseForwardingEntries(sections: Sections): ForwardingEntry[] {
  return sections.records(entryCommand).flatMap((record) => {
    const mac = asText(record['mac']);
    const device = asText(record['ifname']);
    if (mac === null || device === null) return [];
    const bridge = asText(record['master']);
    const state = asText(record['state']);
    const text = words(
      mac,
      `dev ${device}`,
      named('dst', asText(record['dst'])),
      named('vlan', asInteger(record['vlan'])),
      ...asTexts(record['flags']),
      named('master', bridge),
      state,
    );
    return [{ mac, device, bridge, permanent: state === 'permanent', source: sections.quote(entryCommand, text) }];
  });
}
