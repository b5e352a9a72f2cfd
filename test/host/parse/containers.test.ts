import { describe, expect, test } from 'vitest';
import { containerOfGroups, parseInspect, parsePods } from '../../../src/host/parse/containers.ts';

const webId = 'a'.repeat(64);
const podmanInspect = [
  {
    Id: webId,
    Name: 'web',
    IsInfra: false,
    State: { Status: 'running', Pid: 4711 },
    ResolvConfPath: '/run/containers/storage/overlay-containers/web/userdata/resolv.conf',
    HostsPath: '/run/containers/storage/overlay-containers/web/userdata/hosts',
    NetworkSettings: {
      SandboxKey: '/run/netns/netns-1',
      Ports: {
        '80/tcp': [
          { HostIp: '', HostPort: '8080' },
          { HostIp: '127.0.0.1', HostPort: '8081' },
        ],
        '53/udp': [{ HostIp: '0.0.0.0', HostPort: '5353' }],
        '443/tcp': null,
        odd: [{ HostIp: '', HostPort: '1' }],
        '70000/tcp': [{ HostIp: '', HostPort: '1' }],
        '81/tcp': [{ HostIp: '', HostPort: '99999999999999999999' }],
      },
      Networks: { podman: {}, backend: {} },
    },
    HostConfig: { NetworkMode: 'bridge' },
  },
];

describe('parseInspect', () => {
  test('reads what Podman prints', () => {
    expect(parseInspect('podman', JSON.stringify(podmanInspect))).toEqual([
      {
        id: webId,
        name: 'web',
        runtime: 'podman',
        networks: ['podman', 'backend'],
        ports: [
          { protocol: 'tcp', hostAddress: null, hostPort: 8080, port: 80 },
          { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 8081, port: 80 },
          { protocol: 'udp', hostAddress: '0.0.0.0', hostPort: 5353, port: 53 },
        ],
        pid: 4711,
        netnsPath: '/run/netns/netns-1',
        hostsPath: '/run/containers/storage/overlay-containers/web/userdata/hosts',
        resolvConfPath: '/run/containers/storage/overlay-containers/web/userdata/resolv.conf',
        hostNetwork: false,
        joins: false,
        infrastructure: false,
      },
    ]);
  });

  test('reads what Docker prints: a slash before the name, no pid when it has ended', () => {
    const text = JSON.stringify([
      { Id: webId, Name: '/web', State: { Pid: 0 }, HostConfig: { NetworkMode: 'host' }, HostsPath: '' },
    ]);
    expect(parseInspect('docker', text)).toEqual([
      expect.objectContaining({ name: 'web', pid: null, hostNetwork: true, hostsPath: null, netnsPath: null }),
    ]);
  });

  test('says which container is in the network of another, and what is not told', () => {
    const sidecar = { Id: webId, Name: 'sidecar', HostConfig: { NetworkMode: `container:${'b'.repeat(64)}` } };
    expect(parseInspect('podman', JSON.stringify([sidecar]))).toMatchObject([
      { joins: true, networks: null, ports: null },
    ]);
    const made = { Id: webId, Name: 'web', NetworkSettings: { Networks: { 'unknown-eth0': {} }, Ports: {} } };
    expect(parseInspect('containerd', JSON.stringify([made]))).toMatchObject([
      { joins: false, networks: null, ports: [] },
    ]);
  });

  test('keeps a range of ports within bounds', () => {
    const port = (at: number): [string, object[]] => [
      `${10_000 + at}/udp`,
      [{ HostIp: '', HostPort: String(10_000 + at) }],
    ];
    const Ports = Object.fromEntries(Array.from({ length: 10_001 }, (_none, at) => port(at)));
    const [turn] =
      parseInspect('docker', JSON.stringify([{ Id: webId, Name: 'turn', NetworkSettings: { Ports } }])) ?? [];
    expect(turn?.ports).toHaveLength(1000);
  });

  test.each([
    ['no JSON', 'Error: no such container'],
    ['no array', '{"Id": "x"}'],
  ])('says that it cannot read %s', (_title, text) => {
    expect(parseInspect('podman', text)).toBeNull();
  });

  test('leaves out entries without an id or a name', () => {
    expect(
      parseInspect('podman', JSON.stringify([{ Name: 'x' }, { Id: webId }, { Id: '-x', Name: 'x' }, 5, null])),
    ).toEqual([]);
  });
});

