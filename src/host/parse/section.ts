/** One namespace's outputs, as its parsers ask for them. */

import { childFailure } from '../child-failure.ts';
import type { CommandOutput, NamespaceSnapshot } from '../snapshot.ts';
import type { Problem, Quote } from '../state.ts';
import { listWords } from '../word-list.ts';
import { asRecords, type JsonRecord, parseJson } from './json.ts';

/** What is not known without a tool. */
const toldBy: Readonly<Record<string, string>> = {
  ip: 'no links, addresses, routes or neighbours are known',
  bridge: 'the ports and addresses of bridges are not known',
  ss: 'no listening sockets are known',
  nft: 'the rules of nftables are not known',
  conntrack: 'what the kernel tracks of connections is not known',
};

function unusable(command: string, why: string): string {
  const tool = command.split(' ', 1).join('');
  const lacking = toldBy[tool];
  return `\`${tool}\` ${why}${lacking === undefined ? '' : `: ${lacking}`}`;
}

/** BusyBox's `ip` answers `-j` with a page about itself. */
const busyBox = /^BusyBox v\d/m;

/** Gives a namespace's outputs and gathers what is wrong with them. */
export class Sections {
  readonly netns: string;
  readonly #problems: Problem[] = [];
  readonly #uncollected: string[] = [];
  readonly #outputs: readonly CommandOutput[];
  readonly #byCommand = new Map<string, CommandOutput>();

  constructor(namespace: NamespaceSnapshot) {
    this.netns = namespace.name;
    this.#outputs = namespace.outputs;
    for (const output of namespace.outputs) {
      if (!this.#byCommand.has(output.command)) this.#byCommand.set(output.command, output);
    }
  }

  /** What is wrong so far. All that was not collected is one clause: mostly it is missing for one reason. */
  get problems(): readonly Problem[] {
    const names = this.#uncollected;
    if (names.length === 0) return this.#problems;
    const clause = `${listWords(names)} ${names.length === 1 ? 'was' : 'were'} not collected`;
    return [...this.#problems, { netns: this.netns, clause }];
  }

  /** A quote of this namespace. */
  quote(command: string, text: string): Quote {
    return { netns: this.netns, command, text };
  }

  /** A quote that is written when its text is asked for: a host has thousands, of which few are shown. */
  quoteLater(command: string, write: () => string): Quote {
    let text: string | null = null;
    return {
      netns: this.netns,
      command,
      get text() {
        text ??= write();
        return text;
      },
    };
  }

  /** The output of a command, whatever became of it. */
  find(command: string): CommandOutput | undefined {
    return this.#byCommand.get(command);
  }

  /** The outputs of commands that a test accepts. */
  all(accepts: (command: string) => boolean): CommandOutput[] {
    return this.#outputs.filter(({ command }) => accepts(command));
  }

  /** The output of a command that succeeded; null, and a problem, when there is none. */
  text(command: string): string | null {
    const output = this.find(command);
    if (output?.exitCode === 0) return output.text;
    if (output === undefined) this.uncollected(`\`${command}\``);
    else if (output.exitCode === null) this.hostProblem(unusable(command, 'is not installed'));
    else if (busyBox.test(output.error)) this.hostProblem(unusable(command, "is BusyBox's, which prints no JSON"));
    else this.problem(`\`${command}\` failed: ${childFailure({ exitCode: output.exitCode }, output.error)}`);
    return null;
  }

  /** The same for a command that is not run everywhere; what was not collected is no problem. */
  optionalText(command: string): string | null {
    return this.find(command) === undefined ? null : this.text(command);
  }

  /** The objects that a command printed as a JSON array; none, and a problem, when it did not. */
  records(command: string): JsonRecord[] {
    const text = this.text(command);
    if (text === null) return [];
    const records = asRecords(parseJson(text));
    if (records === null) this.problem(`\`${command}\` printed what could not be parsed`);
    return records ?? [];
  }

  /** The same for a command that cases recorded earlier do not have, and that may fail where the kernel lacks the thing. */
  optionalRecords(command: string): JsonRecord[] {
    return this.find(command)?.exitCode === 0 ? this.records(command) : [];
  }

  /** Notes something that nobody collected. */
  uncollected(name: string): void {
    this.#uncollected.push(name);
  }

  /** Notes one clause about this namespace. */
  problem(clause: string): void {
    this.#problems.push({ netns: this.netns, clause });
  }

  /** Notes one clause about the host: tools and modules are the same for all namespaces. */
  hostProblem(clause: string): void {
    this.#problems.push({ netns: null, clause });
  }
}

/** Joins words of a tool's line, leaving out the empty and absent ones. */
export function words(...parts: readonly (string | null | undefined | false)[]): string {
  return parts.filter((part) => typeof part === 'string' && part !== '').join(' ');
}

/** `name value`, or nothing without a value. */
export function named(name: string, value: string | number | null): string | null {
  return value === null ? null : `${name} ${value}`;
}
