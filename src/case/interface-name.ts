/** How a case file names its interfaces: `NETNS:DEVICE`, the device alone where no namespace is known. */

import type { CaptureInterface } from './evidence.ts';

/** The name of an interface. */
export function interfaceName({ netns, device }: Pick<CaptureInterface, 'netns' | 'device'>): string {
  return netns === null ? device : `${netns}:${device}`;
}

/**
 * What a name in a file means.
 *
 * @param isCase In a file of another program a colon is part of the device's name.
 */
export function placeOfInterface(name: string, isCase: boolean): Pick<CaptureInterface, 'netns' | 'device'> {
  const colon = isCase ? name.lastIndexOf(':') : -1;
  return { netns: colon === -1 ? null : name.slice(0, colon), device: name.slice(colon + 1) };
}
