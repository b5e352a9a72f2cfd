/**
 * Random rule sets for a host of a random network: filters with policies, translations, marks, notrack, in the words of
 * nft and of iptables, both kinds. Every answer that they ask of the model is determined by the snapshot.
 */
import type { Random } from './random.ts';

/** What rules can speak of. */
export interface Surroundings {
  readonly addresses4: readonly string[];
  readonly addresses6: readonly string[];
  /** Numbers of the segments: `10.N.0.0/24` and `fd00:N::/64`. */
  readonly segments: readonly number[];
  readonly devices: readonly string[];
  /** Empty without a bridge. */
  readonly bridgePorts: readonly string[];
}

/** A rule set, and the program that takes it on its standard input. */
export interface RuleSet {
  readonly argv: readonly [string, ...string[]];
  readonly text: string;
}

type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
type Kind = 'raw' | 'mangle' | 'nat' | 'filter';

/** What a rule is made for. */
interface Place {
  readonly random: Random;
  readonly at: Surroundings;
  readonly hook: Hook;
  readonly kind: Kind;
  readonly family: 4 | 6;
  /** What its words are about, where they are about one. */
  readonly protocol: 'tcp' | 'udp' | 'icmp';
}

const ports = [7000, 7001, 7002];
/** What is asked for most: rules shall meet packets. */
const usualPorts = [7000, 7000, 7001, 7002];

type Words = readonly (() => string)[];

function words(random: Random, choices: Words): string {
  return random.pick(choices)();
}

function addressOf({ random, at, family }: Place): string {
  return random.pick(family === 4 ? at.addresses4 : at.addresses6);
}

function prefixOf({ random, at, family }: Place): string {
  const segment = random.pick(at.segments);
  return family === 4 ? `10.${segment}.0.0/24` : `fd00:${segment}::/64`;
}

function placeOf(random: Random, at: Surroundings, hook: Hook, kind: Kind, family: 4 | 6): Place {
  return { random, at, hook, kind, family, protocol: random.pick(['tcp', 'tcp', 'udp', 'udp', 'icmp']) };
}

function repeat<Item>(count: number, make: () => Item): Item[] {
  return Array.from({ length: count }, make);
}

function protocolName({ protocol, family }: Place): string {
  return protocol === 'icmp' && family === 6 ? 'ipv6-icmp' : protocol;
}

function nftProtocolFilters({ random, family, protocol }: Place, not: string): Words {
  const types = ['echo-request', 'echo-reply', 'destination-unreachable'];
  if (protocol === 'icmp') return [() => `${family === 4 ? 'icmp' : 'icmpv6'} type ${random.pick(types)}`];
  const flags = ['& (syn | ack) == syn', '& rst == rst', '& (syn | ack) == (syn | ack)'];
  return [
    () => `${protocol} dport ${not}${random.pick(usualPorts)}`,
    () => `${protocol} dport ${not}7000-7001`,
    () => `${protocol} sport ${not}${random.pick(usualPorts)}`,
    () => `meta l4proto . th dport { tcp . ${random.pick(ports)}, udp . ${random.pick(ports)} }`,
    ...(protocol === 'tcp' ? [() => `tcp flags ${random.pick(flags)}`] : []),
  ];
}

const nftFilters = (place: Place): Words => {
  const { random, at, family, hook } = place;
  const ip = family === 4 ? 'ip' : 'ip6';
  const not = random.chance(0.2) ? '!= ' : '';
  const incoming: Words = [
    () => `iifname ${not}"${random.pick([...at.devices, 'lo'])}"`,
    () => `iifname "${random.pick(['e*', 'p*', 'br*'])}"`,
  ];
  const outgoing: Words = [() => `oifname ${not}"${random.pick([...at.devices, 'lo'])}"`];
  const others: Words = [
    () => `${ip} saddr ${not}${addressOf(place)}`,
    () => `${ip} saddr ${not}${prefixOf(place)}`,
    () => `${ip} daddr ${not}${addressOf(place)}`,
    () => `${ip} daddr ${not}${prefixOf(place)}`,
    () => `${ip} daddr ${not}{ ${[...new Set(repeat(3, () => addressOf(place)))].join(', ')} }`,
    () => `meta l4proto ${protocolName(place)}`,
    ...nftProtocolFilters(place, not),
    () => `meta mark ${not}${random.integer(0, 2)}`,
    () => `fib daddr type ${not}${random.pick(['local', 'unicast'])}`,
  ];
  const ahead = hook === 'prerouting' || hook === 'input';
  const behind = hook === 'output' || hook === 'postrouting';
  return [...others, ...(behind ? [] : incoming), ...(ahead ? [] : outgoing)];
};

