import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CaseReader } from '../../../src/capfile/case-file.ts';
import { parseSnapshot } from '../../../src/host/parse/parse-snapshot.ts';
import { evaluateHook } from '../../../src/model/netfilter/hook.ts';
import { hostViewOf } from '../../../src/model/netfilter/host-view.ts';
import type { NetfilterPacket } from '../../../src/model/netfilter/packet.ts';
import { link, loopback, namespace } from '../hosts.ts';
import { at, describeOutcome, hostWith, packet, ruleset } from './tables.ts';

const host = hostWith({ eth0: '192.0.2.10', docker0: '172.17.0.1', podman0: '10.88.0.1', lo: '127.0.0.1' });

const dnatted = { status: 32n, tracked: false, direction: 'original', mark: 0n, original: null, entry: null } as const;

/** A packet of a connection that is in that state. */
function inState(text: string, state: NetfilterPacket['connection']['state'], status = 0n): NetfilterPacket {
  return packet(text, { connection: { ...dnatted, state, status }, tcpFlags: 16 });
}

type Row = [title: string, place: string, packet: NetfilterPacket, expected: string];

const client = 'tcp 198.51.100.7:40000';

/** Evaluates a row; an ordinary path has one end and nothing unknown. */
function check(tables: ReturnType<typeof ruleset>, place: string, sent: NetfilterPacket, expected: string): void {
  const ends = evaluateHook(tables, at(place), sent, host);
  expect(ends.map(describeOutcome)).toEqual([expected]);
  expect(ends.flatMap(({ assumptions }) => assumptions)).toEqual([]);
}

