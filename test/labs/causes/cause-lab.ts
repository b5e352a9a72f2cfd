/** A lab with a fault in it: what to build, what to ask for, and what nettrace has to say of it. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionDiagnosis, Diagnosis } from '../../../src/diagnose/diagnosis.ts';
import { buildLab, type Lab } from '../lab.ts';
import type { LabSpec } from '../spec.ts';

/** A program on a lab host. */
export interface HostCommand {
  readonly host: string;
  readonly argv: readonly string[];
  /** Of the command that is traced: added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What nettrace has to say. */
interface Expected {
  readonly outcome: ConnectionDiagnosis['outcome'];
  readonly cause: string | null;
  /** The host of the lab; null where it is outside of all. */
  readonly host?: string | null;
  readonly stage?: string;
  /** The rule's text, or `policy drop`. */
  readonly rule?: string;
  /** Who names the rule; the kernel's rule trace does so by its handle, and proves it. */
  readonly namedBy?: 'rule-trace' | 'model';
}

/** See the file's head. */
export interface CauseLab {
  /** Unique; begins with the id of the cause, or `healthy`. */
  readonly name: string;
  readonly spec: LabSpec;
  /** Its hosts that are other machines: nettrace does not look into them. */
  readonly beyond?: readonly string[];
  /** Run before the command is traced; each has to succeed. */
  readonly before?: readonly HostCommand[];
  readonly command: HostCommand;
  readonly expected: Expected;
  /** The first fix that is printed makes the command succeed. */
  readonly mends?: true;
  /** Ways of looking by which it cannot be told, with the reason. */
  readonly blind?: Partial<Record<Mode, string>>;
}

/** How nettrace looks at a lab. */
export const modes = ['full', 'no kernel', 'replay'] as const;
export type Mode = (typeof modes)[number];

/** What nettrace said in one mode: `right`, or what differs. */
export interface Verdict {
  readonly mode: Mode;
  readonly text: string;
}

function differences(lab: Lab, expected: Expected, { connections }: Diagnosis): string[] {
  const [first] = connections;
  if (first === undefined) return ['no connection is told'];
  const { outcome, cause, where } = first;
  const wanted: [name: string, said: unknown, expected: unknown][] = [
    ['outcome', outcome, expected.outcome],
    ['cause', cause, expected.cause],
  ];
  const netns = expected.host === undefined || expected.host === null ? expected.host : lab.netns(expected.host);
  if (netns !== undefined) wanted.push(['netns', where?.netns ?? null, netns]);
  if (expected.stage !== undefined) wanted.push(['stage', where?.stage, expected.stage]);
  if (expected.rule !== undefined) wanted.push(['rule', where?.rule?.text, expected.rule]);
  if (expected.namedBy !== undefined) wanted.push(['who names the rule', where?.rule?.namedBy, expected.namedBy]);
  if (expected.namedBy === 'rule-trace') {
    const { handle, policy } = where?.rule ?? {};
    wanted.push(
      ['certainty', first.certainty, 'proven'],
      ['a handle or a policy', (handle ?? policy) !== undefined, true],
    );
  }
  return wanted
    .filter(([, said, should]) => said !== should)
    .map(([name, said, should]) => `${name} is ${String(said)}, not ${String(should)}`);
}

function verdict(lab: Lab, { expected, blind }: CauseLab, mode: Mode, document: Diagnosis | undefined): Verdict {
  const reason = blind?.[mode];
  if (reason !== undefined) return { mode, text: `blind: ${reason}` };
  const said = document === undefined ? ['nettrace said nothing'] : differences(lab, expected, document);
  return { mode, text: said.length === 0 ? 'right' : said.join('; ') };
}

/** Applies the first fix, and asks again: `right` when the command succeeds then. */
async function tryFix(lab: Lab, { spec, command }: CauseLab, { connections }: Diagnosis): Promise<string> {
  const [fix] = connections[0]?.fixes ?? [];
  if (fix === undefined || fix.commands.length === 0) return 'no fix is printed';
  const host = Object.keys(spec.hosts).find((name) => lab.netns(name) === fix.netns);
  if (host === undefined) return `the fix is for ${fix.netns}, which is no host of the lab`;
  for (const text of fix.commands) {
    const { exitCode, stderr } = await lab.run(host, ['sh', '-c', text]);
    if (exitCode !== 0) return `${text}: ${stderr.trim()}`;
  }
  const { exitCode } = await lab.run(command.host, command.argv);
  if (exitCode !== 0) return `the command still ends with ${exitCode}`;
  return fix.verified ? 'right' : 'it works, and was not verified by the model';
}

/** The options by which nettrace leaves these namespaces alone. */
function ignoring(names: readonly string[]): string[] {
  return names.flatMap((name) => ['--ignore-netns', name]);
}

/** A table of connections is filled line by line. */
const preparationLimitMs = 120_000;

async function prepare(lab: Lab, { before = [] }: CauseLab): Promise<void> {
  for (const { host, argv } of before) await lab.must(host, argv, { timeoutMs: preparationLimitMs });
}

/** Builds the lab, and saves what nettrace sees of it. */
export async function record(one: CauseLab, file: string): Promise<void> {
  await using lab = await buildLab(one.spec);
  await prepare(lab, one);
  // The machine that it is recorded on is nobody's business, nor are the labs beside it.
  const looked = Object.keys(one.spec.hosts).filter((host) => one.beyond?.includes(host) !== true);
  const own = looked.map((host) => lab.netns(host));
  const others = ['host', 'ntlab-*', ...readdirSync('/run/netns').filter((name) => !own.includes(name))];
  const run = ['run', '--json', ...ignoring(others), '--netns', lab.netns(one.command.host), '--save', file];
  const { env = {} } = one.command;
  const { json } = await lab.nettrace([...run, '--', ...one.command.argv], { env });
  const said = verdict(lab, one, 'full', json);
  if (said.text !== 'right') throw new Error(`${one.name}: ${said.text}`);
}

/** Builds the lab, looks at it in these modes, and tries the printed fix. */
export async function judge(one: CauseLab, wanted: readonly Mode[]): Promise<Verdict[]> {
  await using lab = await buildLab(one.spec);
  await prepare(lab, one);
  const directory = mkdtempSync(join(tmpdir(), 'nettrace-lab-'));
  const file = join(directory, 'saved.nettrace');
  const beyond = ignoring((one.beyond ?? []).map((host) => lab.netns(host)));
  const run = ['run', '--json', ...beyond, '--netns', lab.netns(one.command.host)];
  const traced = ['--', ...one.command.argv];
  const { env = {} } = one.command;
  const verdicts: Verdict[] = [];
  try {
    if (wanted.includes('no kernel')) {
      const { json } = await lab.nettrace([...run, '--no-kernel', ...traced], { env });
      verdicts.push(verdict(lab, one, 'no kernel', json));
    }
    const { json } = await lab.nettrace([...run, '--save', file, ...traced], { env });
    if (wanted.includes('full')) verdicts.push(verdict(lab, one, 'full', json));
    if (wanted.includes('replay')) {
      const replayed = await lab.nettrace(['replay', '--json', file]);
      verdicts.push(verdict(lab, one, 'replay', replayed.json));
    }
    if (one.mends && json !== undefined) {
      const text = await tryFix(lab, one, json);
      if (text !== 'right') verdicts.push({ mode: 'full', text: `the fix: ${text}` });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return verdicts;
}
