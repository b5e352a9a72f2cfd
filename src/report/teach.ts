/**
 * What the words of a report mean, for a reader who never heard of them: one paragraph a concept, of those that a
 * diagnosis touches. All of them draw one picture: a building with rooms, cables, a receptionist and doormen.
 */

import type { ConnectionDiagnosis, Hop, Stage } from '../diagnose/diagnosis.ts';

/** What is looked at of a connection. */
type Told = Omit<ConnectionDiagnosis, 'frames'>;

/** A concept, and what it is. */
export interface Lesson {
  readonly concept: string;
  readonly text: string;
}

interface Concept extends Lesson {
  /** True for a connection whose report speaks of it. */
  readonly isTouched: (connection: Told) => boolean;
}

const hooks: readonly Stage[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

function passes({ hops }: Told, ...stages: readonly Stage[]): boolean {
  return hops.some(({ stage }) => stages.includes(stage));
}

function isCause({ cause }: Told, ...ids: readonly string[]): boolean {
  return cause !== null && ids.some((id) => cause === id || (id.endsWith('-') && cause.startsWith(id)));
}

/** Leaves one room and comes into another. */
function crosses({ hops }: Told): boolean {
  return hops.some((hop, index) => {
    const next: Hop | undefined = hops[index + 1];
    return hop.stage === 'egress' && next !== undefined && next.netns !== null && next.netns !== hop.netns;
  });
}

function isTranslated({ hops, translated }: Told): boolean {
  return translated !== null || hops.some(({ verdict }) => verdict === 'translated');
}

/** Causes of a published port whose rule is not met, or leads back to where the packet came from. */
const publishing = [
  'dnat-not-applied-to-local',
  'hairpin-nat-missing',
  'source-is-local',
  'localnet-not-routable',
] as const;

/** From the ground up: what a paragraph takes for known stands before it. */
const concepts: readonly Concept[] = [
  {
    concept: 'network namespace',
    text: "Linux can divide its network as a building is divided into rooms. Each room, a network namespace, has devices, addresses, routes, firewall rules and sockets of its own and sees nothing of the others'. A container is programs in a room of their own; the host is the room that was there first. So a command has to be run in the right room: nettrace names it in front of each device, as in web:eth0.",
    isTouched: ({ hops }) => hops.some(({ netns }) => netns !== null && netns !== 'host'),
  },
  {
    concept: 'veth pair',
    text: "Rooms are joined by cables. A veth pair is a cable with a network device at each end, one in either room: what is sent in at one end comes out at the other at once. A container's end is mostly called eth0; the host's has a name like veth3f2a. If either end is set down, or the host's is plugged in nowhere, the cable is dead.",
    isTouched: (connection) => crosses(connection) || isCause(connection, 'bridge-port-detached'),
  },
  {
    concept: 'bridge',
    text: "A bridge is a switch made of software: cables are plugged into its ports. It works like a receptionist who learns who sits where. From each frame she notes the sender's hardware address (MAC address) and the port that it came by; what is for an address that she knows goes out of that port alone, and the rest to all of them. The host mostly has a seat at the bridge as well, with an address of its own.",
    isTouched: (connection) => passes(connection, 'bridge') || isCause(connection, 'bridge-'),
  },
  {
    concept: 'address and route',
    text: 'An IP address belongs to a device in one room, and its prefix length says which addresses are beside it: 10.88.0.10/16 has all of 10.88.x.x for neighbours. Before anything is sent the kernel looks into its routing table, a list of lines like "for these addresses, out of this device, by that router". The line that fits most closely counts. Where none fits, nothing is sent, and the program is told that the network is unreachable.',
    isTouched: (connection) => passes(connection, 'route', 'send'),
  },
  {
    concept: 'default gateway',
    text: "Who is no neighbour is reached by way of a router: a room with doors to several networks that passes on what is not for itself, if it is told to (forwarding). The default gateway is the router that gets everything for which no closer line stands. For a container it is mostly its host, at the bridge's address. The answer has to find its way back likewise: each room on it needs a route to the one who asked.",
    isTouched: (connection) =>
      passes(connection, 'forward', 'remote') ||
      isCause(connection, 'no-route', 'no-return-route', 'route-wrong-device'),
  },
  {
    concept: 'neighbour (ARP)',
    text: 'Over a cable or a bridge, frames go to hardware addresses and not to IP addresses. So the sender first calls out: who has 10.88.0.1? That is ARP; IPv6 calls it Neighbour Discovery. The one who has it answers, and the answer is noted in the neighbour table for a while. When nobody has answered three calls, a second apart, the program is told that there is no route to the host. While a note stands nobody is asked, even if it is wrong.',
    isTouched: (connection) =>
      passes(connection, 'neighbour') ||
      isCause(connection, 'neighbour-unresolved', 'route-wrong-device', 'bridge-') ||
      (connection.outcome === 'unreachable' && isCause(connection, 'interface-down')),
  },
  {
    concept: 'port and socket',
    text: 'A room has many programs that want mail. A port is the number of a desk, and a socket is a program that sits at it. A server\'s socket listens on a port, at one address of its room or at all of them, and takes only what is addressed there: 127.0.0.1:80 is another desk than 10.88.0.1:80. When a request (SYN) comes to a desk where nobody sits, the kernel answers with a reset (RST), and the program that asked reads "connection refused".',
    isTouched: (connection) => passes(connection, 'socket', 'application'),
  },
  {
    concept: 'loopback',
    text: "Each room has a device lo that leads back into that very room, with the addresses 127.0.0.1 and ::1. What is sent to them never leaves the room, and nobody in another room can send there. So a program that listens on 127.0.0.1 serves its own room alone: the host's 127.0.0.1 is out of a container's reach, and a container's out of the host's.",
    isTouched: (connection) =>
      connection.hops.some(({ device }) => device === 'lo') ||
      isCause(connection, 'loopback-down', 'localnet-not-routable', 'listener-on-other-address'),
  },
  {
    concept: 'firewall hook and rule',
    text: "Each room may have a doorman, who has lists of rules for five places (hooks): prerouting for all that comes in, input for what is meant for the room itself, forward for what only passes through, output for what its programs send, postrouting for all that goes out. He reads a list (a chain) from the top: the first rule that settles the matter counts, and at the end the chain's policy. He may drop a packet, which nobody is told of, or reject it with an answer. He stands in one room only: another room has another doorman, or none.",
    isTouched: (connection) => passes(connection, ...hooks) || isCause(connection, 'firewall-'),
  },
  {
    concept: 'address translation (NAT)',
    text: "A packet carries two addresses, like a letter, and a router may write another one over either. Masquerade, or source NAT, puts the router's own address in the sender's place: a private address means nothing outside, and no answer would find back. Destination NAT (DNAT) puts another receiver in. The router notes each change and undoes it in the answers, which therefore have to come back by that same router.",
    isTouched: (connection) => isTranslated(connection) || isCause(connection, 'missing-masquerade', ...publishing),
  },
  {
    concept: 'connection tracking (conntrack)',
    text: "To undo translations, and to tell answers from new requests, the doorman keeps a list of the connections that pass him: who asked whom, and what was changed. The rules of NAT are read for a connection's first packet alone; the others follow the note. Rules may ask for it, too: ct state established,related lets the answers to what was let pass come back. A note holds until it is forgotten, even if the rules have changed since.",
    isTouched: (connection) => isTranslated(connection) || isCause(connection, 'firewall-drop-reply', ...publishing),
  },
  {
    concept: 'published port',
    text: "A container has an address that its host alone knows. To be reached from elsewhere a port of the host is published for it: podman run -p 8080:80 adds a DNAT rule by which whatever comes in for port 8080 of the host goes on to port 80 of the container. The rule stands where packets come in. What the host itself sends, and what a container sends to its neighbour's published port, needs rules of its own.",
    isTouched: (connection) =>
      isCause(connection, ...publishing) ||
      connection.hops.some(
        ({ stage, verdict }) => verdict === 'translated' && (stage === 'prerouting' || stage === 'output'),
      ),
  },
  {
    concept: 'name resolution (DNS)',
    text: 'People use names, and packets need addresses. A program reads the hosts file first and then asks a resolver, which /etc/resolv.conf names, mostly by UDP to port 53. The resolver gives an address, or says that there is no such name (NXDOMAIN), fails (SERVFAIL), refuses, or does not answer at all. Only with an address does the connection proper begin: a name that is not found is no fault of the server.',
    isTouched: (connection) =>
      isCause(connection, 'dns-') || connection.outcome === 'dns-failed' || connection.destination.port === 53,
  },
  {
    concept: 'TLS',
    text: 'TLS is the envelope around what two programs say: before all else the server shows who it is, and they agree on keys. It is a language of its own from the first byte on. A client that begins in plain text is not understood by a server that expects TLS, nor the other way round: the connection stands, and the talk fails at once. https is http inside TLS, mostly on another port.',
    isTouched: (connection) =>
      isCause(connection, 'tls-to-plaintext', 'plaintext-to-tls') || connection.outcome === 'tls-failed',
  },
];

/** The concepts that the report of these connections speaks of, each once, from the ground up. */
export function lessonsOf(connections: Iterable<Told>): Lesson[] {
  const touched = new Set<Concept>();
  for (const connection of connections) {
    for (const concept of concepts) if (!touched.has(concept) && concept.isTouched(connection)) touched.add(concept);
  }
  return concepts.filter((concept) => touched.has(concept)).map(({ concept, text }): Lesson => ({ concept, text }));
}
