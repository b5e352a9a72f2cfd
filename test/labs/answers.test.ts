/** How a host answers, where sockets, addresses and settings say by which device: what `nettrace path` predicts, beside connect(). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { connectThere, hasten, predict } from './predicting.ts';
import type { ServiceSpec } from './spec.ts';

/** A server whose socket is bound to a device. */
function boundServer(device: string, port: number): ServiceSpec {
  const code = [
    'import socket',
    's = socket.socket()',
    `s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"${device}")`,
    `s.bind(("0.0.0.0", ${port}))`,
    's.listen()',
    'while True: s.accept()[0].close()',
  ].join('\n');
  return { argv: () => ['python3', '-c', code], listens: `0.0.0.0%${device}:${port}` };
}

function server(port: number): ServiceSpec {
  const code = [
    'import socket',
    `s = socket.create_server(("::", ${port}), family=socket.AF_INET6, dualstack_ipv6=True)`,
    'while True: s.accept()[0].close()',
  ].join('\n');
  return { argv: () => ['python3', '-c', code], listens: `*:${port}` };
}

const forwarding = { 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' };

/** Who asks for what, and what becomes of it. */
const cases: readonly (readonly [name: string, from: string, to: string, met: string])[] = [
  ['a socket of e1 takes what its own host sends to an address of e1', 'server', '10.1.0.1:81', 'ok -'],
  ['and not what it sends to one of e2', 'server', '10.2.0.1:81', 'refused ECONNREFUSED'],
  ['nor to 127.0.0.1', 'server', '127.0.0.1:81', 'refused ECONNREFUSED'],
  ['a socket of lo takes that', 'server', '127.0.0.1:82', 'ok -'],
  ['and nothing else', 'server', '10.1.0.1:82', 'refused ECONNREFUSED'],
  ['the answer of a socket of no device goes as the routes say', 'client', '10.2.0.1:80', 'ok -'],
  ['that of a socket of e1, where they lead, too', 'client', '10.1.0.1:81', 'ok -'],
  ['that of a socket of e2 stays on its link', 'client', '10.2.0.1:83', 'timeout -'],
  ['what asks from one link is answered there', 'router', '[fe80::2%r2]:80', 'ok -'],
  ['and refused there', 'router', '[fe80::2%r2]:89', 'refused ECONNREFUSED'],
  ['an address of one link does not leave it', 'linked', '[fd00:5::10]:80', 'unreachable EHOSTUNREACH'],
  ["TCP to a router's anycast address meets silence", 'client', '[fd00:5::]:80', 'timeout -'],
  ['everybody on the link is nobody for TCP', 'client', '255.255.255.255:80', 'unreachable ENETUNREACH'],
];

describeLab('the way of an answer', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await buildLab({
      hosts: {
        client: { addresses: { c0: ['10.5.0.10/24', 'fd00:5::10/64'] }, routes: ['default via 10.5.0.1'] },
        linked: { addresses: { l0: ['fe80::c/64'] }, routes: ['default via fe80::d dev l0'] },
        router: {
          addresses: {
            r0: ['10.5.0.1/24', 'fd00:5::1/64'],
            r1: ['10.1.0.2/24', 'fe80::a1/64'],
            r2: ['10.2.0.2/24', 'fe80::a2/64', 'fd00:2::1/64'],
            r3: ['fe80::d/64'],
          },
          sysctls: forwarding,
          services: { web: server(80) },
        },
        server: {
          addresses: { e1: ['10.1.0.1/24', 'fe80::1/64'], e2: ['10.2.0.1/24', 'fe80::2/64', 'fd00:2::2/64'] },
          routes: ['default via 10.1.0.2'],
          sysctls: { 'net.ipv4.conf.all.rp_filter': '0', 'net.ipv4.conf.e2.rp_filter': '0' },
          services: {
            web: server(80),
            first: boundServer('e1', 81),
            loop: boundServer('lo', 82),
            second: boundServer('e2', 83),
          },
        },
      },
      veths: [
        ['router:r0', 'client:c0'],
        ['router:r1', 'server:e1'],
        ['router:r2', 'server:e2'],
        ['router:r3', 'linked:l0'],
      ],
    });
    await hasten(lab, 'client', 'linked', 'router', 'server');
    // It takes the anycast addresses of its networks when it becomes a router (`dev_forward_change`).
    for (const value of [0, 1]) await lab.must('router', ['sysctl', '-qw', `net.ipv6.conf.all.forwarding=${value}`]);
  });
  afterAll(() => lab?.close());

  const both = async (from: string, to: string) => [
    await predict(lab, from, to),
    await connectThere(lab, from, to, 'hastened'),
  ];

  test.each(cases)('%s (%s to %s)', async (_name, from, to, met) => {
    expect(await both(from, to)).toEqual([met, met]);
  });

  test('of IPv6 to its own address is cut off where lo has no IPv6', async () => {
    expect(await both('server', '[fd00:2::2]:80')).toEqual(['ok -', 'ok -']);
    await lab.must('server', ['sysctl', '-qw', 'net.ipv6.conf.lo.disable_ipv6=1']);
    expect(await both('server', '[fd00:2::2]:80')).toEqual(['timeout -', 'timeout -']);
  });
});
