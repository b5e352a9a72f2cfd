/**
 * `journey(host, packet, start)`: what Linux would do with this packet, stage by stage, by the state of the snapshot.
 *
 * Pure. It says what it does not know instead of guessing: a hook whose rules may stop the packet is taken as passed and
 * named in `assumptions`; a route or link that it cannot follow ends the journey as undetermined.
 */

import type { HostState, Link, NamespaceState, Quote } from '../host/state.ts';
import { sameAddress } from './address.ts';
import { type HookStage, hasChains, hookStep, mayRedirect } from './firewall.ts';
import { neighbourIs, ownsAddress, proxiesArp } from './neighbour.ts';
import { lookUpRoute } from './routing.ts';
import { findListener, listenersOnPort } from './socket.ts';
import type { Journey, JourneyEnd, ModelPacket, Step } from './step.ts';

/** Hosts on a way before the model calls it a loop. */
const mostHosts = 32;

/** Where the packet is: in a namespace, by the device that it came in on (null: sent by a program there). */
interface Position {
  readonly namespace: NamespaceState;
  readonly device: string | null;
}

type Progress = { readonly to: Position } | { readonly end: JourneyEnd };

/** Follows one packet. */
class Walk {
  readonly steps: Step[] = [];
  readonly assumptions: string[] = [];
  mayBeRedirected = false;
  readonly #host: HostState;
  readonly #packet: ModelPacket;

  constructor(host: HostState, packet: ModelPacket) {
    this.#host = host;
    this.#packet = packet;
  }

  run(start: NamespaceState): JourneyEnd {
    let position: Position = { namespace: start, device: null };
    for (let hosts = 0; hosts < mostHosts; hosts += 1) {
      const progress = this.#throughHost(position);
      if ('end' in progress) return progress.end;
      position = progress.to;
    }
    return { kind: 'undetermined', reason: `the way passes more than ${mostHosts} hosts` };
  }

  #throughHost({ namespace, device }: Position): Progress {
    const packet = this.#packet;
    const received = device !== null;
    if (received) this.#hook(namespace, 'prerouting', device);
    const found = lookUpRoute(namespace, packet.destination, packet.family);
    const place = { netns: namespace.name, stage: 'route' } as const;
    if (found.kind === 'unknown') {
      this.steps.push({ ...place, device, verdict: 'unknown', detail: found.reason, quotes: found.quotes });
      return { end: { kind: 'undetermined', reason: found.reason } };
    }
    if (found.kind === 'none') {
      const detail = `no route to ${packet.destination}`;
      this.steps.push({ ...place, device, verdict: 'failed', detail, quotes: found.quotes });
      return { end: { kind: 'unroutable', reason: detail } };
    }
    const { route } = found;
    const quotes = [route.source];
    if (route.type === 'local') {
      const detail = `${packet.destination} is an address of this host`;
      this.steps.push({ ...place, device: device ?? 'lo', verdict: 'delivered', detail, quotes });
      return { end: this.#deliver(namespace, device) };
    }
    if (route.type !== 'unicast' || route.device === null) {
      const detail = `the route to ${packet.destination} is of type ${route.type}`;
      this.steps.push({ ...place, device, verdict: 'failed', detail, quotes });
      return { end: { kind: 'unroutable', reason: detail } };
    }
    const target = route.prefixLength === 0 ? 'the default route' : `${route.prefix}/${route.prefixLength}`;
    const detail = route.gateway === null ? `${target} is on ${route.device}` : `${target} goes by ${route.gateway}`;
    if (!received) {
      this.steps.push({ ...place, device: route.device, verdict: 'passed', detail, quotes });
      this.#hook(namespace, 'output', route.device);
    } else {
      this.steps.push({ ...place, device, verdict: 'passed', detail: `${detail}, to be forwarded`, quotes });
      const refusal = this.#forward(namespace, device);
      if (refusal !== null) return { end: refusal };
    }
    this.#hook(namespace, 'postrouting', route.device);
    return this.#transmit(namespace, route.device, route.gateway ?? packet.destination);
  }

