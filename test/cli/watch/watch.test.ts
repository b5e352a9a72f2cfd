import { expect, test } from 'vitest';
import { Guard } from '../../../src/capture/guard.ts';
import { tcpdumpEngine } from '../../../src/capture/tcpdump.ts';
import { UserError } from '../../../src/cli/errors.ts';
import { Watch } from '../../../src/cli/watch/watch.ts';

test('a namespace that has gone since it was asked for', async () => {
  const guard = new Guard();
  const options = {
    // Of no namespace.
    namespaceInode: 0,
    ignoreNetns: [],
    engine: tcpdumpEngine,
    kernel: false,
    ruleTrace: false,
    pace: 'prompt',
  } as const;
  await expect(Watch.begin(options, guard, false)).rejects.toThrow(UserError);
  await guard.release();
});
