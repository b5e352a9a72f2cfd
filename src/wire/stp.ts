/**
 * Spanning tree's bridge protocol data units: STP (IEEE 802.1D-1998 section 9), RSTP (802.1D-2004 section 9) and MSTP
 * (802.1Q-2022 section 14).
 */

import { macLength, readMac } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { fieldValue, numberOf, textOf } from './fields.ts';
import type { Layer } from './layer.ts';

const at = {
  protocol: 0,
  version: 2,
  type: 3,
  flags: 4,
  root: 5,
  rootCost: 13,
  bridge: 17,
  port: 25,
  messageAge: 27,
  maxAge: 29,
  hello: 31,
  forwardDelay: 33,
  version1Length: 35,
  version3Length: 36,
  configFormat: 38,
  configName: 39,
  configRevision: 71,
  configDigest: 73,
  internalCost: 89,
  internalBridge: 93,
  remainingHops: 101,
  instances: 102,
};
const shortLength = 2;
const longLength = 4;
const nameLength = at.configRevision - at.configName;
const digestLength = at.internalCost - at.configDigest;

/** Within a bridge identifier. */
const bridge = { priority: 0, address: 2 };
const priorityMask = 0xf000;
const extensionMask = 0x0fff;

/** One instance's record of MSTP, within itself. */
const instance = { flags: 0, root: 1, cost: 9, bridgePriority: 13, portPriority: 14, remainingHops: 15 };
/** Priorities in their steps: of 4096 for a bridge, of 16 for a port. */
const stepMask = 0xf0;
const instanceLength = instance.remainingHops + 1;
/** IEEE 802.1Q section 13.8: 64 instances beside the common one are the most. */
const mostInstances = 64;

const type = { configuration: 0x00, rapid: 0x02, topologyChange: 0x80 };
const types: ReadonlyMap<number, string> = new Map([
  [type.configuration, 'configuration'],
  [type.rapid, 'rapid or multiple spanning tree'],
  [type.topologyChange, 'topology change notification'],
]);
const versions: ReadonlyMap<number, string> = new Map([
  [0, 'STP'],
  [2, 'RSTP'],
  [3, 'MSTP'],
  [4, 'SPT'],
]);
const rapid = 2;
const multiple = 3;
const roles: ReadonlyMap<number, string> = new Map([
  [0, 'master'],
  [1, 'alternate or backup'],
  [2, 'root'],
  [3, 'designated'],
]);

const flagMask = {
  acknowledgement: 0x80,
  agreement: 0x40,
  forwarding: 0x20,
  learning: 0x10,
  role: 0x0c,
  proposal: 0x02,
  topologyChange: 0x01,
};
/** Times count 1/256 seconds. */
const secondParts = 256;

/** A bridge identifier: the priority counts in steps of 4096, below it stands the VLAN or instance it is meant for. */
function addBridge(header: Header, prefix: string, label: string, place: number): void {
  const priority = header.peek(place + bridge.priority, shortLength) & priorityMask;
  header.add(`${prefix}.prio`, `${label} priority`, place + bridge.priority, shortLength, priority);
  header.bits(`${prefix}.ext`, `${label} system ID extension`, place + bridge.priority, shortLength, extensionMask);
  header.address(`${prefix}.hw`, label, place + bridge.address, macLength, readMac);
}

function addSeconds(header: Header, name: string, label: string, place: number): void {
  const seconds = header.peek(place, shortLength) / secondParts;
  header.add(name, label, place, shortLength, seconds, `${seconds} s`);
}

function addFlags(header: Header, version: number): void {
  header.number('stp.flags', 'Flags', at.flags, 1, (value) => hex(value, 2));
  header.flag('stp.flags.tcack', 'Topology change acknowledgement', at.flags, 1, flagMask.acknowledgement);
  if (version >= rapid) {
    header.flag('stp.flags.agreement', 'Agreement', at.flags, 1, flagMask.agreement);
    header.flag('stp.flags.forwarding', 'Forwarding', at.flags, 1, flagMask.forwarding);
    header.flag('stp.flags.learning', 'Learning', at.flags, 1, flagMask.learning);
    header.bits('stp.flags.port_role', 'Port role', at.flags, 1, flagMask.role, named(roles));
    header.flag('stp.flags.proposal', 'Proposal', at.flags, 1, flagMask.proposal);
  }
  header.flag('stp.flags.tc', 'Topology change', at.flags, 1, flagMask.topologyChange);
}

