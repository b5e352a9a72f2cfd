/** Random rule sets in the words of iptables, for both kinds of it. */
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

/** A rule; null when it would say a thing twice: iptables does not take it, or (two ports) iptables-save shows one alone. */
function xtablesRule(chain: string, place: Place): string | null {
  const { random } = place;
  const matches = repeat(random.pick([0, 1, 1, 2]), () => words(random, xtablesMatches(place)));
  const options = withOneProtocol([...matches, xtablesEnding(place)].join(' '));
  const repeated = ['-s', '-d', '-i', '-o', '--dport'].some(
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
    // The kernel takes it there alone (`rpfilter_check`).
    if (hook === 'prerouting' && (kind === 'raw' || kind === 'mangle') && random.chance(0.15)) {
      rules.push(
        `-A ${chain} -m rpfilter ${random.pick(['', '--loose', '--accept-local', '--validmark'])} --invert -j DROP`,
      );
    }
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

/** Some of the tables, for one IP version. */
export function randomIptables(random: Random, at: Surroundings, family: 4 | 6, legacy: boolean): RuleSet {
  const weights = { raw: 0.1, mangle: 0.35, nat: family === 4 ? 0.65 : 0, filter: 0.8 } as const;
  const kinds = (['raw', 'mangle', 'nat', 'filter'] as const).filter((kind) => random.chance(weights[kind]));
  const program = `${family === 4 ? 'iptables' : 'ip6tables'}${legacy ? '-legacy' : ''}-restore`;
  return { argv: [program], text: `${kinds.map((kind) => xtablesTable(random, at, family, kind)).join('\n')}\n` };
}
