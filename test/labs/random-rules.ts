/** Random rule sets in the vocabulary of container hosts, for a router between a client (c0) and a server (s0). */

/** Numbers from a seed: mulberry32, the same on every machine. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to below `count`. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count) | 0;
  }

  /** One of these. */
  of<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

/** A rule set in the words of the tool that loads it. */
export interface RandomRules {
  readonly tool: 'nft' | 'iptables-nft' | 'iptables-legacy';
  readonly text: string;
}

/** The addresses and ports of the lab. */
export const clients = ['10.1.0.2', '10.1.0.3'] as const;
export const servers = ['10.2.0.2', '10.2.0.3'] as const;
export const routers = ['10.1.0.1', '10.2.0.1'] as const;
/** Where REDIRECT sends what the router itself sends. */
export const loopback = '127.0.0.1';
export const ports = [80, 81, 5353, 8080] as const;

const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
type Hook = (typeof hooks)[number];
type Kind = 'raw' | 'mangle' | 'filter' | 'nat';

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** A match in nft's words; `connections` false before conntrack. */
function nftMatch(dice: Dice, connections: boolean, protocol: string): string {
  const not = dice.once(4) ? '!= ' : '';
  const plain = [
    () => `ip saddr ${not}${dice.of(clients)}`,
    () => `ip saddr ${not}10.1.0.${dice.of(['0/31', '2/31', '0/24'])}`,
    () => `ip daddr ${not}${dice.of([...servers, ...routers])}`,
    () => `ip daddr ${not}{ ${dice.of(servers)}, ${dice.of(routers)} }`,
    () => `ip daddr ${not}10.2.0.1-10.2.0.2`,
    () => `ip daddr ${not}@hosts`,
    () => `ip daddr . th dport @pairs`,
    () => `meta l4proto . th dport { tcp . 80, udp . ${dice.of(ports)} }`,
    () => `${protocol} dport ${not}${dice.of(ports)}`,
    () => `${protocol} dport ${not}{ ${dice.of(ports)}, 79-81 }`,
    () => `th dport ${not}80-${dice.of([81, 6000])}`,
    () => `meta l4proto ${protocol}`,
    () => `iifname ${not}${dice.of(['"c0"', '"s0"', '"c*"', '{ "c0", "x*" }'])}`,
    () => `oifname ${not}${dice.of(['"c0"', '"s0"', '"s*"'])}`,
    () => `meta mark ${not}${dice.of([0, 1, 2])}`,
    () => `meta mark & 0x1 == ${dice.of([0, 1])}`,
    () => `fib daddr type ${not}${dice.of(['local', 'unicast'])}`,
    () => `@th,16,16 ${not}${dice.of(ports)}`,
    () => `ip frag-off & 0x1fff ${dice.of(['==', '!='])} 0`,
    () => `ip saddr != ${dice.of(clients)} ip daddr != ${dice.of(servers)}`,
    () =>
      protocol === 'tcp'
        ? `tcp flags ${dice.of(['syn', '& (syn | ack) == syn', '& (fin | syn | rst | ack) != syn'])}`
        : 'udp sport 20000-60000',
  ] as const;
  const tracked = [
    () => `ct state ${dice.of(['new', 'established,related', 'invalid', '!= new', '{ new, established }'])}`,
    () => `ct status ${dice.of(['dnat', 'snat', '& dnat != dnat'])}`,
    () => `ct mark ${not}${dice.of([0, 1])}`,
    () => `ct original ip daddr ${dice.of([...servers, ...routers])}`,
    () => `ct original proto-dst ${dice.of(ports)}`,
    () => `ct direction ${dice.of(['original', 'reply'])}`,
  ] as const;
  if (!connections || !dice.once(4)) return dice.of<() => string>(plain)();
  const match = dice.of<() => string>(tracked)();
  return match.includes('proto-dst') ? `meta l4proto ${protocol} ${match}` : match;
}

/** Routes are looked up where packets come in and are forwarded alone (`nft_fib_validate`). */
function nftLookUp(dice: Dice): string {
  const key = [dice.of(['saddr', 'daddr']), ...(dice.once(2) ? ['mark'] : []), ...(dice.once(2) ? ['iif'] : [])];
  return `fib ${key.join(' . ')} oif ${dice.of(['exists', 'missing'])}`;
}

