/** Diagnoses cases in a thread of its own, one after the other. */

import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Case } from '../../case/evidence.ts';
import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import type { Snapshot } from '../../host/snapshot.ts';
import type { DiagnosisAnswer, DiagnosisRequest } from './diagnosis-worker.ts';

/** Beside this file, as source and in the bundle alike. */
const workerFile = new URL(`./diagnosis-worker${path.extname(import.meta.filename)}`, import.meta.url);

/** A case is small; the host's state lives on. */
const youngMegabytes = 8;

/** A thread that dies is begun again so often: what ends every one of them is not worth a thread a second. */
const mostThreads = 10;

/** See the file's head. Dispose of it: that ends the thread. */
export class DiagnosisThread implements AsyncDisposable {
  readonly #file: URL;
  /** Null when it has died. */
  #worker: Worker | null = null;
  #begun = 0;
  #sentSnapshot: Snapshot | null = null;
  #waiting: PromiseWithResolvers<Diagnosis> | null = null;

  /** @param file What the thread runs. */
  constructor(file = workerFile) {
    this.#file = file;
    // Its modules are loaded by the time that something is to be diagnosed.
    this.#begin();
  }

  /**
   * The diagnosis of a case. To be called when the one before is there.
   *
   * @throws what the thread died of, or what diagnosing this case failed of.
   */
  async diagnose({ snapshot, ...evidence }: Case): Promise<Diagnosis> {
    const worker = this.#worker ?? this.#begin();
    this.#waiting = Promise.withResolvers();
    const isSent = snapshot === this.#sentSnapshot && snapshot !== null;
    this.#sentSnapshot = snapshot;
    const request: DiagnosisRequest = { evidence, snapshot: isSent ? undefined : snapshot };
    worker.postMessage(request, []);
    return this.#waiting.promise;
  }

  #begin(): Worker {
    if (this.#begun === mostThreads) throw new Error(`the diagnosing thread has died ${mostThreads} times`);
    this.#begun += 1;
    const worker = new Worker(this.#file, { resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes } });
    worker.on('message', (answer: DiagnosisAnswer) => {
      if ('diagnosis' in answer) this.#waiting?.resolve(answer.diagnosis);
      else this.#waiting?.reject(new Error(answer.failure));
    });
    const died = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#sentSnapshot = null;
      this.#waiting?.reject(error);
    };
    worker.on('error', died);
    worker.on('exit', () => died(new Error('the diagnosing thread has ended')));
    // Nothing but a diagnosis that is awaited keeps the process running.
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
  }
}
