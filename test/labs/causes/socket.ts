/** Labs of sockets and of the programs behind them. */
import { basename, dirname } from 'node:path';
import type { ServiceSpec } from '../spec.ts';
import type { CauseLab, HostCommand } from './cause-lab.ts';
import { containerHost, curl, plainServer, webServer } from './topology.ts';

/** A program of one line of Python that listens on TCP port 80. */
function listening(code: string, backlog = 5): ServiceSpec {
  const program = [
    'import socket, time, struct',
    's = socket.socket()',
    's.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)',
    's.bind(("0.0.0.0", 80))',
    `s.listen(${backlog})`,
    code,
  ].join('\n');
  return { argv: () => ['python3', '-c', program], listens: '0.0.0.0:80' };
}

const linger = 'struct.pack("ii", 1, 0)';
const serve = (each: string): string =>
  ['while True:', '  c, _ = s.accept()', ...each.split('\n').map((line) => `  ${line}`)].join('\n');

/**
 * Speaks TLS on port 443, with a setting of its own. Its arguments name no folder of the machine, so that a recorded case
 * does not either.
 */
const tlsServerOf = (...settings: readonly string[]): ServiceSpec => ({
  argv: ({ key, cert }) => [
    'sh',
    '-c',
    'cd "$1" && exec python3 -c "$0" "$2" "$3"',
    [
      'import socket, ssl, sys',
      'context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)',
      'context.load_cert_chain(sys.argv[1], sys.argv[2])',
      ...settings,
      's = socket.create_server(("0.0.0.0", 443))',
      'while True:',
      '  c, _ = s.accept()',
      '  try: context.wrap_socket(c, server_side=True)',
      '  except OSError: c.close()',
    ].join('\n'),
    dirname(key),
    basename(cert),
    basename(key),
  ],
  listens: '0.0.0.0:443',
});
const tlsServer = tlsServerOf();

/** Connects so many sockets of a host with an end, and holds them. */
function holding(host: string, count: number, address: string, seconds: number): HostCommand {
  const family = address.includes(':') ? 'AF_INET6' : 'AF_INET';
  const code = [
    'import socket, subprocess, sys',
    `all = [socket.socket(socket.${family}) for _ in range(${count})]`,
    'for s in all:',
    '  s.setblocking(False)',
    `  s.connect_ex(("${address}", 80))`,
    `subprocess.Popen([sys.executable, "-c", "import time; time.sleep(${seconds})"], pass_fds=[s.fileno() for s in all], stdin=-3, stdout=-3, stderr=-3, start_new_session=True)`,
  ].join('\n');
  return { host, argv: ['python3', '-c', code] };
}

/** A range of two local ports. */
const twoPorts = { 'net.ipv4.ip_local_port_range': '40000 40001' } as const;

