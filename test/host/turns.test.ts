import { expect, test } from 'vitest';
import { Turns } from '../../src/host/turns.ts';

test('lets two go on at a time, the others in their order', async () => {
  const turns = new Turns(2);
  const events: string[] = [];
  const work = async (name: string): Promise<void> => {
    await turns.take();
    events.push(`${name} begins`);
    await Promise.resolve();
    events.push(`${name} ends`);
    turns.give();
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(work));
  let running = 0;
  const most = Math.max(...events.map((event) => (running += event.endsWith('begins') ? 1 : -1)));
  expect(most).toBe(2);
  expect(events.filter((event) => event.endsWith('begins')).map((event) => event[0])).toEqual(['a', 'b', 'c', 'd']);
  expect(running).toBe(0);
});
