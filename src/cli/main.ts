/** The command line: what nettrace can be asked for. */

import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { escapeText } from '../report/escape.ts';
import {
  above0,
  colorOption,
  engineOption,
  ignoreNetnsOption,
  noKernelOption,
  noRuleTraceOption,
  seconds,
  teachOption,
} from './arguments.ts';
import type { ConnectionsOptions } from './connections.ts';
import type { DemoOptions } from './demo.ts';
import { errorText, UserError, WrongUsage } from './errors.ts';
import type { FollowOptions } from './follow.ts';
import type { FramesOptions } from './frames.ts';
import { addHostCommands } from './host-commands.ts';
import { addLive } from './live-command.ts';
import { addPath } from './path-command.ts';
import { addRecord } from './record-command.ts';
import type { ReplayOptions } from './replay.ts';
import type { RunOptions } from './run.ts';
import { ignoreSignals, takeIgnoredSignals } from './signals.ts';
import { ownFailureStatus } from './status.ts';
import { version } from './version.ts';

const failed = 1;
const wrongUsage = 2;

/** A file name in /run/netns, so none that leads elsewhere. */
function namespaceName(text: string): string {
  if (text === '' || text === '.' || text === '..' || text.includes('/')) {
    throw new InvalidArgumentError('It is a name without a slash, as ip netns list shows it.');
  }
  return text;
}

function processNumber(text: string): string {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It is the number of a process.');
  return text;
}

const ignoredSignals = takeIgnoredSignals(process.env);
ignoreSignals(ignoredSignals);

/** Says why, and ends with this status once everything is written. */
function fail(error: unknown, status: number): void {
  const detail = error instanceof UserError ? errorText(error) : `it failed unexpectedly: ${errorText(error)}`;
  process.stderr.write(`nettrace: ${escapeText(detail)}\n`);
  process.exitCode = status;
}

/** Commander's message is a line, and at times a second one with a guess; it repeats what was typed. */
const guessPattern = /\n\(Did you mean .*\?\)$/s;

/** A message about wrong usage, safe for a terminal. */
function usageText(message: string): string {
  const whole = message.trimEnd();
  const guess = guessPattern.exec(whole)?.[0] ?? '';
  const lines = [whole.slice(0, whole.length - guess.length), ...(guess === '' ? [] : [guess.slice(1)])];
  return `${lines.map(escapeText).join('\n')}\n`;
}

/** Has commander end with this status where the command line is wrong; help and version are no failure. */
function wrongUsageEndsWith(status: number): (error: CommanderError) => never {
  return ({ exitCode, code, message }) => {
    throw new CommanderError(exitCode === 0 ? 0 : status, code, message);
  };
}

const program = new Command('nettrace')
  .configureOutput({ outputError: (message, write) => write(usageText(message)) })
  .description('Says where a connection ended, why, what proves it, and which change mends it.')
  .version(version)
  .exitOverride(wrongUsageEndsWith(wrongUsage))
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    'after',
    `
Examples:
  sudo nettrace                                          watch this host's connections live
  nettrace run -- curl https://10.88.0.1:19001/ping      trace a command's connections
  nettrace run --container web -- curl http://db:5432    the same, from inside a container
  nettrace replay outage.pcapng                          open a saved case or any capture
  nettrace frames outage.pcapng                          its frames, one line each
  nettrace follow outage.pcapng 1                        what was said on its first connection
  nettrace path tcp 10.88.0.1:19001                      the way of a packet that is not sent
  nettrace doctor                                        what this host gives, and what is missing
  nettrace demo                                          see a real outage explained`,
  );

/** Says why, and ends at once: what was started ends with the process. */
function failAtOnce(error: unknown): never {
  fail(error, failed);
  process.exit();
}

addLive(program, failAtOnce);