function nftEnding(dice: Dice, hook: Hook | null, kind: Kind, chains: readonly string[], protocol: string): string {
  const target = dice.of(['done', ...chains]);
  const endings = [
    () => 'counter accept',
    () => 'counter drop',
    () => 'counter return',
    () => `counter jump ${target}`,
    () => `counter jump ${target}`,
    () => `counter goto ${target}`,
    () => 'counter',
    () =>
      `counter meta mark set ${dice.of(['1', 'meta mark | 0x2', 'meta mark & 0xfffffffe', 'meta mark ^ 0x1', 'meta mark << 1', 'meta mark >> 1'])}`,
    () =>
      `ip daddr vmap { ${dice.of(servers)} : ${dice.of(['accept', 'drop', `jump ${target}`])}, ${dice.of(routers)} : return }`,
    () =>
      `${picked(dice, 2)} vmap { 0 : ${dice.of(['accept', 'drop'])}, 1 : ${dice.of(['return', `jump ${target}`])} }`,
    () => `${picked(dice, 3)} vmap { 0 : drop, 2-3 : jump ${target} }`,
    () => 'meta mark set ct mark counter',
    () => `counter ct mark set ${dice.of(['1', 'meta mark'])}`,
  ] as const;
  const rejecting = [
    ...endings,
    () => 'counter reject',
    () => `counter reject with icmp type ${dice.of(['host-unreachable', 'net-unreachable', 'admin-prohibited'])}`,
    () => (protocol === 'tcp' ? 'meta l4proto tcp counter reject with tcp reset' : 'counter reject'),
    () => 'counter reject with icmp type port-unreachable',
  ] as const;
  if (kind === 'raw' && hook === 'prerouting' && dice.once(4)) return 'counter notrack';
  if (kind === 'nat' && dice.once(2)) return nftTranslation(dice, hook, protocol);
  return dice.of<() => string>(hook === 'input' || hook === 'forward' ? rejecting : endings)();
}

/** A number that the kernel picks, below `count`. */
function picked(dice: Dice, count: number): string {
  return `${dice.of(['numgen random', 'numgen inc', 'jhash ip saddr'])} mod ${count}`;
}

function nftTranslation(dice: Dice, hook: Hook | null, protocol: string): string {
  if (hook === 'prerouting' || hook === 'output') {
    const to = dice.of([...servers, ...routers]);
    return dice.of([
      `meta l4proto ${protocol} counter dnat ip to ${to}:${dice.of(ports)}`,
      `counter dnat ip to ${to}`,
      `meta l4proto ${protocol} counter redirect to :${dice.of(ports)}`,
      `dnat ip to ip daddr map { ${dice.of(servers)} : ${dice.of(servers)}, ${dice.of(routers)} : ${dice.of(servers)} }`,
      `counter dnat ip to ${picked(dice, 2)} map { 0 : ${servers[0]}, 1 : ${servers[1]} }`,
      `meta l4proto ${protocol} counter dnat ip to ${picked(dice, 2)} map { 0 : ${servers[0]} . 80, 1 : ${servers[1]} . 81 }`,
    ]);
  }
  if (hook === 'postrouting')
    return dice.of(['counter masquerade', 'counter snat ip to 10.2.0.1', 'counter snat ip to 10.1.0.3']);
  return 'counter accept';
}

const priorities: Readonly<Record<Kind, number>> = { raw: -300, mangle: -150, filter: 0, nat: -100 };

/** A table: base chains of several hooks, and chains that they share, each of which calls later ones alone. */
function nftTable(dice: Dice, name: string): string {
  const own = ['a', 'b', 'd'];
  const rule = (hook: Hook | null, kind: Kind, chains: readonly string[], connections: boolean): string => {
    const protocol = hook === 'output' ? 'udp' : dice.of(['tcp', 'udp', 'udp']);
    const matches = times(dice.of([0, 1, 1, 2]), () => nftMatch(dice, connections, protocol));
    // What the router answers itself leaves by c0, and is TCP or ICMP: it shall not be kept.
    const guard = hook === 'postrouting' ? ['oifname "s0"'] : hook === 'output' ? ['meta l4proto udp'] : [];
    const looksUp = hook === 'prerouting' || hook === 'input' || hook === 'forward';
    if (looksUp && dice.once(5)) matches.push(nftLookUp(dice));
    return `  ${[...guard, ...matches, nftEnding(dice, hook, kind, chains, protocol)].join(' ')}`;
  };
  const chain = (hook: Hook, kind: Kind): string => {
    const source = hook === 'postrouting' || hook === 'input';
    const priority = (kind === 'nat' && source ? 100 : priorities[kind]) + dice.of([0, 0, 5, 10]);
    const policy = hook !== 'postrouting' && hook !== 'output' && kind === 'filter' && dice.once(4) ? 'drop' : 'accept';
    const connections = kind !== 'raw' || dice.once(6);
    return [
      ` chain ${kind}-${hook} {`,
      `  type ${kind === 'nat' ? 'nat' : 'filter'} hook ${hook} priority ${priority}; policy ${policy};`,
      ...times(dice.below(5), () => rule(hook, kind, own, connections)),
      ' }',
    ].join('\n');
  };
  const called = own.map((chainName, index) =>
    [
      ` chain ${chainName} {`,
      ...times(dice.below(4), () => rule(null, 'filter', own.slice(index + 1), true)),
      ' }',
    ].join('\n'),
  );
  const bases = [
    chain('prerouting', dice.of(['raw', 'mangle'])),
    chain('prerouting', 'nat'),
    chain('forward', 'filter'),
    chain('input', 'filter'),
    chain('output', dice.of(['filter', 'mangle'])),
    chain('output', 'nat'),
    chain('postrouting', dice.of(['filter', 'nat', 'nat'])),
  ].filter(() => !dice.once(4));
  return [
    `table ${dice.of(['ip', 'inet'])} ${name} {`,
    ` set hosts { type ipv4_addr; flags interval; elements = { ${dice.of(servers)}, 10.1.0.0/31 } }`,
    ` set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.2.0.0/24 . 80-81, ${routers[0]} . ${dice.of(ports)} } }`,
    ' chain done {',
    ' }',
    ...called.toReversed(),
    ...bases,
    '}',
  ].join('\n');
}

