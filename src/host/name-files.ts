/** What a namespace is called, and which names it knows: its container's name, its hosts and resolver files. */

import { readBounded } from './files.ts';
import type { NamespaceHandle } from './namespaces.ts';
import type { CommandOutput, ContainerRecord, NamespaceSnapshot } from './snapshot.ts';
import { fileCommand } from './snapshot-commands.ts';

/** The files that name hosts and resolvers there; the first that can be read counts. */
function namePaths(handle: NamespaceHandle, file: 'hosts' | 'resolv.conf'): string[] {
  const { container, netnsName } = handle;
  const engines = file === 'hosts' ? container?.hostsPath : container?.resolvConfPath;
  if (engines !== null && engines !== undefined) return [engines];
  // A container whose engine names no file has one that we cannot see: ours would be a guess.
  if (container !== null) return [];
  return [...(netnsName === null ? [] : [`/etc/netns/${netnsName}/${file}`]), `/etc/${file}`];
}

function readNames(handle: NamespaceHandle): CommandOutput[] {
  return (['hosts', 'resolv.conf'] as const).flatMap((file) => {
    for (const path of namePaths(handle, file)) {
      // The host's own files may be links (systemd-resolved); a container's may be the container's doing.
      const bytes = readBounded(path, { followLinks: handle.container === null });
      if (bytes !== null) return [{ command: fileCommand(path), exitCode: 0, text: bytes.toString('utf8'), error: '' }];
    }
    return [];
  });
}

function recordOf({ id, name, runtime, networks, ports }: ContainerRecord): ContainerRecord {
  return { id, name, runtime, networks, ports };
}

/** The namespace's snapshot with the handle's name, its container, and the files that name hosts and resolvers there. */
export function nameNamespace(snapshot: NamespaceSnapshot, handle: NamespaceHandle): NamespaceSnapshot {
  const { name, container } = handle;
  return {
    ...snapshot,
    name,
    container: container === null ? null : recordOf(container),
    outputs: [...snapshot.outputs, ...readNames(handle)],
  };
}
