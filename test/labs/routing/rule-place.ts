/** What random rules are made of, whatever tool takes them. */
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

/** A netfilter hook. */
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
/** What a table is for, in iptables' words. */
export type Kind = 'raw' | 'mangle' | 'nat' | 'filter';

/** What a rule is made for. */
export interface Place {
  readonly random: Random;
  readonly at: Surroundings;
  readonly hook: Hook;
  readonly kind: Kind;
  readonly family: 4 | 6;
  /** What its words are about, where they are about one. */
  readonly protocol: 'tcp' | 'udp' | 'icmp';
}

/** Where the agents listen, and one where nobody does. */
export const ports = [7000, 7001, 7002];
/** What is asked for most: rules shall meet packets. */
export const usualPorts = [7000, 7000, 7001, 7002];

/** Ways to say something, of which one is picked. */
export type Words = readonly (() => string)[];

/** One of them. */
export function words(random: Random, choices: Words): string {
  return random.pick(choices)();
}

/** An address of the network. */
export function addressOf({ random, at, family }: Place): string {
  return random.pick(family === 4 ? at.addresses4 : at.addresses6);
}

/** The prefix of a segment. */
export function prefixOf({ random, at, family }: Place): string {
  const segment = random.pick(at.segments);
  return family === 4 ? `10.${segment}.0.0/24` : `fd00:${segment}::/64`;
}

/** A place with a protocol. */
export function placeOf(random: Random, at: Surroundings, hook: Hook, kind: Kind, family: 4 | 6): Place {
  return { random, at, hook, kind, family, protocol: random.pick(['tcp', 'tcp', 'udp', 'udp', 'icmp']) };
}

/** Makes some. */
export function repeat<Item>(count: number, make: () => Item): Item[] {
  return Array.from({ length: count }, make);
}

/** The protocol as rules call it. */
export function protocolName({ protocol, family }: Place): string {
  return protocol === 'icmp' && family === 6 ? 'ipv6-icmp' : protocol;
}
