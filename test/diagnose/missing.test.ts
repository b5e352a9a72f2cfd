import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import type { CommandOutput, Snapshot } from '../../src/host/snapshot.ts';
import { formatText } from '../../src/report/text.ts';
import { at, caseOf, listeners, packets, seen, snapshotWith } from './cases.ts';

const sights = [...seen(packets.syn, [at.container]), ...seen(packets.reset, [at.container], 60_000n)];

/** The snapshot with twenty more namespaces like the container's; `change` is made to the outputs of each namespace. */
function crowded(change: (output: CommandOutput, netns: string) => CommandOutput): Snapshot {
  const snapshot = snapshotWith(listeners.loopback);
  const [first] = snapshot.namespaces.filter(({ name }) => name === 'portainer');
  const more = Array.from({ length: 20 }, (_, index) => ({ name: `a${index}`, inode: 100 + index }));
  const others = first === undefined ? [] : more.map((one) => ({ ...first, ...one, outputs: first.outputs }));
  return {
    ...snapshot,
    namespaces: [...others, ...snapshot.namespaces].map((namespace) => ({
      ...namespace,
      outputs: namespace.outputs.map((output) => change(output, namespace.name)),
    })),
  };
}

function missingOf(snapshot: Snapshot | null): readonly string[] {
  return diagnose(caseOf({ sights, snapshot })).evidence.missing.filter((text) => !text.startsWith('Without kernel'));
}

describe('what the evidence lacks', () => {
  it('a tool that is not installed is one line, over all namespaces and commands', () => {
    const snapshot = crowded((output) =>
      /^(?:nft|bridge) /.test(output.command) ? { ...output, exitCode: null, text: '' } : output,
    );
    expect(missingOf(snapshot)).toEqual([
      '`bridge` is not installed: the ports and addresses of bridges are not known.',
      '`nft` is not installed: the rules of nftables are not known.',
    ]);
  });

  it('of many namespaces those on the way are named first, and the rest is counted', () => {
    const snapshot = crowded((output) =>
      output.command === 'ss -HOulnpe' ? { ...output, exitCode: 1, text: '', error: 'boom' } : output,
    );
    expect(missingOf(snapshot)).toEqual([
      expect.stringMatching(/^In (?:portainer, host|host, portainer), a0 and 19 more, `ss -HOulnpe` failed: boom\.$/),
    ]);
  });

  it('a snapshot without any namespace, as a recording that was killed leaves it, is none', () => {
    const diagnosis = diagnose(caseOf({ sights, snapshot: { ...snapshotWith(''), namespaces: [] } }));
    expect(diagnosis.evidence.snapshot).toBe(false);
    expect(diagnosis.evidence.missing[0]).toMatch(/^There is no snapshot of the host: /);
    expect(formatText(diagnosis)).not.toContain('a snapshot of the host,');
  });
});
