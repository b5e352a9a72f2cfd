/** Kernel settings as the kernel combines them (include/linux/inetdevice.h): a device's own with that of all devices. */

import type { NamespaceState, Quote } from '../host/state.ts';

/** A setting's number and the lines that it came from; a setting that the snapshot has not is 0, without a quote. */
export interface Setting {
  readonly value: number;
  /** As sysctl(8) writes it; null where the snapshot has it not. */
  readonly name: string | null;
  readonly quotes: readonly Quote[];
}

/** One setting by its full name. */
export function settingOf(namespace: NamespaceState, name: string): Setting {
  const found = namespace.sysctls.get(name);
  const value = Number(found?.value ?? 0);
  return {
    value: Number.isInteger(value) ? value : 0,
    name: found?.name ?? null,
    quotes: found === undefined ? [] : [found.source],
  };
}

/** The larger of a device's setting and that of `all`; for a switch: on when either is on. Quotes the one that counts. */
export function largerSetting(namespace: NamespaceState, family: 4 | 6, device: string, name: string): Setting {
  const [all, own] = ['all', device].map((of) => settingOf(namespace, `net.ipv${family}.conf.${of}.${name}`));
  if (all === undefined || own === undefined) return { value: 0, name: null, quotes: [] };
  return all.value > own.value ? all : own;
}
