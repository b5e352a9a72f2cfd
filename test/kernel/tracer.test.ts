import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Instance } from '../../src/kernel/instance.ts';
import { Tracer } from '../../src/kernel/tracefs.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nettrace-tracer-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const line = '          <idle>-0       [001] ..s1. 1.000000: netif_receive_skb: dev=eth0 skbaddr=00000000abc len=40\n';

/** A tracer on two folders that stand for instances; what `make` does is done to the first of them. */
function tracerOn(make: (path: string) => void = (path) => writeFileSync(`${path}/trace_pipe`, line)): Tracer {
  const [packets = '', command = ''] = ['packets', 'command'].map((name) => join(directory, name));
  mkdirSync(packets);
  mkdirSync(join(command, 'options'), { recursive: true });
  make(packets);
  writeFileSync(`${command}/trace_pipe`, '');
  return new Tracer(new Instance(packets, 'packets'), new Instance(command, 'command'), 'first');
}

test('a tracer gives the lines that it has read', () => {
  const tracer = tracerOn();
  tracer.follow(1);
  expect(tracer.stop()).toHaveLength(1);
  expect(tracer.failure).toBeNull();
});

test('a tracer whose files refuse an order or are gone ends the tracing alone, and has no lines', () => {
  const tracer = tracerOn();
  expect(tracer.between(0n, 10n ** 12n)).toHaveLength(1);
  rmSync(directory, { recursive: true });
  tracer.watch(['eth0']);
  tracer.follow(1);
  expect(tracer.failure?.message).toContain('ENOENT');
  expect(tracer.between(0n, 10n ** 12n)).toEqual([]);
  tracer.askLess();
  tracer.askAll();
  expect(tracer.stop()).toEqual([]);
});

test('so does one whose events cannot be read any more, though nobody asked', async () => {
  const tracer = tracerOn((path) => mkdirSync(`${path}/trace_pipe`));
  await expect.poll(() => tracer.failure?.message).toContain('EISDIR');
  expect(tracer.stop()).toEqual([]);
});