const nftConnections = (place: Place): Words => {
  const { random, family } = place;
  const ip = family === 4 ? 'ip' : 'ip6';
  return [
    () => `ct state ${random.pick(['new', 'new', 'established,related', 'related', 'invalid', '!= new'])}`,
    () => `ct status ${random.pick(['dnat', 'snat'])}`,
    () => `ct mark ${random.integer(0, 1)}`,
    () => `ct original ${ip} daddr ${addressOf(place)}`,
    () => `ct direction ${random.pick(['original', 'reply'])}`,
  ];
};

function nftMatch(place: Place): string {
  const { random, kind } = place;
  const connections = kind !== 'raw' && random.chance(0.25);
  return words(random, connections ? nftConnections(place) : nftFilters(place));
}

function nftReject({ random, family, protocol }: Place): string {
  if (protocol === 'tcp' && random.chance(0.6)) return 'meta l4proto tcp reject with tcp reset';
  if (random.chance(0.2)) return 'reject';
  if (family === 6) {
    return `reject with icmpv6 ${random.pick(['no-route', 'admin-prohibited', 'addr-unreachable', 'port-unreachable', 'policy-fail', 'reject-route'])}`;
  }
  const types = ['net', 'host', 'prot', 'port'].map((what) => `${what}-unreachable`);
  return `reject with icmp ${random.pick([...types, 'net-prohibited', 'host-prohibited', 'admin-prohibited'])}`;
}

function nftTranslation(place: Place): string {
  const { random, hook, family, protocol } = place;
  const ip = family === 4 ? 'ip' : 'ip6';
  const to = addressOf(place);
  if (hook === 'postrouting') return random.pick(['masquerade', 'masquerade', `snat ${ip} to ${to}`]);
  if (protocol === 'icmp' || random.chance(0.2)) return random.pick([`dnat ${ip} to ${to}`, 'redirect']);
  const withPort = `${family === 4 ? to : `[${to}]`}:${random.pick(ports)}`;
  return random.pick([
    `meta l4proto ${protocol} dnat ${ip} to ${withPort}`,
    `${protocol} dport ${random.pick(usualPorts)} dnat ${ip} to ${withPort}`,
    `meta l4proto ${protocol} redirect to :${random.pick(ports)}`,
  ]);
}

function nftEnding(place: Place, chains: readonly string[]): string {
  const { random, hook, kind } = place;
  if (kind === 'nat') return random.chance(0.8) ? nftTranslation(place) : random.pick(['accept', 'return']);
  if (kind === 'raw' && random.chance(0.5)) return 'notrack';
  const endings = ['accept', 'accept', 'accept', 'drop', 'return', ''].map((text) => () => text);
  const calls = chains.map((name) => () => `${random.pick(['jump', 'jump', 'goto'])} ${name}`);
  const marks: Words = [
    () => `meta mark set ${random.pick(['1', '2', 'meta mark | 0x2', 'meta mark ^ 0x1'])}`,
    () => (kind === 'raw' ? '' : `ct mark set ${random.pick(['1', 'meta mark'])}`),
    () => (kind === 'raw' ? '' : 'meta mark set ct mark'),
  ];
  const mayReject = kind === 'filter' && hook !== 'postrouting' && hook !== 'prerouting';
  const rejections = mayReject ? [() => nftReject(place), () => nftReject(place)] : [];
  return words(random, [...endings, ...calls, ...rejections, ...(kind === 'mangle' ? [...marks, ...marks] : marks)]);
}