// As cri-tools marshals cri-api's PodSandboxStatus, with what containerd's sandbox_status.go adds.
const pod = (name: string, id: string, network = 'POD') => ({
  info: {
    config: {
      metadata: { name, namespace: 'shop', uid: '0b5a8d2e-77aa-4c1e-9c1d-000000000001' },
      port_mappings: [
        { container_port: 8443, host_port: 443 },
        { protocol: 1, container_port: 53, host_port: 53, host_ip: '192.0.2.1' },
        { container_port: 9090 },
      ],
    },
    pid: 4711,
    runtimeSpec: {
      linux: { namespaces: [{ type: 'pid' }, { type: 'network', path: '/var/run/netns/cni-1' }] },
      mounts: [
        { destination: '/dev/shm', source: '/run/x/shm' },
        { destination: '/etc/resolv.conf', source: '/var/lib/containerd/x/resolv.conf' },
      ],
    },
  },
  status: {
    id,
    linux: { namespaces: { options: { ipc: 'POD', network, pid: 'CONTAINER' } } },
    metadata: { attempt: 0, name, namespace: 'shop', uid: '0b5a8d2e-77aa-4c1e-9c1d-000000000001' },
    state: 'SANDBOX_READY',
  },
});

describe('parsePods', () => {
  const web = pod('web-7d9f', webId);
  const proxy = pod('kube-proxy', 'b'.repeat(64), 'NODE');
  const indented = (value: unknown): string => JSON.stringify(value, null, 2);

  test('reads what crictl prints', () => {
    expect(parsePods(indented(web))).toEqual([
      {
        id: webId,
        name: 'shop/web-7d9f',
        runtime: 'kubernetes',
        networks: null,
        ports: [
          { protocol: 'tcp', hostAddress: null, hostPort: 443, port: 8443 },
          { protocol: 'udp', hostAddress: '192.0.2.1', hostPort: 53, port: 53 },
        ],
        pid: 4711,
        netnsPath: '/var/run/netns/cni-1',
        hostsPath: '/var/lib/kubelet/pods/0b5a8d2e-77aa-4c1e-9c1d-000000000001/etc-hosts',
        resolvConfPath: '/var/lib/containerd/x/resolv.conf',
        hostNetwork: false,
        joins: false,
        infrastructure: false,
      },
    ]);
  });

  test.each([
    ['a list, as since 1.31', indented([web, proxy])],
    ['one behind the other, as before', `${indented(web)}\n${indented(proxy)}`],
  ])('reads several: %s', (_title, text) => {
    expect(parsePods(text)).toMatchObject([
      { name: 'shop/web-7d9f', hostNetwork: false },
      { name: 'shop/kube-proxy', hostNetwork: true },
    ]);
  });

  test('follows no path that the identity would lead elsewhere, and leaves out what has none', () => {
    const { status } = web;
    const odd = { status: { ...status, metadata: { ...status.metadata, uid: '../../etc' } } };
    expect(parsePods(indented(odd))).toMatchObject([{ hostsPath: null, pid: null, ports: null }]);
    expect(parsePods(indented({ status: { ...status, id: '-x' } }))).toEqual([]);
  });

  test('says that it cannot read what is no JSON', () => {
    expect(parsePods('FATA[0000] validate service connection')).toBeNull();
  });
});

describe('containerOfGroups', () => {
  const other = 'b'.repeat(64);
  test.each([
    ['Docker on systemd', `0::/system.slice/docker-${webId}.scope\n`, { id: webId, runtime: 'docker' }],
    ['Docker without', `12:pids:/docker/${webId}\n0::/docker/${webId}\n`, { id: webId, runtime: 'docker' }],
    ['Podman on systemd', `0::/machine.slice/libpod-${webId}.scope/container\n`, { id: webId, runtime: 'podman' }],
    ['Podman without', `3:memory:/libpod_parent/libpod-${webId}\n0::/\n`, { id: webId, runtime: 'podman' }],
    [
      'a pod on containerd',
      `0::/kubepods.slice/kubepods-pod0b5a.slice/cri-containerd-${webId}.scope\n`,
      { id: webId, runtime: 'containerd' },
    ],
    ['a pod without systemd', `0::/kubepods/burstable/pod0b5a/${webId}\n`, { id: webId, runtime: 'unknown engine' }],
    [
      'a pod of a node that is a container',
      `0::/system.slice/docker-${other}.scope/kubelet.slice/cri-containerd-${webId}.scope\n`,
      { id: webId, runtime: 'containerd' },
    ],
    ['a service', '0::/system.slice/ssh.service\n', null],
    ['a group with a shorter number', '0::/jobs/0123456789abcdef\n', null],
    ['nothing', '', null],
  ])('%s', (_title, groups, expected) => {
    expect(containerOfGroups(groups)).toEqual(expected);
  });
});
