/** Probes between lab hosts: what the prober service is asked, and how to ask it. */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** One packet or connection that is tried; ends as `ADDRESS:PORT`. */
export interface Probe {
  readonly id: number;
  readonly source: string;
  readonly destination: string;
}

/** A datagram that came through, with the ends as they were then. */
export interface Arrival extends Probe {}

/** What a prober does: sends datagrams, opens connections, or tells what has arrived since the last time. */
export type ProberRequest =
  | { readonly kind: 'datagrams'; readonly probes: readonly Probe[] }
  | { readonly kind: 'connections'; readonly probes: readonly Probe[]; readonly limitMs: number }
  | { readonly kind: 'take' };

/** A prober, by the socket that it is controlled by. */
export class Prober {
  readonly #control: string;

  constructor(control: string) {
    this.#control = control;
  }

  /** Sends datagrams; returns when all are out. */
  async sendDatagrams(probes: readonly Probe[]): Promise<void> {
    const results: string[] = await this.#ask({ kind: 'datagrams', probes });
    // A rule that drops what is sent tells the sender so.
    const failed = results.find((result) => result !== 'sent' && result !== 'EPERM');
    if (failed !== undefined) throw new Error(`a datagram was not sent: ${failed}`);
  }

  /** Opens connections: `connected`, `timeout`, or connect()'s error for each. */
  openConnections(probes: readonly Probe[], limitMs: number): Promise<string[]> {
    return this.#ask({ kind: 'connections', probes, limitMs });
  }

  /** What has arrived since the last time. */
  takeArrivals(): Promise<Arrival[]> {
    return this.#ask({ kind: 'take' });
  }

  async #ask<Answer>(request: ProberRequest): Promise<Answer> {
    const socket = connect(this.#control);
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface(socket)) {
      socket.destroy();
      const answer: Answer = JSON.parse(line);
      return answer;
    }
    throw new Error('the prober hung up');
  }
}
