/** `path` on the command line. */

import { Argument, type Command } from 'commander';
import type { ModelPacket } from '../model/step.ts';
import { colorOption, ignoreNetnsOption, teachOption } from './arguments.ts';
import type { PathOptions } from './path.ts';

/** Adds it to the program. */
export function addPath(program: Command): void {
  program
    .command('path')
    .summary('predict the way of a packet through the host, without sending one')
    .description(
      "Says what the model of this host's network, or of a snapshot's, makes of a packet: its way step by step, the " +
        'way of the answer, and what stands in the way. Sends nothing and changes nothing. Starts in the namespace ' +
        'that nettrace, or nettrace snapshot, runs in. On this host the first look-up is checked by the kernel (ip ' +
        'route get).',
    )
    .addArgument(new Argument('<protocol>', 'what is sent').choices(['tcp', 'udp', 'icmp']))
    .argument('<target>', 'ADDRESS:PORT, [ADDRESS]:PORT for IPv6, for icmp ADDRESS; or a name of the hosts file')
    .option('--netns <name>', 'start in this namespace or container, as nettrace topology names them')
    .option('--from <address>', 'the source address that the program binds to; without, the kernel chooses')
    .option('--snapshot <file>', 'on the host of which nettrace snapshot made this file; - is standard input')
    .addOption(ignoreNetnsOption())
    .option('--json', 'write one JSON document, its fields in docs/json.md')
    .option('--fail', 'end with status 3 when the packet, or the answer, does not get through')
    .addOption(teachOption())
    .addOption(colorOption())
    .addHelpText(
      'after',
      `
Examples:
  sudo nettrace path tcp 10.88.0.1:19001
  sudo nettrace path --netns web tcp db:5432
  sudo nettrace path --netns web --from 10.88.0.10 icmp fd00:88::1
  nettrace path --snapshot host.json.gz --netns web --fail udp '[fd00:88::1]:53'`,
    )
    .action(async (protocol: ModelPacket['protocol'], destination: string, options: PathOptions) => {
      const { path } = await import('./path.ts');
      await path(protocol, destination, options);
    });
}
