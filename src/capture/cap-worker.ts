/**
 * The child of the cap engine: `node cap-worker.js BUFFER_BYTES FILTER DEVICE...` captures on the devices of its
 * namespace and writes pcapng to standard output, interfaces in the order of its arguments. SIGTERM ends it after what is
 * queued.
 *
 * It is a process of its own because `cap` aborts when an interface goes down, and it keeps every buffer referenced
 * because `cap` does not.
 */

import { createRequire } from 'node:module';
import { enhancedPacketBlock, interfaceBlock, sectionHeaderBlock } from '../capfile/pcapng-writer.ts';
import { wallClockNs } from '../host/wall-clock.ts';

/** The part of `cap` (libpcap binding, no types of its own) that is used. */
interface CapHandle {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  on(event: 'packet', listener: (captured: number, truncated: boolean) => void): void;
  close(): void;
}

const largestFrame = 65_535;
const drainMs = 50;
const retryMs = 300;
const ethernet = 1;
/** What libpcap says of a device that is down. */
const notUp = 'That device is not up';

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

const [bufferBytes, filter = '', ...devices] = process.argv.slice(2);
const { Cap }: { Cap: new () => CapHandle } = createRequire(import.meta.url)('cap');

/** Open handles, with the buffers that `cap` writes into: it keeps no reference to them itself. */
const handles: { readonly handle: CapHandle; readonly buffer: Buffer }[] = [];
/** `cap` aborts the process when a handle that could not be opened is collected: none of them ever is. */
const failed: CapHandle[] = [];

/** Opens a device and gives its link type. One that is down is tried again until it comes up. */
function capture(device: string, interfaceIndex: number): number {
  const buffer = Buffer.alloc(largestFrame);
  const handle = new Cap();
  failed.push(handle);
  try {
    const linkType = linkTypeNumber(handle.open(device, filter, Number(bufferBytes), buffer));
    handle.on('packet', (captured) => {
      const bytes = buffer.subarray(0, captured);
      process.stdout.write(
        enhancedPacketBlock({ interfaceIndex, timeNs: wallClockNs(), originalLength: captured, bytes }),
      );
    });
    handles.push({ handle, buffer });
    failed.pop();
    return linkType;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`cap: ${device}: ${reason}\n`);
    if (reason !== notUp) process.exit(1);
    setTimeout(capture, retryMs, device, interfaceIndex);
    return ethernet;
  }
}

const linkTypesOfDevices = devices.map(capture);
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
// Whoever reads this takes it for the word that everything above is in place.
process.stdout.write(sectionHeaderBlock('nettrace'));
for (const [index, device] of devices.entries()) {
  process.stdout.write(interfaceBlock({ netns: null, device }, linkTypesOfDevices[index] ?? ethernet));
}
