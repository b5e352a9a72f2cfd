/**
 * A connection's entry in the tracking table (conntrack) outlives the rules that made it: the packets of the same ends go
 * where the old rules sent them, while a new connection would be served.
 */

import { wasAnswered } from '../flow/connection.ts';
import type { ConnectionEntry } from '../host/netfilter.ts';
import type { HostState } from '../host/state.ts';
import { formatEndpoint, sameAddress } from '../inet/address.ts';
import { journey } from '../model/journey.ts';
import type { Journey, Step } from '../model/step.ts';
import { trackedIn } from '../model/traveller.ts';
import type { Cause } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { commandsOf, wouldWork } from './what-if.ts';
import { askedText, capitalised, netnsText, serverText } from './words.ts';

/** Where the table has the packet, on its way. */
interface Tracked {
  readonly step: Step;
  readonly entry: ConnectionEntry;
}

function trackedOnWay({ namespaces }: HostState, { steps, forms }: Journey): Tracked | null {
  for (const step of steps) {
    const namespace = namespaces.get(step.netns);
    if (namespace === undefined || (step.stage !== 'prerouting' && step.stage !== 'output')) continue;
    for (const packet of forms) {
      const { connection } = trackedIn(namespace, { packet, connection: null }, [], 'request').seen;
      if (connection.entry !== null && connection.direction === 'original') return { step, entry: connection.entry };
    }
  }
  return null;
}

/** See the file's head. */
export const staleNatEntry: Cause = (context) => {
  const { connection, host, clientNetns, journey: way, packet } = context;
  const failed = connection.outcome !== 'ok' && connection.outcome !== 'unknown' && !wasAnswered(connection);
  if (host === null || clientNetns === null || way === null || !failed || way.end.kind === 'accepted') return null;
  const found = trackedOnWay(host, way);
  if (found === null) return null;
  const { sourcePort: _port, redirectedTo: _seen, ...anew } = packet;
  const fresh = journey(host, anew, clientNetns).arrived;
  const isSame =
    sameAddress(fresh.destination, way.arrived.destination) && fresh.destinationPort === way.arrived.destinationPort;
  if (isSame || !wouldWork({ ...context, packet: anew }, host)) return null;
  const { step, entry } = found;
  const { original } = entry;
  const [old, now] = [way.arrived, fresh].map(({ destination, destinationPort }) =>
    formatEndpoint(destination, destinationPort),
  );
  const seen = connection.translated === null ? undefined : connection.packets[0]?.frames.at(-1);
  const place = netnsText(step.netns);
  return {
    cause: 'stale-nat-entry',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: { netns: step.netns, device: step.device, stage: step.stage },
    verdict: 'failed',
    detail: `the connection has been tracked since before the rules changed, and goes to ${old}; a new one goes to ${now}`,
    evidence: seen === undefined ? [] : [frameEvidence(context, seen)],
    summary: `${serverText(context)} was not reached: ${place} still sends this connection to ${old}, and new ones to ${now}.`,
    explanation: [
      askedText(context, step),
      `${capitalised(place)} keeps a list of connections (conntrack), with where NAT sent each. Rules are asked for the first packet of a connection alone; what has the same ends and ports goes by the list, also when the rules have changed since. So these packets still go to ${old}, where nothing takes them any more, and each of them keeps the entry alive.`,
    ],
    fixes: [
      {
        summary: `Let ${place} forget this connection; the next packet is sent by the rules of now.`,
        commands: commandsOf([
          'conntrack',
          '-D',
          '-p',
          packet.protocol,
          '-s',
          original.source,
          '-d',
          original.destination,
          '--sport',
          String(original.sourcePort ?? 0),
          '--dport',
          String(original.destinationPort ?? 0),
        ]),
        netns: step.netns,
        verified: true,
      },
    ],
    alternatives: [],
  };
};
