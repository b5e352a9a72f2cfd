/** Which connections of an index are to be looked into: what the headers of all packets say of each decides. */

import { dnsPort } from '../flow/dns-table.ts';
import { sent } from '../flow/outcome.ts';
import type { Glance } from '../flow/summary.ts';

/**
 * `failed`: it failed, or its payload may show that it did. `silent`: a datagram that was not answered, which few are
 * meant to be. `well`: no cause of `src/diagnose` can fit it.
 */
export type Suspicion = 'failed' | 'silent' | 'well';

/** What a connection is suspected of. A suspected one may be well after all; one that is said to be well is. */
function suspicionOf(glance: Glance): Suspicion {
  const { protocol, outcome, serverPort, own, theirs, dnsErrors, unacknowledged } = glance;
  if (protocol === 'icmp' || protocol === 'icmpv6') return outcome === 'ok' ? 'well' : 'failed';
  // The packets of one that is out of order are to be looked at in their own order.
  if (((own | theirs) & sent.late) !== 0) return 'failed';
  if (protocol === 'udp') {
    if (outcome === 'timeout') return serverPort === dnsPort ? 'failed' : 'silent';
    return outcome === 'ok' && !(serverPort === dnsPort && dnsErrors) ? 'well' : 'failed';
  }
  // What a resolver says in a stream is not kept.
  if (serverPort === dnsPort) return 'failed';
  // Full packets may vanish of a connection that carried smaller ones.
  if (outcome !== 'ok' || unacknowledged) return 'failed';
  const [asked, answered] = [(own & sent.data) !== 0, (theirs & sent.data) !== 0];
  if (asked && !answered) return 'failed';
  if (((own | theirs) & sent.alert) !== 0) return 'failed';
  // One end speaks TLS, the other one does not.
  const clash = (own & sent.tls) !== (theirs & sent.tls);
  return asked && answered && clash ? 'failed' : 'well';
}

/** The same of a connection by all that was seen of it, before NAT and after: what any sight is suspected of, and what they make together. */
export function suspicionOfSights(own: Glance, translations: readonly Glance[]): Suspicion {
  // The one side may have missed what the other one saw.
  const differs = (other: Glance): boolean => (((own.own ^ other.own) | (own.theirs ^ other.theirs)) & sent.tls) !== 0;
  return translations.some((one) => differs(one) || suspicionOf(one) !== 'well') ? 'failed' : suspicionOf(own);
}
