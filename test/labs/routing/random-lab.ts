/**
 * Random small networks: a tree of hosts joined by veth pairs, some of them bridged, with addresses, the routes that
 * would make it work, and then the mistakes that people make.
 */
import type { HostSpec, LabSpec } from '../spec.ts';
import type { ListenerSpec } from './probe.ts';
import { Random } from './random.ts';
import { randomFirewall } from './random-firewall.ts';
import { randomFrameRules } from './random-frames.ts';
import type { RuleSet, Surroundings } from './rule-place.ts';

/** One case: what to lay, what goes wrong then, and whom to ask for what. */
export interface RandomLab {
  readonly spec: LabSpec;
  /** Arguments of `ip` by host, one command each; those that the kernel refuses are left out by it. */
  readonly commands: ReadonlyMap<string, readonly string[]>;
  /** Likewise, of `ip -6`. */
  readonly commands6: ReadonlyMap<string, readonly string[]>;
  /** Settings by host, `net/ipv4/…`. */
  readonly settings: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Arguments of `bridge` by host. */
  readonly bridgeCommands: ReadonlyMap<string, readonly string[]>;
  readonly ruleSets: ReadonlyMap<string, readonly RuleSet[]>;
  readonly listeners: ReadonlyMap<string, readonly ListenerSpec[]>;
  readonly targets: readonly string[];
}

interface Interface {
  readonly host: number;
  readonly device: string;
  readonly segment: number;
  address4: string | null;
  address6: string | null;
}

const hostName = (host: number): string => `h${host}`;

function append(commands: Map<string, string[]>, host: string, command: string): void {
  commands.set(host, [...(commands.get(host) ?? []), command]);
}

class Maker {
  readonly #random: Random;
  #hosts: number;
  readonly #veths: (readonly [readonly [number, string], readonly [number, string]])[] = [];
  readonly #macvlans: (readonly [string, string, 'bridge' | 'private'])[] = [];
  /** Hosts with a VXLAN device of the overlay, which is a segment of its own. */
  readonly #ends: number[] = [];
  #overlay = -1;
  readonly #vxlans: (readonly [string, string])[] = [];
  readonly #overlayBridges = new Map<number, string[]>();
  readonly #bridges = new Map<number, string[]>();
  readonly #interfaces: Interface[] = [];
  readonly #commands = new Map<string, string[]>();
  readonly #commands6 = new Map<string, string[]>();
  readonly #bridgeCommands = new Map<string, string[]>();
  readonly #settings = new Map<string, Map<string, string>>();
  readonly #addresses = new Map<string, Record<string, string[]>>();
  readonly #ruleSets = new Map<string, readonly RuleSet[]>();
  readonly #targets: string[] = ['127.0.0.1', '::1', '198.51.100.9', '2001:db8::9'];

