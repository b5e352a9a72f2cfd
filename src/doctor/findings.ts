/**
 * What this host's facts mean for nettrace: what is there, what a lack costs, how to end it. The document is
 * `nettrace.doctor/1`; its names are fixed by docs/json.md.
 */

import { listWords } from '../host/word-list.ts';
import type { HostFacts } from './facts.ts';

/** What a finding is about. */
export type Subject = 'privileges' | 'capture' | 'tools' | 'kernel' | 'namespaces' | 'containers';

/** One thing that nettrace can use. */
export interface Finding {
  readonly subject: Subject;
  readonly name: string;
  /** `unused`: it is not there, or is not asked, and nothing is lost by that. */
  readonly state: 'ok' | 'lacking' | 'unused';
  /** A clause: a version, or what was found. */
  readonly detail: string;
  /** What is lost without it, one sentence; null when nothing is. */
  readonly costs: string | null;
  /** What to do about it: a command where there is one; null when nothing helps or nothing is lacking. */
  readonly remedy: string | null;
  /** Nothing can be traced without it. */
  readonly needed: boolean;
}

/** The whole document. */
export interface DoctorReport {
  readonly schema: 'nettrace.doctor/1';
  /** `nettrace run` works here, with or without what is lacking. */
  readonly canRun: boolean;
  readonly findings: readonly Finding[];
}

type Lack = Pick<Finding, 'costs' | 'remedy'>;

function ok(subject: Subject, name: string, detail: string): Finding {
  return { subject, name, state: 'ok', detail, costs: null, remedy: null, needed: false };
}

function unused(subject: Subject, name: string, detail: string): Finding {
  return { ...ok(subject, name, detail), state: 'unused' };
}

function lacking(subject: Subject, name: string, detail: string, lack: Lack, needed = false): Finding {
  return { subject, name, state: 'lacking', detail, ...lack, needed };
}

/** capabilities(7), in the kernel's numbers, and what each is used for. */
const capabilities = [
  { name: 'CAP_NET_ADMIN', bit: 12n, costs: 'Firewall rules and tracked connections cannot be read.', needed: false },
  { name: 'CAP_NET_RAW', bit: 13n, costs: 'No frame can be captured.', needed: true },
  {
    name: 'CAP_SYS_PTRACE',
    bit: 19n,
    costs: "The namespaces of other users' processes are not found, and listeners have no process name.",
    needed: false,
  },
  {
    name: 'CAP_SYS_ADMIN',
    bit: 21n,
    costs: 'No other network namespace can be entered, and tracefs cannot be mounted.',
    needed: false,
  },
] as const;

function privileges({ root, capabilities: effective }: HostFacts): Finding[] {
  if (!root) {
    const lack = {
      costs:
        'nettrace run and record need it. Without it there are saved captures and cases (replay, frames, connections), and what this user may see of this namespace (snapshot, topology).',
      remedy: 'sudo nettrace doctor shows what root would add',
    };
    return [lacking('privileges', 'root', 'this user is not root', lack, true)];
  }
  const absent = capabilities.filter(({ bit }) => ((effective >> bit) & 1n) === 0n);
  if (absent.length === 0) return [ok('privileges', 'root', 'with all the capabilities that nettrace uses')];
  const remedy = 'run nettrace on the host itself, or in a container that is started with --privileged';
  return [
    ok('privileges', 'root', 'with less than its usual capabilities'),
    ...absent.map(({ name, costs, needed }) =>
      lacking('privileges', name, 'taken from this process', { costs, remedy }, needed),
    ),
  ];
}

interface Package {
  readonly debian: string;
  /** Its usual name elsewhere (Fedora, Arch, openSUSE). */
  readonly elsewhere: string;
}

function install({ aptGet }: HostFacts, { debian, elsewhere }: Package): string {
  return aptGet ? `apt-get install ${debian}` : `install the package ${elsewhere}`;
}

function capture(facts: HostFacts): Finding[] {
  const tcpdump = facts.tools.find(({ name }) => name === 'tcpdump');
  const cap = facts.capBuilt
    ? ok('capture', 'cap', `built for Node ${facts.nodeVersion}`)
    : unused('capture', 'cap', 'not built; bin/setup builds it');
  if (tcpdump?.installed === true) {
    return [ok('capture', 'tcpdump', tcpdump.version ?? 'its version is not told'), cap];
  }
  const remedy = install(facts, { debian: 'tcpdump', elsewhere: 'tcpdump' });
  const costs = facts.capBuilt
    ? "The cap engine takes its place: it knows neither the kernel's time stamps nor how many frames were dropped, and little can be matched with the kernel's events, so that less is proven."
    : 'No frame can be captured: neither tcpdump nor the cap module is there.';
  return [lacking('capture', 'tcpdump', 'not installed', { costs, remedy }, !facts.capBuilt), cap];
}

