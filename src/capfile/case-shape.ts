/** The shapes of what a case file's own blocks hold, section by section: docs/case-file.md has the tables. */

import type {
  Credentials,
  KernelLine,
  LinkOutage,
  ProxyVariable,
  RuleTrace,
  RuleTraceLine,
  Session,
  TracedCommand,
} from '../case/evidence.ts';
import type {
  CommandOutput,
  ContainerRecord,
  NamespaceSnapshot,
  ProcessRecord,
  PublishedPort,
  Snapshot,
} from '../host/snapshot.ts';
import { added, type Check, integer, list, nanoseconds, nullable, oneOf, record, text, truth } from './shape.ts';

const tracedCommand: Check<TracedCommand> = record<TracedCommand>({
  argv: list(text),
  exitCode: nullable(integer),
  signal: nullable(text),
  netns: text,
  credentials: added(record<Credentials>({ user: integer, group: integer })),
  proxies: added(list(record<ProxyVariable>({ variable: text, host: text, port: nullable(integer) }))),
  startedNs: nanoseconds,
  endedNs: nanoseconds,
});

const linkOutage: Check<LinkOutage> = record<LinkOutage>({
  netns: text,
  device: text,
  fromNs: nanoseconds,
  toNs: nullable(nanoseconds),
});

/** How the evidence was gathered; null in a case made from another tool's capture. */
export const sessionShape: Check<Session | null> = nullable(
  record<Session>({
    engine: oneOf('tcpdump', 'cap'),
    clock: oneOf('kernel', 'user-space'),
    promiscuous: truth,
    command: nullable(tracedCommand),
    kernelEvents: truth,
    kernelEventsLost: integer,
    linkOutages: list(linkOutage),
    framesDropped: list(nullable(integer)),
    missing: list(text),
  }),
);

/** A snapshot without its namespaces, which follow in sections of their own. */
export interface SnapshotHead extends Omit<Snapshot, 'namespaces'> {
  /** How many namespace sections belong to it. */
  readonly namespaceCount: number;
}

/** The fields of a snapshot beside its namespaces. */
export const snapshotRestShape = {
  takenNs: nanoseconds,
  processes: list(record<ProcessRecord>({ pid: integer, argv: list(text) })),
  missing: list(text),
};

/** The snapshot's head. */
export const snapshotHeadShape: Check<SnapshotHead> = record<SnapshotHead>({
  ...snapshotRestShape,
  namespaceCount: integer,
});

const publishedPort: Check<PublishedPort> = record<PublishedPort>({
  protocol: text,
  hostAddress: nullable(text),
  hostPort: integer,
  port: integer,
});

const container: Check<ContainerRecord> = record<ContainerRecord>({
  id: text,
  name: text,
  runtime: text,
  networks: added(list(text)),
  ports: added(list(publishedPort)),
});

/** One namespace of the snapshot. */
export const namespaceShape: Check<NamespaceSnapshot> = record<NamespaceSnapshot>({
  name: text,
  inode: integer,
  container: nullable(container),
  outputs: list(record<CommandOutput>({ command: text, exitCode: nullable(integer), text, error: text })),
});

/** Some lines of the kernel's trace. */
export const kernelLinesShape: Check<readonly KernelLine[]> = list(
  record<KernelLine>({ timeNs: nanoseconds, scope: oneOf('packets', 'command'), text }),
);

/** The rule trace of one namespace. */
export const ruleTraceShape: Check<RuleTrace> = record<RuleTrace>({
  netns: text,
  lines: list(record<RuleTraceLine>({ timeNs: nanoseconds, text })),
});
