/** Rows of items that the data of most DNS resource records consists of; their RFCs stand in `dns-data.ts`. */

import { recordType, recordTypes } from './dns-numbers.ts';

const shortLength = 2;
const longLength = 4;

/** One item of a record's data; `rest` is all that is left, as hex. */
export type Item =
  | {
      readonly kind: 'name' | 'string' | 'time' | 'rest' | 'ipv4' | 'ipv6';
      readonly field: string;
      readonly label: string;
    }
  | {
      readonly kind: 'number';
      readonly field: string;
      readonly label: string;
      readonly length: number;
      readonly names?: ReadonlyMap<number, string>;
    };

/** A number of `length` bytes. */
export function number(field: string, label: string, length: number, names?: ReadonlyMap<number, string>): Item {
  return { kind: 'number', field, label, length, ...(names && { names }) };
}

/** An item of any other kind. */
export function item(kind: Exclude<Item['kind'], 'number'>, field: string, label: string): Item {
  return { kind, field, label };
}

/** The types whose data is a fixed row of items. */
export const layouts: ReadonlyMap<number, readonly Item[]> = new Map([
  [recordType.a, [item('ipv4', 'dns.a', 'Address')]],
  [recordType.aaaa, [item('ipv6', 'dns.aaaa', 'Address')]],
  [recordType.ns, [item('name', 'dns.ns', 'Name server')]],
  [recordType.cname, [item('name', 'dns.cname', 'Canonical name')]],
  [recordType.dname, [item('name', 'dns.dname', 'Name that replaces the owner')]],
  [recordType.ptr, [item('name', 'dns.ptr.domain_name', 'Name')]],
  [
    recordType.mx,
    [number('dns.mx.preference', 'Preference', shortLength), item('name', 'dns.mx.mail_exchange', 'Mail exchange')],
  ],
  [
    recordType.soa,
    [
      item('name', 'dns.soa.mname', 'Primary name server'),
      item('name', 'dns.soa.rname', "Responsible person's mailbox"),
      number('dns.soa.serial_number', 'Serial number', longLength),
      number('dns.soa.refresh_interval', 'Refresh interval in seconds', longLength),
      number('dns.soa.retry_interval', 'Retry interval in seconds', longLength),
      number('dns.soa.expire_limit', 'Expire limit in seconds', longLength),
      number('dns.soa.minimum_ttl', 'Lifetime of negative answers in seconds', longLength),
    ],
  ],
  [
    recordType.srv,
    [
      number('dns.srv.priority', 'Priority', shortLength),
      number('dns.srv.weight', 'Weight', shortLength),
      number('dns.srv.port', 'Port', shortLength),
      item('name', 'dns.srv.target', 'Target'),
    ],
  ],
  [
    recordType.naptr,
    [
      number('dns.naptr.order', 'Order', shortLength),
      number('dns.naptr.preference', 'Preference', shortLength),
      item('string', 'dns.naptr.flags', 'Flags'),
      item('string', 'dns.naptr.service', 'Service'),
      item('string', 'dns.naptr.regex', 'Regular expression'),
      item('name', 'dns.naptr.replacement', 'Replacement'),
    ],
  ],
  [
    recordType.ds,
    [
      number('dns.ds.key_id', 'Key tag', shortLength),
      number('dns.ds.algorithm', 'Algorithm', 1),
      number('dns.ds.digest_type', 'Digest type', 1),
      item('rest', 'dns.ds.digest', 'Digest'),
    ],
  ],
  [
    recordType.dnskey,
    [
      number('dns.dnskey.flags', 'Flags', shortLength),
      number('dns.dnskey.protocol', 'Protocol', 1),
      number('dns.dnskey.algorithm', 'Algorithm', 1),
      item('rest', 'dns.dnskey.public_key', 'Public key'),
    ],
  ],
  [
    recordType.rrsig,
    [
      number('dns.rrsig.type_covered', 'Type covered', shortLength, recordTypes),
      number('dns.rrsig.algorithm', 'Algorithm', 1),
      number('dns.rrsig.labels', 'Labels', 1),
      number('dns.rrsig.original_ttl', 'Original time to live', longLength),
      item('time', 'dns.rrsig.signature_expiration', 'Expires'),
      item('time', 'dns.rrsig.signature_inception', 'Valid from'),
      number('dns.rrsig.key_tag', 'Key tag', shortLength),
      item('name', 'dns.rrsig.signers_name', "Signer's name"),
      item('rest', 'dns.rrsig.signature', 'Signature'),
    ],
  ],
  [
    recordType.nsec,
    [item('name', 'dns.nsec.next_domain_name', 'Next name'), item('rest', 'dns.data', 'Types as a bit map')],
  ],
  [
    recordType.sshfp,
    [
      number('dns.sshfp.algorithm', 'Algorithm', 1),
      number('dns.sshfp.fingerprint.type', 'Fingerprint type', 1),
      item('rest', 'dns.sshfp.fingerprint', 'Fingerprint'),
    ],
  ],
  [
    recordType.tlsa,
    [
      number('dns.tlsa.certificate_usage', 'Certificate usage', 1),
      number('dns.tlsa.selector', 'Selector', 1),
      number('dns.tlsa.matching_type', 'Matching type', 1),
      item('rest', 'dns.tlsa.certificate_association_data', 'Certificate association'),
    ],
  ],
]);
