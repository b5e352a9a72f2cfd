/** One connection on a host that a test wrote down (`test/model/hosts.ts`), judged by its state and by what was seen. */

import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { readKernelLines } from '../../src/diagnose/kernel-reading.ts';
import { predict, type Question } from '../../src/diagnose/predict.ts';
import { RuleRecords } from '../../src/diagnose/rule-trace.ts';
import { findConnections } from '../../src/flow/connection.ts';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { parseXtablesTables } from '../../src/host/parse/netfilter/xtables-tables.ts';
import type { HostState } from '../../src/host/state.ts';
import { formatEndpoint } from '../../src/inet/address.ts';
import type { ModelPacket } from '../../src/model/step.ts';
import { reverse, startNs, tcp } from '../flow/frames.ts';
import { caseOf, kernelLine } from './cases.ts';

/** What was seen of a connection from `box`, unless told. */
export interface Sighting {
  readonly netns?: string;
  readonly from?: string;
  /** `10.88.0.20:80`, unless told. */
  readonly to?: string;
  /** Where the SYN was seen, in order: `box:eth0`. */
  readonly at?: readonly string[];
  /** Where was captured; without, where it was seen. */
  readonly captured?: readonly string[];
  /**
   * A SYN-ACK or RST came back to the first of these, or `at` another one; `from` another address than was asked, if told.
   */
  readonly answer?: { readonly flags: 'SYN ACK' | 'RST ACK'; readonly from?: string; readonly at?: string };
  /** Why the kernel dropped the SYN, in its own word; null: it was asked and said nothing of it. */
  readonly drop?: string | null;
  /** Lines of the rule trace of `host`. */
  readonly traced?: readonly string[];
  /** The kernel's own TCP answered with a reset, for want of a socket: where rules had sent the SYN, if told. */
  readonly reset?: true | string;
  /** To which addresses the kernel looked up routes from the client's. */
  readonly lookedUp?: readonly string[];
}

const buffer = '00000000c0cc8d3d';
const ethernetHeader = 14;

/** Diagnoses what was seen, with the kernel's word where one is given. */
export function judged(host: HostState, sighting: Sighting = {}): ConnectionDiagnosis {
  const { netns = 'box', from = '10.88.0.10:51054', to = '10.88.0.20:80', at = ['box:eth0'] } = sighting;
  const { answer, drop, reset, lookedUp, captured = at, traced } = sighting;
  const ends = { from, to };
  const syn = tcp(ends, { flags: 'SYN', sequence: 100 });
  const back =
    answer === undefined
      ? []
      : [
          tcp(
            { ...reverse(ends), ...(answer.from === undefined ? {} : { from: answer.from }) },
            {
              flags: answer.flags,
              sequence: 900,
              acknowledgement: 101,
            },
          ),
        ];
  const interfaces = captured.map((point) => {
    const [where = '', device = ''] = point.split(':');
    return { netns: where, device, linkType: 1 };
  });
  const [first] = interfaces;
  const length = syn.length / 2 + ethernetHeader;
  const lines = [
    kernelLine(1_000n, `net_dev_queue: dev=${first?.device} skbaddr=${buffer} len=${length}`),
    ...(lookedUp ?? []).map((address) =>
      kernelLine(
        20_000n,
        `fib_table_lookup: table 254 oif 0 iif 2 proto 0 ${from.split(':')[0]}/0 -> ${address}/0 tos 0 scope 0 flags 0 ==> dev br0 gw 0.0.0.0/:: err 0`,
      ),
    ),
    ...(reset === undefined
      ? []
      : [
          kernelLine(
            3_000n,
            `tcp_send_reset: skbaddr=${buffer} skaddr=0 src=${reset === true ? to : reset} dest=${from} state=UNKNOWN reason=NO_SOCKET`,
          ),
        ]),
    ...(drop === undefined || drop === null
      ? []
      : [
          kernelLine(
            40_000n,
            `kfree_skb: skbaddr=${buffer} rx_sk=0000000000000000 protocol=2048 location=ip_rcv_core+0x1 reason: ${drop}`,
          ),
        ]),
  ];
  const isAsked = [drop, reset, lookedUp].some((told) => told !== undefined);
  const kernel = isAsked ? lines : null;
  const sights = [
    ...at.map((point, index) => ({ at: captured.indexOf(point), packet: syn, afterNs: BigInt(index) * 10_000n })),
    ...back.map((packet) => ({ at: Math.max(captured.indexOf(answer?.at ?? ''), 0), packet, afterNs: 60_000n })),
  ];
  const evidence = { ...caseOf({ sights, kernel, netns, argv: ['curl', `http://${to}/`] }), interfaces };
  const connection = findConnections(evidence).find(
    ({ client }) => formatEndpoint(client.address, client.port) === from,
  );
  if (connection === undefined) throw new Error('the connection was not found');
  const records = readKernelLines(evidence.kernelLines);
  const trace = traced?.map((text) => ({ timeNs: startNs, text }));
  const rules = trace === undefined ? null : new RuleRecords([{ netns: 'host', lines: trace }], host);
  return diagnoseConnection(gatherContext(evidenceOf(evidence), connection, host, records, rules));
}

/** What would become of a packet from a namespace: of TCP to port 80, unless told otherwise. */
export function questionOf(host: HostState, to: string, more: Partial<ModelPacket> = {}, netns = 'box'): Question {
  const family = to.includes(':') ? 6 : 4;
  const source = family === 4 ? '0.0.0.0' : '::';
  return {
    snapshot: { takenNs: 0n, namespaces: [], processes: [], missing: ['Nobody was asked.'] },
    host,
    netns,
    packet: { protocol: 'tcp', family, source, destination: to, destinationPort: 80, ...more },
    name: null,
    kernelRoute: null,
  };
}

/** The answer to such a question, by the state of the host alone. */
export function predicted(...asked: Parameters<typeof questionOf>): ConnectionDiagnosis {
  const { connections } = predict(questionOf(...asked));
  const [connection] = connections;
  if (connection === undefined) throw new Error('nothing was predicted');
  return connection;
}

/** Cause, certainty and place in one line. */
export function verdictOf({ cause, certainty, where }: ConnectionDiagnosis): string {
  const place = where === null ? 'nowhere' : `${where.netns}:${where.device} ${where.stage}`;
  return `${cause ?? '-'} ${certainty}, ${place}`;
}

/** The fixes that are printed: each its commands, with where they are to run and whether the model agrees. */
export function fixesOf({ fixes }: ConnectionDiagnosis): string[] {
  return fixes.flatMap(({ commands, netns, verified }) => [
    ...commands.map((command) => `${netns}# ${command}`),
    verified ? 'verified' : 'not verified',
  ]);
}

/** A table of IPv4 rules as one of these tools saves it. */
export function ipRules(
  program: 'iptables' | 'iptables-legacy',
  table: string,
  ...lines: readonly string[]
): RuleTable[] {
  const text = [`*${table}`, ...lines, 'COMMIT', ''].join('\n');
  const engine = program === 'iptables' ? 'iptables-nft' : program;
  return parseXtablesTables(text, `${program}-save -c`, engine, 'ip', new Map());
}
