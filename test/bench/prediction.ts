/**
 * `nettrace path --snapshot` on a host of 50 containers, beside Node's own start: a bridge, Docker's rules for a published
 * port of each, and a packet to one of those ports. The host is real, and is gone before the first run.
 */
import { join } from 'node:path';
import { execa } from 'execa';
import { webServer } from '../labs/causes/topology.ts';
import { buildLab } from '../labs/lab.ts';
import type { HostSpec, LabSpec } from '../labs/spec.ts';

const runs = 21;
const asked = 49;
const containers = Array.from({ length: 50 }, (_, index) => ({
  name: `c${index + 1}`,
  port: `veth${index + 1}`,
  address: `172.17.0.${index + 2}`,
  published: 8001 + index,
}));

/** What Docker 28 writes for them, its userland proxy off. */
function rules(): string {
  return [
    '*nat',
    '-N DOCKER',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
    '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
    ...containers.flatMap(({ address, published }) => [
      `-A POSTROUTING -s ${address}/32 -d ${address}/32 -p tcp -m tcp --dport 80 -j MASQUERADE`,
      `-A DOCKER ! -i docker0 -p tcp -m tcp --dport ${published} -j DNAT --to-destination ${address}:80`,
    ]),
    'COMMIT',
    '*filter',
    ':FORWARD DROP',
    '-N DOCKER',
    '-N DOCKER-USER',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -o docker0 -j DOCKER',
    '-A FORWARD -i docker0 -j ACCEPT',
    ...containers.map(
      ({ address }) => `-A DOCKER -d ${address}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT`,
    ),
    'COMMIT',
    '',
  ].join('\n');
}

function hostOfContainers(): LabSpec {
  const host: HostSpec = {
    bridges: { docker0: containers.map(({ port }) => port) },
    sysctls: { 'net.ipv4.ip_forward': '1' },
    addresses: { docker0: ['172.17.0.1/16'], up0: ['192.0.2.10/24'] },
    iptables: rules(),
  };
  const inside = containers.map(({ name, address }, index): [string, HostSpec] => [
    name,
    {
      addresses: { eth0: [`${address}/16`] },
      routes: ['default via 172.17.0.1'],
      ...(index + 1 === asked ? { services: { web: webServer('0.0.0.0', 80) } } : {}),
    },
  ]);
  return {
    hosts: { ...Object.fromEntries(inside), host, outside: { addresses: { eth0: ['192.0.2.1/24'] } } },
    veths: [
      ...containers.map(({ name, port }): [string, string] => [`host:${port}`, `${name}:eth0`]),
      ['outside:eth0', 'host:up0'],
    ],
  };
}

async function wallMs(command: string, args: readonly string[]): Promise<number> {
  const from = performance.now();
  await execa(command, args, { stdin: 'ignore', stdout: 'ignore' });
  return performance.now() - from;
}

/** Milliseconds of Node's own start and, turn by turn, of the prediction. */
export async function predictOften(folder: string): Promise<{ node: number[]; prediction: number[] }> {
  const snapshot = join(folder, 'host.json');
  const lab = await buildLab(hostOfContainers());
  try {
    await lab.nettrace(['snapshot', '-o', snapshot]);
  } finally {
    await lab.close();
  }
  const target = ['tcp', `192.0.2.10:${8000 + asked}`];
  const args = ['path', '--snapshot', snapshot, '--netns', lab.netns('outside'), '--fail', ...target];
  const figures = { node: [] as number[], prediction: [] as number[] };
  for (let run = 0; run < runs; run += 1) {
    figures.node.push(await wallMs('node_modules/node/bin/node', ['-e', '0']));
    figures.prediction.push(await wallMs('bin/nettrace', args));
  }
  return figures;
}
