/** Labs that several tests share. */
import type { HostSpec, LabSpec } from './spec.ts';

/** What a test adds to the host of `containerOnBridge`. */
export type HostExtras = Pick<HostSpec, 'sysctls' | 'nft' | 'iptables' | 'services'>;

/**
 * A container on Podman's bridge, as Podman lays it out:
 *
 *   portainer: eth0 10.88.0.10/16 ── veth0, a port of podman0 10.88.0.1/16 :host
 */
export function containerOnBridge(host: HostExtras = {}): LabSpec {
  return {
    hosts: {
      host: { bridges: { podman0: ['veth0'] }, addresses: { podman0: ['10.88.0.1/16'] }, ...host },
      portainer: { addresses: { eth0: ['10.88.0.10/16'] }, routes: ['default via 10.88.0.1'] },
    },
    veths: [['host:veth0', 'portainer:eth0']],
  };
}
