/** The sample as a live capture: two interfaces more than fit into the words of a row, and one that is not captured. */

import { vi } from 'vitest';
import type { CaseView } from '../../src/ui/case-view.ts';
import type { LiveInterface } from '../../src/ui/live-status.ts';
import { sample } from './sample.ts';

function one(changes: Partial<LiveInterface>): LiveInterface {
  return {
    place: 'host:eth0',
    kind: 'device',
    state: 'up',
    connectedTo: [],
    container: null,
    addresses: [],
    captured: true,
    packetsPerSecond: 0,
    bytesPerSecond: 0,
    frames: 0,
    dropped: 0,
    ...changes,
  };
}

/** Its interfaces. */
export const interfaces: readonly LiveInterface[] = [
  one({ connectedTo: ['default route by 192.0.2.1'], addresses: ['192.0.2.2/24'], packetsPerSecond: 412.4 }),
  one({
    place: 'portainer:eth0',
    kind: 'veth',
    container: 'portainer',
    connectedTo: ['peer host:veth0', 'default route by 10.88.0.1'],
    addresses: ['10.88.0.10/16', 'fe80::5c4e:13ff:fe21:e4a0/64'],
    packetsPerSecond: 203_512,
    bytesPerSecond: 126_000_000,
    frames: 1_203_512,
    dropped: 17,
  }),
  one({
    place: 'host:veth0',
    kind: 'veth',
    state: 'down',
    connectedTo: ['port of podman0'],
    packetsPerSecond: null,
    dropped: null,
  }),
  one({ place: 'host:lo\u001b[31m', kind: 'loopback', captured: false, dropped: null, addresses: ['127.0.0.1/8'] }),
];

/** What the user asked to be captured, or not. */
export const toggle = vi.fn<(place: string) => void>();

/** The view. */
export const liveSample: CaseView = {
  ...sample,
  title: 'live',
  live: {
    seconds: 75.3,
    framesPerSecond: 203_924,
    bytesPerSecond: 126_054_321,
    dropped: 17,
    connections: 3141,
    failed: 2,
    interfaces,
    notes: [
      'The SSH session that shows this screen is left out (--with-ssh takes it in).',
      '12:00:01 host:veth0 went down.',
    ],
    isDone: () => false,
    toggle,
  },
};
