/** The neighbour table (ARP and NDP): `ip -j neigh`, see ip-neighbour(8). */

import { snapshotCommand } from '../snapshot-commands.ts';
import type { Neighbour, ProxyNeighbour } from '../state.ts';
import { asText, asTexts } from './json.ts';
import { named, type Sections, words } from './section.ts';

/** The neighbours of a namespace. */
export function parseNeighbours(sections: Sections): Neighbour[] {
  return sections.records(snapshotCommand.neighbours).flatMap((record) => {
    const address = asText(record['dst']);
    const device = asText(record['dev']);
    if (address === null || device === null) return [];
    const mac = asText(record['lladdr']);
    const states = asTexts(record['state']);
    const text = words(
      address,
      `dev ${device}`,
      named('lladdr', mac),
      'router' in record && 'router',
      'proxy' in record && 'proxy',
      ...states,
    );
    return [{ address, device, mac, states, source: sections.quote(snapshotCommand.neighbours, text) }];
  });
}

/** The addresses that a namespace answers for on behalf of others. */
export function parseProxyNeighbours(sections: Sections): ProxyNeighbour[] {
  return sections.optionalRecords(snapshotCommand.proxyNeighbours).flatMap((record) => {
    const address = asText(record['dst']);
    const device = asText(record['dev']);
    return address === null || device === null ? [] : [{ address, device }];
  });
}
