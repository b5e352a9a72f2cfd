/** How nettrace names interfaces: `NETNS:DEVICE`, the device alone where no namespace is known. */

import type { CaptureInterface } from './evidence.ts';

/** Where an interface is. */
export type InterfacePlace = Pick<CaptureInterface, 'netns' | 'device'>;

/** The name of an interface. */
export function interfaceName({ netns, device }: InterfacePlace): string {
  return netns === null ? device : `${netns}:${device}`;
}

/** What such a name means: a device's own holds no colon, a namespace's may. */
export function placeOfInterface(name: string): InterfacePlace {
  const colon = name.lastIndexOf(':');
  return { netns: colon === -1 ? null : name.slice(0, colon), device: name.slice(colon + 1) };
}
