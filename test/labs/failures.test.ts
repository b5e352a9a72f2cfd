/** Failures of which a capture shows little or nothing: the kernel's word and the state of the host tell them. */
import { execaSync } from 'execa';
import { expect, test } from 'vitest';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { describeLab } from './available.ts';
import { buildLab, type Lab } from './lab.ts';
import { httpsServer } from './services.ts';
import { containerOnBridge } from './topologies.ts';

/** The connections of a command in the container. */
async function connections(lab: Lab, argv: readonly string[]): Promise<readonly ConnectionDiagnosis[]> {
  const { json } = await lab.nettrace(['run', '--netns', lab.netns('portainer'), '--json', '--', ...argv]);
  return json?.connections ?? [];
}

const curl = (address: string) => ['curl', '-sk', '-m', '6', `https://${address}/`];

describeLab('a connect() that makes no packet', () => {
  test.each([
    ['no route', '192.168.7.7', ['route', 'del', 'default'], 'unreachable', 'ENETUNREACH', 'no-route'],
    [
      'a route that prohibits',
      '192.168.7.7',
      ['route', 'add', 'prohibit', '192.168.7.0/24'],
      'unreachable',
      'EACCES',
      'route-prohibit',
    ],
    ['an address that nobody has', '10.88.0.77', [], 'unreachable', 'EHOSTUNREACH', 'neighbour-unresolved'],
    ['its own link down', '10.88.0.1', ['link', 'set', 'eth0', 'down'], 'unreachable', 'ENETUNREACH', 'no-route'],
  ] as const)('%s', async (_name, address, change, outcome, errno, cause) => {
    await using lab = await buildLab(containerOnBridge());
    if (change.length > 0) execaSync('ip', ['-n', lab.netns('portainer'), ...change]);
    const [connection, ...others] = await connections(lab, curl(address));
    expect(others).toEqual([]);
    expect(connection).toMatchObject({
      outcome,
      errno,
      cause,
      certainty: 'proven',
      source: { netns: lab.netns('portainer') },
      destination: { address, port: 443 },
      frames: [],
    });
  });

  test('a rule in the output hook that drops', async () => {
    await using lab = await buildLab(containerOnBridge());
    const rule = ['-A', 'OUTPUT', '-p', 'tcp', '--dport', '443', '-j', 'DROP'];
    execaSync('ip', ['netns', 'exec', lab.netns('portainer'), 'iptables', ...rule]);
    const [connection] = await connections(lab, ['curl', '-sk', '-m', '1', 'https://10.88.0.1/']);
    expect(connection).toMatchObject({ outcome: 'timeout', errno: null, frames: [], cause: 'firewall-drop' });
    expect(connection?.where).toMatchObject({
      netns: lab.netns('portainer'),
      stage: 'output',
      rule: { family: 'ip', table: 'filter', chain: 'OUTPUT', text: '-A OUTPUT -p tcp -m tcp --dport 443 -j DROP' },
    });
  });
});

describeLab('a datagram from a socket without an address', () => {
  test("is told as the command's", async () => {
    await using lab = await buildLab(containerOnBridge());
    const send =
      'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"x", ("10.88.0.1", 5555))';
    const [connection] = await connections(lab, ['python3', '-c', send]);
    expect(connection).toMatchObject({
      protocol: 'udp',
      outcome: 'refused',
      cause: 'no-listener',
      certainty: 'proven',
    });
  });
});

describeLab('a firewall', () => {
  test('that drops is proven by the kernel', async () => {
    const nft = 'table inet filter { chain input { type filter hook input priority 0; tcp dport 19001 drop; }; }';
    await using lab = await buildLab(containerOnBridge({ nft, services: { web: httpsServer('0.0.0.0:19001') } }));
    const [connection] = await connections(lab, ['curl', '-sk', '-m', '1', 'https://10.88.0.1:19001/']);
    expect(connection).toMatchObject({ outcome: 'timeout', cause: 'firewall-drop', certainty: 'proven' });
    const rule = { family: 'inet', table: 'filter', chain: 'input', text: 'tcp dport 19001 drop' };
    expect(connection?.where).toMatchObject({ netns: lab.netns('host'), stage: 'input', rule });
  });

  test('that sends the packet to another host, where nothing listens: the lack of a listener is told there', async () => {
    const nft =
      'table ip nat { chain prerouting { type nat hook prerouting priority -100; tcp dport 19001 dnat to 10.99.0.10:80; }; }';
    await using lab = await buildLab({
      hosts: {
        host: {
          addresses: { veth0: ['10.88.0.1/24'], veth1: ['10.99.0.1/24'] },
          sysctls: { 'net.ipv4.ip_forward': '1' },
          nft,
        },
        portainer: { addresses: { eth0: ['10.88.0.10/24'] }, routes: ['default via 10.88.0.1'] },
        backend: { addresses: { eth0: ['10.99.0.10/24'] }, routes: ['default via 10.99.0.1'] },
      },
      veths: [
        ['host:veth0', 'portainer:eth0'],
        ['host:veth1', 'backend:eth0'],
      ],
    });
    const [connection] = await connections(lab, curl('10.88.0.1:19001'));
    expect(connection).toMatchObject({
      outcome: 'refused',
      cause: 'no-listener',
      certainty: 'proven',
      where: { netns: lab.netns('backend'), stage: 'socket' },
      translated: { destination: { address: '10.99.0.10', port: 80 } },
    });
    expect(connection?.hops.find(({ verdict }) => verdict === 'translated')).toMatchObject({
      netns: lab.netns('host'),
      stage: 'prerouting',
    });
  });
});