function xtablesMatch(dice: Dice, connections: boolean): string {
  const not = dice.once(4) ? '! ' : '';
  const plain = [
    () => `${not}-s ${dice.of(clients)}`,
    () => `${not}-s 10.1.0.0/${dice.of([24, 31])}`,
    () => `${not}-d ${dice.of([...servers, ...routers])}`,
    () => `${not}-d 10.0.0.2/255.0.0.${dice.of([255, 3])}`,
    () => `-p udp -m udp ${not}--dport ${dice.of(ports)}`,
    () => `-p tcp -m tcp ${not}--dport 80:${dice.of([81, 6000])}`,
    () => `-p ${dice.of(['tcp', 'udp'])} -m multiport ${not}--dports 80,${dice.of(ports)},5000:5400`,
    () => `-p ${dice.of(['tcp', 'udp'])} -m multiport ${not}--ports 80,${dice.of(ports)},5000:5400`,
    () => `-p udp -m udp ! --sport 1 ! --dport ${dice.of(ports)}`,
    () => `${not}-p ${dice.of(['tcp', 'udp'])}`,
    () => `-p tcp -m tcp ${not}--tcp-flags FIN,SYN,RST,ACK SYN`,
    () => `-m mark ${not}--mark ${dice.of(['0x1', '0x0/0x1', '0x2/0x2'])}`,
    () => `-m addrtype ${not}--dst-type ${dice.of(['LOCAL', 'UNICAST'])}`,
    () => `-m addrtype --src-type ${dice.of(['LOCAL', 'UNICAST'])}`,
    () => `-m iprange ${not}--dst-range 10.2.0.1-10.2.0.2`,
    () => '-m comment --comment "why -j DROP"',
  ] as const;
  const tracked = [
    () => `-m conntrack ${not}--ctstate ${dice.of(['NEW', 'RELATED,ESTABLISHED', 'INVALID', 'DNAT', 'NEW,SNAT'])}`,
    () => `-m state ${not}--state ${dice.of(['NEW', 'ESTABLISHED'])}`,
    () => `-m conntrack ${not}--ctorigdst ${dice.of([...servers, ...routers])}`,
    () => `-m conntrack ${not}--ctstatus ${dice.of(['NONE', 'SEEN_REPLY'])}`,
    () => `-m connmark ${not}--mark ${dice.of(['0x1', '0x0/0x1'])}`,
    () => `-m conntrack --ctdir ${dice.of(['ORIGINAL', 'REPLY'])}`,
  ] as const;
  return dice.of<() => string>(connections && dice.once(4) ? tracked : plain)();
}

const xtablesKinds: Readonly<Record<Kind, readonly [Hook, ...Hook[]]>> = {
  raw: ['prerouting'],
  mangle: ['prerouting', 'forward', 'output'],
  nat: ['prerouting', 'output', 'postrouting'],
  filter: ['input', 'forward', 'output'],
};

