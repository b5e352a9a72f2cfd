/** Diagnoses cases in a thread of its own, one after the other. */

import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Case } from '../case/evidence.ts';
import type { Diagnosis } from '../diagnose/diagnosis.ts';
import type { Snapshot } from '../host/snapshot.ts';
import type { DiagnosisAnswer, DiagnosisRequest } from './diagnosis-worker.ts';

/** Beside this file, as source and in the bundle alike. */
const workerFile = new URL(`./diagnosis-worker${path.extname(import.meta.filename)}`, import.meta.url);

/** A case is small; the host's state lives on. */
const youngMegabytes = 8;

/** See the file's head. Dispose of it: that ends the thread. */
export class DiagnosisThread implements AsyncDisposable {
  readonly #worker = new Worker(workerFile, { resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes } });
  #sentSnapshot: Snapshot | null = null;
  #waiting: PromiseWithResolvers<Diagnosis> | null = null;
  #failure: Error | null = null;

  constructor() {
    this.#worker.on('message', (answer: DiagnosisAnswer) => {
      if ('diagnosis' in answer) this.#waiting?.resolve(answer.diagnosis);
      else this.#waiting?.reject(new Error(answer.failure));
    });
    this.#worker.on('error', (error: Error) => {
      this.#failure = error;
      this.#waiting?.reject(error);
    });
    // Nothing but a diagnosis that is awaited keeps the process running.
    this.#worker.unref();
  }

  /**
   * The diagnosis of a case. To be called when the one before is there.
   *
   * @throws what the thread died of, or what diagnosing this case failed of.
   */
  async diagnose({ snapshot, ...evidence }: Case): Promise<Diagnosis> {
    if (this.#failure !== null) throw this.#failure;
    this.#waiting = Promise.withResolvers();
    const isSent = snapshot === this.#sentSnapshot && snapshot !== null;
    this.#sentSnapshot = snapshot;
    const request: DiagnosisRequest = { evidence, snapshot: isSent ? undefined : snapshot };
    this.#worker.postMessage(request, []);
    return this.#waiting.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