describeLab('a host in between', () => {
  test('that does not forward is named, and the printed fix mends it', async () => {
    await using lab = await buildLab({
      hosts: {
        router: {
          addresses: { in0: ['10.88.0.1/24'], out0: ['10.99.0.1/24'] },
          sysctls: { 'net.ipv4.ip_forward': '0' },
        },
        portainer: { addresses: { eth0: ['10.88.0.10/24'] }, routes: ['default via 10.88.0.1'] },
        backend: {
          addresses: { eth0: ['10.99.0.10/24'] },
          routes: ['default via 10.99.0.1'],
          services: { web: httpsServer('0.0.0.0:19001') },
        },
      },
      veths: [
        ['router:in0', 'portainer:eth0'],
        ['router:out0', 'backend:eth0'],
      ],
    });
    const ask = (seconds: number) => ['curl', '-sk', '-m', String(seconds), 'https://10.99.0.10:19001/ping'];
    const [connection] = await connections(lab, ask(1));
    expect(connection).toMatchObject({ outcome: 'timeout', cause: 'ip-forward-off', certainty: 'proven' });
    expect(connection?.where).toMatchObject({ netns: lab.netns('router'), device: 'in0', stage: 'forward' });
    const [fix] = connection?.fixes ?? [];
    expect(fix).toMatchObject({ netns: lab.netns('router'), verified: true });
    await lab.must('router', ['sh', '-c', fix?.commands[0] ?? 'false']);
    expect(await lab.run('portainer', ask(5))).toMatchObject({ exitCode: 0, stdout: 'pong\n' });
    expect((await connections(lab, ask(5)))[0]).toMatchObject({ outcome: 'ok', cause: null });
  });

  const routed = {
    hosts: {
      router: {
        addresses: { in0: ['10.88.0.1/24'], out0: ['10.99.0.1/24'] },
        sysctls: { 'net.ipv4.ip_forward': '1' },
      },
      portainer: { addresses: { eth0: ['10.88.0.10/24'] }, routes: ['default via 10.88.0.1'] },
      backend: { addresses: { eth0: ['10.99.0.10/24'] }, services: { web: httpsServer('0.0.0.0:19001') } },
    },
    veths: [
      ['router:in0', 'portainer:eth0'],
      ['router:out0', 'backend:eth0'],
    ],
  } as const;
  const ask = ['curl', '-sk', '-m', '1', 'https://10.99.0.10:19001/ping'];

  test('whose way back is by another device drops what it filters', async () => {
    await using lab = await buildLab(routed);
    // The router's address is known: with the filter on, it would not answer who has it either.
    await lab.run('portainer', ['ping', '-c', '1', '-W', '1', '10.88.0.1']);
    await lab.must('router', ['sysctl', '-qw', 'net.ipv4.conf.in0.rp_filter=1']);
    execaSync('ip', ['-n', lab.netns('router'), 'route', 'add', '10.88.0.10/32', 'dev', 'out0']);
    const [connection] = await connections(lab, ask);
    expect(connection).toMatchObject({ outcome: 'timeout', cause: 'reverse-path-filter', certainty: 'proven' });
    expect(connection?.where).toMatchObject({ netns: lab.netns('router'), device: 'in0', stage: 'route' });
  });

  test('that the server has no route back to is not blamed', async () => {
    await using lab = await buildLab(routed);
    const [connection] = await connections(lab, ask);
    expect(connection).toMatchObject({ outcome: 'timeout', cause: 'no-return-route', certainty: 'observed' });
    expect(connection?.where).toMatchObject({ netns: lab.netns('backend'), stage: 'route' });
    expect(connection?.hops.at(-1)).toMatchObject({ direction: 'reply', verdict: 'failed' });
  });
});
