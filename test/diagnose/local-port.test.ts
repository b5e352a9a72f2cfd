import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import type { ConnectedSocket, HostState, NamespaceState } from '../../src/host/state.ts';
import { localPorts, portsIn } from '../../src/model/local-port.ts';
import { host, packetTo } from '../model/hosts.ts';
import { box, bridgeHost, type Told, web } from '../model/two-boxes.ts';
import { caseOf, kernelLine, listeners, snapshotWith } from './cases.ts';
import { fixesOf, predicted, verdictOf } from './on-host.ts';

const range = 'net.ipv4.ip_local_port_range';
const twoPorts = { [range]: '40000\t40001' };

function socket(text: string, state = 'ESTAB'): ConnectedSocket {
  const [address = '', port, remoteAddress = '', remotePort] = text.split(' ');
  return {
    protocol: 'tcp',
    family: address.includes(':') ? 6 : 4,
    address,
    port: Number(port),
    remoteAddress,
    remotePort: Number(remotePort),
    state,
    device: null,
    source: { netns: 'box', command: 'ss', text },
  };
}

const to80 = [socket('10.88.0.10 40000 10.88.0.20 80'), socket('10.88.0.10 40001 10.88.0.20 80', 'TIME-WAIT')];
const client = (more: Told): NamespaceState => box({ sysctls: twoPorts, ...more });
const state = (more: Told): HostState => host(client(more), web(), bridgeHost());

describe('the local ports of a namespace', () => {
  const taken = (more: Told): number | undefined => localPorts(client(more), packetTo('10.88.0.20'))?.taken;

  it.each<[string, Told, number]>([
    ['sockets with the same end, in TIME-WAIT as well', { connectedSockets: to80 }, 2],
    [
      'an IPv4 address inside a socket of IPv6',
      { connectedSockets: [socket('::ffff:10.88.0.10 40000 ::ffff:10.88.0.20 80')] },
      1,
    ],
    ['a listener', { listeners: ['tcp 0.0.0.0:40000'] }, 1],
    [
      'a listener and a socket of one port',
      { listeners: ['tcp 0.0.0.0:40000'], connectedSockets: to80.slice(0, 1) },
      1,
    ],
  ])('count %s', (_name, more, count) => {
    expect(taken(more)).toBe(count);
  });

  it.each<[string, Told]>([
    ['a socket with another port of that server', { connectedSockets: [socket('10.88.0.10 40000 10.88.0.20 81')] }],
    ['a socket with another server', { connectedSockets: [socket('10.88.0.10 40000 10.88.0.21 80')] }],
    ['a socket from another address', { connectedSockets: [socket('10.88.0.11 40000 10.88.0.20 80')] }],
    ['a port outside of the range', { connectedSockets: [socket('10.88.0.10 39999 10.88.0.20 80')] }],
    ['a listener of UDP', { listeners: ['udp 0.0.0.0:40000'] }],
  ])('do not count %s', (_name, more) => {
    expect(taken(more)).toBe(0);
  });

  it.each(['', '40000', 'x y', '40001 40000'])('are not known of the range %j', (value) => {
    expect(localPorts(box({ sysctls: { [range]: value } }), packetTo('10.88.0.20'))).toBeNull();
  });

  it('are both ends of the range and what is between', () => {
    expect(portsIn({ first: 40_000, last: 40_001 })).toBe(2);
  });
});

describe('ephemeral-ports-exhausted', () => {
  it('is predicted where every port is in use, and mended by more of them', () => {
    const connection = predicted(state({ connectedSockets: to80 }), '10.88.0.20');
    expect(`${connection.outcome} ${connection.errno} ${verdictOf(connection)}`).toBe(
      'unreachable EADDRNOTAVAIL ephemeral-ports-exhausted inferred, box:null send',
    );
    expect(fixesOf(connection)).toEqual([`box# sysctl -w '${range}=1024 65535'`, 'verified']);
    expect(connection.hops.map(({ stage, verdict }) => `${stage} ${verdict}`)).toEqual(['route passed', 'send failed']);
  });

  it('has no fix where the range is the widest already', () => {
    const all = Array.from({ length: 64_512 }, (_, index) => socket(`10.88.0.10 ${1024 + index} 10.88.0.20 80`));
    const connection = predicted(state({ sysctls: { [range]: '1024 65535' }, connectedSockets: all }), '10.88.0.20');
    expect([connection.cause, connection.fixes]).toEqual(['ephemeral-ports-exhausted', []]);
  });

  it.each<[string, Told]>([
    ['one port is left', { connectedSockets: to80.slice(0, 1) }],
    ['the range is not known', { sysctls: {}, connectedSockets: to80 }],
  ])('is not said where %s', (_name, more) => {
    expect(predicted(state(more), '10.88.0.20').cause).toBeNull();
  });

  const lookUp = (from: string, to: string) =>
    kernelLine(
      0n,
      `fib_table_lookup: table 254 oif 0 iif 1 proto 6 ${from}/0 -> ${to}/19001 tos 0 scope 0 flags 0 ==> dev eth0 gw 0.0.0.0/:: err 0`,
      'command',
      '.....',
    );
  const result = (errno: number) =>
    kernelLine(9n, `sys_connect -> 0x${BigInt.asUintN(64, BigInt(-errno)).toString(16)}`, 'command', '.....');

  it('is inferred from connect() where the source was found, though the sockets are too many to list', () => {
    const snapshot = snapshotWith(listeners.bridge);
    const known = {
      ...snapshot,
      namespaces: snapshot.namespaces.map((one) => ({
        ...one,
        outputs: one.outputs.map((output) =>
          output.command === 'grep -sH . net/*'
            ? { ...output, text: `${output.text}net/ipv4/ip_local_port_range:32768\t60999\n` }
            : output,
        ),
      })),
    };
    const kernel = [lookUp('10.88.0.10', '10.88.0.1'), result(99)];
    const [connection] = diagnose(caseOf({ sights: [], snapshot: known, kernel })).connections;
    expect(connection && `${connection.outcome} ${connection.errno} ${verdictOf(connection)}`).toBe(
      'unreachable EADDRNOTAVAIL ephemeral-ports-exhausted inferred, portainer:null send',
    );
    expect(connection?.hops.map(({ stage }) => stage)).toEqual(['route', 'send']);
  });
});
