/** Asks the kernel of a namespace for one route, as a check of the model: `ip route get` looks up and sends nothing. */

import { inNamespace, type NamespaceHandle } from './namespaces.ts';
import { type KernelRoute, parseRouteGet } from './parse/route-get.ts';
import { runTool } from './run-tool.ts';

/** It takes a millisecond or two. */
const timeoutMs = 2000;

/** The look-up, as far as the asking program fixes it. */
export interface RouteGetQuery {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly destination: string;
  /** Null for pings. */
  readonly destinationPort: number | null;
  /** Null: the kernel chooses. */
  readonly source: string | null;
  /** The device that the socket is bound to. */
  readonly device: string | null;
}

/** The answer with the command that gave it, or one clause about why there is none. */
export type RouteGetResult = { readonly command: string; readonly answer: KernelRoute } | { readonly failure: string };

/** `ip`'s arguments. */
export function routeGetArguments(query: RouteGetQuery): string[] {
  const { family, protocol, destination, destinationPort, source, device } = query;
  return [
    '-j',
    `-${family}`,
    'route',
    'get',
    destination,
    ...(source === null ? [] : ['from', source]),
    ...(device === null ? [] : ['oif', device]),
    'ipproto',
    protocol === 'icmp' && family === 6 ? 'ipv6-icmp' : protocol,
    ...(destinationPort === null ? [] : ['dport', String(destinationPort)]),
  ];
}

/** Asks; ends the child when it takes too long. Never throws. */
export async function askForRoute(namespace: NamespaceHandle, query: RouteGetQuery): Promise<RouteGetResult> {
  const command = ['ip', ...routeGetArguments(query)];
  const [file = '', ...args] = inNamespace(namespace, command);
  const result = await runTool(file, args, { timeoutMs });
  const answer = parseRouteGet('text' in result ? result.text : result.failure);
  if (answer !== null) return { command: command.join(' '), answer };
  return { failure: 'failure' in result ? result.failure : 'printed what could not be parsed' };
}
