/** How a live capture goes, counted once a second: rates, drops, and what each device counts by itself. */

import type { LiveCapture, LivePoint } from '../../capture/live-capture.ts';
import type { TopologyDevice } from '../../topology/topology.ts';
import type { LiveInterface, LiveStatus } from '../../ui/live-status.ts';
import type { DeviceCounters, LiveHost } from './host.ts';

type Measured = Pick<LiveStatus, 'seconds' | 'framesPerSecond' | 'bytesPerSecond' | 'dropped' | 'interfaces'>;

function connectedTo({ peer, master, defaultRoutes, ports }: TopologyDevice): string[] {
  return [
    ...(master === null ? [] : [`port of ${master}`]),
    ...(ports.length === 0 ? [] : [`ports ${ports.join(' ')}`]),
    ...(peer === null ? [] : [`peer ${peer.netns}:${peer.device}`]),
    ...defaultRoutes.map(({ gateway }) => (gateway === null ? 'default route' : `default route by ${gateway}`)),
  ];
}

/** See the file's head. */
export class LiveMeter {
  readonly #host: LiveHost;
  readonly #capture: LiveCapture;
  readonly #startMs = performance.now();
  #readMs = performance.now();
  #frames = 0;
  #counters = new Map<string, ReadonlyMap<string, DeviceCounters>>();
  #measured: Omit<Measured, 'seconds'> = { framesPerSecond: 0, bytesPerSecond: 0, dropped: 0, interfaces: [] };

  constructor(host: LiveHost, capture: LiveCapture) {
    this.#host = host;
    this.#capture = capture;
  }

  /** What was counted last. */
  status(): Measured {
    return { ...this.#measured, seconds: (performance.now() - this.#startMs) / 1000 };
  }

  /** Counts. */
  read(): void {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#readMs) / 1000;
    const points = this.#capture.points;
    const frames = points.reduce((sum, point) => sum + point.frames, 0);
    const counters = this.#host.counters();
    // Between two readings in quick succession there is no rate to tell.
    const isRate = seconds > 0.5;
    const rate = (now: number | undefined, before: number | undefined): number | null =>
      now === undefined || before === undefined ? null : Math.max(0, (now - before) / seconds);
    const known = new Map(this.#measured.interfaces.map((one) => [one.place, one]));
    const interfaces = this.#host.topology.namespaces.flatMap(({ name, container, devices }) =>
      devices.map((device): LiveInterface => {
        const place = `${name}:${device.name}`;
        const [now, before] = [counters, this.#counters].map((all) => all.get(name)?.get(device.name));
        const own = points.filter(({ point }) => point.namespace.name === name && point.device === device.name);
        const past = known.get(place);
        return {
          place,
          kind: device.kind,
          state: device.up && (device.carrier || device.kind === 'loopback') ? 'up' : 'down',
          connectedTo: connectedTo(device),
          container: container?.name ?? null,
          addresses: device.addresses,
          captured: own.some(({ active }) => active),
          packetsPerSecond: isRate ? rate(now?.packets, before?.packets) : (past?.packetsPerSecond ?? null),
          bytesPerSecond: isRate ? rate(now?.bytes, before?.bytes) : (past?.bytesPerSecond ?? null),
          frames: own.reduce((sum, point) => sum + point.frames, 0),
          dropped: sumDropped(own),
        };
      }),
    );
    const captured = interfaces.filter((one) => one.captured);
    this.#measured = {
      framesPerSecond: isRate ? (frames - this.#frames) / seconds : this.#measured.framesPerSecond,
      bytesPerSecond: captured.reduce((sum, one) => sum + (one.bytesPerSecond ?? 0), 0),
      dropped: points.reduce((sum, point) => sum + (point.dropped ?? 0), 0),
      interfaces: interfaces.sort((a, b) => Number(b.captured) - Number(a.captured)),
    };
    if (!isRate) return;
    this.#readMs = nowMs;
    this.#frames = frames;
    this.#counters = counters;
    this.#capture.askCounts();
  }
}

function sumDropped(points: readonly LivePoint[]): number | null {
  const known = points.flatMap(({ dropped }) => dropped ?? []);
  return known.length === 0 ? null : known.reduce((sum, dropped) => sum + dropped, 0);
}
