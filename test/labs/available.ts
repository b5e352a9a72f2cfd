/** Where labs can run: as root, with namespaces. Elsewhere they are skipped, or fail where they are required. */
import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';

/** What becomes of labs here. */
export type LabDecision =
  | { readonly run: true }
  | { readonly run: false; readonly failing: boolean; readonly reason: string };

/** Decides it from what is missing (null: nothing) and NETTRACE_LABS, whose `required` makes a skipped lab a failure. */
export function decide(missing: string | null, setting: string | undefined): LabDecision {
  if (missing === null) return { run: true };
  return { run: false, failing: setting === 'required', reason: missing };
}

/** `describe` for tests that build labs: skipped with the reason where none can be built. */
export function describeLab(title: string, body: () => void): void {
  const decision = decide(missingForLabs(), process.env['NETTRACE_LABS']);
  if (decision.run) {
    describe(title, body);
  } else if (decision.failing) {
    describe(title, () => {
      test('needs a lab', () => {
        throw new Error(`NETTRACE_LABS=required, but no lab can be built here: ${decision.reason}`);
      });
    });
  } else {
    describe.skip(`${title} (skipped: ${decision.reason})`, body);
  }
}

let missing: string | null | undefined;

/** What keeps labs from being built here; null when nothing does. */
function missingForLabs(): string | null {
  missing ??= findMissing();
  return missing;
}

function findMissing(): string | null {
  if (process.geteuid?.() !== 0) return 'labs need root';
  for (const argv of [
    ['ip', '-Version'],
    ['nsenter', '--version'],
    ['openssl', 'version'],
  ] as const) {
    if (spawnSync(argv[0], [argv[1]]).error) return `labs need the program ${argv[0]} (bin/setup installs it)`;
  }
  const probe = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  return probe.status === 0 ? null : `network namespaces cannot be made here: ${probe.stderr.trim()}`;
}