describe('Docker, with iptables', () => {
  const tables = ruleset('docker.iptables');
  test.each<Row>([
    [
      'a published port from outside is translated',
      'prerouting eth0',
      packet(`${client} > 192.0.2.10:8080`),
      'accept 198.51.100.7:40000 > 172.17.0.2:80 by -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    ],
    [
      'and forwarded',
      'forward eth0 docker0',
      packet(`${client} > 172.17.0.2:80`),
      'accept by -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
    ],
    [
      'a port that is not published is dropped in the chain of the bridge',
      'forward eth0 docker0',
      packet(`${client} > 172.17.0.2:81`),
      'drop by -A DOCKER ! -i docker0 -o docker0 -j DROP',
    ],
    [
      'an answer is let back in',
      'forward eth0 docker0',
      inState('tcp 198.51.100.7:443 > 172.17.0.2:50000', 'established'),
      'accept by -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ],
    [
      'the container reaches out',
      'forward docker0 eth0',
      packet('tcp 172.17.0.2:50000 > 198.51.100.7:443'),
      'accept by -A DOCKER-FORWARD -i docker0 -j ACCEPT',
    ],
    [
      'behind the address of the host',
      'postrouting docker0 eth0',
      packet('tcp 172.17.0.2:50000 > 198.51.100.7:443'),
      'accept 192.0.2.10:50000 > 198.51.100.7:443 by -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
    ],
    [
      'forwarding between others is the policy',
      'forward eth0 eth1',
      packet(`${client} > 203.0.113.5:80`),
      'drop by policy drop',
    ],
    [
      'the container itself is not reached from elsewhere',
      'prerouting eth0',
      packet(`${client} > 172.17.0.2:80`),
      'drop by -A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP',
    ],
    [
      'curl on the host to its own address is translated',
      'output - lo',
      packet('tcp 192.0.2.10:40000 > 192.0.2.10:8080'),
      'accept 192.0.2.10:40000 > 172.17.0.2:80 by -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    ],
    [
      'to 127.0.0.1 it is not',
      'output - lo',
      packet('tcp 127.0.0.1:40000 > 127.0.0.1:8080'),
      'accept by policy accept',
    ],
    [
      'a port that is published on 127.0.0.1 is shut to other devices',
      'prerouting eth0',
      packet(`${client} > 127.0.0.1:9443`),
      'drop by -A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 9443 -j DROP',
    ],
  ])('%s', (_title, place, sent, expected) => check(tables, place, sent, expected));
});

describe('Docker, with nftables', () => {
  const tables = ruleset('docker.nft.json');
  test.each<[title: string, place: string, packet: NetfilterPacket, kind: string, comment: string | null]>([
    ['a published port', 'prerouting eth0', packet(`${client} > 192.0.2.10:8080`), 'accept', 'DNAT'],
    [
      'its container, not from elsewhere',
      'prerouting eth0',
      packet(`${client} > 172.17.0.2:80`),
      'drop',
      'DROP DIRECT ACCESS',
    ],
    ['forwarded there', 'forward eth0 docker0', packet(`${client} > 172.17.0.2:80`), 'accept', null],
    [
      'a port that is not published',
      'forward eth0 docker0',
      packet(`${client} > 172.17.0.2:81`),
      'drop',
      'UNPUBLISHED PORT DROP',
    ],
    [
      'the container reaches out',
      'forward docker0 eth0',
      packet('udp 172.17.0.2:50000 > 9.9.9.9:53'),
      'accept',
      'OUTGOING',
    ],
    [
      'behind the host',
      'postrouting docker0 eth0',
      packet('udp 172.17.0.2:50000 > 9.9.9.9:53'),
      'accept',
      'MASQUERADE',
    ],
    ['among containers', 'forward docker0 docker0', packet('tcp 172.17.0.3:50000 > 172.17.0.2:81'), 'accept', 'ICC'],
  ])('%s', (_title, place, sent, kind, comment) => {
    const [end, ...others] = evaluateHook(tables, at(place), sent, host);
    expect(others).toEqual([]);
    expect(end?.assumptions).toEqual([]);
    expect(end?.ending.kind).toBe(kind);
    // The last rule that had a say, also where a map of verdicts sent the packet on before.
    expect(end?.trail.findLast(({ reference }) => reference.rule !== null)?.reference.rule?.comment ?? null).toBe(
      comment,
    );
  });
});

describe('Podman, with iptables', () => {
  const tables = ruleset('netavark.iptables');
  test.each<Row>([
    [
      'a published port',
      'prerouting eth0',
      packet(`${client} > 192.0.2.10:8080`),
      'accept 198.51.100.7:40000 > 10.88.0.4:80 by -A NETAVARK-DN-1D8721804F16F -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.4:80',
    ],
    [
      'from the host itself is marked to be hidden',
      'output - lo',
      packet('tcp 127.0.0.1:40000 > 127.0.0.1:8080'),
      'accept 127.0.0.1:40000 > 10.88.0.4:80 mark 8192 by -A NETAVARK-DN-1D8721804F16F -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.4:80',
    ],
    [
      'and is, by its mark',
      'postrouting - podman0',
      packet('tcp 127.0.0.1:40000 > 10.88.0.4:80', { mark: 0x2000n }),
      'accept 10.88.0.1:40000 > 10.88.0.4:80 mark 8192 by -A NETAVARK-HOSTPORT-MASQ -m comment --comment "netavark portfw masq mark" -m mark --mark 0x2000/0x2000 -j MASQUERADE',
    ],
    [
      'among containers no address changes',
      'postrouting podman0 podman0',
      packet('tcp 10.88.0.9:40000 > 10.88.0.4:80'),
      'accept by -A NETAVARK-1D8721804F16F -d 10.88.0.0/16 -j ACCEPT',
    ],
  ])('%s', (_title, place, sent, expected) => check(tables, place, sent, expected));
});

describe('Podman, with nftables', () => {
  const tables = ruleset('netavark.nft.json');
  test('a published port is translated, and its connection marked', () => {
    const [end] = evaluateHook(tables, at('prerouting eth0'), packet(`${client} > 192.0.2.10:8080`), host);
    expect(end?.ending.kind).toBe('accept');
    expect(end?.packet).toMatchObject({ destinationPort: 80, connection: { mark: 0x1000n } });
    const [forwarded] = evaluateHook(tables, at('forward eth0 podman0'), end?.packet ?? packet(''), host);
    expect(forwarded?.passed.at(-1)?.rule?.handle).toBe(forwarded?.trail.at(-1)?.reference.rule?.handle);
    expect(forwarded).toMatchObject({ ending: { kind: 'accept' }, assumptions: [] });
  });

  test('what conntrack calls invalid is dropped', () => {
    const sent = inState('tcp 10.88.0.4:80 > 198.51.100.7:40000', 'invalid');
    expect(evaluateHook(tables, at('forward podman0 eth0'), sent, host).map(({ ending }) => ending.kind)).toEqual([
      'drop',
    ]);
  });
});

test('Podman as the shipped case recorded it: everything is understood', () => {
  const reader = new CaseReader();
  reader.push(readFileSync(join(import.meta.dirname, '../../../fixtures/loopback-only-listener.pcapng')));
  const snapshot = reader.end()?.snapshot ?? null;
  const recorded = snapshot === null ? undefined : parseSnapshot(snapshot).namespaces.get('host');
  if (recorded === undefined) throw new Error('the shipped case has no host');
  const view = hostViewOf(recorded);
  const ends = (place: string, sent: NetfilterPacket) => evaluateHook(recorded.ruleTables, at(place), sent, view);
  const [left] = ends('postrouting podman0 eth0', packet('tcp 10.88.0.10:40000 > 198.51.100.7:443'));
  expect(left === undefined ? '' : describeOutcome(left)).toBe(
    'accept 192.0.2.2:40000 > 198.51.100.7:443 by -A NETAVARK-1D8721804F16F ! -d 224.0.0.0/4 -j MASQUERADE',
  );
  expect(left?.assumptions).toEqual([]);
  const expressions = recorded.ruleTables.flatMap(({ chains }) =>
    [...chains.values()].flatMap(({ rules }) => rules.flatMap((rule) => rule.expressions)),
  );
  expect(expressions.length).toBeGreaterThan(15);
  expect(expressions.filter(({ kind }) => kind === 'maybe')).toEqual([]);
});

describe('ufw', () => {
  const tables = ruleset('ufw.iptables');
  test.each<Row>([
    [
      'loopback',
      'input lo',
      packet('tcp 127.0.0.1:40000 > 127.0.0.1:9'),
      'accept by -A ufw-before-input -i lo -j ACCEPT',
    ],
    [
      'an allowed port',
      'input eth0',
      packet(`${client} > 192.0.2.10:443`),
      String.raw`accept by -A ufw-user-input -p tcp -m multiport --dports 80,443 -m comment --comment "\'dapp_Nginx%20Full\'" -j ACCEPT`,
    ],
    ['any other port', 'input eth0', packet(`${client} > 192.0.2.10:8080`), 'drop by policy drop'],
    [
      'what is not for this host',
      'input eth0',
      packet(`${client} > 192.0.2.99:443`),
      'drop by -A ufw-not-local -j DROP',
    ],
    [
      'an echo request',
      'input eth0',
      packet('icmp 198.51.100.7 > 192.0.2.10'),
      'accept by -A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT',
    ],
    [
      'an invalid packet',
      'input eth0',
      inState(`${client} > 192.0.2.10:443`, 'invalid'),
      'drop by -A ufw-before-input -m conntrack --ctstate INVALID -j DROP',
    ],
  ])('%s', (_title, place, sent, expected) => check(tables, place, sent, expected));

  test('a limited port is let in or refused, by what no snapshot shows', () => {
    const ends = evaluateHook(tables, at('input eth0'), packet(`${client} > 192.0.2.10:22`), host);
    expect(ends.map(describeOutcome).toSorted()).toEqual([
      'accept by -A ufw-user-limit-accept -j ACCEPT',
      'reject icmp 3/3 by -A ufw-user-limit -j REJECT --reject-with icmp-port-unreachable',
    ]);
    expect(ends[0]?.assumptions[0]?.reason).toContain('-m recent --update --seconds 30');
  });

  test('a rule that only logs forks nothing, and stands in the trail as uncertain', () => {
    const [end] = evaluateHook(tables, at('input eth0'), packet(`${client} > 192.0.2.10:8080`), host);
    const uncertain = end?.trail.filter(({ certain }) => !certain).map(({ reference }) => reference.chain);
    expect(uncertain).toEqual(['ufw-after-logging-input']);
  });
});

describe('ufw, over IPv6', () => {
  const tables = ruleset('ufw.ip6tables');
  const client6 = 'tcp [2001:db8:f::7]:40000';
  test.each<Row>([
    ['loopback', 'input lo', packet('tcp [::1]:40000 > [::1]:9'), 'accept by -A ufw6-before-input -i lo -j ACCEPT'],
    [
      'an allowed port',
      'input eth0',
      packet(`${client6} > [2001:db8::10]:22`),
      'accept by -A ufw6-user-input -p tcp -m tcp --dport 22 -j ACCEPT',
    ],
    ['any other port', 'input eth0', packet(`${client6} > [2001:db8::10]:8080`), 'drop by policy drop'],
    [
      'an echo request',
      'input eth0',
      packet('ipv6-icmp [2001:db8:f::7] > [2001:db8::10]'),
      'accept by -A ufw6-before-input -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT',
    ],
    [
      'an ICMP error',
      'input eth0',
      packet('ipv6-icmp [2001:db8:f::7] > [2001:db8::10]', { icmpType: 1, icmpCode: 4 }),
      'accept by -A ufw6-before-input -p ipv6-icmp -m icmp6 --icmpv6-type 1 -j ACCEPT',
    ],
    [
      'an answer',
      'input eth0',
      inState('tcp [2001:db8:f::7]:443 > [2001:db8::10]:50000', 'established'),
      'accept by -A ufw6-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ],
    ['what is forwarded', 'forward eth0 eth1', packet(`${client6} > [2001:db8:9::9]:80`), 'drop by policy drop'],
    [
      'what the host asks',
      'output - eth0',
      packet('tcp [2001:db8::10]:40000 > [2001:db8:f::7]:443'),
      'accept by -A ufw6-track-output -p tcp -m conntrack --ctstate NEW -j ACCEPT',
    ],
  ])('%s', (_title, place, sent, expected) => check(tables, place, sent, expected));
});

describe('firewalld', () => {
  const tables = ruleset('firewalld.nft.json');
  test.each<[title: string, place: string, packet: NetfilterPacket, expected: string]>([
    ['an open port', 'input eth0', packet(`${client} > 192.0.2.10:22`), 'accept'],
    ['any other port', 'input eth0', packet(`${client} > 192.0.2.10:23`), 'reject icmp 3/13'],
    ['over IPv6', 'input eth0', packet('tcp [2001:db8::7]:40000 > [2001:db8::10]:23'), 'reject icmp 1/1'],
    ['a source that is shut out', 'input eth0', packet('tcp 192.0.2.66:40000 > 192.0.2.10:22'), 'drop'],
    ['a forwarded port', 'forward eth0 podman0', inState(`${client} > 10.88.0.4:80`, 'new', 32n), 'accept'],
    ['forwarding from outside', 'forward eth0 podman0', packet(`${client} > 10.88.0.4:80`), 'reject icmp 3/13'],
    ['an answer', 'input eth0', inState('tcp 198.51.100.7:443 > 192.0.2.10:50000', 'established'), 'accept'],
  ])('%s', (_title, place, sent, expected) => {
    const [end, ...others] = evaluateHook(tables, at(place), sent, host);
    expect(others).toEqual([]);
    expect(end === undefined ? '' : describeOutcome(end).replace(/ by .*/, '')).toBe(expected);
    expect(end?.assumptions).toEqual([]);
  });

  const routed = hostViewOf(
    namespace('box', {
      links: [
        loopback(),
        link('eth0', { addresses: ['2001:db8::10', 'fe80::10/64 link'] }),
        link('eth1', { index: 3 }),
      ],
      routes: ['2001:db8::/64 dev eth0', 'fe80::/64 dev eth0', 'fe80::/64 dev eth1', '::/0 via fe80::99 dev eth0'],
    }),
  );
  test.each<[title: string, place: string, packet: NetfilterPacket, expected: string]>([
    ['by the device of the way back', 'prerouting eth0', packet('tcp [2001:db8:f::7]:1 > [2001:db8::10]:22'), 'accept'],
    ['by another one', 'prerouting eth1', packet('tcp [2001:db8:f::7]:1 > [2001:db8::10]:22'), 'drop'],
    ['from a link', 'prerouting eth0', packet('tcp [fe80::99]:1 > [fe80::10]:22'), 'accept'],
    ['over loopback', 'prerouting lo', packet('tcp [2001:db8::10]:1 > [2001:db8::10]:22'), 'accept'],
    ['a ping', 'prerouting eth0', packet('ipv6-icmp [2001:db8:f::7] > [2001:db8::10]'), 'accept'],
    ['an open port', 'input eth0', packet('tcp [2001:db8:f::7]:1 > [2001:db8::10]:22'), 'accept'],
  ])('IPv6 is let in %s', (_title, place, sent, expected) => {
    const ends = evaluateHook(tables, at(place), sent, routed);
    expect(ends.map((end) => describeOutcome(end).replace(/ by .*/, ''))).toEqual([expected]);
    expect(ends.flatMap(({ assumptions }) => assumptions)).toEqual([]);
  });

  test('the reverse path of IPv6 asks the routes, and is unknown without them', () => {
    const ends = evaluateHook(
      tables,
      at('prerouting eth0'),
      packet('tcp [2001:db8::7]:40000 > [2001:db8::10]:22'),
      host,
    );
    expect(ends.map(({ ending }) => ending.kind).toSorted()).toEqual(['accept', 'drop']);
  });
});

describe('kube-proxy, with iptables', () => {
  const tables = ruleset('kube-proxy.iptables');
  test('a service with one endpoint is certain', () => {
    check(
      tables,
      'prerouting cni0',
      packet('udp 10.244.0.7:50000 > 10.96.0.10:53'),
      'accept 10.244.0.7:50000 > 10.244.0.3:53 by -A KUBE-SEP-DNS -p udp -m comment --comment "kube-system/kube-dns:dns" -m udp -j DNAT --to-destination 10.244.0.3:53',
    );
  });

  test('of two endpoints it may be either', () => {
    const ends = evaluateHook(tables, at('prerouting cni0'), packet('tcp 10.244.0.7:50000 > 10.96.0.20:80'), host);
    expect(ends.map(describeOutcome).map((text) => text.replace(/ by .*/, ''))).toEqual([
      'accept 10.244.0.7:50000 > 10.244.0.5:8080',
      'accept 10.244.0.7:50000 > 10.244.1.6:8080',
    ]);
    expect(ends.map(({ assumptions }) => assumptions.map(({ matched }) => matched))).toEqual([[true], [false]]);
    expect(ends[0]?.assumptions[0]?.reason).toContain('--probability 0.50000000000');
  });

  test.each<Row>([
    [
      'a service without endpoints',
      'forward cni0 eth0',
      packet('tcp 10.244.0.7:50000 > 10.96.0.99:80'),
      'reject icmp 3/3 by -A KUBE-SERVICES -d 10.96.0.99/32 -p tcp -m comment --comment "default/empty:http has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
    ],
    [
      'what is marked is forwarded',
      'forward eth0 cni0',
      packet(`${client} > 10.244.0.5:8080`, { mark: 0x4000n }),
      'accept mark 16384 by -A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
    ],
    [
      'the mark is taken off where the source is hidden; which port it gets is the kernel to say',
      'postrouting - eth0',
      packet('tcp 192.0.2.10:40000 > 10.244.1.6:8080', { mark: 0x4000n }),
      'accept 192.0.2.10 > 10.244.1.6:8080 by -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    ],
  ])('%s', (_title, place, sent, expected) => check(tables, place, sent, expected));
});
