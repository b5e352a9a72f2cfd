/**
 * Small hosts for tests, written as `ip` and `ss` would print them. Local routes follow from the addresses; connected
 * routes do not, as it is them that a test is often about.
 */

import type {
  BridgePort,
  ForwardingEntry,
  HostState,
  Link,
  LinkAddress,
  Listener,
  NamespaceState,
  Neighbour,
  NumberRange,
  Quote,
  Route,
  RoutingRule,
  RuleSelector,
} from '../../src/host/state.ts';
import type { Journey, ModelPacket } from '../../src/model/step.ts';

function quote(text: string): Quote {
  return { netns: '', command: '', text };
}

/** `10.88.0.1`, `10.88.0.1/24 secondary`, `fe80::1/64 link tentative`: a prefix of 16 or 64 bits unless told. */
function linkAddress(text: string): LinkAddress {
  const [prefix = '', ...words] = text.split(' ');
  const [address = '', length] = prefix.split('/');
  const six = address.includes(':');
  const scope = words.includes('link') ? 253 : address.startsWith('127.') || address === '::1' ? 254 : 0;
  return {
    family: six ? 6 : 4,
    address,
    peer: null,
    prefixLength: Number(length ?? (six ? 64 : 16)),
    scope,
    flags: words.filter((word) => word !== 'link'),
    source: quote(text),
  };
}

/** A link; `addresses` without prefix lengths. Up, with a carrier, a device by itself unless told. */
export function link(
  name: string,
  told: Partial<Omit<Link, 'name' | 'addresses' | 'peer'>> & {
    addresses?: readonly string[];
    /** `NETNS:INDEX`, or `null:INDEX` for a namespace that the snapshot has not. */
    peer?: string;
  } = {},
): Link {
  const { addresses = [], peer, ...rest } = told;
  const [netns = '', index] = peer?.split(':') ?? [];
  return {
    index: 2,
    name,
    kind: peer === undefined ? 'device' : 'veth',
    mac: null,
    mtu: 1500,
    up: true,
    carrier: true,
    arp: true,
    master: null,
    mode: null,
    vrfTable: null,
    vlanFiltering: false,
    programs: [],
    peer: peer === undefined ? null : { netns: netns === 'null' ? null : netns, index: Number(index), device: null },
    lower: null,
    vxlan: null,
    addresses: addresses.map(linkAddress),
    source: quote(name),
    ...rest,
  };
}

/** The loopback device. */
export function loopback(told: Partial<Pick<Link, 'up' | 'carrier'>> = {}): Link {
  return link('lo', { index: 1, kind: 'loopback', addresses: ['127.0.0.1', '::1'], ...told });
}

const routeTypes = [
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'local',
  'broadcast',
  'anycast',
  'unknown',
] as const;

/** A route from its text: `default via 10.88.0.1 dev eth0`, `blackhole 192.0.2.0/24 metric 5 table 100`. */
function route(text: string): Route {
  const words = text.split(' ');
  const type = routeTypes.find((name) => name === words[0]);
  const destination = words[type === undefined ? 0 : 1] ?? '';
  const [prefix = '', length] = destination.split('/');
  const after = (word: string): string | null => words[words.indexOf(word, 1) + 1] ?? null;
  const told = (word: string): string | null => (words.includes(word) ? after(word) : null);
  const six = text.includes('::');
  const [from = null, fromLength = six ? '128' : '32'] = told('from')?.split('/') ?? [];
  const isDefault = destination === 'default';
  return {
    family: six ? 6 : 4,
    table: Number(told('table') ?? (type === 'local' || type === 'broadcast' || type === 'anycast' ? 255 : 254)),
    type: type ?? 'unicast',
    prefix: isDefault ? (six ? '::' : '0.0.0.0') : prefix,
    prefixLength: isDefault ? 0 : Number(length ?? (six ? 128 : 32)),
    metric: Number(told('metric') ?? 0),
    scope: { link: 253, host: 254 }[told('scope') ?? ''] ?? 0,
    tos: Number(told('tos') ?? 0),
    from: from === null ? null : { prefix: from, prefixLength: Number(fromLength) },
    preferredSource: told('src'),
    nextHops: text.split(' nexthop ').flatMap((hop, at, hops) => {
      if (at === 0 && hops.length > 1) return [];
      const device = / dev (\S+)/.exec(` ${hop}`)?.[1];
      const gateway = / via (\S+)/.exec(` ${hop}`)?.[1] ?? null;
      const [dead, linkDown] = [hop.includes(' dead'), hop.includes(' linkdown')];
      return device === undefined ? [] : [{ device, gateway, dead, linkDown }];
    }),
    source: quote(text),
  };
}

/** A rule from its text, as `ip rule` prints it with tables as numbers; the word `strange` is a selector that nobody reads. */
export function rule(text: string, family: 4 | 6 = 4): RoutingRule {
  const table = / lookup (\d+)/.exec(text)?.[1];
  const told = (word: string): string | null => new RegExp(` ${word} (\\S+)`).exec(text)?.[1] ?? null;
  const prefix = (word: string): RuleSelector['from'] => {
    const [address = 'all', length = family === 4 ? '32' : '128'] = told(word)?.split('/') ?? [];
    return address === 'all' ? null : { prefix: address, prefixLength: Number(length) };
  };
  const range = (word: string): NumberRange | null => {
    const [first = null, last = first] = told(word)?.split('-') ?? [];
    return first === null || last === null ? null : { first: Number(first), last: Number(last) };
  };
  const [mark = null, mask = '0xffffffff'] = told('fwmark')?.split('/') ?? [];
  const target = told('goto');
  const suppressed = told('suppress_prefixlength');
  const action = (['blackhole', 'unreachable', 'prohibit', 'nop'] as const).find((name) => text.endsWith(` ${name}`));
  return {
    family,
    priority: Number.parseInt(text, 10),
    action:
      action ?? (target === null ? (table === undefined && !text.includes('l3mdev') ? 'unknown' : 'lookup') : 'goto'),
    table: table === undefined ? null : Number(table),
    target: target === null ? null : Number(target),
    inverted: text.includes(': not '),
    selector: {
      from: prefix('from'),
      to: prefix('to'),
      inputDevice: told('iif'),
      outputDevice: told('oif'),
      mark: mark === null ? null : { value: Number(mark), mask: Number(mask) },
      tos: told('tos') === null ? null : Number(told('tos')),
      protocol: told('ipproto'),
      sourcePorts: range('sport'),
      destinationPorts: range('dport'),
      users: range('uidrange'),
      vrf: text.includes('l3mdev'),
    },
    suppressPrefixLength: suppressed === null ? null : Number(suppressed),
    unread: text.includes('strange'),
    source: quote(text),
  };
}

