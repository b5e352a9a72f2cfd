import { describe, expect, it } from 'vitest';
import { predict } from '../../src/diagnose/predict.ts';
import type { KernelRoute } from '../../src/host/parse/route-get.ts';
import type { NamespaceState } from '../../src/host/state.ts';
import type { ModelPacket } from '../../src/model/step.ts';
import { host, link, loopback, rule } from '../model/hosts.ts';
import { saved, sometimes } from '../model/netfilter/tables.ts';
import { box, bridgeHost, type Told, web } from '../model/two-boxes.ts';
import { questionOf } from './on-host.ts';

interface Asked extends Partial<Omit<ModelPacket, 'family' | 'destination'>> {
  readonly to?: string;
  readonly kernel?: KernelRoute;
}

function ask({ to = '10.88.0.20', kernel, ...asked }: Asked, ...namespaces: readonly NamespaceState[]) {
  const kernelRoute = kernel === undefined ? null : { command: 'ip route get', answer: kernel };
  const question = { ...questionOf(host(...namespaces), to, asked), kernelRoute };
  const { connections, ...rest } = predict(question);
  const [connection] = connections;
  if (connection === undefined || connections.length > 1) throw new Error('there is one connection in a prediction');
  return { ...rest, connection };
}

const all = (changes: { box?: Told; web?: Told; host?: Told } = {}): NamespaceState[] => [
  box(changes.box),
  web(changes.web),
  bridgeHost(changes.host),
];

/** What is said of a packet, in the words that scripts ask for, and the sentence. */
function said(asked: Asked, ...namespaces: readonly NamespaceState[]): string[] {
  const { outcome, errno, cause, summary } = ask(asked, ...namespaces).connection;
  return [`${outcome} ${errno ?? '-'} ${cause ?? '-'}`, summary];
}

const noListener = { listeners: [] };
const prohibited = [
  '0: from all lookup 255',
  '100: from all to 198.51.100.0/24 prohibit',
  '32766: from all lookup 254',
].map((text) => rule(text));
const dropping = { ruleTables: sometimes('INPUT', 'DROP') };
const translating = { ruleTables: sometimes('PREROUTING', 'DNAT --to-destination 10.88.0.20:80') };
const noWayBack = { routes: [] };
const onlySyns = '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT';
const input = (policy: string, ...rules: readonly string[]): Told => ({
  ruleTables: saved(
    ['*filter', `:INPUT ${policy} [0:0]`, ...rules.map((one) => `-A INPUT ${one}`), 'COMMIT', ''].join('\n'),
  ),
});

describe('starting the service that is missing', () => {
  it.each<[string, NamespaceState[], boolean]>([
    ['is checked where it would be reached', all({ web: noListener }), true],
    [
      'is not where a firewall would stop what follows the SYN',
      all({ web: { ...noListener, ...input('DROP', onlySyns) } }),
      false,
    ],
  ])('%s', (_name, namespaces, verified) => {
    const { cause, fixes } = ask({}, ...namespaces).connection;
    expect(cause).toBe('no-listener');
    expect(fixes).toMatchObject([{ commands: ['ss -ltnp'], netns: 'web', verified }]);
  });
});

