/** `record` on the command line. */

import { type Command, Option } from 'commander';
import {
  above0,
  captureNetnsOption,
  engineOption,
  ignoreNetnsOption,
  interfaceOption,
  noKernelOption,
  noRuleTraceOption,
  seconds,
} from './arguments.ts';
import type { RecordOptions } from './record.ts';
import type { RelayedSignal } from './signals.ts';

/** Adds it to the program. `onFailure` is to end the process at once: what was started ends with it. */
export function addRecord(
  program: Command,
  ignoredSignals: readonly RelayedSignal[],
  onFailure: (error: unknown) => void,
): void {
  program
    .command('record')
    .summary('record frames, host state and kernel events as a case file')
    .description(
      'Captures until Ctrl-C or a limit, and writes frames, the state of the host and its kernel events as a case file ' +
        'that nettrace replay explains and Wireshark opens. Without a choice it captures where nettrace run would. ' +
        'Needs root. Of more than 256 MB of frames the latest are kept.',
    )
    .requiredOption('-o, --output <file>', 'the case file to write (pcapng): a new one, readable by its owner alone')
    .addOption(interfaceOption())
    .addOption(captureNetnsOption())
    .addOption(new Option('--duration <seconds>', 'end after this time').argParser(seconds))
    .addOption(new Option('--count <number>', 'end after so many frames').argParser(above0('a number of frames')))
    .addOption(engineOption())
    .addOption(noKernelOption())
    .addOption(noRuleTraceOption())
    .addOption(ignoreNetnsOption())
    .addHelpText(
      'after',
      `
Examples:
  sudo nettrace record -o outage.pcapng
  sudo nettrace record -o web.pcapng --netns web --duration 60
  sudo nettrace record -o uplink.pcapng -i eth0 -i web:eth0 --count 1000`,
    )
    .action(async (options: RecordOptions) => {
      try {
        const { record } = await import('./record.ts');
        await record(options, ignoredSignals);
      } catch (error) {
        onFailure(error);
      }
    });
}
