/** No local port is left for one more connection to that end: connect() fails, and nothing is sent. */

import type { NumberRange } from '../host/state.ts';
import { formatHost, isUnspecified } from '../inet/address.ts';
import { localPorts, portsIn } from '../model/local-port.ts';
import type { Context } from './context.ts';
import type { Certainty, Fix } from './diagnosis.ts';
import { errnoText } from './errno.ts';
import type { Cause } from './finding.ts';
import { commandsOf, withSetting, wouldWork } from './what-if.ts';
import { clientText, inNetns, netnsText, serverText } from './words.ts';

const setting = 'net.ipv4.ip_local_port_range';
/** What connect() gives when every port is taken (`__inet_hash_connect`), and when no source address fits. */
const noPort = 'EADDRNOTAVAIL';
/** From the first that is no system port (RFC 6335, section 6) to the last that there is. */
const widest: NumberRange = { first: 1024, last: 65_535 };

/**
 * The kernel's word, or the state's: `proven` by both, `inferred` from one: the errno alone of a request of IPv4 whose
 * source was found and whose port the kernel was to choose (a port that the program names may be taken while others are
 * free). Null where neither says so.
 */
function certaintyOf({ connection, kernel, packet, journey }: Context): Certainty | null {
  const stateSays =
    journey?.steps.at(-1)?.stage === 'send' && 'answer' in journey.end && journey.end.answer?.errno === noPort;
  const kernelSays = kernel !== null && connection.errno === noPort;
  if (kernelSays && stateSays) return 'proven';
  if (kernelSays) {
    const wantedAny = packet.family === 4 && !isUnspecified(packet.source) && connection.client.port === 0;
    return wantedAny ? 'inferred' : null;
  }
  return stateSays && kernel === null ? 'inferred' : null;
}

function widen(context: Context, netns: string, { first, last }: NumberRange): Fix[] {
  const { host } = context;
  const value = `${widest.first} ${widest.last}`;
  if (host === null || (first <= widest.first && last >= widest.last)) return [];
  const changed = withSetting(host, netns, setting, value);
  return [
    {
      summary: `Let ${netnsText(netns)} use more ports for its own connections: all but the system's. Programs that are to listen on one of them may then find it taken. To keep it over a reboot, write it to a file in /etc/sysctl.d.`,
      commands: commandsOf(['sysctl', '-w', `${setting}=${value}`]),
      netns,
      verified: wouldWork(context, changed),
    },
  ];
}

/** See the file's head. */
export const ephemeralPortsExhausted: Cause = (context) => {
  const { connection, host, clientNetns, journey } = context;
  const namespace = host?.namespaces.get(clientNetns ?? '');
  const certainty = certaintyOf(context);
  if (namespace === undefined || certainty === null || connection.frames.length > 0) return null;
  if (connection.protocol !== 'tcp' || connection.outcome !== 'unreachable') return null;
  const use = localPorts(namespace, journey?.packet ?? context.packet);
  if (use === null) return null;
  const { range, taken, quotes } = use;
  const server = serverText(context);
  const { name } = namespace;
  const count = portsIn(range);
  const detail = `no local port from ${range.first} to ${range.last} is left for one more connection to ${server}`;
  return {
    cause: 'ephemeral-ports-exhausted',
    certainty,
    where: { netns: name, device: null, stage: 'send' },
    verdict: 'failed',
    detail,
    // Where the model ends there, its hop has them.
    evidence: (journey?.steps.at(-1)?.stage === 'send' ? [] : quotes).map((quote) => ({
      kind: 'snapshot' as const,
      ...quote,
    })),
    summary: `${server} could not be reached: ${detail} (${inNetns(name)}).`,
    explanation: [
      `${clientText(context)} asked for ${server}.${connection.errno === null ? '' : ` Its connect() met ${errnoText(connection.errno)}.`} Nothing was sent.`,
      `A connection has a port at either end, and the kernel chooses the one at this end from a range, ${setting}: here ${count === 1 ? 'a single one' : `${count} of them`}. Towards one and the same address and port each serves one connection at a time, and stays taken for a minute after that was closed (TIME-WAIT). By the list of sockets ${taken} of them ${taken === 1 ? 'is' : 'are'} taken${taken < count ? '; the list is no longer than some thousands, and older than the request' : ''}.`,
      `See who holds them ${inNetns(name)}: ss -tan dst ${formatHost(connection.server.address)}. A program that opens a connection for each request uses them up: let it keep its connections and use them again (keep-alive, a pool). Sockets in CLOSE-WAIT are held by a program that forgot to close them.`,
    ],
    fixes: widen(context, name, range),
    alternatives: [],
  };
};