describe('what would become of a packet', () => {
  it.each<[string, Asked, NamespaceState[], string, string]>([
    [
      'a listener takes it',
      {},
      all(),
      'ok - -',
      'Nothing that is known stands in the way of 10.88.0.20:80: in web, a socket listens on 0.0.0.0:80.',
    ],
    [
      'a firewall that lets in nothing but SYNs',
      {},
      all({ web: input('DROP', onlySyns) }),
      'stalled - firewall-drop',
      '10.88.0.20:80 would take the connection, and get nothing that follows: the policy of chain INPUT in table ip filter dropped it.',
    ],
    [
      'one that lets in SYNs and, by chance, what follows',
      {},
      all({ web: input('DROP', onlySyns, '-m statistic --mode random --probability 0.5 -j ACCEPT') }),
      'unknown - -',
      'Whether 10.88.0.20:80 answers is not settled: in web, input: perhaps the policy of chain INPUT in table ip filter drops what no rule takes; whether it matches is not known: -m statistic --mode random --probability 0.5.',
    ],
    [
      'no listener',
      {},
      all({ web: noListener }),
      'refused ECONNREFUSED no-listener',
      '10.88.0.20:80 would refuse: nothing listens on tcp port 80 in web.',
    ],
    [
      'a listener on another address',
      {},
      all({ web: { listeners: ['tcp 127.0.0.1:80'] } }),
      'refused ECONNREFUSED listener-on-other-address',
      '10.88.0.20:80 would refuse: a process that could not be named has the port, but on 127.0.0.1:80.',
    ],
    [
      'a datagram to no socket',
      { protocol: 'udp' },
      all(),
      'refused ECONNREFUSED no-listener',
      '10.88.0.20:80 would refuse: nothing listens on udp port 80 in web.',
    ],
    [
      'no route',
      { to: '192.0.2.1' },
      all({ box: { routes: ['10.88.0.0/16 dev eth0'] } }),
      'unreachable ENETUNREACH no-route',
      '192.0.2.1:80 would not be reached (ENETUNREACH): no route to 192.0.2.1.',
    ],
    [
      'an address that nobody has',
      { to: '10.88.0.99' },
      all(),
      'unreachable EHOSTUNREACH neighbour-unresolved',
      '10.88.0.99:80 would not be reached (EHOSTUNREACH): nobody on br0 has the address 10.88.0.99.',
    ],
    [
      'the same for a datagram: its program waits',
      { to: '10.88.0.99', protocol: 'udp' },
      all(),
      'timeout - neighbour-unresolved',
      '10.88.0.99:80 would not answer: nobody on br0 has the address 10.88.0.99.',
    ],
    [
      'a host that does not forward',
      { to: '192.0.2.1' },
      all({ host: { sysctls: { 'net.ipv4.conf.br0.forwarding': '0' } } }),
      'timeout - ip-forward-off',
      '192.0.2.1:80 would not answer: host does not forward: net.ipv4.conf.br0.forwarding is 0.',
    ],
    [
      'a router without a route that tells the sender',
      { to: '198.51.100.1' },
      all({ host: { routes: ['10.88.0.0/16 dev br0'] } }),
      'unreachable ENETUNREACH no-route',
      '198.51.100.1:80 would not be reached (ENETUNREACH): the host has no route to it.',
    ],
    [
      'the same for a datagram: its socket takes no notice',
      { to: '198.51.100.1', protocol: 'udp' },
      all({ host: { routes: ['10.88.0.0/16 dev br0'] } }),
      'timeout - no-route',
      '198.51.100.1:80 would not answer: the host has no route to it.',
    ],
    [
      'a datagram to a firewall that forbids it: its socket does take notice of that',
      { protocol: 'udp' },
      all({ web: input('ACCEPT', '-j REJECT --reject-with icmp-admin-prohibited') }),
      'unreachable EHOSTUNREACH firewall-reject',
      '10.88.0.20:80 would not be reached (EHOSTUNREACH): rule 1 of chain INPUT in table ip filter answered with an ICMP error.',
    ],
    [
      'a host whose rules could not be read, and may send it elsewhere',
      { to: '192.0.2.7' },
      all({ host: { firewallKnown: false } }),
      'unknown - -',
      'Whether 192.0.2.7:80 answers is not settled: on the host, prerouting: the firewall rules could not be read.',
    ],
    [
      'a router whose rule of policy routing says no',
      { to: '198.51.100.1' },
      all({ host: { rules: prohibited } }),
      'unreachable EHOSTUNREACH route-prohibit',
      '198.51.100.1:80 would not be reached (EHOSTUNREACH): the host has a rule that forbids it: the rule "100: from all to 198.51.100.0/24 prohibit" takes it.',
    ],
    [
      'a network as a whole, which TCP cannot ask',
      { to: '10.88.255.255' },
      all({ box: { routes: ['broadcast 10.88.255.255/32 dev eth0', '10.88.0.0/16 dev eth0'] } }),
      'unreachable ENETUNREACH -',
      '10.88.255.255:80 would not be reached (ENETUNREACH): in box, the route to 10.88.255.255 is of type broadcast.',
    ],
    [
      'a router whose route swallows it',
      { to: '198.51.100.1' },
      all({ host: { routes: ['10.88.0.0/16 dev br0', 'blackhole 198.51.100.0/24'] } }),
      'timeout - route-blackhole',
      '198.51.100.1:80 would not answer: the host has a route to it of type blackhole, which swallows it.',
    ],
    [
      'a way back that is missing',
      { source: '10.88.0.10' },
      all({ web: noWayBack }),
      'timeout - no-return-route',
      'No answer of 10.88.0.20:80 would come through: no route to 10.88.0.10, for the answer.',
    ],
    [
      'a refusal that finds no way back',
      { source: '10.88.0.10' },
      all({ web: { ...noWayBack, ...noListener } }),
      'timeout - -',
      'No answer of 10.88.0.20:80 would come through: in web, no route to 10.88.0.10.',
    ],
    [
      'a device out of sight',
      { to: '192.0.2.1' },
      all(),
      'unknown - -',
      'Nothing that is known of this host stands in the way of 192.0.2.1:80, and beyond it nothing is known: it leaves by host:eth0.',
    ],
    [
      'a rule that may drop it',
      {},
      all({ web: dropping }),
      'unknown - -',
      'Whether 10.88.0.20:80 answers is not settled: in web, input: perhaps rule 1 of chain INPUT in table ip filter drops it; whether it matches is not known: -m statistic --mode random --probability 0.5.',
    ],
    [
      'a rule that may drop what nobody listens for',
      {},
      all({ web: { ...dropping, ...noListener } }),
      'refused ECONNREFUSED no-listener',
      '10.88.0.20:80 would refuse: nothing listens on tcp port 80 in web.',
    ],
    [
      'a rule that may send it elsewhere',
      { to: '10.88.0.1' },
      all({ host: translating }),
      'unknown - -',
      'Whether 10.88.0.1:80 answers is not settled: on the host, route: it takes one of 2 ways (the rules leave it open which), and they end differently: accepted in web; or refused in host.',
    ],
    [
      'a ping',
      { protocol: 'icmp', destinationPort: 0 },
      all(),
      'ok - -',
      'Nothing that is known stands in the way of 10.88.0.20: in web, the kernel answers echo requests itself.',
    ],
    [
      'a ping to who answers none',
      { protocol: 'icmp', destinationPort: 0 },
      all({ web: { sysctls: { 'net.ipv4.icmp_echo_ignore_all': '1' } } }),
      'timeout - -',
      '10.88.0.20 would not answer: in web, echo requests are not answered: net.ipv4.icmp_echo_ignore_all is 1.',
    ],
  ])('%s', (_name, asked, namespaces, what, sentence) => {
    expect(said(asked, ...namespaces)).toEqual([what, sentence]);
  });
});

