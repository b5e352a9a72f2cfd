/** A packet of the host itself: from the program that sends it, by its route, through the output hook. */

import type { NamespaceState } from '../../host/state.ts';
import { formatEndpoint, isUnspecified } from '../../inet/address.ts';
import { unusableReason } from '../frame.ts';
import { droppedUnseen } from '../input.ts';
import { localPorts, portsIn } from '../local-port.ts';
import { chooseOrigins, type Departure, depart, routeQuery } from '../output.ts';
import { end, type Progress } from '../progress.ts';
import type { JourneyEnd, ModelPacket, Step } from '../step.ts';
import { arrive } from './arrive.ts';
import { leave, leaveStraight, picked, routeDetail } from './leave.ts';
import { departAnew, strandedAnew } from './reroute.ts';
import type { Walk } from './walk.ts';

/** ping's port for a datagram socket that it connects, and sends nothing by, to learn its source (iputils, ping.c). */
const probePort = 1025;

/** What keeps ping from sending at all: IPv4's connect() looks the route up with the source, its echo request does not. */
function failedProbe({ packet }: Walk, namespace: NamespaceState, routedAs: string): Departure | null {
  if (packet.protocol !== 'icmp' || packet.icmp !== undefined || routedAs === packet.source) return null;
  const probe: ModelPacket = { ...packet, protocol: 'udp', destinationPort: probePort };
  const source = packet.family === 4 ? packet.source : routedAs;
  const departure = depart(namespace, probe, { ...routeQuery(probe, null), source });
  return departure.kind === 'failed' ? departure : null;
}

/** From the program that sends it, with each source that may be chosen for it. */
export function send(walk: Walk, namespace: NamespaceState): Progress {
  const { source, destination } = walk.packet;
  // A rule's reset has its header before it has a route (`nf_send_reset`): what is for no address stays so.
  const hasHeader = walk.question.attached !== null && !isUnspecified(source);
  const origins = hasHeader ? [{ source, destination, routedAs: source }] : chooseOrigins(namespace, walk.packet);
  const sources = origins.map((origin) => origin.source).join(' or ');
  return walk.eachWay(namespace, origins, `from ${sources}: ${picked}`, (one, origin) => {
    one.setOut(origin);
    return sendAs(one, namespace, origin.routedAs);
  });
}

function sendAs(walk: Walk, namespace: NamespaceState, routedAs: string): Progress {
  const { straight } = walk.question;
  const query = { ...routeQuery(walk.packet, null), source: routedAs };
  const departure = failedProbe(walk, namespace, routedAs) ?? depart(namespace, walk.packet, query);
  // A route has to be there (`ip_route_me_harder`), though it is not taken.
  if (straight !== null && departure.kind !== 'failed') {
    return leaveStraight(walk, namespace, straight.device, straight.mac);
  }
  return setOut(walk, namespace, departure, (one, device, next) => {
    const portless = withoutPort(one, namespace);
    if (portless !== null) return one.stop(portless.step, portless.end);
    return one.hook({ namespace, stage: 'output', devices: { output: device }, device }, (after, rerouted) => {
      if (rerouted.length === 0) return next(after);
      const stranded = strandedAnew(namespace, rerouted, device);
      if (stranded !== null) return after.stop(stranded.step, stranded.end);
      const anew = departAnew(namespace, after.packet);
      return setOut(after, namespace, anew, (last, _device, onward) => onward(last));
    });
  });
}

/** Where connect() finds no local port, which it looks for when the route and so the source is known; else null. */
function withoutPort(
  { packet, question }: Walk,
  namespace: NamespaceState,
): { readonly step: Step; readonly end: JourneyEnd } | null {
  const { protocol, sourcePort, destination, destinationPort } = packet;
  if (question.awaited !== null || protocol !== 'tcp' || sourcePort !== undefined) return null;
  const use = localPorts(namespace, packet);
  if (use === null || use.taken < portsIn(use.range)) return null;
  const { first, last } = use.range;
  const detail = `every local port from ${first} to ${last} is in use towards ${formatEndpoint(destination, destinationPort)}`;
  const place = { netns: namespace.name, device: null, stage: 'send' } as const;
  const answer = { errno: 'EADDRNOTAVAIL', netns: namespace.name, icmp: null };
  return { step: { ...place, verdict: 'failed', detail, quotes: use.quotes }, ...end('unroutable', detail, answer) };
}

/** By the way that routing has found; `filter` is what comes between the look-up and the way out. */
function setOut(
  walk: Walk,
  namespace: NamespaceState,
  departure: Departure,
  filter: (walk: Walk, device: string, next: (walk: Walk) => Progress) => Progress,
): Progress {
  const place = { netns: namespace.name, stage: 'route' } as const;
  const { quotes } = departure;
  if (departure.kind === 'unknown') {
    walk.steps.push({ ...place, device: null, verdict: 'unknown', detail: departure.reason, quotes });
    return end('undetermined', departure.reason);
  }
  if (departure.kind === 'failed') {
    const { stage, reason, errno } = departure;
    walk.steps.push({ ...place, stage, device: null, verdict: 'failed', detail: reason, quotes });
    return end('unroutable', reason, { errno, netns: namespace.name, icmp: null });
  }
  if (departure.kind === 'local') {
    const detail = `${walk.packet.destination} is an address of this host`;
    walk.steps.push({ ...place, device: 'lo', verdict: 'delivered', detail, quotes });
    return filter(walk, 'lo', (after) => overLoopback(after, namespace, departure.device ?? 'lo'));
  }
  return walk.eachWay(namespace, departure.nextHops, picked, (one, hop) => {
    const asked = one.packet.boundDevice === undefined ? '' : `, asked for ${one.packet.boundDevice} alone`;
    const detail = `${routeDetail(departure, hop)}${asked}`;
    one.steps.push({ ...place, device: hop.device, verdict: 'passed', detail, quotes });
    return filter(one, hop.device, (after) => leave(after, namespace, '', hop));
  });
}

/** Round by the loopback device; `addressed` is the device whose address it is for. */
function overLoopback(walk: Walk, namespace: NamespaceState, addressed: string): Progress {
  return walk.hook({ namespace, stage: 'postrouting', devices: { output: 'lo' }, device: 'lo' }, (out) => {
    const loopback = namespace.links.find(({ kind }) => kind === 'loopback');
    const trouble = loopback === undefined ? null : unusableReason(loopback);
    if (loopback !== undefined) {
      const detail = trouble === null ? 'sent by lo' : `lo ${trouble}`;
      const place = { netns: namespace.name, device: 'lo', stage: 'egress', quotes: [loopback.source] } as const;
      out.steps.push({ ...place, verdict: trouble === null ? 'passed' : 'dropped', detail });
    }
    if (trouble !== null) return end('dropped', 'lo is down');
    const wrong = droppedUnseen(namespace, 'lo', out.packet);
    if (wrong !== null) {
      const { reason, quotes } = wrong;
      out.steps.push({
        netns: namespace.name,
        device: 'lo',
        stage: 'route',
        verdict: 'dropped',
        detail: reason,
        quotes,
      });
      return end('dropped', reason);
    }
    // Its route is known already: it is not looked up again.
    return out.hook({ namespace, stage: 'prerouting', devices: { input: 'lo' }, device: 'lo' }, (after) =>
      arrive(after, namespace, { device: 'lo', port: null, broadcast: false, addressed }),
    );
  });
}
