import { expect, test } from 'vitest';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import { printed } from '../sample.ts';

/** As `ip_vs_info_seq_show` prints services and their servers. */
const listed = [
  'IP Virtual Server version 1.2.1 (size=4096)',
  'Prot LocalAddress:Port Scheduler Flags',
  '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn',
  'TCP  0A600032:0050 rr ',
  '  -> 0AF40003:1F90      Masq    1      0          0         ',
  '  -> 0AF40004:1F90      Masq    1      0          0         ',
  'UDP  0A60000A:0035 rr ops ',
  'TCP  [fd00:0096:0000:0000:0000:0000:0000:0001]:01BB rr persistent 300 FFFFFFFF',
  'FWM  00000105 rr ',
  // None that is understood.
  'SCTP  0A600032:0050 rr ',
  'TCP  0A6000:0050 rr ',
].join('\n');

function servicesIn(text: string) {
  const outputs = [printed('cat /proc/net/ip_vs', text)];
  const namespace = { name: 'web', inode: 1, container: null, outputs };
  const host = parseSnapshot({ takenNs: 0n, namespaces: [namespace], processes: [], missing: [] });
  return host.namespaces.get('web')?.virtualServices;
}

test('services of IPVS, by address and by mark, without their servers', () => {
  expect(servicesIn(listed)).toMatchObject([
    { kind: 'end', protocol: 'tcp', address: '10.96.0.50', port: 80, source: { text: 'TCP  0A600032:0050 rr' } },
    { kind: 'end', protocol: 'udp', address: '10.96.0.10', port: 53 },
    { kind: 'end', protocol: 'tcp', address: 'fd00:0096:0000:0000:0000:0000:0000:0001', port: 443 },
    { kind: 'mark', mark: 0x105 },
  ]);
});

test('no IPVS, no services', () => {
  expect(servicesIn('')).toEqual([]);
});
