/**
 * The child of the cap engine: `node cap-worker.js BUFFER_BYTES DEVICE...` captures on the devices of its namespace and
 * writes pcapng to standard output, interfaces in the order of its arguments. SIGTERM ends it after what is queued.
 *
 * It is a process of its own because `cap` aborts when an interface goes down, and it keeps every buffer referenced
 * because `cap` does not.
 */

import { createRequire } from 'node:module';
import { enhancedPacketBlock, interfaceBlock, sectionHeaderBlock } from '../capfile/pcapng-writer.ts';

/** The part of `cap` (libpcap binding, no types of its own) that is used. */
interface CapHandle {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  on(event: 'packet', listener: (captured: number, truncated: boolean) => void): void;
  close(): void;
}

const largestFrame = 65_535;
const drainMs = 50;

/** libpcap link types by the names that `cap` gives them; others come as `Unknown linktype N`. */
const linkTypes: Readonly<Record<string, number>> = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
  IEEE802_11_RADIO: 127,
};

function linkTypeNumber(name: string): number {
  return linkTypes[name] ?? Number(/\d+$/.exec(name)?.[0] ?? 0);
}

function wallClockNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

const [bufferBytes, ...devices] = process.argv.slice(2);
const { Cap }: { Cap: new () => CapHandle } = createRequire(import.meta.url)('cap');

const handles = devices.map((device) => {
  const buffer = Buffer.alloc(largestFrame);
  const handle = new Cap();
  const linkType = linkTypeNumber(handle.open(device, '', Number(bufferBytes), buffer));
  return { device, buffer, handle, linkType };
});

process.stdout.on('error', () => process.exit(1));
process.on('SIGTERM', () => {
  setTimeout(() => {
    // An immediate comes after the loop has polled: what waited in the kernel is read before the handles close.
    setImmediate(() => {
      for (const { handle } of handles) handle.close();
      process.stdout.end(() => process.exit(0));
    });
  }, drainMs);
});
for (const [interfaceIndex, { handle, buffer }] of handles.entries()) {
  handle.on('packet', (captured) => {
    const bytes = buffer.subarray(0, captured);
    process.stdout.write(
      enhancedPacketBlock({ interfaceIndex, timeNs: wallClockNs(), originalLength: captured, bytes }),
    );
  });
}
// Whoever reads this takes it for the word that everything above is in place.
process.stdout.write(sectionHeaderBlock('nettrace'));
for (const { device, linkType } of handles) process.stdout.write(interfaceBlock(device, linkType));
