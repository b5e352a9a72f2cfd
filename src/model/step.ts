/** The words of a journey: what the model says becomes of a packet, stage by stage. */

import type { ConnectionEntry } from '../host/netfilter.ts';
import type { Listener, Neighbour, Quote } from '../host/state.ts';
import type { IcmpError } from '../inet/icmp.ts';
import type { Connection } from './netfilter/packet.ts';
import type { RuleReference } from './netfilter/state.ts';

/** A stage of the path through a host. */
export type Stage =
  | 'send'
  | 'output'
  | 'ingress'
  | 'bridge'
  | 'prerouting'
  | 'route'
  | 'input'
  | 'forward'
  | 'postrouting'
  | 'neighbour'
  | 'egress'
  | 'socket'
  | 'application'
  | 'remote';

/** What becomes of the packet at a stage. */
export type StepVerdict =
  | 'passed'
  | 'translated'
  | 'delivered'
  | 'dropped'
  | 'rejected'
  | 'refused'
  | 'failed'
  | 'not-reached'
  | 'unknown';

/** The packet whose way is asked for: the first one of a connection. */
export interface ModelPacket {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly family: 4 | 6;
  /** `0.0.0.0` or `::`: the host is to choose one. */
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  /** Absent where it is not known: rules that ask for it cannot be evaluated then. */
  readonly sourcePort?: number;
  /** The numbers of the user and the group that send it; absent as above. */
  readonly user?: number;
  readonly group?: number;
  /** SO_MARK, or what a rule set; without, 0. Null when a rule set what is not known. */
  readonly mark?: number | null;
  /** The flags byte of a TCP segment (RFC 9293, section 3.1); without, SYN alone. */
  readonly tcpFlags?: number;
  /** What an ICMP packet says; without, it is an echo request. */
  readonly icmp?: IcmpError;
  /** Whom the packet was for that an ICMP error quotes, as it was where the error was made, until NAT translates that back. */
  readonly quoted?: { readonly destination: string; readonly destinationPort: number };
  /** The device that the sending socket is bound to (SO_BINDTODEVICE). */
  readonly boundDevice?: string;
  /** Bytes of the whole IP packet; without, it is small enough for every link. Routers may not cut it. */
  readonly length?: number;
  /** Hops that it may take; without, Linux's 64. */
  readonly timeToLive?: number;
  /** A tunnel's device made it around a frame: its route is looked up once, before it has a source. */
  readonly carriesFrame?: true;
  /** Where NAT was seen to send it: of several destinations that rules leave open, this one. */
  readonly redirectedTo?: { readonly address: string; readonly port: number };
  /** Who was seen to have answered for a next hop that nobody in the snapshot has. */
  readonly answeredBy?: Answerer;
}

/** Who asks for the link-layer address of a next hop. */
interface Asker {
  readonly netns: string;
  readonly device: string;
  readonly nextHop: string;
}

/** Somebody out of sight who has the next hop's address, and who asked. */
export interface Answerer extends Asker {
  /** The link-layer address that was answered. */
  readonly mac: string;
  /** The last device in sight on the way to it; null where nothing tells. */
  readonly behind: { readonly netns: string; readonly device: string } | null;
}

/** A port's switch for what its bridge sends to all ports: of one address that it does not know, of all, of a group. */
export type FloodFlag = 'flood' | 'bcast_flood' | 'mcast_flood';

/**
 * What is wrong where a packet is stopped, in the words of the causes that it makes (`docs/causes/`), where there is more
 * to say than the stage and the verdict do; and the state that is wrong, as far as it takes more than the place to find it.
 */
export type Fault =
  | {
      readonly kind:
        | 'accept-queue-full'
        | 'source-is-local'
        | 'ttl-exceeded'
        | 'bridge-port-isolated'
        | 'bridge-hairpin-off'
        | 'bridge-vlan-filtered';
    }
  /** The address that a locked port does not let in, and its VLAN; without: of a port that passes no frames. */
  | { readonly kind: 'bridge-port-blocked'; readonly shutOut?: { readonly mac: string; readonly vlan: number | null } }
  | { readonly kind: 'reverse-path-filter' }
  /** Of the device by which it may not pass; the setting that is off, by sysctl(8)'s name, is null where the snapshot has it not. */
  | { readonly kind: 'localnet-not-routable'; readonly device: string; readonly setting: string | null }
  | { readonly kind: 'ip-forward-off'; readonly setting: string | null }
  | { readonly kind: 'bridge-flood-off'; readonly flag: FloodFlag }
  | { readonly kind: 'stale-neighbour'; readonly entry: Neighbour };

/** A packet of a tunnel, which carries another. */
interface Carrier {
  /** The VXLAN network identifier. */
  readonly network: number;
  /** What it is where it ends. */
  readonly packet: ModelPacket;
  /** The packet in question, the question for its neighbour that comes before, or the answer to that. */
  readonly carries: 'packet' | 'question' | 'answer';
}