function addInstance(header: Header, place: number): void {
  header.number('mstp.msti.flags', 'Instance flags', place + instance.flags, 1, (value) => hex(value, 2));
  header.bits('mstp.msti.msti_id', 'Instance', place + instance.root, shortLength, extensionMask);
  header.address('mstp.msti.root.hw', 'Regional root', place + instance.root + bridge.address, macLength, readMac);
  header.number('mstp.msti.root_cost', 'Internal root path cost', place + instance.cost, longLength);
  header.bits('mstp.msti.bridge_priority', 'Bridge priority', place + instance.bridgePriority, 1, stepMask);
  header.bits('mstp.msti.port_priority', 'Port priority', place + instance.portPriority, 1, stepMask);
  header.number('mstp.msti.remaining_hops', 'Remaining hops', place + instance.remainingHops, 1);
}

/** Adds MSTP's part of a BPDU; gives the whole BPDU's length. */
function addMultiple(header: Header): number {
  const length = header.number('mstp.version_3_length', 'Version 3 length', at.version3Length, shortLength);
  header.number('mstp.config_format_selector', 'Configuration format', at.configFormat, 1);
  header.paddedText('mstp.config_name', 'Region', at.configName, nameLength);
  header.number('mstp.config_revision_level', 'Configuration revision', at.configRevision, shortLength);
  header.opaque('mstp.config_digest', 'Configuration digest', at.configDigest, digestLength);
  header.number('mstp.cist_internal_root_path_cost', 'Internal root path cost', at.internalCost, longLength);
  addBridge(header, 'mstp.cist_bridge', 'Regional bridge', at.internalBridge);
  header.number('mstp.cist_remaining_hops', 'Remaining hops', at.remainingHops, 1);
  const instances = Math.floor((at.configFormat + length - at.instances) / instanceLength);
  const count = Math.min(Math.max(0, instances), mostInstances);
  for (let index = 0; index < count; index++) addInstance(header, at.instances + index * instanceLength);
  return at.instances + count * instanceLength;
}

/** Decodes a BPDU. What follows it, such as the VLAN of PVST+, is data. */
export const decodeStp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('stp', 'Spanning Tree Protocol', bytes, offset, end);
  header.number('stp.protocol', 'Protocol', at.protocol, shortLength, (value) => hex(value, 4));
  const version = header.number('stp.version', 'Version', at.version, 1, named(versions));
  const kind = header.number('stp.type', 'BPDU type', at.type, 1, named(types));
  const decoded = (length: number): Decoded => header.decoded(length, context, header.rest(length, 'data', context));
  const isShort = kind === type.topologyChange || !types.has(kind);
  if (isShort || !header.has(at.flags)) return decoded(at.flags);

  addFlags(header, version);
  addBridge(header, 'stp.root', 'Root', at.root);
  header.number('stp.root.cost', 'Root path cost', at.rootCost, longLength);
  addBridge(header, 'stp.bridge', 'Bridge', at.bridge);
  header.number('stp.port', 'Port', at.port, shortLength, (value) => hex(value, 4));
  addSeconds(header, 'stp.msg_age', 'Message age', at.messageAge);
  addSeconds(header, 'stp.max_age', 'Maximum age', at.maxAge);
  addSeconds(header, 'stp.hello', 'Hello time', at.hello);
  addSeconds(header, 'stp.forward', 'Forward delay', at.forwardDelay);
  if (kind === type.configuration) return decoded(at.version1Length);

  header.number('stp.version_1_length', 'Version 1 length', at.version1Length, 1);
  const length = version >= multiple ? addMultiple(header) : at.version3Length;
  return decoded(length);
};

function bridgeText(layer: Layer, prefix: string): string {
  // As switches show it: the priority with its extension.
  const priority = (numberOf(layer, `${prefix}.prio`) ?? 0) + (numberOf(layer, `${prefix}.ext`) ?? 0);
  return `${priority}/${textOf(layer, `${prefix}.hw`)}`;
}

/** `STP root 32768/00:11:22:33:44:55 cost 4 port 0x8001`, with the port's role from RSTP on. */
export function summarizeStp(layer: Layer): string {
  const name = versions.get(numberOf(layer, 'stp.version') ?? 0) ?? 'STP';
  const kind = numberOf(layer, 'stp.type') ?? type.configuration;
  const isWhole = fieldValue(layer, 'stp.port') !== null;
  if (!isWhole || kind === type.topologyChange) return `${name} ${types.get(kind) ?? `BPDU ${hex(kind, 2)}`}`;
  const role = roles.get(numberOf(layer, 'stp.flags.port_role') ?? -1);
  return [
    `${name} root ${bridgeText(layer, 'stp.root')} cost ${textOf(layer, 'stp.root.cost')}`,
    `port ${hex(numberOf(layer, 'stp.port') ?? 0, 4)}`,
    ...(role === undefined ? [] : [role]),
    ...(fieldValue(layer, 'stp.flags.tc') === true ? ['topology change'] : []),
  ].join(' ');
}
