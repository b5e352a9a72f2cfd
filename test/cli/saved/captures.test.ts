import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { readCaptures } from '../../../src/cli/saved/captures.ts';
import { concat, pcapHeader, pcapRecord } from '../../capfile/build.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-captures-'));
afterAll(() => rmSync(directory, { recursive: true }));

const capture = concat(pcapHeader(true, 0xa1b2c3d4), pcapRecord(true, 1, 0, 60, new Uint8Array(60)));
const plain = join(directory, 'plain.pcap');
const packed = join(directory, 'packed.pcap.gz');
writeFileSync(plain, capture);
writeFileSync(packed, gzipSync(capture));

test.each([[plain], [packed]])(
  'captures are merged while there is room for all of them together: %s',
  async (second) => {
    const { evidence } = await readCaptures([plain, second], 2 * capture.length);
    expect(evidence.frames).toHaveLength(2);
    await expect(readCaptures([plain, second], 2 * capture.length - 1)).rejects.toThrow(
      `cannot read ${second}: with it there is more than can be merged here`,
    );
  },
);
