/** What several commands take on their command line. Readers throw commander's error, which says what a value is. */

import { InvalidArgumentError, Option } from 'commander';

/** A timer counts milliseconds in 31 bits. */
const mostSeconds = 2_147_483;

/** A time above 0, in seconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= mostSeconds)) {
    throw new InvalidArgumentError(`It is a number of seconds above 0, at most ${mostSeconds} (24 days).`);
  }
  return value;
}

/** Reads a number above 0; `what` says of what. */
export function above0(what: string): (text: string) => number {
  return (text) => {
    if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError(`It is ${what} above 0.`);
    return Number(text);
  };
}

/** A value of an option that may be repeated. */
function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** The capture points to take instead of those that nettrace would. */
export function interfaceOption(): Option {
  const description = 'capture at DEVICE or NETNS:DEVICE; may be repeated';
  return new Option('-i, --interface <point>', description).argParser(repeated);
}

/** The namespaces whose capture points to take. */
export function captureNetnsOption(): Option {
  const description = 'capture where run would for this namespace or container; may be repeated';
  return new Option('--netns <name>', description).argParser(repeated);
}

/** Who reads the frames from the kernel. */
export function engineOption(): Option {
  return new Option('--engine <engine>', 'what captures').choices(['auto', 'cap', 'tcpdump']).default('auto');
}

/** To leave the kernel's tracepoints alone. */
export function noKernelOption(): Option {
  return new Option('--no-kernel', "do without the kernel's trace events (tracefs)");
}

/** To leave the rules of nftables alone. */
export function noRuleTraceOption(): Option {
  return new Option('--no-rule-trace', 'do without the trace of firewall rules: add no nftables table');
}

/** Namespaces that are not to be entered. */
export function ignoreNetnsOption(): Option {
  const description = 'treat these namespaces as out of sight; may be repeated';
  return new Option('--ignore-netns <glob>', description).argParser(repeated);
}

/** When a report is coloured. */
export function colorOption(): Option {
  return new Option('--color <when>', 'colour the report').choices(['auto', 'always', 'never']).default('auto');
}

/** To explain what the words of a report mean. */
export function teachOption(): Option {
  return new Option('--teach', 'explain the words of the report as well, a paragraph each');
}
