/** The commands about the host itself. */

import type { Command } from 'commander';
import type { DoctorOptions } from './doctor.ts';
import type { SnapshotOptions } from './snapshot.ts';
import type { TopologyOptions } from './topology.ts';

/** Adds them to the program. */
export function addHostCommands(program: Command): void {
  program
    .command('doctor')
    .summary('say what this host gives, and how to get what is missing')
    .description(
      'Looks at privileges, capture engines, tools, kernel, namespaces and container engines, and says what each lack ' +
        'costs and how to end it. Changes nothing. Status 0 when nettrace run works here, 1 when it does not.',
    )
    .option('--json', 'write one JSON document, its fields in docs/json.md')
    .addHelpText(
      'after',
      `
Examples:
  sudo nettrace doctor
  sudo nettrace doctor --json | jq -r '.findings[] | select(.state == "lacking") | .remedy'`,
    )
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./doctor.ts');
      process.exitCode = await doctor(options);
    });

  program
    .command('snapshot')
    .summary("write the host's state as JSON")
    .description(
      'Collects links, addresses, routes, rules, neighbours, bridges, sockets and firewall rules of every network ' +
        'namespace, as the tools print them, and writes one JSON document (docs/json.md). Changes nothing. Without root ' +
        'it holds what this user may see, and says what is missing.',
    )
    .option('-o, --output <file>', 'write to this new file, readable by its owner alone, instead of standard output')
    .addHelpText(
      'after',
      `
Examples:
  sudo nettrace snapshot -o host.json
  sudo nettrace snapshot | gzip > host.json.gz
  ssh host sudo nettrace snapshot | jq -r '.namespaces[].name'`,
    )
    .action(async (options: SnapshotOptions) => {
      const { snapshot } = await import('./snapshot.ts');
      await snapshot(options);
    });

  program
    .command('topology')
    .summary('show how the host is wired, as a tree')
    .description(
      'Shows network namespaces and containers, bridges with their ports, the two ends of each veth pair, addresses and ' +
        'ways out, of this host or of a snapshot. A line that begins with ! says what is odd.',
    )
    .option('--json', 'write one JSON document, its fields in docs/json.md')
    .option('--snapshot <file>', 'show the host of which nettrace snapshot made this file; - is standard input')
    .addHelpText(
      'after',
      `
Examples:
  sudo nettrace topology
  nettrace topology --snapshot host.json.gz
  ssh host sudo nettrace snapshot | nettrace topology --snapshot -`,
    )
    .action(async (options: TopologyOptions) => {
      const { topology } = await import('./topology.ts');
      await topology(options);
    });
}