/** See the file's head. */
export const socketLabs: readonly CauseLab[] = [
  {
    name: 'no-listener: a closed port of a neighbour',
    spec: containerHost(),
    command: curl('box', '10.88.0.20:81/'),
    expected: { outcome: 'refused', cause: 'no-listener', host: 'web', stage: 'socket' },
  },
  {
    name: 'no-listener: IPv6, the host',
    spec: containerHost(),
    command: curl('box', '[fd00:88::1]:81/'),
    expected: { outcome: 'refused', cause: 'no-listener', host: 'host', stage: 'socket' },
  },
  {
    name: 'no-listener: behind a published port',
    spec: containerHost({
      host: {
        nft: 'table ip publish { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to 10.88.0.20:81; }; }',
      },
    }),
    command: curl('outside', '203.0.113.2:8080/'),
    expected: { outcome: 'refused', cause: 'no-listener', host: 'web', stage: 'socket' },
  },
  {
    name: 'listener-on-other-address: a service of the host on loopback',
    spec: containerHost({ host: { services: { web: webServer('127.0.0.1', 8080) } } }),
    command: curl('box', '10.88.0.1:8080/'),
    expected: { outcome: 'refused', cause: 'listener-on-other-address', host: 'host', stage: 'socket' },
  },
  {
    name: 'listener-on-other-address: in the container, behind a published port',
    spec: containerHost({
      web: { services: { web: webServer('127.0.0.1', 80) } },
      host: {
        nft: 'table ip publish { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to 10.88.0.20:80; }; }',
      },
    }),
    command: curl('outside', '203.0.113.2:8080/'),
    expected: { outcome: 'refused', cause: 'listener-on-other-address', host: 'web', stage: 'socket' },
  },
  {
    name: 'listener-on-other-address: IPv6, loopback',
    spec: containerHost({ web: { services: { web: plainServer('::1', 80) } } }),
    command: curl('box', '[fd00:88::20]/'),
    expected: { outcome: 'refused', cause: 'listener-on-other-address', host: 'web', stage: 'socket' },
  },
  {
    name: 'listener-other-family: IPv4 to a service of IPv6',
    spec: containerHost({
      web: {
        services: {
          web: {
            argv: () => [
              'python3',
              '-c',
              'import socket\ns = socket.create_server(("::", 80), family=socket.AF_INET6)\nwhile True: s.accept()',
            ],
            listens: '[::]:80',
          },
        },
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'refused', cause: 'listener-other-family', host: 'web', stage: 'socket' },
  },
  {
    name: 'listener-other-family: IPv6 to a service of IPv4',
    spec: containerHost(),
    command: curl('box', '[fd00:88::20]/'),
    expected: { outcome: 'refused', cause: 'listener-other-family', host: 'web', stage: 'socket' },
  },
  {
    name: 'listener-on-other-device',
    spec: containerHost({
      host: {
        services: {
          web: {
            argv: () => [
              'python3',
              '-c',
              'import socket\ns = socket.socket()\ns.setsockopt(1, 25, b"up0")\ns.bind(("0.0.0.0", 80))\ns.listen()\nwhile True: s.accept()',
            ],
            listens: '0.0.0.0%up0:80',
          },
        },
      },
    }),
    command: curl('box', '10.88.0.1/'),
    expected: { outcome: 'refused', cause: 'listener-on-other-device', host: 'host', stage: 'socket' },
  },
  {
    name: 'accept-queue-full: a program that never accepts',
    spec: containerHost({ web: { services: { stuck: listening('time.sleep(600)', 0) } } }),
    before: [holding('box', 4, '10.88.0.20', 600)],
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'timeout', cause: 'accept-queue-full', host: 'web', stage: 'socket' },
  },
  {
    name: 'ephemeral-ports-exhausted: two ports, and both are in use',
    spec: containerHost({ box: { sysctls: twoPorts } }),
    before: [holding('box', 2, '10.88.0.20', 600)],
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'unreachable', cause: 'ephemeral-ports-exhausted', host: 'box', stage: 'send' },
    mends: true,
  },
  {
    name: 'ephemeral-ports-exhausted: IPv6, in TIME-WAIT',
    spec: containerHost({
      box: { sysctls: twoPorts },
      web: { services: { web: webServer('::', 80) } },
    }),
    // Who closes first waits: `bash` opens a connection each time, says nothing, and closes it.
    before: [1, 2].map(() => ({ host: 'box', argv: ['bash', '-c', 'exec 3<>/dev/tcp/fd00:88::20/80'] })),
    command: curl('box', '[fd00:88::20]/'),
    expected: { outcome: 'unreachable', cause: 'ephemeral-ports-exhausted', host: 'box', stage: 'send' },
    mends: true,
  },
  {
    name: 'reset-by-application',
    spec: containerHost({
      web: {
        services: {
          web: listening(serve(`c.recv(100)\nc.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ${linger})\nc.close()`)),
        },
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'reset', cause: 'reset-by-application', host: 'web', stage: 'application' },
  },
  {
    name: 'closed-by-application',
    spec: containerHost({ web: { services: { web: listening(serve('c.recv(1000)\nc.close()')) } } }),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'closed', cause: 'closed-by-application', host: 'web', stage: 'application' },
  },
  {
    name: 'no-response-from-application',
    spec: containerHost({ web: { services: { web: listening(`all = []\n${serve('all.append(c)')}`) } } }),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'timeout', cause: 'no-response-from-application', host: 'web', stage: 'application' },
  },
  {
    name: 'tls-to-plaintext',
    spec: containerHost(),
    command: { host: 'box', argv: ['curl', '-sSk', '-m', '2', 'https://10.88.0.20:80/'] },
    expected: { outcome: 'tls-failed', cause: 'tls-to-plaintext', host: 'web', stage: 'application' },
  },
  {
    name: 'plaintext-to-tls',
    spec: containerHost({ web: { services: { web: tlsServer } } }),
    command: curl('box', '10.88.0.20:443/'),
    expected: { outcome: 'reset', cause: 'plaintext-to-tls', host: 'web', stage: 'application' },
  },
  {
    name: 'tls-alert: the server speaks no version that the client does',
    spec: containerHost({
      web: { services: { web: tlsServerOf('context.minimum_version = ssl.TLSVersion.TLSv1_3') } },
    }),
    command: { host: 'box', argv: ['curl', '-sSk', '-m', '2', '--tls-max', '1.2', 'https://10.88.0.20/'] },
    expected: { outcome: 'tls-failed', cause: 'tls-alert', host: 'web', stage: 'application' },
  },
  {
    name: 'tls-alert: the client does not know who signed',
    spec: containerHost({ web: { services: { web: tlsServer } } }),
    command: { host: 'box', argv: ['curl', '-sS', '-m', '2', '--tls-max', '1.2', 'https://10.88.0.20/'] },
    expected: { outcome: 'tls-failed', cause: 'tls-alert', host: 'web', stage: 'application' },
  },
  {
    name: 'proxy-upstream-refused: the front answers, its backend refuses',
    spec: containerHost({
      web: {
        services: {
          web: listening(
            serve('c.recv(100)\ntry: socket.create_connection(("10.88.0.1", 9000))\nexcept OSError: c.close()'),
          ),
        },
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'closed', cause: 'proxy-upstream-refused', host: 'web', stage: 'application' },
  },
  {
    name: 'proxy-upstream-refused: the front waits for its backend, and a rule drops what it asks',
    spec: containerHost({
      host: { iptables: '*filter\n-A FORWARD -p tcp -m tcp --dport 5432 -j DROP\nCOMMIT\n' },
      web: {
        services: {
          // A thread each: what one waits for keeps nobody else waiting.
          web: listening(
            [
              'import threading',
              'def answer(c):',
              '  c.recv(100)',
              '  try: socket.create_connection(("203.0.113.1", 5432), 20)',
              '  except OSError: c.close()',
              'while True: threading.Thread(target=answer, args=[s.accept()[0]], daemon=True).start()',
            ].join('\n'),
          ),
        },
      },
    }),
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'timeout', cause: 'proxy-upstream-refused', host: 'web', stage: 'application' },
  },
  {
    name: 'http-proxy-in-the-way: what is near is asked through a proxy that does not run',
    spec: containerHost(),
    command: { ...curl('box', '10.88.0.20/'), env: { http_proxy: 'http://me:secret@10.88.0.1:3128/' } },
    expected: { outcome: 'refused', cause: 'http-proxy-in-the-way', host: 'box', stage: 'send' },
  },
];