  #hook(namespace: NamespaceState, stage: HookStage, device: string | null): void {
    const { family } = this.#packet;
    // Every packet meets input and forward, and a reader looks for them; elsewhere an empty hook is no stage.
    if (stage !== 'input' && stage !== 'forward' && namespace.firewallKnown && !hasChains(namespace, stage, family)) {
      return;
    }
    const step = hookStep(namespace, stage, family, device);
    this.steps.push(step);
    if (step.verdict !== 'unknown') return;
    this.assumptions.push(`${namespace.name}, ${stage}: ${step.detail}`);
    this.mayBeRedirected ||= mayRedirect(namespace, stage, family);
  }

  #forward(namespace: NamespaceState, device: string): JourneyEnd | null {
    // IPv6 has one switch for all devices; IPv4 one for each (Documentation/networking/ip-sysctl.rst, "forwarding").
    const name = this.#packet.family === 4 ? `net.ipv4.conf.${device}.forwarding` : 'net.ipv6.conf.all.forwarding';
    const setting = namespace.sysctls.get(name);
    if (setting === undefined) this.assumptions.push(`${namespace.name}, forward: the snapshot has no ${name}`);
    if (setting?.value === '0') {
      const detail = `${namespace.name} does not forward: ${name} is 0`;
      const quotes = [setting.source];
      this.steps.push({ netns: namespace.name, device, stage: 'forward', verdict: 'dropped', detail, quotes });
      return { kind: 'dropped', reason: detail };
    }
    this.#hook(namespace, 'forward', device);
    return null;
  }

  /** Out of a device, over what is plugged into it, into the next host. */
  #transmit(namespace: NamespaceState, device: string, nextHop: string): Progress {
    const link = namespace.links.find(({ name }) => name === device);
    if (link === undefined) {
      return { end: { kind: 'undetermined', reason: `${device} is not in the snapshot of ${namespace.name}` } };
    }
    if (!this.#egress(namespace, link)) {
      return { end: { kind: 'dropped', reason: `${namespace.name}:${device} is down` } };
    }
    if (link.kind === 'bridge') return this.#overBridge(namespace, link, null, nextHop);
    if (link.kind !== 'veth') {
      return { end: { kind: 'leaves-view', reason: `it leaves by ${namespace.name}:${device}` } };
    }
    return this.#overVeth(namespace, link, nextHop);
  }

  #egress(namespace: NamespaceState, link: Link): boolean {
    const usable = link.up && link.carrier;
    const state = !link.up
      ? 'is down'
      : link.kind === 'veth'
        ? 'has no carrier: its other end is down'
        : 'has no carrier';
    this.steps.push({
      netns: namespace.name,
      device: link.name,
      stage: 'egress',
      verdict: usable ? 'passed' : 'dropped',
      detail: usable ? `sent by ${link.name}` : `${link.name} ${state}`,
      quotes: [link.source],
    });
    return usable;
  }

  /** The other end of a veth pair, null when the snapshot has it not. */
  #otherEnd({ peer }: Link): { readonly namespace: NamespaceState; readonly link: Link } | null {
    const namespace = this.#host.namespaces.get(peer?.netns ?? '');
    const link = namespace?.links.find(({ index }) => index === peer?.index);
    return namespace === undefined || link === undefined ? null : { namespace, link };
  }

  #overVeth(namespace: NamespaceState, link: Link, nextHop: string): Progress {
    const far = this.#otherEnd(link);
    if (far === null) {
      const reason = `the other end of ${namespace.name}:${link.name} is in a namespace that the snapshot has not`;
      return { end: { kind: 'leaves-view', reason } };
    }
    const { namespace: peerNamespace, link: peer } = far;
    const bridge = peerNamespace.links.find(({ name, kind }) => name === peer.master && kind === 'bridge');
    if (bridge !== undefined) return this.#overBridge(peerNamespace, bridge, peer, nextHop);
    this.#ingress(peerNamespace, peer, `received by ${peer.name}, the other end of ${namespace.name}:${link.name}`);
    if (peer.master !== null) {
      const reason = `${peerNamespace.name}:${peer.name} is a port of ${peer.master}, which is no bridge that the model knows`;
      return { end: { kind: 'undetermined', reason } };
    }
    const taken =
      ownsAddress(peerNamespace, nextHop) ||
      proxiesArp(peerNamespace, peer.name, nextHop) ||
      neighbourIs(namespace, link.name, nextHop, peer);
    if (taken) return { to: { namespace: peerNamespace, device: peer.name } };
    return { end: this.#unanswered(namespace, link.name, nextHop) };
  }

  #ingress(namespace: NamespaceState, link: Link, detail: string): void {
    const place = { netns: namespace.name, device: link.name, stage: 'ingress' } as const;
    this.steps.push({ ...place, verdict: 'passed', detail, quotes: [link.source] });
  }

  #unanswered(namespace: NamespaceState, device: string, nextHop: string): JourneyEnd {
    const entry = namespace.neighbours.find((n) => n.device === device && sameAddress(n.address, nextHop));
    const detail = `nobody on ${device} has the address ${nextHop}`;
    this.steps.push({
      netns: namespace.name,
      device,
      stage: 'neighbour',
      verdict: 'failed',
      detail,
      quotes: entry === undefined ? [] : [entry.source],
    });
    return { kind: 'unanswered', reason: detail };
  }

  /** Across a bridge, from a port (null: from the host itself) to whoever has the next hop's address. */
  #overBridge(namespace: NamespaceState, bridge: Link, port: Link | null, nextHop: string): Progress {
    if (port !== null) {
      const toHost = ownsAddress(namespace, nextHop);
      const blocked = this.#blocked(namespace, bridge, port);
      if (blocked !== null) return { end: blocked };
      const state = namespace.bridgePorts.find(({ device }) => device === port.name);
      this.steps.push({
        netns: namespace.name,
        device: port.name,
        stage: 'bridge',
        verdict: 'passed',
        detail: `${port.name} is a port of ${bridge.name}${toHost ? `, and ${nextHop} is the host's own seat on it` : ''}`,
        quotes: [state?.source ?? port.source],
      });
      if (toHost) {
        this.#ingress(namespace, bridge, `handed up to ${bridge.name}`);
        return { to: { namespace, device: bridge.name } };
      }
      this.#bridgedHooks(namespace, bridge);
    }
    return this.#toPort(namespace, bridge, port, nextHop);
  }

  /** The end at a port that takes and gives no frames (spanning tree, or a bridge that is down), null at another. */
  #blocked(namespace: NamespaceState, bridge: Link, port: Link): JourneyEnd | null {
    const found = namespace.bridgePorts.find(({ device }) => device === port.name);
    if (found === undefined || found.state === 'forwarding') return null;
    const detail = `${port.name}, a port of ${bridge.name}, is ${found.state}`;
    const place = { netns: namespace.name, device: port.name, stage: 'bridge' } as const;
    this.steps.push({ ...place, verdict: 'dropped', detail, quotes: [found.source] });
    return { kind: 'dropped', reason: `${port.name} is ${found.state}` };
  }

  /** br_netfilter shows iptables what goes from port to port, where it is loaded and switched on. */
  #bridgedHooks(namespace: NamespaceState, bridge: Link): void {
    const tables = this.#packet.family === 4 ? 'iptables' : 'ip6tables';
    if (namespace.sysctls.get(`net.bridge.bridge-nf-call-${tables}`)?.value !== '1') return;
    for (const stage of ['prerouting', 'forward', 'postrouting'] as const) this.#hook(namespace, stage, bridge.name);
  }

  #toPort(namespace: NamespaceState, bridge: Link, from: Link | null, nextHop: string): Progress {
    const ports = namespace.links.filter((link) => link.master === bridge.name && link.name !== from?.name);
    let unseen = false;
    for (const port of ports) {
      const far = this.#otherEnd(port);
      if (far === null) {
        unseen = true;
      } else if (ownsAddress(far.namespace, nextHop)) {
        // A port without a carrier is disabled for that reason alone: the link is what is wrong with it.
        const blocked = port.up && port.carrier ? this.#blocked(namespace, bridge, port) : null;
        if (blocked !== null) return { end: blocked };
        if (!this.#egress(namespace, port)) return { end: { kind: 'dropped', reason: `${port.name} is down` } };
        const detail = `received by ${far.link.name}, the other end of ${namespace.name}:${port.name}`;
        this.#ingress(far.namespace, far.link, detail);
        return { to: { namespace: far.namespace, device: far.link.name } };
      }
    }
    if (unseen) {
      const reason = `${nextHop} may be behind a port of ${bridge.name} whose other end the snapshot has not`;
      return { end: { kind: 'leaves-view', reason } };
    }
    return { end: this.#unanswered(namespace, bridge.name, nextHop) };
  }

  #deliver(namespace: NamespaceState, received: string | null): JourneyEnd {
    const packet = this.#packet;
    if (received === null && !this.#overLoopback(namespace)) return { kind: 'dropped', reason: 'lo is down' };
    const device = received ?? 'lo';
    this.#hook(namespace, 'input', device);
    const place = { netns: namespace.name, device, stage: 'socket' } as const;
    if (!namespace.listenersKnown) {
      const reason = `the sockets of ${namespace.name} could not be read`;
      this.steps.push({ ...place, verdict: 'unknown', detail: reason, quotes: [] });
      return { kind: 'undetermined', reason };
    }
    const listener = findListener(namespace, packet, device);
    if (listener !== null) {
      const owner = listener.process === null ? 'a socket' : `${listener.process.name} (pid ${listener.process.pid})`;
      const detail = `${owner} listens on ${formatEndpoint(listener.address, listener.port)}`;
      this.steps.push({ ...place, verdict: 'delivered', detail, quotes: [listener.source] });
      return { kind: 'accepted', listener };
    }
    const samePort = listenersOnPort(namespace, packet);
    const quotes: readonly Quote[] = samePort.map(({ source }) => source);
    const detail = `no socket takes ${formatEndpoint(packet.destination, packet.destinationPort)}`;
    this.steps.push({ ...place, verdict: 'refused', detail, quotes });
    return { kind: 'refused', samePort };
  }

  #overLoopback(namespace: NamespaceState): boolean {
    this.#hook(namespace, 'output', 'lo');
    const loopback = namespace.links.find(({ kind }) => kind === 'loopback');
    return loopback === undefined || this.#egress(namespace, loopback);
  }
}

/** `10.88.0.1:80`, `[::1]:80`. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The way that the packet takes from the program that sends it, in the namespace of that name. */
export function journey(host: HostState, packet: ModelPacket, start: string): Journey {
  const namespace = host.namespaces.get(start);
  if (namespace === undefined) {
    const reason = `the namespace ${start} is not in the snapshot`;
    return { steps: [], end: { kind: 'undetermined', reason }, assumptions: [], mayBeRedirected: false };
  }
  const walk = new Walk(host, packet);
  const end = walk.run(namespace);
  const { steps, assumptions, mayBeRedirected } = walk;
  return { steps, end, assumptions, mayBeRedirected };
}