const priorities: Readonly<Record<Kind, number>> = { raw: -300, mangle: -150, nat: -100, filter: 0 };

/** Without it nobody finds anybody in IPv6: few rule sets forget it. */
const discovery = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept';

/** The IP version that a rule of a table speaks of. */
function versionOf(random: Random, table: string): 4 | 6 {
  return table === 'ip' || (table === 'inet' && random.chance(0.65)) ? 4 : 6;
}

function nftTable(random: Random, at: Surroundings, table: 'ip' | 'ip6' | 'inet', name: string): string {
  const rule = (hook: Hook, kind: Kind, chains: readonly string[]): string => {
    const place = placeOf(random, at, hook, kind, versionOf(random, table));
    const matches = repeat(random.pick([0, 1, 1, 2]), () => nftMatch(place));
    return `  ${[...matches, nftEnding(place, chains)].join(' ')}`;
  };
  const own = ['a', 'b'];
  const chain = (hook: Hook, kind: Kind): string => {
    const sources = hook === 'postrouting' || hook === 'input';
    const priority = kind === 'nat' && sources ? 100 : priorities[kind];
    const drops = kind === 'filter' && hook !== 'postrouting' && hook !== 'prerouting' && random.chance(0.15);
    const usual = drops && random.chance(0.7) ? ['  ct state established,related accept'] : [];
    return [
      ` chain ${kind}-${hook} {`,
      `  type ${kind === 'nat' ? 'nat' : kind === 'mangle' && hook === 'output' ? 'route' : 'filter'} hook ${hook} priority ${priority}; policy ${drops ? 'drop' : 'accept'};`,
      ...(table === 'ip' || random.chance(0.08) ? [] : [`  ${discovery}`]),
      ...usual,
      ...repeat(random.integer(0, 3), () => rule(hook, kind, own)),
      ' }',
    ].join('\n');
  };
  const called = own.map((one, index) =>
    [
      ` chain ${one} {`,
      ...repeat(random.integer(0, 2), () => rule('forward', 'filter', own.slice(index + 1))),
      ' }',
    ].join('\n'),
  );
  const bases = [
    ...(random.chance(0.1) ? [chain(random.pick(['prerouting', 'output']), 'raw')] : []),
    ...(random.chance(0.3) ? [chain(random.pick(['prerouting', 'output', 'forward']), 'mangle')] : []),
    ...(random.chance(0.45) ? [chain('prerouting', 'nat')] : []),
    ...(random.chance(0.25) ? [chain('output', 'nat')] : []),
    ...(random.chance(0.45) ? [chain('postrouting', 'nat')] : []),
    ...(random.chance(0.5) ? [chain('forward', 'filter')] : []),
    ...(random.chance(0.4) ? [chain('input', 'filter')] : []),
    ...(random.chance(0.3) ? [chain('output', 'filter')] : []),
    ...(random.chance(0.1) ? [chain('postrouting', 'filter')] : []),
  ];
  return [`table ${table} ${name} {`, ...called.toReversed(), ...bases, '}'].join('\n');
}

function xtablesProtocolMatches({ random, protocol }: Place, not: string): Words {
  if (protocol === 'icmp') return [];
  return [
    () => `-p ${protocol} -m ${protocol} ${not}--dport ${random.pick(usualPorts)}`,
    () => `-p ${protocol} -m multiport ${not}--dports 7000,7002`,
    ...(protocol === 'tcp' ? [() => '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN'] : []),
  ];
}

