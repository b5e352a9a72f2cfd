/** Where the parts of a lab are found, by its name. */

/** Only root writes there, so what is found can be believed. */
export const RUN_DIRECTORY = '/run';

/** A lab's name, unique on the machine while its owner lives: `PID-N`. */
export type LabName = `${number}-${number}`;

/** The full name of a host's namespace, as `ip netns` knows it. */
export function namespaceOf(lab: string, host: string): string {
  return `ntlab-${lab}-${host}`;
}

/** The directory of a lab's record and files. */
export function directoryOf(lab: string): string {
  return `${RUN_DIRECTORY}/nettrace-lab-${lab}`;
}
