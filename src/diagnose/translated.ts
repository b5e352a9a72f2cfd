/**
 * Connections that the rules of the host translate, and what was seen of them under their other ends: told once, under the
 * ends that the program used. TCP's are joined by what NAT keeps (`findTranslations`); these by what the model says NAT
 * makes of them, datagrams and attempts that left this host under other ends alone.
 */

import type { Connection } from '../flow/connection.ts';
import { sameAddress } from '../inet/address.ts';
import type { Journey, ModelPacket } from '../model/step.ts';

/** Between the sights of one connection at both sides of a NAT. */
const longestPassageNs = 1_000_000_000n;

function isForm(form: ModelPacket, { protocol, client, server }: Connection): boolean {
  return (
    form.protocol === protocol &&
    sameAddress(form.source, client.address) &&
    sameAddress(form.destination, server.address) &&
    form.destinationPort === server.port &&
    (form.sourcePort === undefined || form.sourcePort === client.port)
  );
}

function near(a: Connection, b: Connection): boolean {
  const apart = a.beganNs < b.beganNs ? b.beganNs - a.beganNs : a.beganNs - b.beganNs;
  return apart <= longestPassageNs;
}

/** The sights of a connection under the ends that its journey gives it, or may give it. */
export function findTranslatedSights(
  connection: Connection,
  { forms, alternatives }: Pick<Journey, 'forms' | 'alternatives'>,
  all: readonly Connection[],
): Connection[] {
  const possible = [...forms.slice(1), ...alternatives.map(({ arrived }) => arrived)];
  // What some rule may stop is another attempt under the very ends, and no sight of this one.
  const others = possible.filter((form) => !isForm(form, connection));
  return all.filter((one) => one !== connection && near(one, connection) && others.some((form) => isForm(form, one)));
}