const xtablesMatches = (place: Place): Words => {
  const { random, at, hook } = place;
  const not = random.chance(0.2) ? '! ' : '';
  const connections: Words = [
    () =>
      `-m conntrack --ctstate ${random.pick(['NEW', 'NEW', 'RELATED,ESTABLISHED', 'RELATED', 'INVALID', 'DNAT', 'SNAT'])}`,
    () => `-m connmark --mark ${random.pick(['0x1', '0x0/0x1'])}`,
    () => `-m conntrack ${not}--ctorigdst ${addressOf(place)}`,
  ];
  const incoming: Words = [() => `${not}-i ${random.pick([...at.devices, 'lo'])}`];
  const outgoing: Words = [() => `${not}-o ${random.pick([...at.devices, 'lo'])}`];
  const physical: Words = at.bridgePorts.map((port) => () => `-m physdev --physdev-in ${port}`);
  const others: Words = [
    () => `${not}-s ${addressOf(place)}`,
    () => `${not}-s ${prefixOf(place)}`,
    () => `${not}-d ${addressOf(place)}`,
    () => `${not}-d ${prefixOf(place)}`,
    () => `-p ${protocolName(place)}`,
    ...xtablesProtocolMatches(place, not),
    () => `-m mark ${not}--mark ${random.pick(['0x1', '0x0/0x1', '0x2/0x2'])}`,
    () => `-m addrtype ${not}--dst-type ${random.pick(['LOCAL', 'UNICAST'])}`,
  ];
  const ahead = hook === 'prerouting' || hook === 'input';
  const behind = hook === 'output' || hook === 'postrouting';
  return [
    ...others,
    ...(place.kind === 'raw' ? [] : connections),
    ...(behind ? [] : [...incoming, ...physical]),
    ...(ahead ? [] : outgoing),
    ...(hook === 'forward' && at.bridgePorts.length > 0 ? [() => '-m physdev --physdev-is-bridged'] : []),
  ];
};

function xtablesTranslation(place: Place): string {
  const { random, hook, protocol } = place;
  const to = addressOf(place);
  if (hook === 'postrouting') return random.pick(['-j MASQUERADE', '-j MASQUERADE', `-j SNAT --to-source ${to}`]);
  if (protocol === 'icmp' || random.chance(0.2)) return random.pick([`-j DNAT --to-destination ${to}`, '-j REDIRECT']);
  return random.pick([
    `-p ${protocol} -j DNAT --to-destination ${to}:${random.pick(ports)}`,
    `-p ${protocol} -j REDIRECT --to-ports ${random.pick(ports)}`,
  ]);
}

function xtablesEnding(place: Place): string {
  const { random, hook, kind, family, protocol } = place;
  if (kind === 'nat') return random.chance(0.8) ? xtablesTranslation(place) : random.pick(['-j ACCEPT', '-j RETURN']);
  if (kind === 'raw' && random.chance(0.5)) return '-j CT --notrack';
  const endings = ['-j ACCEPT', '-j ACCEPT', '-j ACCEPT', '-j DROP', '-j RETURN', '-j own', '-g own'];
  if (kind === 'mangle') {
    endings.push('-j MARK --set-xmark 0x1/0x1', '-j MARK --set-xmark 0x2/0x3', '-j CONNMARK --set-xmark 0x1/0x1');
    endings.push('-j CONNMARK --save-mark', '-j CONNMARK --restore-mark', '-j MARK --set-xmark 0x1/0xffffffff');
  }
  if (kind === 'filter' && hook !== 'postrouting') {
    const [prefix, types] =
      family === 4
        ? ([
            'icmp',
            [
              'net-unreachable',
              'host-unreachable',
              'proto-unreachable',
              'port-unreachable',
              'net-prohibited',
              'host-prohibited',
              'admin-prohibited',
            ],
          ] as const)
        : ([
            'icmp6',
            ['no-route', 'adm-prohibited', 'addr-unreachable', 'port-unreachable', 'policy-fail', 'reject-route'],
          ] as const);
    endings.push(...repeat(2, () => `-j REJECT --reject-with ${prefix}-${random.pick<string>(types)}`));
    if (protocol === 'tcp') endings.push('-p tcp -j REJECT --reject-with tcp-reset');
  }
  return random.pick(endings);
}

/** Says the protocol once, and first: a rule's parts all say the same one. */
function withOneProtocol(options: string): string {
  const protocol = /(?<=^| )-p \S+/.exec(options)?.[0];
  if (protocol === undefined) return options;
  return [protocol, options.replaceAll(/(?<=^| )-p \S+ ?/g, '')].join(' ');
}

