/**
 * A lab as data: hosts that are network namespaces, the veth pairs between them, and what runs on them. `buildLab` in
 * lab.ts makes it real. A device is written as the program writes a capture point, `HOST:DEVICE`.
 */

/** A long-running program on a lab host. */
export interface ServiceSpec {
  /** Its arguments, given what the lab made for it. The process is started without a shell. */
  readonly argv: (files: ServiceFiles) => readonly string[];
  /** Its listening TCP or UDP socket as `ss` prints it, `127.0.0.1:19001` or `[::]:53`: it is ready once that is there. */
  readonly listens: string;
}

/** Files that the lab makes for its services, paths in a directory that only root can enter. */
export interface ServiceFiles {
  /** A self-signed certificate's private key, PEM. */
  readonly key: string;
  /** The certificate, PEM. */
  readonly cert: string;
}

/** One network namespace. Everything is applied in the order of the fields here; the loopback device is always up. */
export interface HostSpec {
  /** Bridges by name, with the devices that are their ports. */
  readonly bridges?: Readonly<Record<string, readonly string[]>>;
  /** Kernel settings by name, `net.ipv4.ip_forward`, set when the devices are there and still down. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Addresses with prefix length by device. IPv6 ones skip duplicate detection, so that they can be used at once. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  /** Routes, as `ip route add` takes them. */
  readonly routes?: readonly string[];
  /** A ruleset for `nft -f`. */
  readonly nft?: string;
  /** Rules for `iptables-restore`. */
  readonly iptables?: string;
  /** Services by a name of the lab's own. */
  readonly services?: Readonly<Record<string, ServiceSpec>>;
}

/** The whole lab. */
export interface LabSpec {
  /** Hosts by the name that tests use; the namespace's full name carries the lab's prefix before it. */
  readonly hosts: Readonly<Record<string, HostSpec>>;
  /** Pairs of device ends, `['host:veth0', 'portainer:eth0']`. Every device is up once the lab is built. */
  readonly veths: readonly (readonly [string, string])[];
  /** Macvlans: device, the device that it stands on, and how it treats its siblings. */
  readonly macvlans?: readonly (readonly [string, string, 'bridge' | 'private'])[];
  /** VXLAN devices, each with its options as `ip link add DEVICE type vxlan` takes them. */
  readonly vxlans?: readonly (readonly [string, string])[];
}
