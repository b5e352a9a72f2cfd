import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connections } from '../../src/flow/connection-table.ts';
import { summarizeConnection } from '../../src/flow/summary.ts';
import { CaptureIndex } from '../../src/index/capture-index.ts';
import { ConnectionPass } from '../../src/index/connection-pass.ts';
import { concat, pcapHeader, pcapRecord } from '../capfile/build.ts';
import { icmpError, linked, reverse, tcp, udp } from '../flow/frames.ts';

const four = { from: '10.88.0.10:40000', to: '10.88.0.1:8080' };
const six = { from: '[fd00:88::10]:40000', to: '[fd00:88::1]:8080' };
const lost = tcp({ ...four, from: '10.88.0.11:7' }, { flags: 'SYN', sequence: 5 });
const arp = Uint8Array.from([...new Uint8Array(12), 0x08, 0x06, ...new Uint8Array(28)]);
const frames = [
  ...[four, six].flatMap((ends) => [
    tcp(ends, { flags: 'SYN', sequence: 100 }),
    tcp(reverse(ends), { flags: 'SYN ACK', sequence: 0xffff_fffe, acknowledgement: 101 }),
    tcp(ends, { flags: 'ACK', sequence: 101, acknowledgement: -1, window: 0 }),
    tcp(ends, { flags: 'PSH ACK', sequence: 101, acknowledgement: -1, length: 9 }),
    udp(ends),
    udp(reverse(ends), 100),
  ]),
  lost,
  icmpError('10.88.0.1', '10.88.0.11', 3, 1, lost),
].map((hex) => linked(1, hex));

/** A capture of these frames, a microsecond apart; its stamps begin late in a second. */
function captureOf(all: readonly Uint8Array[]): Uint8Array {
  const records = all.map((bytes, index) =>
    pcapRecord(true, 1_700_000_000, 999_000 + (index % 1000), bytes.length, bytes),
  );
  return concat(pcapHeader(true, 0xa1b2c3d4), ...records);
}

function found(connections: Connections): unknown {
  const ids = Array.from({ length: connections.rows.count }, (_, id) => id);
  return [ids.map((id) => summarizeConnection(connections, id)), connections.untracked];
}

function indexed(file: Uint8Array): unknown {
  const index = new CaptureIndex();
  index.push(file);
  index.end();
  return found(index.connections);
}

async function passed(file: Uint8Array, size: number, chunkLength = file.length): Promise<unknown> {
  await using pass = new ConnectionPass(3, size);
  for (let at = 0; at < file.length; at += chunkLength) await pass.push(file.subarray(at, at + chunkLength));
  return found(await pass.end());
}

describe('a pass for connections alone', () => {
  const file = captureOf([...frames, arp]);
  const large = Number.MAX_SAFE_INTEGER;

  it.each([
    ['in this thread', 0],
    ['in a second thread', large],
  ])('finds what the index finds, %s', async (_, size) => {
    expect(await passed(file, size)).toEqual(indexed(file));
  });

  it('finds it in a second thread when batches come round again', async () => {
    const long = captureOf(Array.from({ length: 40_000 }, (_, index) => frames[index % frames.length] ?? arp));
    expect(await passed(long, large, 1_000_003)).toEqual(indexed(long));
  });

  it('finds it in a second thread however small the packets and the chunks are', async () => {
    const cut = captureOf(frames).subarray(0, -1);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (chunkLength) => {
        expect(await passed(cut, large, chunkLength)).toEqual(indexed(cut));
      }),
      { numRuns: 5 },
    );
  });

  it('is nothing of nothing', async () => {
    expect(await passed(captureOf([]), large)).toEqual([[], 0]);
  });

  it('leaves its thread unfinished without a trace', async () => {
    await using pass = new ConnectionPass(3, large);
    await pass.push(file);
    expect([pass.bytes, pass.firstSecond, pass.error]).toEqual([file.length, 1_700_000_000, null]);
  });
});
