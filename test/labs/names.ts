/** Where the parts of a lab are found, by its name. */

/** Only root writes there, so what is found can be believed. */
export const RUN_DIRECTORY = '/run';

/** A lab's name, unique on the machine while its owner lives: `PID-N`. */
export type LabName = `${number}-${number}`;

/** Set for cases that are kept: namespaces have names that read well. One lab at a time can stand then. */
const plainNames = process.env['NETTRACE_LAB_NAMES'] === 'plain';

/** The full name of a host's namespace, as `ip netns` knows it. */
export function namespaceOf(lab: string, host: string): string {
  return plainNames ? `lab-${host}` : `ntlab-${lab}-${host}`;
}

/** The directory of a lab's record and files. */
export function directoryOf(lab: string): string {
  return `${RUN_DIRECTORY}/nettrace-lab-${lab}`;
}