/** A rule; null when it would say a thing twice, which iptables does not take. */
function xtablesRule(chain: string, place: Place): string | null {
  const { random } = place;
  const matches = repeat(random.pick([0, 1, 1, 2]), () => words(random, xtablesMatches(place)));
  const options = withOneProtocol([...matches, xtablesEnding(place)].join(' '));
  const repeated = ['-s', '-d', '-i', '-o'].some(
    (option) => options.split(' ').filter((word) => word === option).length > 1,
  );
  return repeated ? null : `-A ${chain} ${options}`;
}

const xtablesHooks: Readonly<Record<Kind, readonly Hook[]>> = {
  raw: ['prerouting', 'output'],
  mangle: ['prerouting', 'input', 'forward', 'output', 'postrouting'],
  nat: ['prerouting', 'output', 'postrouting'],
  filter: ['input', 'forward', 'output'],
};

function xtablesTable(random: Random, at: Surroundings, family: 4 | 6, kind: Kind): string {
  const policies: string[] = [];
  const rules: (string | null)[] = [];
  for (const hook of xtablesHooks[kind]) {
    const chain = hook.toUpperCase();
    const drops = kind === 'filter' && random.chance(0.12);
    policies.push(`:${chain} ${drops ? 'DROP' : 'ACCEPT'} [0:0]`);
    if (family === 6 && random.chance(0.92)) {
      for (const type of [135, 136]) rules.push(`-A ${chain} -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j ACCEPT`);
    }
    if (drops && random.chance(0.7)) rules.push(`-A ${chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`);
    const busy = random.chance(0.6) ? 3 : 0;
    rules.push(...repeat(random.integer(0, busy), () => xtablesRule(chain, placeOf(random, at, hook, kind, family))));
  }
  // Called from all hooks: it may say only what all take.
  const called = repeat(random.integer(0, 2), () => {
    const place = placeOf(random, at, 'postrouting', 'raw', family);
    const [match, ending] = [
      words(random, xtablesMatches(place)),
      random.pick(['-j ACCEPT', '-j RETURN', '-j ACCEPT']),
    ];
    return match.includes('-o ') ? null : `-A own ${match} ${ending}`;
  });
  const lines = [...rules, ...called].filter((line) => line !== null);
  return [`*${kind}`, ...policies, ':own - [0:0]', ...lines, 'COMMIT'].join('\n');
}

function xtables(random: Random, at: Surroundings, family: 4 | 6, legacy: boolean): RuleSet {
  const weights = { raw: 0.1, mangle: 0.35, nat: family === 4 ? 0.65 : 0, filter: 0.8 } as const;
  const kinds = (['raw', 'mangle', 'nat', 'filter'] as const).filter((kind) => random.chance(weights[kind]));
  const program = `${family === 4 ? 'iptables' : 'ip6tables'}${legacy ? '-legacy' : ''}-restore`;
  return { argv: [program], text: `${kinds.map((kind) => xtablesTable(random, at, family, kind)).join('\n')}\n` };
}

function nft(random: Random, at: Surroundings): RuleSet {
  const tables = random.chance(0.12) ? (['t', 'u'] as const) : (['t'] as const);
  const text = tables.map((name) => nftTable(random, at, random.pick(['ip', 'ip', 'inet', 'inet', 'ip6']), name));
  return { argv: ['nft', '-f', '-'], text: `${text.join('\n')}\n` };
}

/** The rule sets of a host, to be loaded in this order. */
export function randomFirewall(random: Random, at: Surroundings): readonly RuleSet[] {
  const tool = random.pick(['nft', 'nft', 'iptables', 'legacy', 'both'] as const);
  if (tool === 'nft') return [nft(random, at)];
  const legacy = tool === 'legacy';
  const sets = [xtables(random, at, 4, legacy)];
  if (random.chance(0.25)) sets.push(xtables(random, at, 6, legacy));
  return tool === 'both' && random.chance(0.4) ? [...sets, nft(random, at)] : sets;
}