program
  .command('run')
  .summary('run a command, trace its connections, explain those that failed')
  .description(
    "Runs a command as if nettrace were not there, traces its connections and its children's, and explains them.\n" +
      "The report goes to standard error; the exit status is the command's own (125: nettrace itself failed, " +
      'or its options are wrong).',
  )
  // 2 would be taken for the command's.
  .exitOverride(wrongUsageEndsWith(ownFailureStatus))
  .usage('[options] -- COMMAND [ARGUMENT...]')
  .argument('<command...>', 'the command and its arguments, after --')
  .addOption(new Option('--netns <name>', 'run it in this network namespace (ip netns list)').argParser(namespaceName))
  .option('--container <name>', "run the host's command in this container's network namespace, with its hosts file")
  .addOption(new Option('--pid <number>', "run it in this process's network namespace").argParser(processNumber))
  .option('--json', 'write one JSON document to standard output; the command writes to standard error')
  .option('--save <file>', 'save everything that was seen as a case file (pcapng)')
  .addOption(new Option('--timeout <seconds>', 'end the command after this time').argParser(seconds))
  .addOption(new Option('--tui', 'open the terminal UI when the command has ended').conflicts('json'))
  .addOption(teachOption().conflicts('tui'))
  .addOption(engineOption())
  .addOption(noKernelOption())
  .addOption(noRuleTraceOption())
  .addOption(ignoreNetnsOption())
  .addOption(colorOption())
  .addHelpText(
    'after',
    `
Examples:
  nettrace run -- curl -v https://10.88.0.1:19001/ping
  nettrace run --container web -- curl -sk https://host.containers.internal:19001/ping
  nettrace run --netns blue --json --save outage.pcapng -- nc -zv 10.0.0.2 5432`,
  )
  .configureOutput({
    outputError(message, write) {
      const hint = message.startsWith('error: unknown option')
        ? "The command's own options stand behind --: nettrace run [options] -- COMMAND [ARGUMENT...]\n"
        : '';
      write(`${usageText(message)}${hint}`);
    },
  })
  .action(async (command: string[], options: RunOptions) => {
    try {
      const { run } = await import('./run.ts');
      process.exitCode = await run(command, options, ignoredSignals);
    } catch (error) {
      fail(error, ownFailureStatus);
      // What it had started ends with it.
      process.exit();
    }
  });

program
  .command('replay')
  .summary('open a saved case, or any pcap or pcapng capture')
  .description('Opens a saved case or capture: the terminal UI on a terminal, else the plain report. Needs no root.')
  .argument('<file...>', 'pcap, pcapng or case files, as they are or in gzip or zstd; - is standard input')
  .option('--snapshot <file>', 'the state of the host that a plain capture was made on, as nettrace snapshot writes it')
  .option('--json', 'write one JSON document to standard output')
  .option('--fail', 'end with status 3 when a connection failed')
  .option('--filter <expression>', 'only connections that have a frame that it accepts (docs/filters.md)')
  .addOption(teachOption())
  .addOption(colorOption())
  .addHelpText(
    'after',
    `
Examples:
  nettrace replay outage.pcapng
  nettrace replay --filter 'verdict != ok' outage.pcapng
  nettrace replay --json outage.pcapng.gz
  nettrace replay --snapshot host.json bridge.pcapng     with the host's state, to say where it ended
  nettrace replay client.pcap server.pcap                merged by time
  ssh host tcpdump -U -w - | nettrace replay -`,
  )
  .action(async (files: string[], options: ReplayOptions) => {
    const { replay } = await import('./replay.ts');
    await replay(files, options);
  });

program
  .command('frames')
  .summary('print the frames of a capture, one line each')
  .description(
    'Prints the frames of a saved case or capture as it reads them: number, seconds since the first one, interface ' +
      '(where there are several), and what each says. Status 1 when the file could not be read to its end.',
  )
  .argument('<file>', 'a pcap, pcapng or case file, as it is or in gzip or zstd; - is standard input')
  .option('--json', 'write one JSON document a line, with every layer and field')
  .addOption(new Option('--count <number>', 'end after so many frames').argParser(above0('a number of frames')))
  .option('--filter <expression>', 'only those frames that it accepts (docs/filters.md)')
  .addOption(new Option('--write <file>', 'write them to a new pcapng file instead of printing them').conflicts('json'))
  .addHelpText(
    'after',
    `
Examples:
  nettrace frames outage.pcapng
  nettrace frames --count 20 big.pcap.zst
  nettrace frames --filter 'tcp.flags.reset || icmp' outage.pcapng
  nettrace frames --filter 'verdict == refused' --write refused.pcapng outage.pcapng
  nettrace frames --json outage.pcapng | jq -c 'select(.layers[].protocol == "arp")'
  ssh host tcpdump -U -w - | nettrace frames -`,
  )
  .action(async (file: string, options: FramesOptions) => {
    const { printFrames } = await import('./frames.ts');
    await printFrames(file, options);
  });

