import { expect, it } from 'vitest';
import { childFailure } from '../../src/host/child-failure.ts';

const mount = 'mount: /run/x: permission denied.\n       dmesg(1) may have more information after failed mount.\n';

it.each([
  ['the first line that it said', { exitCode: 32 }, mount, 'mount: /run/x: permission denied'],
  ['a status alone', { exitCode: 3 }, '\n', 'it ended with status 3'],
  ['a signal', { signal: 'SIGKILL' }, '', 'SIGKILL ended it'],
  ['it could not be started', { originalMessage: 'spawn nsenter ENOENT' }, '', 'spawn nsenter ENOENT'],
  ['nothing is known', {}, '', 'no reason was given'],
])('why a child failed: %s', (_name, result, said, reason) => {
  expect(childFailure(result, said)).toBe(reason);
});