const kernelRules = ['0: from all lookup 255', '32766: from all lookup 254', '32767: from all lookup 253'];

/** A listener from its text: `tcp 127.0.0.1:80`, `tcp *:80` (both families), `tcp [::]:80` (v6only), `udp 0.0.0.0%eth0:53`. */
function listener(text: string): Listener {
  const match = /^(tcp|udp) (\*|\[[^\]]*\]|[\d.]+)(?:%(\w+))?:(\d+)$/.exec(text);
  if (match === null) throw new Error(`not a listener: ${text}`);
  const [, protocol, host = '', device = null, port] = match;
  const address = host === '*' ? '::' : host.replace(/[[\]]/g, '');
  return {
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    family: address.includes(':') ? 6 : 4,
    address,
    port: Number(port),
    v6Only: host === '[::]',
    device,
    queue: { waiting: 0, limit: 128 },
    process: null,
    source: quote(text),
  };
}

/** A port of a bridge. */
export function port(
  device: string,
  bridge: string,
  state = 'forwarding',
  told: Partial<Omit<BridgePort, 'device' | 'bridge' | 'state'>> = {},
): BridgePort {
  const flags = { hairpin: false, isolated: false, flood: true, broadcastFlood: true, multicastFlood: true };
  const more = { learning: true, locked: false };
  return { device, bridge, state, ...flags, ...more, source: quote(`${device} ${state}`), ...told };
}

/** An entry of a device's forwarding database, learnt and without a bridge unless told. */
export function forwardingEntry(mac: string, device: string, told: Partial<ForwardingEntry> = {}): ForwardingEntry {
  const learnt = {
    bridge: null,
    permanent: false,
    fixed: false,
    locked: false,
    vlan: null,
    heardAgo: null,
    remote: null,
  };
  return { mac, device, ...learnt, source: quote(`${mac} dev ${device}`), ...told };
}

/** An entry of the neighbour table. */
export function neighbour(address: string, device: string, mac: string | null): Neighbour {
  return { address, device, mac, states: [mac === null ? 'FAILED' : 'PERMANENT'], source: quote(address) };
}

/** A namespace with the kernel's own rules and a firewall that is known to be empty, unless told. */
export function namespace(
  name: string,
  told: Partial<Omit<NamespaceState, 'name' | 'routes' | 'rules' | 'listeners' | 'sysctls'>> & {
    routes?: readonly string[];
    rules?: readonly RoutingRule[];
    listeners?: readonly string[];
    sysctls?: Readonly<Record<string, string>>;
  } = {},
): NamespaceState {
  const { links = [loopback()], routes = [], rules, listeners = [], sysctls = {}, ...rest } = told;
  const local = links.flatMap((own) => own.addresses.map(({ address }) => route(`local ${address} dev ${own.name}`)));
  return {
    name,
    inode: 1,
    container: null,
    links,
    routes: [...local, ...routes.map(route)],
    rules: rules ?? ([4, 6] as const).flatMap((family) => kernelRules.map((text) => rule(text, family))),
    neighbours: [],
    forwardingEntries: [],
    bridgePorts: [],
    proxyNeighbours: [],
    portVlans: [],
    connectedSockets: [],
    virtualServices: [],
    listeners: listeners.map(listener),
    listenersKnown: true,
    ruleIncreases: null,
    ruleTables: [],
    connections: [],
    firewallKnown: true,
    firewallSource: quote('table ip none'),
    sysctls: new Map(
      Object.entries(sysctls).map(([key, value]) => [key, { value, name: key, source: quote(`${key} = ${value}`) }]),
    ),
    hosts: new Map(),
    resolvers: [],
    ...rest,
  };
}

/** A host of these namespaces. */
export function host(...namespaces: readonly NamespaceState[]): HostState {
  return {
    namespaces: new Map(namespaces.map((one) => [one.name, one])),
    processes: new Map(),
    problems: [],
  };
}

/** A packet to `ADDRESS PORT`. */
export function packetTo(
  destination: string,
  destinationPort = 80,
  protocol: ModelPacket['protocol'] = 'tcp',
): ModelPacket {
  const family = destination.includes(':') ? 6 : 4;
  return { protocol, family, source: family === 4 ? '10.88.0.10' : 'fd00:88::10', destination, destinationPort };
}

/** A journey as text: one line a step, `netns:device stage verdict`, and its end. */
export function told({ steps, end }: Journey): string[] {
  const reason =
    'reason' in end ? `: ${end.reason}` : 'listener' in end ? ` by ${end.listener?.source.text ?? 'the kernel'}` : '';
  return [
    ...steps.map(({ netns, device, stage, verdict }) => `${netns}:${device ?? '-'} ${stage} ${verdict}`),
    `${end.kind}${reason}`,
  ];
}