program
  .command('connections')
  .summary('list the connections of a capture, whatever its size')
  .description(
    'Prints one line for each TCP connection, UDP exchange and ping of a capture, in the order in which they began:\n' +
      'who asked whom, packets and bytes each way, and what came of it. Needs no root.',
  )
  .argument('<file>', 'a pcap, pcapng or case file, as it is or in gzip or zstd; - is standard input')
  .option('--json', 'write one JSON document a line (NDJSON), its fields in docs/json.md')
  .option('--filter <expression>', 'only those that have a frame that it accepts (docs/filters.md)')
  .addHelpText(
    'after',
    `
Examples:
  nettrace connections big.pcap | less -S
  nettrace connections --filter 'tcp.port == 5432 && verdict != ok' big.pcap.zst
  nettrace connections --json big.pcap | jq -c 'select(.outcome != "ok")'
  ssh host tcpdump -U -c 1000 -w - | nettrace connections -`,
  )
  .action(async (file: string, options: ConnectionsOptions) => {
    const { connections } = await import('./connections.ts');
    await connections(file, options);
  });

addHostCommands(program);
addPath(program);
addRecord(program, ignoredSignals, failAtOnce);

program
  .command('follow')
  .summary('print what the two ends of a connection said to each other')
  .description(
    'Prints the payload of one connection in the order of its streams: > marks what the client sent, < what the ' +
      'server sent. What the capture lacks is said in its place. Needs no root.',
  )
  .argument('<file>', 'a pcap, pcapng or case file, as it is or in gzip or zstd; - is standard input')
  .addArgument(
    new Argument('<number>', 'the connection, as nettrace connections numbers them').argParser(above0('a number')),
  )
  .addOption(
    new Option('--as <form>', 'lines of text, a hex dump, or the bytes themselves')
      .choices(['text', 'hex', 'raw'])
      .default('text'),
  )
  .addOption(new Option('--from <side>', 'what one end said, alone').choices(['client', 'server']))
  .addHelpText(
    'after',
    `
Examples:
  nettrace connections outage.pcapng                     says which number is which
  nettrace follow outage.pcapng 3
  nettrace follow --as hex outage.pcapng 3 | less
  nettrace follow --as raw --from server big.pcap 7 > answer.bin`,
  )
  .action(async (file: string, number: number, options: FollowOptions) => {
    const { follow } = await import('./follow.ts');
    await follow(file, number, options);
  });

program
  .command('demo')
  .summary('open a case that comes with nettrace: one of each cause')
  .description(
    'Opens a case that comes with nettrace, recorded on a real kernel: one of each cause, named after it. Without a name\n' +
      'it is that of a container which is refused by a port that the host serves.',
  )
  .argument('[case]', 'its name, as --list prints it')
  .addOption(new Option('--list', 'print the names of the cases, each with its summary').conflicts(['json', 'teach']))
  .option('--json', 'write one JSON document to standard output')
  .addOption(teachOption())
  .addOption(colorOption())
  .addHelpText(
    'after',
    `
Examples:
  nettrace demo
  nettrace demo --teach                 the same as a report, every word of it explained
  nettrace demo --list                  what there is
  nettrace demo missing-masquerade      the case of that cause`,
  )
  .action(async (name: string | undefined, options: DemoOptions) => {
    const { demo } = await import('./demo.ts');
    await demo(name, options);
  });

// A reader that has seen enough (| head) is no failure; a status that is known, the traced command's, stays.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(process.exitCode ?? (error.code === 'EPIPE' ? 0 : failed));
  });
}

try {
  // Without a command it is live.
  await program.parseAsync(process.argv.length > 2 ? process.argv : [...process.argv, 'live']);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else if (error instanceof WrongUsage) {
    process.stderr.write(`${error.lines.map(escapeText).join('\n')}\n`);
    process.exitCode = wrongUsage;
  } else fail(error, failed);
}