describe('the document', () => {
  it('has no frames, no port of the program, and no more than inferred', () => {
    const { evidence, connection } = ask({}, ...all());
    expect(evidence).toMatchObject({ frames: 0, snapshot: true, kernelEvents: 0, missing: ['Nobody was asked.'] });
    expect(connection).toMatchObject({
      source: { address: '10.88.0.10', port: null, netns: 'box' },
      destination: { address: '10.88.0.20', port: 80, netns: 'web' },
      certainty: 'inferred',
      frames: [],
      prediction: { assumptions: [], kernelRoute: null },
    });
    expect(connection.explanation[0]).toMatch(/^No packet was sent/);
  });

  it('tells the way there and back, numbered through', () => {
    const { hops } = ask({}, ...all()).connection;
    expect(hops.map(({ index }) => index)).toEqual(hops.map((_, at) => at + 1));
    expect(hops.map(({ direction, netns, stage, verdict }) => `${direction} ${netns} ${stage} ${verdict}`)).toEqual([
      'request box route passed',
      'request box egress passed',
      'request host bridge passed',
      'request host egress passed',
      'request web ingress passed',
      'request web route delivered',
      'request web input passed',
      'request web socket delivered',
      'reply web route passed',
      'reply web egress passed',
      'reply host bridge passed',
      'reply host egress passed',
      'reply box ingress passed',
      'reply box route delivered',
      'reply box input passed',
      'reply box socket delivered',
    ]);
  });

  it('says where a refusal is, though the answer passes by there too', () => {
    const { hops, where } = ask({}, ...all({ web: noListener })).connection;
    expect(where).toMatchObject({ netns: 'web', stage: 'socket' });
    expect(hops[(where?.hop ?? 0) - 1]).toMatchObject({ direction: 'request', verdict: 'refused' });
    expect(hops.at(-1)).toMatchObject({ direction: 'reply', netns: 'box', verdict: 'delivered' });
  });

  it('ends with the answer that finds no way', () => {
    const { hops, where } = ask({ source: '10.88.0.10' }, ...all({ web: noWayBack })).connection;
    expect(hops.at(-1)).toMatchObject({ direction: 'reply', netns: 'web', stage: 'route', verdict: 'failed' });
    expect(where?.hop).toBe(hops.length);
    expect(hops.filter(({ direction }) => direction === 'reply')).toHaveLength(1);
  });

  it('says what was taken as given, and that what follows is an if', () => {
    const { hops, prediction } = ask({}, ...all({ web: dropping })).connection;
    expect(prediction?.assumptions).toEqual([
      'web, input: perhaps rule 1 of chain INPUT in table ip filter drops it; whether it matches is not known: -m statistic --mode random --probability 0.5',
    ]);
    const after = hops.slice(hops.findIndex(({ stage }) => stage === 'input') + 1);
    expect(after.length).toBeGreaterThan(1);
    for (const { verdict, detail } of after) {
      expect([verdict, detail.startsWith('if it comes this far: ')]).toEqual(['unknown', true]);
    }
  });

  it('shows where a connection that opens goes no further, with a fix that is tried on the model', () => {
    const { outcome, explanation, hops, fixes } = ask({}, ...all({ web: input('DROP', onlySyns) })).connection;
    expect(outcome).toBe('stalled');
    expect(explanation[2]).toMatch(/^The SYN and its answer get through, so connect\(\) succeeds; /);
    expect(hops.at(-1)).toMatchObject({ netns: 'web', verdict: 'dropped' });
    expect(fixes).toMatchObject([{ verified: true }]);
  });

  it('tries a fix on the model', () => {
    const links = [loopback(), link('eth0', { addresses: ['10.88.0.20'], peer: 'host:6' })];
    const { fixes } = ask({}, ...all({ web: { links, listeners: ['tcp 127.0.0.1:80'] } })).connection;
    expect(fixes).toMatchObject([{ netns: 'web', verified: true }]);
  });
});

describe("the kernel's own look-up", () => {
  const route = { kind: 'route', type: 'unicast', device: 'eth0', gateway: null, source: '10.88.0.10' } as const;

  it('that agrees is quoted', () => {
    const { outcome, prediction } = ask({ kernel: { ...route, text: 'dev eth0' } }, ...all()).connection;
    expect([outcome, prediction?.kernelRoute]).toEqual([
      'ok',
      { command: 'ip route get', text: 'dev eth0', disagreements: [] },
    ]);
  });

  it('that does not agree wins: nothing is predicted', () => {
    const kernel = { ...route, device: 'tun0', text: 'dev tun0' };
    const { connection } = ask({ kernel }, ...all({ web: noListener }));
    expect(connection).toMatchObject({ outcome: 'unknown', errno: null, cause: null, where: null, fixes: [] });
    expect(connection.summary).toContain('the kernel sends it by tun0, the model by eth0');
    expect(connection.hops).toMatchObject([{ stage: 'route', verdict: 'unknown' }]);
  });
});

it('a namespace that is not there settles nothing', () => {
  expect(said({}, web(), bridgeHost())).toEqual([
    'unknown - -',
    'Whether 10.88.0.20:80 answers is not settled: the namespace box is not in the snapshot.',
  ]);
});
