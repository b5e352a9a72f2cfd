/** The tcpdump engine: a child a capture point, kernel nanosecond stamps, original lengths, drop counts. */

import type { CaptureEngine, EngineCounts } from './engine.ts';

/** No capture point gets less: some hundred full frames. */
const leastBufferKilobytes = 512;

/**
 * Bytes of a frame that are kept, by pace. In immediate mode libpcap's slots are as large: with whole frames a burst of
 * some hundred packets would fill a ring. What is longer is an offload's, of a bulk transfer.
 */
const mostBytes = { prompt: 16_384, bulk: 262_144 } as const;

/** Of a block that is not full the kernel waits for the second that tcpdump asks for, then the child is woken. */
const latencyMs = { prompt: 100, bulk: 1100 } as const;

const countsPattern =
  /(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel|(\d+) packets? captured\s+(\d+) packets? received by filter\s+(\d+) packets? dropped by kernel/g;

/**
 * `-p`: not promiscuous; `-U`: written at once; `-Z root`: stays root, or it could not be told to end. In immediate mode
 * libpcap has a slot for each packet, as long as the longest that is kept; without it packets lie close, and the kernel
 * hands them over by blocks: when one is full, or after the second that tcpdump asks for.
 */
export const tcpdumpEngine: CaptureEngine = {
  name: 'tcpdump',
  clock: 'kernel',
  promiscuous: false,
  countsSignal: 'SIGUSR1',
  // It writes the head of its stream before it minds signals, and this after (tcpdump.c, main).
  hearsSignals: (standardError) => /^tcpdump: listening on /m.test(standardError),
  latencyMs,
  jobs: (points, { bufferKilobytes, filter, pace }) =>
    points.map((point) => ({
      namespace: point.namespace,
      points: [point],
      latencyMs: latencyMs[pace],
      output: pace === 'bulk' ? 'pipe' : 'socket',
      command: [
        'tcpdump',
        '-i',
        point.device,
        '-p',
        '-n',
        '-U',
        ...(pace === 'prompt' ? ['--immediate-mode'] : []),
        '-B',
        String(Math.max(leastBufferKilobytes, Math.floor(bufferKilobytes / points.length))),
        '-s',
        String(mostBytes[pace]),
        '--time-stamp-precision=nano',
        '-Z',
        'root',
        '-w',
        '-',
        ...(filter === null ? [] : ['--', filter]),
      ],
    })),
  counts(standardError): EngineCounts | null {
    const last = [...standardError.matchAll(countsPattern)].at(-1);
    if (last === undefined) return null;
    const [captured, received, dropped] = last.slice(1).filter((value) => value !== undefined);
    return { captured: Number(captured), received: Number(received), dropped: Number(dropped) };
  },
};