const iproute: Package = { debian: 'iproute2', elsewhere: 'iproute2 (iproute)' };
const utilLinux: Package = { debian: 'util-linux', elsewhere: 'util-linux' };

interface ToolUse extends Package {
  readonly name: string;
  readonly costs: string;
  readonly needed?: true;
}

const toolUses: readonly ToolUse[] = [
  {
    ...iproute,
    name: 'ip',
    costs: 'No links, addresses, routes or link outages are known, so nettrace cannot tell where to capture.',
    needed: true,
  },
  { ...iproute, name: 'bridge', costs: 'The ports and learnt addresses of bridges are not known.' },
  { ...iproute, name: 'ss', costs: 'No listening sockets are known: why a port refuses is not told.' },
  {
    ...utilLinux,
    name: 'nsenter',
    costs: 'No other network namespace can be entered: nothing is known of containers.',
  },
  {
    ...utilLinux,
    name: 'unshare',
    costs:
      "nettrace run --container cannot give the command the container's hosts file, and of cables between namespaces that `ip netns` does not name, the other end may stay unknown.",
  },
  {
    name: 'nft',
    debian: 'nftables',
    elsewhere: 'nftables',
    costs: 'The rules of nftables are not known: whether a firewall dropped or rejected a packet stays open.',
  },
  {
    name: 'iptables-save',
    debian: 'iptables',
    elsewhere: 'iptables (iptables-nft)',
    costs: 'The rules of iptables are not known in the words in which they were written.',
  },
  {
    name: 'conntrack',
    debian: 'conntrack',
    elsewhere: 'conntrack-tools',
    costs: 'The connections that the kernel tracks, and how NAT translates them, are not in the snapshot.',
  },
];

/** The two kinds of iptables: `iptables-save` is one of them, so neither is missed where it is. */
const variants = ['iptables-nft-save', 'iptables-legacy-save'] as const;

/** Tools that open netfilter's netlink even to say their version: that may load what the kernel lacks. */
export const opensNetfilter: readonly string[] = ['nft', 'conntrack'];

function tools(facts: HostFacts): Finding[] {
  const found = new Map(facts.tools.map((tool) => [tool.name, tool]));
  const there = (name: string): Finding | null => {
    const tool = found.get(name);
    if (tool?.installed !== true || tool.lacksJson) return null;
    const isAsked = facts.nftables || !opensNetfilter.includes(name);
    return ok(
      'tools',
      name,
      tool.version ?? (isAsked ? 'its version is not told' : 'there, and not asked: see nf_tables'),
    );
  };
  return [
    ...toolUses.map((use) => {
      const finding = there(use.name);
      if (finding !== null) return finding;
      if (use.name === 'nft' && !facts.nftables)
        return unused('tools', 'nft', 'not installed, and the kernel has no nf_tables');
      const lack = { costs: use.costs, remedy: install(facts, use) };
      const detail = found.get(use.name)?.lacksJson === true ? 'has no JSON output' : 'not installed';
      return lacking('tools', use.name, detail, lack, use.needed === true);
    }),
    ...variants.map((name) => there(name) ?? unused('tools', name, 'not installed; iptables-save serves in its place')),
  ];
}

/** What each event tells. */
const eventUses: ReadonlyMap<string, string> = new Map([
  ['net/net_dev_queue', 'That a device sent a packet is known from frames alone.'],
  ['net/netif_receive_skb', 'That a device received a packet is known from frames alone.'],
  ['fib/fib_table_lookup', "Which connections were the command's is told by namespace and time alone."],
  ['tcp/tcp_send_reset', "That a refusal came from this host's kernel is never proven."],
  ['skb/kfree_skb', 'Where the kernel dropped a packet is never proven.'],
  ['sock/inet_sk_error_report', 'An error that the network told a socket (a dead neighbour) is never proven.'],
  ['syscalls/sys_exit_connect', 'The error of connect() is not known.'],
  ['sock/inet_sock_set_state', 'What became of a socket of the command is known from frames alone.'],
]);

/** Events whose `reason` field came later than they did, and since when. */
const reasonFields = [
  {
    event: 'skb/kfree_skb',
    name: 'drop reasons',
    since: '5.17',
    costs: 'Why the kernel dropped a packet (a firewall, no socket, a full queue) is never proven.',
  },
  {
    event: 'tcp/tcp_send_reset',
    name: 'reset reasons',
    since: '6.10',
    costs: 'Why the kernel sent a reset (no socket) is not told by the event, so a refusal is rarely proven.',
  },
] as const;

const reasonPattern = /^\tfield:[\w ]+ reason;/m;

