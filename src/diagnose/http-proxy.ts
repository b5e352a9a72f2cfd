/** A variable of the command's environment has it ask a proxy, where what it asks for would answer it directly. */

import type { ProxyVariable, TracedCommand } from '../case/evidence.ts';
import { requestPacket } from '../flow/connection.ts';
import type { HostState, NamespaceState } from '../host/state.ts';
import { familyOf, formatEndpoint, sameAddress, unspecifiedAddress } from '../inet/address.ts';
import { exchange } from '../model/journey.ts';
import type { ModelPacket } from '../model/step.ts';
import { type Destination, knownThere, namedDestinations } from './asked.ts';
import type { Context } from './context.ts';
import { isFailure } from './diagnosis.ts';
import { errnoText } from './errno.ts';
import type { Cause } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { shellCommand } from './shell.ts';
import { clientText, joinWords } from './words.ts';

/** Whether the connection is one to the proxy; `perhaps` of a name that only a resolver knows: it can be any address. */
function isTo(
  { server }: Context['connection'],
  { host, port }: ProxyVariable,
  namespace: NamespaceState,
): 'yes' | 'perhaps' | 'no' {
  if (port !== null && port !== server.port) return 'no';
  const known = knownThere(namespace, { protocol: 'tcp', host, port: server.port });
  if (known.length === 0) return port === null ? 'no' : 'perhaps';
  return known.some((one) => sameAddress(one.host, server.address)) ? 'yes' : 'no';
}

/** What the command names, where its namespace knows the address without a resolver. */
function askedOf({ argv }: TracedCommand, namespace: NamespaceState) {
  return namedDestinations(argv)
    .filter(({ protocol }) => protocol === 'tcp')
    .flatMap((named) => knownThere(namespace, named).map((known) => ({ named, known })));
}

/** By the model the command would be answered, asking by itself. */
function wouldAnswer(
  host: HostState,
  netns: string,
  { host: destination, port }: Destination,
  sender: object,
): boolean {
  const family = familyOf(destination);
  const source = unspecifiedAddress[family];
  const packet: ModelPacket = { protocol: 'tcp', family, source, destination, destinationPort: port, ...sender };
  const { there, back } = exchange(host, packet, netns);
  return there.end.kind === 'accepted' && back?.end.kind === 'returned' && there.assumptions.length === 0;
}

/** For a shell: the host beside what is excepted already, in either spelling of the variable. */
function exceptFor(host: string): string {
  return `export no_proxy="\${no_proxy:-$NO_PROXY},${host}"`;
}

/** See the file's head. */
export const httpProxyInTheWay: Cause = (context) => {
  const { connection, host, clientNetns, evidence } = context;
  const command = evidence.session?.command ?? null;
  const namespace = host?.namespaces.get(clientNetns ?? '');
  if (host === null || command === null || namespace === undefined || connection.protocol !== 'tcp') return null;
  const possible = (command.proxies ?? []).map((proxy) => ({ proxy, is: isTo(connection, proxy, namespace) }));
  const certain = possible.filter(({ is }) => is === 'yes');
  const proxies = (certain.length > 0 ? certain : possible.filter(({ is }) => is === 'perhaps')).map(
    (one) => one.proxy,
  );
  const [proxy] = proxies;
  if (proxy === undefined || !isFailure(connection.outcome) || clientNetns !== command.netns) return null;
  const asked = askedOf(command, namespace);
  const { server } = connection;
  // It asks for the proxy itself.
  if (asked.some(({ known }) => sameAddress(known.host, server.address) && known.port === server.port)) return null;
  const [first] = asked.filter(({ known }) => wouldAnswer(host, namespace.name, known, command.credentials ?? {}));
  if (first === undefined) return null;
  const there = formatEndpoint(server.address, server.port);
  const wanted = formatEndpoint(first.named.host, first.named.port);
  // Which of them a program asks depends on the program.
  const variable = joinWords(
    proxies.filter(({ host: its }) => its === proxy.host).map((one) => one.variable),
    'or',
  );
  const seen = requestPacket(connection)?.frames[0];
  const met = connection.errno === null ? '' : ` It met ${errnoText(connection.errno)} there.`;
  return {
    cause: 'http-proxy-in-the-way',
    certainty: seen === undefined || certain.length === 0 ? 'inferred' : 'observed',
    where: { netns: namespace.name, device: null, stage: 'send' },
    verdict: 'failed',
    detail: `${variable} sends what is asked of ${wanted} to the proxy ${there}`,
    evidence: seen === undefined ? [] : [frameEvidence(context, seen)],
    summary: `${wanted} was not asked: the variable ${variable} sent the request to the proxy ${there}, and that failed.`,
    explanation: [
      `${clientText(context)} was to ask for ${wanted}. Its environment has ${variable}, which names ${formatEndpoint(proxy.host, server.port)} as a proxy, and programs that honour it ask the proxy in place of the server. So the connection went to ${there}.${met}`,
      `By the state of the host ${wanted} would have answered. Such variables are set for a whole machine or image, and meant for the world outside: what is near has to be named in no_proxy.`,
    ],
    fixes: [
      {
        summary: `Ask ${first.named.host} without a proxy: name it in no_proxy, beside what is there already. For good, where ${variable} is set (a profile, a service's unit, an image, ~/.docker/config.json).`,
        // A name that a shell would read otherwise is not put between its quotes.
        commands: shellCommand([first.named.host]) === first.named.host ? [exceptFor(first.named.host)] : [],
        netns: namespace.name,
        verified: true,
      },
    ],
    alternatives: [],
  };
};
