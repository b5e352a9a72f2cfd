/** Random rule sets in the words of nft. */
import type { Random } from './random.ts';
import {
  addressOf,
  type Hook,
  type Kind,
  type Place,
  placeOf,
  ports,
  prefixOf,
  protocolName,
  type RuleSet,
  repeat,
  type Surroundings,
  usualPorts,
  type Words,
  words,
} from './rule-place.ts';

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
  const mayReject = kind === 'filter' && hook !== 'postrouting' && hook !== 'prerouting';
  // What is called may reject.
  const callable = mayReject ? chains : [];
  const calls = callable.map((name) => () => `${random.pick(['jump', 'jump', 'goto'])} ${name}`);
  const marks: Words = [
    () => `meta mark set ${random.pick(['1', '2', 'meta mark | 0x2', 'meta mark ^ 0x1'])}`,
    () => (kind === 'raw' ? '' : `ct mark set ${random.pick(['1', 'meta mark'])}`),
    () => (kind === 'raw' ? '' : 'meta mark set ct mark'),
  ];
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

/** Routes are looked up where packets come in and are forwarded alone (`nft_fib_validate`). */
function nftLookUp(random: Random): string {
  const device = random.chance(0.7) ? ' . iif' : '';
  const mark = random.chance(0.3) ? ' . mark' : '';
  return `fib ${random.pick(['saddr', 'saddr', 'daddr'])}${mark}${device} oif ${random.pick(['exists', 'missing'])}`;
}

function nftTable(random: Random, at: Surroundings, table: 'ip' | 'ip6' | 'inet', name: string): string {
  const rule = (hook: Hook, kind: Kind, chains: readonly string[], isBase: boolean): string => {
    const place = placeOf(random, at, hook, kind, versionOf(random, table));
    const matches = repeat(random.pick([0, 1, 1, 2]), () => nftMatch(place));
    const isComing = isBase && (hook === 'prerouting' || hook === 'input' || hook === 'forward');
    if (isComing && random.chance(0.12)) matches.push(nftLookUp(random));
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
      ...repeat(random.integer(0, 3), () => rule(hook, kind, own, true)),
      ' }',
    ].join('\n');
  };
  const called = own.map((one, index) =>
    [
      ` chain ${one} {`,
      ...repeat(random.integer(0, 2), () => rule('forward', 'filter', own.slice(index + 1), false)),
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

/** One table or two. */
export function randomNft(random: Random, at: Surroundings): RuleSet {
  const tables = random.chance(0.12) ? (['t', 'u'] as const) : (['t'] as const);
  const text = tables.map((name) => nftTable(random, at, random.pick(['ip', 'ip', 'inet', 'inet', 'ip6']), name));
  return { argv: ['nft', '-f', '-'], text: `${text.join('\n')}\n` };
}