function ruleTrace({ ownerTables }: HostFacts): Finding[] {
  if (ownerTables === undefined) return [];
  if (ownerTables === null) return [ok('kernel', 'rule trace', 'nft makes tables that vanish with it')];
  const costs = 'The rule that dropped a packet is named by the model of this host, not by the kernel.';
  const remedy = 'use Linux 5.12 or newer, and an nft that knows the table flag owner and has an interactive mode';
  const detail = `no table can be made that vanishes with nft, so none is made. ${ownerTables}`;
  return [lacking('kernel', 'rule trace', detail, { costs, remedy })];
}

function kernel(facts: HostFacts): Finding[] {
  const { root, kernelRelease, nftables, tracefs } = facts;
  const general = [
    ok('kernel', 'Linux', kernelRelease),
    nftables
      ? ok('kernel', 'nf_tables', 'in the kernel')
      : unused('kernel', 'nf_tables', 'not loaded: there are no rules of it, and asking for them would load it'),
    ...ruleTrace(facts),
  ];
  const { unavailable, mounted, formats } = tracefs;
  if (unavailable !== null) {
    const costs = "No report says proven; which connections were the command's is told by namespace and time alone.";
    const remedy = root
      ? 'run nettrace on the host itself, with a kernel that has tracing and is not locked down'
      : 'sudo nettrace doctor shows what root would add';
    return [...general, lacking('kernel', 'tracefs', unavailable, { costs, remedy })];
  }
  const absent = [...eventUses].filter(([event]) => (formats.get(event) ?? '') === '');
  const present = eventUses.size - absent.length;
  return [
    ...general,
    ok('kernel', 'tracefs', mounted ? 'mounted' : 'not mounted; a run mounts it for itself, and unmounts it'),
    ...(present === 0 ? [] : [ok('kernel', 'trace events', `${present} of the ${eventUses.size} that nettrace uses`)]),
    ...absent.map(([event, costs]) => lacking('kernel', event, 'not in this kernel', { costs, remedy: null })),
    ...reasonFields.flatMap(({ event, name, since, costs }) => {
      const format = formats.get(event) ?? '';
      if (format === '') return [];
      if (reasonPattern.test(format)) return [ok('kernel', name, `told by ${event}`)];
      return [lacking('kernel', name, `not told by ${event}`, { costs, remedy: `use Linux ${since} or newer` })];
    }),
  ];
}

function namespaces({ root, namespaces: { found, missing } }: HostFacts): Finding[] {
  const all = `${found} found`;
  if (missing.length === 0) return [ok('namespaces', 'all namespaces', all)];
  const costs = 'What goes on in a namespace that cannot be read is not known.';
  return [
    lacking('namespaces', 'some namespaces', `${all}. ${missing.join(' ')}`, {
      costs,
      remedy: root ? 'run nettrace on the host itself' : 'sudo nettrace doctor shows what root would add',
    }),
  ];
}

/** The programs that are asked, and what they call what they list. */
const engines = [
  ['podman', 'podman'],
  ['docker', 'docker'],
  ['nerdctl', 'containerd'],
  ['crictl', 'kubernetes'],
] as const;

const unnamed = 'Its containers are named by their ids, or by a process number (pid:N), instead of their names.';

function containers({ tools: found, containers: asked }: HostFacts): Finding[] {
  const tool = (name: string) => found.find((one) => one.name === name && one.installed);
  return engines.map(([engine, runtime]) => {
    const program = tool(engine);
    const failure = asked?.missing.get(engine);
    if (program === undefined) {
      if (failure === undefined) return unused('containers', engine, 'not installed');
      const remedy = `install the command ${engine}, or link it into one of these folders`;
      return lacking('containers', engine, failure, { costs: unnamed, remedy });
    }
    const version = program.version ?? 'its version is not told';
    if (asked === null) return unused('containers', engine, `${version}; its containers are asked for by root`);
    if (failure !== undefined) {
      const remedy = `${engine} ps shows the fault`;
      return lacking('containers', engine, `${version}. ${failure}`, { costs: unnamed, remedy });
    }
    return ok('containers', engine, `${version}, ${asked.running.get(runtime) ?? 0} running`);
  });
}

/** Judges the facts. Pure; texts of the host stay raw. */
export function examine(facts: HostFacts): DoctorReport {
  const findings = [privileges, capture, tools, kernel, namespaces, containers].flatMap((judge) => judge(facts));
  const canRun = !findings.some(({ state, needed }) => needed && state === 'lacking');
  return { schema: 'nettrace.doctor/1', canRun, findings };
}

/** One sentence: whether `nettrace run` works here, and what it lacks. */
export function verdict({ canRun, findings }: DoctorReport): string {
  const lacks = findings.filter(({ state }) => state === 'lacking');
  if (!canRun) {
    return `nettrace run does not work here: it lacks ${listWords(lacks.filter(({ needed }) => needed).map(({ name }) => name))}.`;
  }
  if (lacks.length === 0) return 'nettrace run works here, with everything that it can use.';
  return `nettrace run works here, but lacks ${listWords(lacks.map(({ name }) => name))}.`;
}