function xtablesEnding(dice: Dice, hook: Hook | null, kind: Kind, chains: readonly string[]): string {
  const target = dice.of(['done', ...chains]);
  const endings: [string, ...string[]] = ['-j ACCEPT', '-j RETURN', `-j ${target}`, `-j ${target}`, `-g ${target}`, ''];
  if (kind !== 'nat') endings.push('-j DROP');
  if (kind === 'mangle') {
    endings.push('-j MARK --set-xmark 0x1/0x1', '-j MARK --set-xmark 0x2/0x3', '-j CONNMARK --set-xmark 0x1/0x1');
    endings.push('-j CONNMARK --save-mark', '-j CONNMARK --restore-mark --nfmask 0x1 --ctmask 0x1');
    endings.push('-j CONNMARK --restore-mark --nfmask 0x3 --ctmask 0x1 --left-shift-mark 1');
    endings.push('-j CONNMARK --save-mark --nfmask 0x3 --ctmask 0x3 --right-shift-mark 1');
  }
  if (kind === 'raw') endings.push('-j CT --notrack');
  if (kind === 'filter' && hook !== null) {
    for (const type of ['port', 'host', 'net']) endings.push(`-j REJECT --reject-with icmp-${type}-unreachable`);
    endings.push('-j REJECT --reject-with icmp-admin-prohibited', '-p tcp -j REJECT --reject-with tcp-reset');
  }
  if (kind === 'nat' && (hook === 'prerouting' || hook === 'output') && dice.once(2)) {
    const to = dice.of([...servers, ...routers]);
    return dice.of([
      `-p udp -j DNAT --to-destination ${to}:${dice.of(ports)}`,
      `-j DNAT --to-destination ${to}`,
      `-p udp -j DNAT --to-destination ${to}:80-81/${dice.of([80, 81, 8079])}`,
      `-p tcp -j REDIRECT --to-ports ${dice.of(ports)}`,
      '-d 10.2.0.2/31 -j NETMAP --to 10.2.0.2/31',
    ]);
  }
  if (kind === 'nat' && hook === 'postrouting' && dice.once(2)) {
    return dice.of(['-j MASQUERADE', '-j SNAT --to-source 10.2.0.1', '-p udp -j MASQUERADE --to-ports 1024-65535']);
  }
  return dice.of(endings);
}

/** Options with the protocol once, first: iptables takes but one. */
function xtablesRule(chain: string, parts: readonly string[]): string | null {
  const words = parts.join(' ');
  return (words.match(/(?<=^| )-p /g) ?? []).length > 1 || (words.match(/(?<=^| )-[sd] /g) ?? []).length > 1
    ? null
    : `-A ${chain} ${words}`;
}

function xtablesTable(dice: Dice, kind: Kind): string {
  const own = ['a', 'b'];
  const rules: (string | null)[] = [];
  for (const hook of xtablesKinds[kind]) {
    for (let left = dice.below(5); left > 0; left -= 1) {
      const guard = hook === 'postrouting' ? ['-o s0'] : hook === 'output' ? ['-p udp'] : [];
      const matches = times(dice.of([0, 1, 1, 2]), () => xtablesMatch(dice, kind !== 'raw'));
      // The kernel takes it there alone (`rpfilter_check`).
      const mayLookUp = hook === 'prerouting' && (kind === 'raw' || kind === 'mangle');
      if (mayLookUp && dice.once(4)) {
        matches.push(
          `-m rpfilter ${dice.of(['', '--loose', '--accept-local', '--validmark'])} ${dice.of(['', '--invert'])}`,
        );
      }
      rules.push(xtablesRule(hook.toUpperCase(), [...guard, ...matches, xtablesEnding(dice, hook, kind, own)]));
    }
  }
  for (const [index, chain] of own.entries()) {
    for (let left = dice.below(3); left > 0; left -= 1) {
      const ending = xtablesEnding(dice, null, kind === 'raw' ? 'filter' : kind, own.slice(index + 1));
      rules.push(xtablesRule(chain, [xtablesMatch(dice, kind !== 'raw'), ending]));
    }
  }
  const bases = {
    raw: 'PREROUTING OUTPUT',
    mangle: 'PREROUTING INPUT FORWARD OUTPUT POSTROUTING',
    nat: 'PREROUTING INPUT OUTPUT POSTROUTING',
    filter: 'INPUT FORWARD OUTPUT',
  }[kind];
  return [
    `*${kind}`,
    ...bases
      .split(' ')
      .map((name) => `:${name} ${kind === 'filter' && name !== 'OUTPUT' && dice.once(5) ? 'DROP' : 'ACCEPT'} [0:0]`),
    ':done - [0:0]',
    ...own.map((name) => `:${name} - [0:0]`),
    ...rules.filter((rule) => rule !== null),
    'COMMIT',
  ].join('\n');
}

/** The rule set of a seed. */
export function randomRules(seed: number): RandomRules {
  const dice = new Dice(seed);
  const tool = dice.of(['nft', 'nft', 'iptables-nft', 'iptables-legacy'] as const);
  if (tool === 'nft') {
    const tables = dice.once(3) ? ['t', 'u'] : ['t'];
    return { tool, text: `${tables.map((name) => nftTable(dice, name)).join('\n')}\n` };
  }
  const kinds = (['raw', 'mangle', 'nat', 'filter'] as const).filter(() => !dice.once(3));
  return { tool, text: `${kinds.map((kind) => xtablesTable(dice, kind)).join('\n')}\n` };
}
