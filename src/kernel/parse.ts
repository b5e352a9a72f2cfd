/**
 * Kernel trace lines → events. Pure.
 *
 * A line is what `trace_pipe` prints: task and pid, CPU, flags, clock, event, and the event's own text
 * (Documentation/trace/ftrace.rst; each event's text is its `print fmt` in events/…/format).
 */

/** A line taken apart as far as every event allows. */
export interface TraceLine {
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  /** It happened in an interrupt, so the task is whoever was running and need not have caused it. */
  readonly interrupt: boolean;
  /** Seconds of the trace clock as printed, `1795260173.529722`. */
  readonly clock: string;
  /** `tcp_send_reset`. */
  readonly event: string;
  readonly text: string;
}

// The task name is right-aligned in 16 columns and may itself hold blanks and dashes: the pid is behind the last dash
// in front of the CPU. One blank run is never matched by two quantifiers: a hostile line costs no more than its length.
const linePattern = /^(.*)-(\d+)\s+\[(\d+)\]\s+(\S+)\s+(\d+\.\d+): (\w+):? ?(.*)$/s;

/** Place of the interrupt mark in the flags (`..s1.`): `s` soft, `h` hard, `H` hard in soft, `z` and `Z` NMI. */
const contextFlag = 2;

/** Takes a line apart, or returns null for what is none (`CPU:1 [LOST 32 EVENTS]`, a blank line). */
export function parseTraceLine(line: string): TraceLine | null {
  const match = linePattern.exec(line);
  if (match === null) return null;
  const [, task = '', pid, cpu, flags = '', clock = '', event = '', text = ''] = match;
  return {
    task: task.trimStart(),
    pid: Number(pid),
    cpu: Number(cpu),
    interrupt: /[shHzZ]/.test(flags[contextFlag] ?? ''),
    clock,
    event,
    text,
  };
}

/**
 * Events lost, when the line says so (`CPU:1 [LOST 32 EVENTS]`), else 0. The kernel leaves the number out when it does
 * not know it (print_trace_line in kernel/trace/trace.c): one at least.
 */
export function lostEvents(line: string): number {
  const match = /^CPU:\d+ \[LOST (\d+ )?EVENTS\]/.exec(line);
  return match === null ? 0 : Number(match[1] ?? 1);
}

/** An address and port. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** The events that diagnosis reads. `skb` is the kernel's hashed address of the packet's buffer. */
export type KernelEvent =
  | {
      readonly kind: 'device';
      readonly direction: 'transmit' | 'receive';
      readonly device: string;
      readonly skb: string;
      /** Bytes with the Ethernet header: `netif_receive_skb` prints them without, and 14 are added here. */
      readonly length: number;
    }
  | {
      readonly kind: 'route';
      readonly table: number;
      readonly protocol: number;
      readonly source: SocketAddress;
      readonly destination: SocketAddress;
      readonly device: string;
      /** A positive errno, 0 when a route was found. */
      readonly error: number;
    }
  | {
      readonly kind: 'send-reset';
      readonly skb: string;
      readonly source: SocketAddress;
      readonly destination: SocketAddress;
      /** Null on kernels that do not say (before 6.10). */
      readonly reason: string | null;
    }
  | { readonly kind: 'drop'; readonly skb: string; readonly location: string; readonly reason: string | null }
  | {
      readonly kind: 'socket-state';
      readonly protocol: string;
      readonly local: SocketAddress;
      readonly remote: SocketAddress;
      readonly from: string;
      readonly to: string;
    }
  | {
      /** What connect() returned: a positive errno, 0 for success. */
      readonly kind: 'connect-result';
      readonly error: number;
    }
  | {
      readonly kind: 'socket-error';
      readonly local: SocketAddress;
      readonly remote: SocketAddress;
      readonly error: number;
    };

function fields(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const match of text.matchAll(/\b(\w+)=(\S+)/g)) found.set(match[1] ?? '', match[2] ?? '');
  return found;
}

function splitAt(text: string, separator: string): SocketAddress {
  const at = text.lastIndexOf(separator);
  return { address: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

/** An IPv6 socket that speaks IPv4 has mapped addresses (RFC 4291, section 2.5.5.2); its packets have the IPv4 ones. */
function endpoint(from: ReadonlyMap<string, string>, side: 's' | 'd'): SocketAddress {
  const four = from.get(`${side}addr`) ?? '';
  const six = from.get(`${side}addrv6`) ?? '';
  const own = from.get('family') === 'AF_INET6' && six !== `::ffff:${four}`;
  return { address: own ? six : four, port: Number(from.get(`${side}port`)) };
}

const ethernetHeaderLength = 14;
const routePattern =
  /^table (\d+) oif -?\d+ iif -?\d+ proto (\d+) (\S+) -> (\S+) tos .* ==> dev (\S+) gw \S+ err (-?\d+)/;

/** The event of a line, or null for one that diagnosis does not read. */
export function parseKernelEvent(line: TraceLine): KernelEvent | null {
  const values = fields(line.text);
  const skb = values.get('skbaddr') ?? '';
  switch (line.event) {
    case 'net_dev_queue':
    case 'netif_receive_skb': {
      const transmit = line.event === 'net_dev_queue';
      return {
        kind: 'device',
        direction: transmit ? 'transmit' : 'receive',
        device: values.get('dev') ?? '',
        skb,
        length: Number(values.get('len')) + (transmit ? 0 : ethernetHeaderLength),
      };
    }
    case 'fib_table_lookup': {
      const match = routePattern.exec(line.text);
      if (match === null) return null;
      return {
        kind: 'route',
        table: Number(match[1]),
        protocol: Number(match[2]),
        source: splitAt(match[3] ?? '', '/'),
        destination: splitAt(match[4] ?? '', '/'),
        device: match[5] ?? '',
        error: Math.abs(Number(match[6])),
      };
    }
    case 'tcp_send_reset':
      return {
        kind: 'send-reset',
        skb,
        source: splitAt(values.get('src') ?? '', ':'),
        destination: splitAt(values.get('dest') ?? '', ':'),
        reason: values.get('reason') ?? null,
      };
    case 'kfree_skb':
      return {
        kind: 'drop',
        skb,
        location: values.get('location') ?? '',
        reason: /reason: (\w+)/.exec(line.text)?.[1] ?? null,
      };
    case 'inet_sock_set_state':
      return {
        kind: 'socket-state',
        protocol: values.get('protocol') ?? '',
        local: endpoint(values, 's'),
        remote: endpoint(values, 'd'),
        from: values.get('oldstate') ?? '',
        to: values.get('newstate') ?? '',
      };
    case 'inet_sk_error_report':
      return {
        kind: 'socket-error',
        local: endpoint(values, 's'),
        remote: endpoint(values, 'd'),
        error: Number(values.get('error')),
      };
    case 'sys_connect': {
      const match = /^-> 0x([0-9a-f]{1,16})$/.exec(line.text);
      return match === null
        ? null
        : { kind: 'connect-result', error: Number(-BigInt.asIntN(64, BigInt(`0x${match[1]}`))) };
    }
    default:
      return null;
  }
}
