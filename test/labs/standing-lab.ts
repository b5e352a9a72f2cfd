/** A lab once it stands: runs programs and services in it, takes links down, and takes all of it away. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { directoryOf, type LabName, namespaceOf } from './names.ts';
import { endProcesses, isAlive, waitUntil } from './process.ts';
import { type LabRecord, removeLab } from './record.ts';
import type { ServiceFiles, ServiceSpec } from './spec.ts';

/** How a program ended. */
export interface CommandResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How nettrace ended. */
export interface NettraceResult extends CommandResult {
  /** Its standard output parsed, when `--json` was asked for and it printed something. */
  readonly json?: Diagnosis;
}

/** For one run. */
export interface RunOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input; empty without. */
  readonly input?: string;
  /** After this it is killed and the run throws. */
  readonly timeoutMs?: number;
}

/** A running service. */
export interface Service {
  readonly pid: number;
  /** Ends it; returns when it is gone. */
  stop(): Promise<void>;
}

const RUN_LIMIT_MS = 30_000;
const READY_LIMIT_MS = 10_000;
const NETTRACE = fileURLToPath(new URL('../../bin/nettrace', import.meta.url));

/** A lab that stands. Close it, or bind it with `await using`. */
export class Lab {
  readonly #record: LabRecord;
  readonly #services = new Map<string, Service>();
  #files: Promise<ServiceFiles> | undefined;

  constructor(record: LabRecord) {
    this.#record = record;
  }

  /** The lab's name, part of every name on the machine that belongs to it. */
  get name(): LabName {
    return this.#record.lab;
  }

  /** The full name of a host's namespace, for `ip netns` and nettrace's `--netns`. */
  netns(host: string): string {
    return namespaceOf(this.name, host);
  }

  /** Runs a program of this machine in a host's namespace to its end. Throws when it overruns its time. */
  run(host: string, argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.#execute(this.#enter(host, argv), options);
  }

  /** As `run`; throws, with what it said, unless it succeeds too. */
  must(host: string, argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const read = options.input === undefined ? '' : ` of\n${options.input}`;
    return must(this.run(host, argv, options), `${argv.join(' ')} on ${host}${read}`);
  }

  /** As `run`, in a namespace of that name that is no lab host's: a container's. */
  runIn(netns: string, argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.#execute(inNamespace(netns, argv), options);
  }

  /** Runs the built nettrace in the root namespace to its end. Throws when it overruns, or prints no JSON with `--json`. */
  async nettrace(args: readonly string[], options: RunOptions = {}): Promise<NettraceResult> {
    const result = await this.#execute([NETTRACE, ...args], options);
    const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
    if (!own.includes('--json') || result.stdout === '') return result;
    const json: Diagnosis = JSON.parse(result.stdout);
    return { ...result, json };
  }

  /** Takes a device down: its neighbour at the other end of the veth loses the carrier. */
  async linkDown(host: string, device: string): Promise<void> {
    await this.must(host, ['ip', 'link', 'set', 'dev', device, 'down']);
  }

  /** Brings a device up again. */
  async linkUp(host: string, device: string): Promise<void> {
    await this.must(host, ['ip', 'link', 'set', 'dev', device, 'up']);
  }

  /** A service of the declaration, or one started since, by host and name. Throws when there is none. */
  service(host: string, name: string): Service {
    const service = this.#services.get(`${host}/${name}`);
    if (!service) throw new Error(`no service ${name} on ${host}`);
    return service;
  }

  /** Starts a service and returns once it listens. Throws, with what it printed, when it does not. */
  async start(host: string, name: string, spec: ServiceSpec): Promise<Service> {
    this.#files ??= makeFiles(directoryOf(this.name));
    const [file, ...args] = this.#enter(host, spec.argv(await this.#files));
    const child = execa(file, args, { reject: false, stdin: 'ignore', all: true });
    const identity = child.pid === undefined ? undefined : this.#record.remember(child.pid);
    const listens = async () => identity !== undefined && (await this.#listens(host, spec.listens, identity.pid));
    const lives = () => identity !== undefined && isAlive(identity);
    await waitUntil(async () => !lives() || (await listens()), READY_LIMIT_MS);
    if (!identity || !(await listens())) {
      if (identity) await endProcesses([identity]);
      throw new Error(`${name} on ${host} does not listen on ${spec.listens}: ${(await child).all}`);
    }
    const service = {
      pid: identity.pid,
      stop: async () => {
        await endProcesses([identity]);
        this.#record.forget(identity.pid);
      },
    };
    this.#services.set(`${host}/${name}`, service);
    return service;
  }

  /** Takes everything down. May be called again. */
  close(): Promise<void> {
    return removeLab(this.name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #enter(host: string, argv: readonly string[]): [string, ...string[]] {
    return inNamespace(this.netns(host), argv);
  }

  async #listens(host: string, address: string, pid: number): Promise<boolean> {
    const { stdout } = await this.run(host, ['ss', '-Hltunp']);
    return stdout.split('\n').some((line) => line.split(/\s+/)[4] === address && line.includes(`,pid=${pid},`));
  }

  async #execute([file, ...args]: [string, ...string[]], options: RunOptions): Promise<CommandResult> {
    const child = execa(file, args, {
      reject: false,
      stripFinalNewline: false,
      timeout: options.timeoutMs ?? RUN_LIMIT_MS,
      input: options.input ?? '',
      env: { ...options.env },
    });
    if (child.pid !== undefined) this.#record.remember(child.pid);
    const result = await child;
    if (child.pid !== undefined) this.#record.forget(child.pid);
    if (result.timedOut || child.pid === undefined) throw new Error(result.message, { cause: result });
    return { exitCode: result.exitCode ?? null, stdout: result.stdout, stderr: result.stderr };
  }
}

function inNamespace(netns: string, argv: readonly string[]): [string, ...string[]] {
  return ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv];
}

/** A key and a self-signed certificate for a day. */
async function makeFiles(directory: string): Promise<ServiceFiles> {
  const files = { key: `${directory}/tls.key`, cert: `${directory}/tls.crt` };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-keyout', files.key];
  await execa('openssl', ['req', '-x509', ...key, '-days', '1', '-subj', '/CN=lab', '-out', files.cert]);
  return files;
}

/** Throws unless the program succeeded. */
export async function must(running: Promise<CommandResult>, what: string): Promise<CommandResult> {
  const result = await running;
  const { exitCode, stderr } = result;
  if (exitCode !== 0) throw new Error(`${what} failed (${exitCode ?? 'killed'}): ${stderr.trim()}`);
  return result;
}
