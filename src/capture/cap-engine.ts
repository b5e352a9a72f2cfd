/**
 * The cap engine: libpcap through the `cap` package, in a child a namespace, because `cap` aborts its whole process
 * when an interface goes down. It knows no kernel time, original length or drop count, and is always promiscuous.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { CaptureEngine } from './engine.ts';

const worker = fileURLToPath(new URL('./cap-worker.js', import.meta.url));

const latencyMs = { prompt: 100, bulk: 100 } as const;

/** True when the native module was built on this machine. */
export function capIsBuilt(): boolean {
  try {
    return existsSync(createRequire(import.meta.url).resolve('cap/build/Release/cap.node'));
  } catch {
    return false;
  }
}

/** See the file's head. */
export const capEngine: CaptureEngine = {
  name: 'cap',
  clock: 'user-space',
  promiscuous: true,
  countsSignal: null,
  hearsSignals: () => true,
  counts: () => null,
  latencyMs,
  jobs(points, { bufferKilobytes, filter, pace }) {
    const namespaces = [...new Set(points.map((point) => point.namespace))];
    return namespaces.map((namespace) => {
      const own = points.filter((point) => point.namespace === namespace);
      const bytes = Math.floor((bufferKilobytes * 1024) / points.length);
      return {
        namespace,
        points: own,
        latencyMs: latencyMs[pace],
        output: pace === 'bulk' ? 'pipe' : 'socket',
        command: [process.execPath, worker, String(bytes), filter ?? '', ...own.map((point) => point.device)],
      };
    });
  },
};
