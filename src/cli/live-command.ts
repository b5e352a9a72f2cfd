/** `live` on the command line, and `nettrace` without a command. */

import { type Command, Option } from 'commander';
import {
  above0,
  captureNetnsOption,
  engineOption,
  ignoreNetnsOption,
  interfaceOption,
  noKernelOption,
} from './arguments.ts';
import type { LiveOptions } from './live.ts';

/** Adds it to the program. `onFailure` is to end the process at once: what was started ends with it. */
export function addLive(program: Command, onFailure: (error: unknown) => void): void {
  program
    .command('live')
    .summary('watch the connections of this host in the terminal UI')
    .description(
      'Captures at bridges, their ports, container ends and uplinks, and shows connections as they come and go: failed ' +
        'first, each with where it ended and why. Needs root and a terminal.',
    )
    .addOption(interfaceOption())
    .addOption(captureNetnsOption())
    .addOption(
      new Option('--memory <megabytes>', 'for frames, the oldest going first')
        .argParser(above0('a size in megabytes'))
        .default(256),
    )
    .option('--save <file>', 'write everything to a new case file (pcapng) as it comes')
    .addOption(
      new Option('--save-limit <megabytes>', 'the most that the file may take')
        .argParser(above0('a size in megabytes'))
        .default(1024),
    )
    .option('-f, --capture-filter <expression>', 'capture only what it accepts (man pcap-filter)')
    .option('--with-ssh', 'capture the SSH session in use too, which is left out otherwise')
    .addOption(engineOption())
    .addOption(noKernelOption())
    .addOption(ignoreNetnsOption())
    .addOption(new Option('--color <when>', 'colour the screen').choices(['auto', 'always', 'never']).default('auto'))
    .addHelpText(
      'after',
      `
Examples:
  sudo nettrace
  sudo nettrace live -i web:eth0 -i podman0
  sudo nettrace live --netns web --save web.pcapng
  sudo nettrace live -f 'tcp port 5432'`,
    )
    .action(async (options: LiveOptions) => {
      try {
        const { live } = await import('./live.ts');
        await live(options);
      } catch (error) {
        onFailure(error);
      }
    });
}