/** One stage at one place; with `carrier`, of that packet and not of the one in question. */
export interface Step {
  readonly netns: string;
  readonly device: string | null;
  readonly stage: Stage;
  readonly verdict: StepVerdict;
  /** One clause that says why. */
  readonly detail: string;
  /** The state that decides it. */
  readonly quotes: readonly Quote[];
  /** The rule or policy that stops or translates it. */
  readonly rule?: RuleReference;
  readonly fault?: Fault;
  /** The address for which nobody answers, where a neighbour is asked for. */
  readonly wanted?: string;
  readonly carrier?: Carrier;
  /** So many destinations the rules leave open, of which the packet was seen to have taken this one. */
  readonly choices?: number;
  /** A program is asked here that may send it elsewhere, or change it. */
  readonly asksProgram?: true;
}

/** The steps of the packet in question itself, without those of tunnels' packets. */
export function ownSteps(steps: readonly Step[]): readonly Step[] {
  return steps.filter(({ carrier }) => carrier === undefined);
}

/** What the sender hears of a failure, where it hears of it. */
export interface Answer {
  /** What its connect() or send() gives. */
  readonly errno: string;
  /** The namespace whose kernel says so. */
  readonly netns: string;
  /** The ICMP error that says it; null where the call itself fails, and for an RST. */
  readonly icmp: IcmpError | null;
}

/**
 * How a journey ends: exactly one of these.
 * - `accepted`: a listener takes it (null: the kernel itself does, as it answers an echo request);
 * - `refused`: it is delivered, and no socket takes it (`samePort`: the listeners that have the port all the same);
 * - `returned`: an answer that comes back to the namespace that asked;
 * - `unroutable`: no route, or one that says no, or no local port: the call that sends it fails;
 * - `dropped`: a host swallows it;
 * - `rejected`: a firewall rule swallows it and answers in the destination's name;
 * - `looped`: hosts send it round until its time to live is used up;
 * - `unanswered`: nobody has the next hop's address;
 * - `leaves-view`: it goes where the snapshot does not reach;
 * - `undetermined`: the model does not know, and says what it lacks.
 */
export type JourneyEnd =
  | { readonly kind: 'accepted'; readonly netns: string; readonly listener: Listener | null }
  | { readonly kind: 'refused'; readonly netns: string; readonly samePort: readonly Listener[] }
  | { readonly kind: 'returned'; readonly netns: string }
  | {
      readonly kind: 'rejected';
      readonly reason: string;
      readonly answer: Answer;
      /** By an RST, else by an ICMP error. */
      readonly reset: boolean;
      /** The port of a bridge that it came in by, where br_netfilter shows that to the rules. */
      readonly port: string | null;
    }
  | {
      readonly kind: 'unroutable' | 'dropped' | 'looped' | 'unanswered' | 'leaves-view' | 'undetermined';
      readonly reason: string;
      /** Null: the sender hears nothing, or nobody knows what. */
      readonly answer: Answer | null;
      /** Of `undetermined`: it is one of the ends in `alternatives`, and those are all. */
      readonly isFork?: true;
      /** Of `leaves-view`: who asks for a next hop that nobody in the snapshot has. */
      readonly asker?: Asker;
    };

/** What a host learns of another by being asked: where the asker is (RFC 826, "Packet Reception"; RFC 4861, 7.2.3). */
interface LearntNeighbour {
  readonly kind: 'neighbour';
  readonly netns: string;
  readonly device: string;
  readonly address: string;
  readonly asker: { readonly netns: string; readonly device: string };
}

/** What a VXLAN device learns of what comes: the address of the frame is behind that of the packet. */
export interface LearntRemote {
  readonly kind: 'remote';
  readonly netns: string;
  readonly device: string;
  readonly mac: string;
  readonly behind: string;
}

/** What hosts on the way learn of others. */
export type Learnt = LearntNeighbour | LearntRemote;

/** A connection that a namespace on the way has begun to track: the answer is translated back by it. */
export interface TrackedConnection {
  readonly netns: string;
  readonly entry: ConnectionEntry;
  /** The device whose address MASQUERADE has given it; null for another source. */
  readonly masqueradedOn: string | null;
}

/** Where a way ended, and what the packet was by then: its answer begins there. */
export interface EndState {
  readonly end: JourneyEnd;
  /** The packet as it was sent: with the source that the host chose. */
  readonly packet: ModelPacket;
  /** The packet as it was where the journey ended: translated by the rules on the way. */
  readonly arrived: ModelPacket;
  /** What the hosts on the way have learnt of each other: the answer goes back without a question. */
  readonly learnt: readonly Learnt[];
  /** What the hosts on the way track of the packet's connection. */
  readonly tracked: readonly TrackedConnection[];
  /** The connection that it has where the journey ended, for what is answered there; null where no hook was asked. */
  readonly connection: Connection | null;
  /** The link-layer address that the last frame of it was sent from; null before the first, and of a device that has none. */
  readonly sender: string | null;
}

/** The way of one packet in one direction. */
export interface Journey extends EndState {
  readonly steps: readonly Step[];
  /** The packet as it was sent and after each translation, one at least. */
  readonly forms: readonly ModelPacket[];
  /** The namespace of the sender. */
  readonly start: string;
  /** How else it may end, where something decides that no snapshot shows (chance, a rate, a hash). */
  readonly alternatives: readonly EndState[];
  /** Steps that the model could not evaluate and took as passed: what it assumed, one sentence each. */
  readonly assumptions: readonly string[];
  /** Rules on the way may give the packet another destination, and the model took it that they do not. */
  readonly mayBeRedirected: boolean;
}
