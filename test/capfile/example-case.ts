import type { Case } from '../../src/case/evidence.ts';
import { realFrame } from '../wire/frames.ts';

const secondNs = 1_000_000_000n;
const startNs = 1_700_000_000n * secondNs;

/** A small case with one of everything; its second frame is older than its first. */
export const exampleCase: Case = {
  session: {
    engine: 'tcpdump',
    clock: 'kernel',
    promiscuous: false,
    command: {
      argv: ['curl', 'http://10.88.0.1:19001/'],
      exitCode: 7,
      signal: null,
      netns: 'portainer',
      credentials: { user: 0, group: 0 },
      proxies: [{ variable: 'https_proxy', host: 'proxy.example', port: 3128 }],
      startedNs: startNs,
      endedNs: startNs + secondNs,
    },
    kernelEvents: true,
    kernelEventsLost: 0,
    linkOutages: [{ netns: 'host', device: 'podman0', fromNs: startNs, toNs: null }],
    framesDropped: [0, null],
    missing: ['No rule trace: nft is not installed.'],
  },
  interfaces: [
    { netns: 'portainer', device: 'eth0', linkType: 1 },
    { netns: 'host', device: 'podman0', linkType: 1 },
  ],
  frames: [
    ['SYN', 1, 2000n],
    ['SYN', 0, 1000n],
    ['RST, ACK', 1, 3000n],
    ['ICMP port unreachable', 0, 3001n],
  ].map(([name, interfaceIndex, afterNs], index) => {
    const bytes = realFrame(String(name));
    const timeNs = startNs + BigInt(afterNs ?? 0);
    return { number: index + 1, timeNs, interfaceIndex: Number(interfaceIndex), originalLength: bytes.length, bytes };
  }),
  snapshot: {
    takenNs: startNs,
    namespaces: [
      {
        name: 'portainer',
        inode: 4_026_532_000,
        container: {
          id: 'c0ffee',
          name: 'portainer',
          runtime: 'podman',
          networks: ['podman'],
          ports: [{ protocol: 'tcp', hostAddress: null, hostPort: 9000, port: 9000 }],
        },
        outputs: [{ command: 'ip -j addr', exitCode: 0, text: '[{"ifindex":2}]\n', error: '' }],
      },
      { name: 'host', inode: 4_026_531_840, container: null, outputs: [] },
    ],
    processes: [{ pid: 812, argv: ['ssh', '-L', '19001:localhost:80', 'server'] }],
    missing: [],
  },
  kernelLines: [{ timeNs: startNs + 2500n, scope: 'packets', text: 'tcp_send_reset: … reason=NO_SOCKET' }],
  ruleTraces: [
    {
      netns: 'host',
      lines: [
        { timeNs: startNs + 2400n, text: 'trace id 1 inet filter input rule accept # handle 2 (verdict accept)' },
      ],
    },
  ],
};
