/** What `nettrace path` predicts, beside what connect() gives in the same namespace. */
import { expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { buildLab } from './lab.ts';
import { connectThere, predict } from './predicting.ts';
import { httpsServer } from './services.ts';
import type { LabSpec } from './spec.ts';

const server = (listen: string) => ({ services: { web: httpsServer(listen) } });

/**
 * A container and its neighbour on the router's bridge; behind the router one host that answers and one that cannot.
 */
const spec: LabSpec = {
  hosts: {
    router: {
      bridges: { br0: ['v0', 'v1'] },
      sysctls: { 'net.ipv4.ip_forward': '1' },
      addresses: { br0: ['10.88.0.1/24', 'fd00:88::1/64'], out0: ['10.99.0.1/24'], out1: ['10.98.0.1/24'] },
    },
    portainer: {
      addresses: { eth0: ['10.88.0.10/24', 'fd00:88::10/64'] },
      routes: [
        'default via 10.88.0.1',
        'unreachable 192.0.2.0/25',
        'prohibit 192.0.2.128/25',
        'blackhole 198.51.100.0/24',
      ],
    },
    web: {
      addresses: { eth0: ['10.88.0.20/24', 'fd00:88::20/64'] },
      services: { web: httpsServer('0.0.0.0:8080'), own: httpsServer('127.0.0.1:9090') },
    },
    backend: {
      addresses: { eth0: ['10.99.0.10/24'] },
      routes: ['default via 10.99.0.1'],
      ...server('0.0.0.0:8080'),
    },
    lost: { addresses: { eth0: ['10.98.0.10/24'] }, ...server('0.0.0.0:8080') },
  },
  veths: [
    ['router:v0', 'portainer:eth0'],
    ['router:v1', 'web:eth0'],
    ['router:out0', 'backend:eth0'],
    ['router:out1', 'lost:eth0'],
  ],
};

describeLab('nettrace path', () => {
  test('says what connect() gives, and agrees with the kernel about the way out', async () => {
    await using lab = await buildLab(spec);
    const expected: Readonly<Record<string, string>> = {
      '10.88.0.20:8080': 'ok -',
      '10.88.0.20:9090': 'refused ECONNREFUSED',
      '10.88.0.20:81': 'refused ECONNREFUSED',
      '10.88.0.1:8080': 'refused ECONNREFUSED',
      '127.0.0.1:8080': 'refused ECONNREFUSED',
      '[fd00:88::20]:8080': 'refused ECONNREFUSED',
      '10.99.0.10:8080': 'ok -',
      '10.98.0.10:8080': 'timeout -',
      '10.88.0.77:8080': 'unreachable EHOSTUNREACH',
      '192.0.2.1:8080': 'unreachable EHOSTUNREACH',
      '192.0.2.200:8080': 'unreachable EACCES',
      '198.51.100.1:8080': 'unreachable EINVAL',
      '203.0.113.9:8080': 'unreachable ENETUNREACH',
      '[fd00:99::1]:8080': 'unreachable ENETUNREACH',
    };
    const destinations = Object.keys(expected);
    const predicted: Record<string, string> = {};
    for (const destination of destinations) predicted[destination] = await predict(lab, 'portainer', destination);
    const results = await Promise.all(destinations.map((destination) => connectThere(lab, 'portainer', destination)));
    expect(Object.fromEntries(destinations.map((destination, at) => [destination, results[at]]))).toEqual(expected);
    expect(predicted).toEqual(expected);
  });

  test('leaves open what a program of traffic control lets pass, and names it', async () => {
    await using lab = await buildLab(spec);
    const drops = ['protocol', 'ip', 'bpf', 'da', 'bytecode', '1,6 0 0 2,'];
    await lab.must('web', ['tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact']);
    expect(await predict(lab, 'portainer', '10.88.0.20:8080')).toBe('ok -');
    await lab.must('web', ['tc', 'filter', 'add', 'dev', 'eth0', 'ingress', ...drops]);
    expect(await connectThere(lab, 'portainer', '10.88.0.20:8080')).toBe('timeout -');
    const path = ['path', '--json', '--netns', lab.netns('portainer'), 'tcp', '10.88.0.20:8080'];
    const [connection] = (await lab.nettrace(path)).json?.connections ?? [];
    expect(connection).toMatchObject({ outcome: 'unknown', cause: null });
    expect(connection?.prediction?.assumptions).toEqual([
      expect.stringMatching(
        /^\S+-web, ingress: received by eth0, .*; a filter of traffic control \(tc\) at eth0 may drop it, change it or send it elsewhere$/,
      ),
    ]);
  });

  test('says what ping gives, where a host answers no echo request too', async () => {
    await using lab = await buildLab(spec);
    await lab.must('web', ['sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_all=1']);
    const answers: Record<string, readonly [boolean, string | undefined]> = {};
    for (const address of ['10.88.0.20', 'fd00:88::20', '10.99.0.10', '10.98.0.10']) {
      const { exitCode } = await lab.run('portainer', ['ping', '-c', '1', '-W', '1', address]);
      const { json } = await lab.nettrace(['path', '--json', '--netns', lab.netns('portainer'), 'icmp', address]);
      answers[address] = [exitCode === 0, json?.connections[0]?.outcome];
    }
    expect(answers).toEqual({
      '10.88.0.20': [false, 'timeout'],
      'fd00:88::20': [true, 'ok'],
      '10.99.0.10': [true, 'ok'],
      '10.98.0.10': [false, 'timeout'],
    });
  });
});
