/** The variables by which a traced command may ask a proxy. */

import type { ProxyVariable } from '../../case/evidence.ts';

/** By convention; curl does not read HTTP_PROXY, others do (curl(1), ENVIRONMENT). */
const variables = ['http_proxy', 'https_proxy', 'all_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];

/** `http://user:secret@[::1]:3128/`, `proxy:3128`: what stands before the `@` is nobody's business. */
const proxyPattern =
  /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^@/]*@)?(?:\[([0-9a-f:.]+)\]|([^:/?#[\]\s]+))(?::(\d{1,5}))?\/?$/i;

/** Those that are set and name a proxy. */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): ProxyVariable[] {
  return variables.flatMap((variable) => {
    const [, six, name, port] = proxyPattern.exec(environment[variable]?.trim() ?? '') ?? [];
    const host = six ?? name;
    return host === undefined ? [] : [{ variable, host, port: port === undefined ? null : Number(port) }];
  });
}
