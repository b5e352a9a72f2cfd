/** The neighbour table (ARP and NDP): `ip -j neigh`, see ip-neighbour(8). */

import type { Neighbour, ProxyNeighbour } from '../state.ts';
import { asText, asTexts } from './json.ts';
import { named, type Sections, words } from './section.ts';

const command = 'ip -j neigh';
const proxyCommand = 'ip -j neigh show proxy';

/** The neighbours of a namespace. */
export function parseNeighbours(sections: Sections): Neighbour[] {
  return sections.records(command).flatMap((record) => {
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
    return [{ address, device, mac, states, source: sections.quote(command, text) }];
  });
}

/** The addresses that a namespace answers for on behalf of others. */
export function parseProxyNeighbours(sections: Sections): ProxyNeighbour[] {
  return sections.optionalRecords(proxyCommand).flatMap((record) => {
    const address = asText(record['dst']);
    const device = asText(record['dev']);
    return address === null || device === null ? [] : [{ address, device }];
  });
}
