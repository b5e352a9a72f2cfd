/** Bridge ports, their VLANs, and what the bridge has learnt: `bridge -j`, see bridge(8). */

import { snapshotCommand } from '../snapshot-commands.ts';
import type { BridgePort, ForwardingEntry, PortVlan, VxlanRemote } from '../state.ts';
import { asInteger, asRecords, asText, asTexts, type JsonRecord } from './json.ts';
import { named, type Sections, words } from './section.ts';

/** IEEE 802.1Q, clause 9.6: 12 bits, the last value reserved. */
const largestVlan = 4094;

/** A port's switches as `bridge -d link` prints them: `hairpin off … isolated on`. */
function switchesText(record: JsonRecord): string {
  return Object.entries(record)
    .flatMap(([name, value]) => (typeof value === 'boolean' ? [`${name} ${value ? 'on' : 'off'}`] : []))
    .join(' ');
}

/** The ports of a namespace's bridges. */
export function parseBridgePorts(sections: Sections): BridgePort[] {
  return sections.records(snapshotCommand.bridgePorts).flatMap((record) => {
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
    return [
      {
        device,
        bridge,
        state,
        // A kernel that does not print a switch does not have it; its ports flood and learn, and do nothing else of these.
        hairpin: record['hairpin'] === true,
        isolated: record['isolated'] === true,
        flood: record['flood'] !== false,
        broadcastFlood: record['bcast_flood'] !== false,
        multicastFlood: record['mcast_flood'] !== false,
        learning: record['learning'] !== false,
        locked: record['locked'] === true,
        source: sections.quote(snapshotCommand.bridgePorts, text),
      },
    ];
  });
}

function remoteOf(record: JsonRecord): VxlanRemote | null {
  const address = asText(record['dst']);
  if (address === null) return null;
  const [port, network] = [asInteger(record['port']), asInteger(record['vni'])];
  return { address, port, network, by: asText(record['viaIf']) ?? asInteger(record['viaIfIndex']) };
}

/** The forwarding entries of a namespace; those without a bridge are a device's own filters. */
export function parseForwardingEntries(sections: Sections): ForwardingEntry[] {
  const { forwardingEntries, earlierForwardingEntries } = snapshotCommand;
  const command = sections.find(earlierForwardingEntries) === undefined ? forwardingEntries : earlierForwardingEntries;
  return sections.records(command).flatMap((record) => {
    const mac = asText(record['mac']);
    const device = asText(record['ifname']);
    if (mac === null || device === null) return [];
    const bridge = asText(record['master']);
    const state = asText(record['state']);
    const flags = asTexts(record['flags']);
    const [used, updated] = [asInteger(record['used']), asInteger(record['updated'])];
    const source = sections.quoteLater(command, () =>
      words(
        mac,
        `dev ${device}`,
        named('dst', asText(record['dst'])),
        named('port', asInteger(record['port'])),
        named('vni', asInteger(record['vni'])),
        named('via', asText(record['viaIf']) ?? asInteger(record['viaIfIndex'])),
        named('nhid', asInteger(record['nhid'])),
        named('vlan', asInteger(record['vlan'])),
        used !== null && updated !== null && `used ${used}/${updated}`,
        ...flags,
        named('master', bridge),
        state,
      ),
    );
    const vlan = asInteger(record['vlan']);
    const permanent = state === 'permanent';
    const isStatic = permanent || state === 'static';
    // What a bridge has as static does not age, and moves with what it hears all the same (`br_fdb_update`).
    const fixed = permanent || (isStatic && (bridge === null || flags.includes('sticky')));
    const heardAgo = isStatic ? null : updated;
    const locked = flags.includes('locked');
    return [{ mac, device, bridge, permanent, fixed, locked, vlan, heardAgo, remote: remoteOf(record), source }];
  });
}

/** The VLANs of a namespace's bridge ports, ranges counted out. */
export function parsePortVlans(sections: Sections): PortVlan[] {
  return sections.optionalRecords(snapshotCommand.portVlans).flatMap((record) => {
    const device = asText(record['ifname']);
    if (device === null) return [];
    return (asRecords(record['vlans']) ?? []).flatMap((entry) => {
      const first = asInteger(entry['vlan']);
      const last = asInteger(entry['vlanEnd']) ?? first;
      if (first === null || last === null || first > last || last > largestVlan) return [];
      const flags = asTexts(entry['flags']);
      const text = words(device, first === last ? `${first}` : `${first}-${last}`, ...flags);
      const source = sections.quote(snapshotCommand.portVlans, text);
      const [pvid, untagged] = [flags.includes('PVID'), flags.includes('Egress Untagged')];
      return Array.from({ length: last - first + 1 }, (_, at) => ({
        device,
        vlan: first + at,
        pvid,
        untagged,
        source,
      }));
    });
  });
}