  readonly #guarded: boolean;
  /** Some hosts hang on the devices of others by macvlans. */
  readonly #stacked: boolean;
  /** Some hosts have another network over the others, by VXLAN. */
  readonly #overlaid: boolean;
  /** Bridges and devices have rules of their own, drawn beside all else: without them the network is the same. */
  readonly #framed: Random | null;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#hosts = this.#random.integer(2, 6);
    this.#guarded = seed % 2 === 1;
    this.#stacked = seed % 5 === 4;
    this.#overlaid = seed % 5 === 2;
    this.#framed = seed % 7 === 3 ? new Random(~seed) : null;
  }

  make(): RandomLab {
    this.#wire();
    this.#address();
    this.#tunnel();
    for (let host = 0; host < this.#hosts; host += 1) this.#route(host);
    for (let host = 0; host < this.#hosts; host += 1) this.#spoil(host);
    if (this.#guarded) for (let host = 0; host < this.#hosts; host += 1) this.#guard(host);
    if (this.#framed !== null) this.#guardFrames(this.#framed);
    const names = Array.from({ length: this.#hosts }, (_, host) => hostName(host));
    const hosts: Record<string, HostSpec> = {};
    for (const [host, name] of names.entries()) {
      const [ports, overlaid] = [this.#bridges.get(host), this.#overlayBridges.get(host)];
      const bridges = { ...(ports && { br0: ports }), ...(overlaid && { br1: overlaid }) };
      hosts[name] = {
        ...(Object.keys(bridges).length > 0 && { bridges }),
        addresses: this.#addresses.get(name) ?? {},
      };
    }
    return {
      spec: {
        hosts,
        veths: this.#veths.map(
          ([[a, one], [b, other]]) => [`${hostName(a)}:${one}`, `${hostName(b)}:${other}`] as const,
        ),
        macvlans: this.#macvlans,
        vxlans: this.#vxlans,
      },
      commands: this.#commands,
      commands6: this.#commands6,
      bridgeCommands: this.#bridgeCommands,
      settings: this.#settings,
      ruleSets: this.#ruleSets,
      listeners: new Map(names.map((name) => [name, this.#listeners(name)])),
      targets: this.#targets,
    };
  }

  #command(host: number, command: string): void {
    append(this.#commands, hostName(host), command);
  }

  #command6(host: number, command: string): void {
    append(this.#commands6, hostName(host), command);
  }

  #set(host: number, name: string, value: number): void {
    const settings = this.#settings.get(hostName(host)) ?? new Map<string, string>();
    settings.set(name, String(value));
    this.#settings.set(hostName(host), settings);
  }

  /** Joins each host to an earlier one, bridges some of the devices, and names the segments that come of it. */
  #wire(): void {
    const ends = new Map<number, string[]>();
    for (let host = 1; host < this.#hosts; host += 1) {
      const other = this.#random.integer(0, host - 1);
      const device = `e${host}`;
      this.#veths.push([
        [host, device],
        [other, `p${host}`],
      ]);
      ends.set(host, [...(ends.get(host) ?? []), device]);
      ends.set(other, [...(ends.get(other) ?? []), `p${host}`]);
    }
    for (const [host, devices] of ends) {
      if (devices.length < 2 || !this.#random.chance(0.5)) continue;
      this.#bridges.set(host, this.#random.some(devices, this.#random.integer(2, devices.length)));
    }
    const segments = new Map<string, number>();
    const key = (host: number, device: string): string =>
      this.#bridges.get(host)?.includes(device) === true ? `${host}/br0` : `${host}/${device}`;
    const join = (from: number, to: number): void => {
      for (const [place, segment] of segments) if (segment === from) segments.set(place, to);
    };
    let next = 0;
    for (const [[host, device], [other, peer]] of this.#veths) {
      for (const place of [key(host, device), key(other, peer)]) {
        if (!segments.has(place)) segments.set(place, next++);
      }
      join(segments.get(key(host, device)) ?? 0, segments.get(key(other, peer)) ?? 0);
    }
    for (const [place, segment] of segments) {
      const [host, device = ''] = place.split('/');
      this.#interfaces.push({ host: Number(host), device, segment, address4: null, address6: null });
    }
    if (this.#stacked) this.#stack();
    if (this.#overlaid) this.#lay(next);
  }

  /** A network over the others: hosts with a VXLAN device, by itself or in a bridge with another host behind it. */
  #lay(segment: number): void {
    this.#overlay = segment;
    const hosts = Array.from({ length: this.#hosts }, (_, host) => host);
    for (const host of this.#random.some(hosts, this.#random.integer(2, 3))) {
      this.#ends.push(host);
      const none = { segment, address4: null, address6: null };
      if (this.#random.chance(0.6)) {
        this.#interfaces.push({ host, device: `x${host}`, ...none });
        continue;
      }
      const guest = this.#hosts;
      this.#hosts += 1;
      this.#veths.push([
        [guest, `e${guest}`],
        [host, `p${guest}`],
      ]);
      this.#overlayBridges.set(host, [`x${host}`, `p${guest}`]);
      this.#interfaces.push({ host, device: 'br1', ...none }, { host: guest, device: `e${guest}`, ...none });
    }
  }

  /** The VXLAN devices, which know of each other, mostly. */
  #tunnel(): void {
    if (!this.#overlaid) return;
    const random = this.#random;
    const isSix = random.chance(0.2);
    const addressesOf = (host: number): string[] =>
      this.#interfaces.flatMap((one) => {
        const address = isSix ? one.address6 : one.address4;
        return one.host !== host || one.segment === this.#overlay || address === null ? [] : [address];
      });
    const macOf = (host: number): string => `02:00:00:00:0f:0${host}`;
    for (const host of this.#ends) {
      const own = this.#interfaces.filter((one) => one.host === host && /^[emp]/.test(one.device));
      const [local] = random.some(addressesOf(host), 1);
      const device = own.length > 0 && random.chance(0.2) ? ` dev ${random.pick(own).device}` : '';
      const others = this.#ends.filter((other) => other !== host);
      const [remote = null, ...further] = others.flatMap((other) => {
        const addresses = random.chance(0.08)
          ? this.#targets.filter((one) => one.includes(':') === isSix)
          : addressesOf(other);
        return addresses.length > 0 && random.chance(0.9) ? [random.pick(addresses)] : [];
      });
      const options = [
        `id ${random.chance(0.04) ? 43 : 42} dstport ${random.chance(0.04) ? 8472 : 4789}`,
        ...(local !== undefined && random.chance(0.4) ? [`local ${local}`] : []),
        ...(remote === null ? [] : [`remote ${remote}`]),
        ...(random.chance(0.3) ? ['nolearning'] : []),
      ];
      this.#vxlans.push([`${hostName(host)}:x${host}`, `${options.join(' ')}${device}`]);
      this.#command(host, `link set dev x${host} address ${macOf(host)}`);
      for (const one of further) this.#bridge(host, `fdb append 00:00:00:00:00:00 dev x${host} dst ${one}`);
      for (const other of others) {
        const addresses = addressesOf(random.chance(0.85) ? other : random.pick(others));
        if (addresses.length > 0 && random.chance(0.3))
          this.#bridge(host, `fdb add ${macOf(other)} dev x${host} dst ${random.pick(addresses)}`);
      }
    }
  }

  /** Hosts more, each with a macvlan on a device that is no port of a bridge, nor a bridge. */
  #stack(): void {
    const lowers = this.#interfaces.filter(({ device }) => device !== 'br0');
    if (lowers.length === 0) return;
    const first = this.#random.pick(lowers);
    for (let count = this.#random.integer(1, 3); count > 0; count -= 1) {
      const lower = this.#random.chance(0.7) ? first : this.#random.pick(lowers);
      const host = this.#hosts;
      this.#hosts += 1;
      const device = `m${host}`;
      const mode = this.#random.chance(0.75) ? 'bridge' : 'private';
      this.#macvlans.push([`${hostName(host)}:${device}`, `${hostName(lower.host)}:${lower.device}`, mode]);
      this.#interfaces.push({ host, device, segment: lower.segment, address4: null, address6: null });
    }
  }

  #address(): void {
    for (const one of this.#interfaces) {
      const { host, device, segment } = one;
      const record = this.#addresses.get(hostName(host)) ?? {};
      const list: string[] = [];
      if (this.#random.chance(0.92)) {
        const net = this.#random.chance(0.05) ? segment + 1 : segment;
        one.address4 = `10.${net}.0.${host + 1}`;
        list.push(`${one.address4}/${this.#random.chance(0.06) ? 16 : 24}`);
        this.#targets.push(one.address4);
      }
      if (this.#random.chance(0.1)) list.push(`10.${segment}.0.${host + 101}/24`);
      if (this.#random.chance(0.6)) {
        one.address6 = `fd00:${segment}::${host + 1}`;
        list.push(`${one.address6}/64`);
        this.#targets.push(one.address6);
      }
      if (this.#random.chance(0.03)) list.push(`10.${segment}.0.${this.#random.integer(1, this.#hosts)}/24`);
      record[device] = [...new Set(list)];
      this.#addresses.set(hostName(host), record);
    }
    const segment = this.#random.pick(this.#interfaces).segment;
    this.#targets.push(`10.${segment}.0.77`, `10.${segment}.0.255`, `fd00:${segment}::77`, '10.99.9.9');
    for (let host = 0; host < this.#hosts; host += 1) {
      if (!this.#random.chance(0.3)) continue;
      const own = `10.200.${host}.1`;
      const record = this.#addresses.get(hostName(host)) ?? {};
      record['lo'] = [`${own}/32`];
      this.#addresses.set(hostName(host), record);
      this.#targets.push(own);
    }
  }

  /** First hops from a host towards a segment, by the shortest way; several where there are. */
  #firstHop(host: number, segment: number): Interface | null {
    const seen = new Set([host]);
    let ring = this.#interfaces
      .filter((one) => one.host === host)
      .map((one) => ({ via: one, host, first: null as Interface | null }));
    while (ring.length > 0) {
      const following: typeof ring = [];
      for (const { via, first } of ring) {
        if (via.segment === segment && first !== null) return first;
        const neighbours = this.#interfaces.filter((one) => one.segment === via.segment && !seen.has(one.host));
        for (const neighbour of neighbours) {
          seen.add(neighbour.host);
          for (const onward of this.#interfaces.filter((one) => one.host === neighbour.host && one !== neighbour)) {
            following.push({ via: onward, host: neighbour.host, first: first ?? neighbour });
          }
        }
      }
      ring = following;
    }
    return null;
  }

  #route(host: number): void {
    const own = this.#interfaces.filter((one) => one.host === host);
    const direct = new Set(own.map(({ segment }) => segment));
    for (const segment of new Set(this.#interfaces.map((one) => one.segment))) {
      if (direct.has(segment)) continue;
      const hop = this.#firstHop(host, segment);
      if (hop === null || !this.#random.chance(0.8)) continue;
      if (hop.address4 !== null) this.#command(host, `route add 10.${segment}.0.0/24 via ${hop.address4}`);
      if (hop.address6 !== null) this.#command6(host, `route add fd00:${segment}::/64 via ${hop.address6}`);
    }
    const beside = this.#interfaces.filter((one) => one.host !== host && direct.has(one.segment));
    if (beside.length > 0 && this.#random.chance(0.6)) {
      const { address4, address6 } = this.#random.pick(beside);
      if (address4 !== null) this.#command(host, `route add default via ${address4}`);
      if (address6 !== null) this.#command6(host, `route add default via ${address6}`);
    }
    this.#set(host, 'net/ipv4/ip_forward', own.length > 1 && this.#random.chance(0.88) ? 1 : 0);
    this.#set(host, 'net/ipv6/conf/all/forwarding', own.length > 1 && this.#random.chance(0.88) ? 1 : 0);
    this.#set(host, 'net/ipv4/icmp_ratelimit', 0);
    this.#set(host, 'net/ipv4/icmp_msgs_per_sec', 100_000);
    this.#set(host, 'net/ipv4/icmp_msgs_burst', 10_000);
    this.#set(host, 'net/ipv6/icmp/ratelimit', 0);
    // A redirect would change what the second packet does.
    for (const device of ['all', 'default', ...own.map((one) => one.device)]) {
      this.#set(host, `net/ipv4/conf/${device}/send_redirects`, 0);
      this.#set(host, `net/ipv4/conf/${device}/accept_redirects`, 0);
      this.#set(host, `net/ipv6/conf/${device}/accept_redirects`, 0);
    }
  }

  /** A gateway beside the host, or a device of its own. */
  #somewhere(host: number): string | null {
    const own = this.#interfaces.filter((one) => one.host === host);
    const { segment, device } = this.#random.pick(own);
    const beside = this.#interfaces.filter(
      (one) => one.host !== host && one.segment === segment && one.address4 !== null,
    );
    if (beside.length === 0 || this.#random.chance(0.2)) return `dev ${device}`;
    const gateway = this.#random.chance(0.9) ? this.#random.pick(beside).address4 : `10.${segment}.0.88`;
    return `via ${gateway} dev ${device}${this.#random.chance(0.3) ? ' onlink' : ''}`;
  }

  #prefix(): string {
    const { segment, address4 } = this.#random.pick(this.#interfaces);
    const choices = [
      `10.${segment}.0.0/24`,
      `10.${segment}.0.0/25`,
      '198.51.100.0/24',
      '10.0.0.0/8',
      'default',
      '10.99.0.0/16',
    ];
    return this.#random.pick(address4 === null ? choices : [...choices, address4]);
  }

  #spoil(host: number): void {
    const random = this.#random;
    const own = this.#interfaces.filter((one) => one.host === host);
    const { device, segment } = random.pick(own);
    const more = random.integer(0, 3);
    for (let count = 0; count < more; count += 1) {
      const metric = random.chance(0.5) ? ` metric ${random.integer(1, 50)}` : '';
      const type = random.pick(['', '', '', 'blackhole ', 'unreachable ', 'prohibit ', 'throw ']);
      const table = random.chance(0.3) ? ' table 100' : '';
      const way = type === '' ? ` ${this.#somewhere(host)}` : '';
      this.#command(host, `route add ${type}${this.#prefix()}${way}${metric}${table}`);
    }
    if (random.chance(0.1)) {
      this.#command(
        host,
        `route add ${this.#prefix()} nexthop ${this.#somewhere(host)} nexthop ${this.#somewhere(host)} weight 3`,
      );
    }
    if (random.chance(0.1))
      this.#command(
        host,
        `route add ${this.#prefix()} ${this.#somewhere(host)} src 10.${segment}.0.${host + 1} metric 2`,
      );
    if (random.chance(0.15))
      this.#command6(
        host,
        `route add ${random.pick(['blackhole', 'unreachable', 'prohibit', 'throw'])} fd00:${random.pick(this.#interfaces).segment}::/64 metric 5`,
      );
    this.#spoil6(host);
    if (random.chance(0.25)) this.#rule(host);
    if (random.chance(0.1)) this.#rule(host);
    this.#switches(host, device);
    if (random.chance(0.05))
      this.#command(
        host,
        `neigh replace 10.${segment}.0.${random.integer(1, 6)} lladdr 02:00:00:00:00:99 dev ${device} nud permanent`,
      );
    if (random.chance(0.05)) this.#command(host, `addr add 10.99.9.9/32 dev ${device}`);
    if (random.chance(0.05)) this.#command(host, `link set dev ${random.pick(own).device} down`);
    const ports = this.#bridges.get(host);
    if (ports !== undefined) {
      for (const port of ports) {
        if (random.chance(0.08)) this.#command(host, `link set dev ${port} down`);
        if (random.chance(0.15)) this.#bridge(host, `link set dev ${port} isolated on`);
        if (random.chance(0.06)) this.#bridge(host, `link set dev ${port} flood off`);
        if (random.chance(0.05)) this.#bridge(host, `link set dev ${port} learning off`);
        if (random.chance(0.05)) this.#bridge(host, `link set dev ${port} bcast_flood off`);
      }
    }
    if (random.chance(0.04)) this.#command(host, 'link set dev lo down');
  }

  /** IPv6: routes by source, with metrics, to the wrong place; rules. */
  #spoil6(host: number): void {
    const random = this.#random;
    const own = this.#interfaces.filter((one) => one.host === host);
    const { segment, device } = random.pick(own);
    const target = random.pick([
      'default',
      `fd00:${random.pick(this.#interfaces).segment}::/64`,
      '2001:db8::/32',
      'fd00::/16',
    ]);
    const beside = this.#interfaces.filter(
      (one) => one.host !== host && one.segment === segment && one.address6 !== null,
    );
    const way = beside.length === 0 ? `dev ${device}` : `via ${random.pick(beside).address6} dev ${device}`;
    if (random.chance(0.2)) this.#command6(host, `route add ${target} ${way} metric ${random.integer(1, 2000)}`);
    if (random.chance(0.1)) this.#command6(host, `route add ${target} from fd00:${segment}::/64 ${way}`);
    if (random.chance(0.1)) this.#command6(host, `route add ${target} ${way} table 100`);
    if (!random.chance(0.15)) return;
    const selector = random.pick([
      `from fd00:${segment}::/64`,
      `to fd00:${segment}::/64`,
      'from all',
      'ipproto tcp',
      `iif ${device}`,
    ]);
    const action = random.pick([
      'lookup 100',
      'lookup 100',
      'blackhole',
      'prohibit',
      'unreachable',
      'lookup main suppress_prefixlength 0',
    ]);
    this.#command6(host, `rule add priority ${random.integer(1, 30_000)} ${selector} ${action}`);
  }

  #bridge(host: number, command: string): void {
    append(this.#bridgeCommands, hostName(host), command);
  }

  #rule(host: number): void {
    const random = this.#random;
    const { segment, address4, device } = random.pick(this.#interfaces);
    const selector = random.pick([
      `from 10.${segment}.0.0/24`,
      `from ${address4 ?? 'all'}`,
      `to 10.${segment}.0.0/24`,
      `iif ${device}`,
      'iif lo',
      'ipproto tcp',
      'ipproto udp dport 7000',
      'fwmark 1',
      'not fwmark 1',
      `not from 10.${segment}.0.0/24`,
      'from all',
    ]);
    const action = random.pick([
      'lookup 100',
      'lookup 100',
      'lookup 100',
      'lookup main suppress_prefixlength 0',
      'blackhole',
      'prohibit',
      'unreachable',
      'goto 32766',
      'nop',
    ]);
    this.#command(host, `rule add priority ${random.integer(1, 30_000)} ${selector} ${action}`);
  }

  #switches(host: number, device: string): void {
    const random = this.#random;
    const on = random.chance(0.3) ? 'all' : device;
    if (random.chance(0.25)) this.#set(host, `net/ipv4/conf/${on}/rp_filter`, random.integer(1, 2));
    const rare = [
      ['accept_local', 1],
      ['route_localnet', 1],
      ['arp_ignore', random.pick([1, 2, 3, 8])],
      ['arp_filter', 1],
      ['arp_announce', random.integer(1, 2)],
      ['proxy_arp', 1],
      ['ignore_routes_with_linkdown', 1],
      ['src_valid_mark', 1],
      ['send_redirects', 1],
    ] as const;
    for (const [name, value] of rare) if (random.chance(0.09)) this.#set(host, `net/ipv4/conf/${on}/${name}`, value);
    if (random.chance(0.06)) this.#set(host, `net/ipv4/conf/${device}/forwarding`, random.integer(0, 1));
  }

  /** Rules of netfilter, and what goes with them: marks that are routed by, and bridges that show what crosses them. */
  #guard(host: number): void {
    const random = this.#random;
    if (this.#bridges.has(host)) {
      for (const tables of ['iptables', 'ip6tables'])
        this.#set(host, `net/bridge/bridge-nf-call-${tables}`, random.chance(0.4) ? 1 : 0);
    }
    if (!random.chance(0.6)) return;
    const surroundings = this.#surroundings(host);
    const ruleSets = randomFirewall(random, surroundings);
    this.#ruleSets.set(hostName(host), ruleSets);
    if (ruleSets.some(({ text }) => /mark set|MARK --set/i.test(text)) && random.chance(0.6)) {
      const action = random.pick(['lookup 100', 'lookup 100', 'unreachable', 'prohibit']);
      this.#command(host, `rule add priority ${random.integer(1, 30_000)} fwmark ${random.integer(1, 2)} ${action}`);
      this.#command(host, `route add ${this.#prefix()} ${this.#somewhere(host)} table 100`);
    }
  }

  #guardFrames(random: Random): void {
    for (let host = 0; host < this.#hosts; host += 1) {
      if (!random.chance(0.5)) continue;
      const own = this.#ruleSets.get(hostName(host)) ?? [];
      this.#ruleSets.set(hostName(host), [...own, randomFrameRules(random, this.#surroundings(host))]);
    }
  }

  /** What rules of a host can speak of. */
  #surroundings(host: number): Surroundings {
    return {
      addresses4: this.#targets.filter((address) => address.startsWith('10.') && !address.endsWith('.255')),
      addresses6: this.#targets.filter((address) => address.startsWith('fd')),
      segments: this.#interfaces.map(({ segment }) => segment),
      devices: this.#interfaces.flatMap((one) => (one.host === host ? [one.device] : [])),
      bridgePorts: this.#bridges.get(host) ?? [],
    };
  }

  #listeners(name: string): ListenerSpec[] {
    const random = this.#random;
    const own = Object.values(this.#addresses.get(name) ?? {})
      .flat()
      .map((address) => address.split('/', 1).join(''))
      .filter((address) => !address.includes(':'));
    const wide = random.pick(['0.0.0.0', '::', '::', '::']);
    const narrow = random.pick(['127.0.0.1', ...own]);
    return (['tcp', 'udp'] as const).flatMap((protocol) => [
      { protocol, address: wide, port: 7000 },
      { protocol, address: narrow, port: 7001 },
    ]);
  }
}

/** The case of a seed. */
export function randomLab(seed: number): RandomLab {
  return new Maker(seed).make();
}
