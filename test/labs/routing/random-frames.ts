/** Random rules of bridges and devices, which judge frames: of the packets, and of the questions for neighbours. */
import type { Random } from './random.ts';
import { type RuleSet, type Surroundings, usualPorts, type Words, words } from './rule-place.ts';

/** What a rule asks of a frame; `incoming` and `outgoing` are devices that its hook knows. */
function asks(random: Random, at: Surroundings, incoming: readonly string[], outgoing: readonly string[]): string {
  const not = random.chance(0.15) ? '!= ' : '';
  const choices: Words = [
    () => `ip saddr ${not}${random.pick(at.addresses4)}`,
    () => `ip daddr ${not}${random.pick(at.addresses4)}`,
    () => `ip daddr ${not}10.${random.pick(at.segments)}.0.0/24`,
    () => `ip6 daddr ${not}${random.pick(at.addresses6)}`,
    () => `${random.pick(['tcp', 'udp'])} dport ${not}${random.pick(usualPorts)}`,
    () => `${random.pick(['tcp', 'udp'])} sport ${not}${random.pick(usualPorts)}`,
    () => `meta l4proto ${not}${random.pick(['tcp', 'udp', 'icmp', 'ipv6-icmp'])}`,
    () => `ether type ${not}${random.pick(['arp', 'ip', 'ip', 'ip6'])}`,
    () => `icmpv6 type ${random.pick(['nd-neighbor-solicit', 'nd-neighbor-advert', 'echo-request'])}`,
    () => `icmp type ${random.pick(['echo-request', 'echo-reply', 'destination-unreachable'])}`,
  ];
  const devices: Words = [
    ...(incoming.length > 0 ? [() => `iifname ${not}"${random.pick(incoming)}"`] : []),
    ...(outgoing.length > 0 ? [() => `oifname ${not}"${random.pick(outgoing)}"`] : []),
  ];
  if (devices.length === 0 || random.chance(0.5)) return words(random, choices);
  return random.chance(0.5) ? words(random, devices) : `${words(random, devices)} ${words(random, choices)}`;
}

function chain(random: Random, hook: string, rule: () => string, device: string | null): string {
  const rules = Array.from({ length: random.integer(1, 3) }, () => {
    return `${rule()} counter ${random.pick(['drop', 'drop', 'accept'])};`;
  });
  const policy = random.chance(0.1) ? 'drop' : 'accept';
  const open = policy === 'drop' ? ['ether type { arp, ip6 } accept;'] : [];
  const on = device === null ? '' : ` device "${device}"`;
  const base = `type filter hook ${hook}${on} priority ${random.pick([-200, 0, 10])}; policy ${policy};`;
  return `chain c${hook} { ${[base, ...open, ...rules].join(' ')} }\n`;
}

/** Rules of ARP, where a host sends it and takes it in. */
function arpRules(random: Random, at: Surroundings): string {
  const chains = random.some(['input', 'output'] as const, random.integer(1, 2)).map((hook) => {
    const device = hook === 'input' ? 'iifname' : 'oifname';
    const not = random.chance(0.15) ? '!= ' : '';
    const rules = Array.from({ length: random.integer(1, 2) }, () => {
      const ask = words(random, [
        () => `arp operation ${not}${random.pick(['request', 'reply'])}`,
        () => `arp ${random.pick(['saddr', 'daddr'])} ip ${not}${random.pick(at.addresses4)}`,
        () => `${device} ${not}"${random.pick(at.devices)}"`,
      ]);
      return `${ask} counter ${random.pick(['drop', 'drop', 'accept'])};`;
    });
    return `chain c${hook} { type filter hook ${hook} priority 0; policy accept; ${rules.join(' ')} }\n`;
  });
  return `table arp frames { ${chains.join(' ')} }`;
}

/** One table of a host: its bridge's, that of a device, or ARP's. */
export function randomFrameRules(random: Random, at: Surroundings): RuleSet {
  const argv = ['nft', '-f', '-'] as const;
  const { bridgePorts: ports } = at;
  if (random.chance(0.25)) return { argv, text: arpRules(random, at) };
  if (ports.length > 0 && random.chance(0.7)) {
    const known = {
      prerouting: [ports, []],
      input: [ports, []],
      forward: [ports, ports],
      output: [[], ports],
      postrouting: [[], ports],
    } as const;
    const hooks = random.some(
      ['prerouting', 'input', 'forward', 'forward', 'output', 'postrouting'] as const,
      random.integer(1, 2),
    );
    const chains = [...new Set(hooks)].map((hook) => {
      const [incoming, outgoing] = known[hook];
      return chain(random, hook, () => asks(random, at, incoming, outgoing), null);
    });
    return { argv, text: `table bridge frames { ${chains.join(' ')} }` };
  }
  const hook = random.pick(['ingress', 'egress'] as const);
  const device = random.pick([...at.devices, ...ports]);
  const family = hook === 'ingress' && random.chance(0.3) ? 'inet' : 'netdev';
  return { argv, text: `table ${family} frames { ${chain(random, hook, () => asks(random, at, [], []), device)} }` };
}
