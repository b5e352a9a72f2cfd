/** The commands about the host itself. */

import type { Command } from 'commander';
import type { DoctorOptions } from './doctor.ts';

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
}
