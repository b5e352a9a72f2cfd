import { render } from 'ink-testing-library';
import { expect, it } from 'vitest';
import { LoadingScreen } from '../../src/ui/loading.tsx';
import { renderWithoutColour } from './without-colour.ts';

renderWithoutColour();

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const open = (): ReturnType<typeof render> =>
  render(<LoadingScreen loading={{ title: 'big.pcap', text: 'Reading: 1.0 MB, 1.0 MB/s', share: null }} />);

it.each([
  ['Esc', '\x1b'],
  ['q', 'q'],
  ['Ctrl-C', '\x03'],
])('%s leaves', async (_name, key) => {
  const { stdin, lastFrame } = open();
  await turn();
  expect(lastFrame()).toContain('Reading: 1.0 MB');
  stdin.write(key);
  // A lone Esc is told from an escape sequence by what follows it.
  while (stdin.listenerCount('readable') > 0) await turn();
});

it('no other key does', async () => {
  const { stdin } = open();
  await turn();
  stdin.write('j\r');
  await turn();
  expect(stdin.listenerCount('readable')).toBeGreaterThan(0);
});
