import type * as Ink from 'ink';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const happened: string[] = [];
let leave: () => void;

beforeEach(() => {
  happened.length = 0;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  vi.resetModules();
  vi.doMock('ink', async (original) => ({
    ...(await original<typeof Ink>()),
    render: () => {
      happened.push('first frame');
      return { waitUntilExit: () => left, rerender: () => {}, unmount: () => leave() };
    },
  }));
  process.stdin.setRawMode = (on) => {
    happened.push(`raw ${on ? 'on' : 'off'}`);
    return process.stdin;
  };
});

afterEach(() => {
  vi.doUnmock('ink');
  vi.resetModules();
  Reflect.deleteProperty(process.stdin, 'setRawMode');
});

it('takes keys raw before the first frame is drawn, and gives the terminal back', async () => {
  const { openLoading } = await import('../../src/ui/start.tsx');
  const ui = openLoading({ title: 'big.pcap', text: 'Reading', share: null });
  expect(happened).toEqual(['raw on', 'first frame']);
  ui.close();
  await ui.closed;
  expect(happened).toEqual(['raw on', 'first frame', 'raw off']);
});
