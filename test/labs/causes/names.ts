/** Labs of resolvers that answer with an error, or not at all. */
import type { ServiceSpec } from '../spec.ts';
import type { CauseLab, HostCommand } from './cause-lab.ts';
import { containerHost } from './topology.ts';

/** Response codes, RFC 1035 section 4.1.1. */
const responseCode = { none: 0, serverFailure: 2, nameError: 3, refused: 5 } as const;

const answer = 'bytes([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 88, 0, 20])';

/** A resolver on port 53 that does this with a question `q` of `a`. */
function resolver(reply: string): ServiceSpec {
  const code = [
    'import socket',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    's.bind(("0.0.0.0", 53))',
    'while True:',
    '  q, a = s.recvfrom(600)',
    `  ${reply}`,
  ].join('\n');
  return { argv: () => ['python3', '-c', code], listens: '0.0.0.0:53' };
}

/** A resolver that says this response code to every question, and 10.88.0.20 where that is none. */
function answering(code: keyof typeof responseCode): ServiceSpec {
  const header = `bytes([0x81, 0x80 + ${responseCode[code]}, 0, 1, 0, ${code === 'none' ? 1 : 0}, 0, 0, 0, 0])`;
  const question = 'q[12:q.index(0, 12) + 5]';
  return resolver(`s.sendto(q[:2] + ${header} + ${question}${code === 'none' ? ` + ${answer}` : ''}, a)`);
}

/** Asks a resolver for web.test as libc would, twice at most; ends with 1 unless it was told an address. */
function askFor(host: string, server: string): HostCommand {
  const code = [
    'import socket, sys',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    's.settimeout(1)',
    `s.connect(("${server}", 53))`,
    'for _ in range(2):',
    '  s.send(bytes([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + b"\\x03web\\x04test\\x00\\x00\\x01\\x00\\x01")',
    '  try: sys.exit(min(s.recv(600)[3] & 15, 1))',
    '  except TimeoutError: pass',
    'sys.exit(1)',
  ].join('\n');
  return { host, argv: ['python3', '-c', code] };
}

function lab(name: string, dns: ServiceSpec, expected: CauseLab['expected']): CauseLab {
  return { name, spec: containerHost({ web: { services: { dns } } }), command: askFor('box', '10.88.0.20'), expected };
}

/** See the file's head. */
export const nameLabs: readonly CauseLab[] = [
  lab('healthy: a name by DNS over UDP', answering('none'), { outcome: 'ok', cause: null }),
  ...(
    [
      ['dns-servfail', answering('serverFailure')],
      ['dns-nxdomain', answering('nameError')],
      ['dns-refused', answering('refused')],
      ['dns-timeout', resolver('pass')],
    ] as const
  ).map(([cause, dns]) => lab(cause, dns, { outcome: 'dns-failed', cause, host: null, stage: 'application' })),
  {
    name: 'neighbour-unresolved: a resolver whose address nobody has',
    spec: containerHost({}),
    command: askFor('box', '10.88.0.77'),
    expected: { outcome: 'timeout', cause: 'neighbour-unresolved', host: 'host', stage: 'neighbour' },
    blind: { 'no kernel': 'a question that never became a packet, and arguments that name nobody' },
  },
];
