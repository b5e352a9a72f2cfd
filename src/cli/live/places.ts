/** Where a live capture looks: chosen by what the host has, changed by the user, and by what comes and goes. */

import type { CapturePoint } from '../../capture/engine.ts';
import type { Guard } from '../../capture/guard.ts';
import { type FrameSink, LiveCapture, type LiveCaptureOptions } from '../../capture/live-capture.ts';
import { livePoints } from '../../capture/live-points.ts';
import type { PointName } from '../../capture/points.ts';
import type { CaptureInterface } from '../../case/evidence.ts';
import type { NamespaceHandle } from '../../host/namespaces.ts';
import type { LiveHost } from './host.ts';
import type { LiveNotes } from './notes.ts';

/** Chooses where to capture, each time that the host's wiring has changed. */
export type PlaceChoice = (host: LiveHost) => readonly PointName[];

const placeOf = ({ netns, device }: PointName): string => `${netns}:${device}`;
const placeOfPoint = ({ namespace, device }: CapturePoint): string => placeOf({ netns: namespace.name, device });

/**
 * Where to capture: what was chosen, and what the user switched on as often as it is there, without what was switched off.
 *
 * @param there What the host has.
 * @param switched By place, whether to capture there.
 */
export function wantedPlaces(
  chosen: readonly PointName[],
  there: readonly PointName[],
  switched: ReadonlyMap<string, boolean>,
): PointName[] {
  const places = new Set(chosen.map(placeOf));
  const others = there.filter((point) => !places.has(placeOf(point)));
  return [
    ...chosen.filter((point) => switched.get(placeOf(point)) ?? true),
    ...others.filter((point) => switched.get(placeOf(point)) ?? false),
  ];
}

/** See the file's head. */
export class LivePlaces {
  readonly capture: LiveCapture;
  /** By the capture's numbers. */
  readonly interfaces: CaptureInterface[] = [];
  readonly #notes: LiveNotes;
  readonly #choose: PlaceChoice;
  /** Places that the user switched, and whether to capture there. */
  readonly #switched = new Map<string, boolean>();
  /** Captured places whose links are down. */
  readonly #down = new Set<string>();
  /** How many ends of each point's children were told. */
  readonly #toldEnds = new Map<number, number>();

  /** @param choose Null: by what devices are. */
  constructor(
    options: LiveCaptureOptions,
    choose: PlaceChoice | null,
    guard: Guard,
    notes: LiveNotes,
    sink: FrameSink,
  ) {
    this.capture = new LiveCapture(options, guard, sink);
    this.#choose = choose ?? (({ topology }) => livePoints(topology));
    this.#notes = notes;
  }

  /** Devices where it captures. */
  get devices(): string[] {
    return this.#active().map(({ device }) => device);
  }

  /** Takes up what is new on the host, and lets go of what is gone. */
  follow(host: LiveHost): void {
    const { namespaces, topology } = host;
    const present = topology.namespaces.flatMap(({ name, devices }) =>
      devices.map((device): PointName => ({ netns: name, device: device.name })),
    );
    const there = new Set(present.map(placeOf));
    for (const point of this.#active()) {
      if (!there.has(placeOfPoint(point))) void this.#leavePoint(point);
    }
    const wanted = wantedPlaces(this.#choose(host), present, this.#switched);
    const points = wanted.flatMap(({ netns, device }): CapturePoint[] => {
      const namespace = namespaces.find(({ name }) => name === netns);
      return namespace === undefined ? [] : [{ namespace, device }];
    });
    for (const point of points) this.#add(point, points.length);
  }

  /** Begins or ends the capture at a place, as the user wants. */
  toggle(place: string, namespaces: readonly NamespaceHandle[]): void {
    const colon = place.lastIndexOf(':');
    const namespace = namespaces.find(({ name }) => name === place.slice(0, colon));
    if (namespace === undefined) return;
    const point = { namespace, device: place.slice(colon + 1) };
    const ends = this.capture.has(point);
    this.#switched.set(place, !ends);
    this.#notes.happened(ends ? `${place} is no longer captured.` : `${place} is captured from here on.`);
    if (ends) void this.capture.remove(point);
    else this.#add(point, this.#active().length + 1);
  }

  /** A link came up or went down. */
  linkChanged(point: CapturePoint, usable: boolean): void {
    const place = placeOfPoint(point);
    if (usable) this.capture.hurry(point);
    const wasDown = this.#down.has(place);
    if (usable && wasDown) this.#down.delete(place);
    else if (!usable && !wasDown && this.capture.has(point)) this.#down.add(place);
    else return;
    this.#notes.happened(usable ? `${place} is up again.` : `${place} went down.`);
  }

  /** A namespace is gone: resolves when nothing captures in it. */
  async leave({ inode }: NamespaceHandle): Promise<void> {
    const points = this.#active().filter(({ namespace }) => namespace.inode === inode);
    await Promise.all(points.map((point) => this.#leavePoint(point)));
  }

  #leavePoint(point: CapturePoint): Promise<void> {
    const place = placeOfPoint(point);
    this.#down.delete(place);
    this.#notes.happened(`${place} is gone.`);
    return this.capture.remove(point);
  }

  /** Tells of engines that ended by themselves since the last call. */
  tellEnds(): void {
    for (const { number, point, ends } of this.capture.points) {
      for (const end of ends.slice(this.#toldEnds.get(number) ?? 0)) {
        this.#notes.happened(`The capture at ${placeOfPoint(point)} ended and was begun again: ${end}`);
      }
      this.#toldEnds.set(number, ends.length);
    }
  }

  #active(): CapturePoint[] {
    return this.capture.points.filter(({ active }) => active).map(({ point }) => point);
  }

  #add(point: CapturePoint, among: number): void {
    if (this.capture.has(point)) return;
    this.capture.add(point, among);
    const { linkTypes } = this.capture;
    const number = linkTypes.length - 1;
    this.interfaces[number] = {
      netns: point.namespace.name,
      device: point.device,
      // Told by the engine's stream, a moment after it has begun.
      get linkType() {
        return linkTypes[number] ?? 1;
      },
    };
  }
}
