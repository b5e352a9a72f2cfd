/** Labs of what lies beyond this host's view: the server is a machine that nettrace cannot look into. */
import type { CauseLab } from './cause-lab.ts';
import { containerHost, curl, webServer } from './topology.ts';

const beyond = ['outside'];
const at = { host: 'host', stage: 'remote' } as const;

/** The rule, on the server. */
function behind(rule: string): CauseLab['spec'] {
  return containerHost({ outside: { iptables: `*filter\n-A INPUT -p tcp -m tcp --dport 80 ${rule}\nCOMMIT\n` } });
}

/** See the file's head. */
export const remoteLabs: readonly CauseLab[] = [
  {
    name: 'refused-by-remote: nothing listens',
    spec: containerHost(),
    beyond,
    command: curl('host', '203.0.113.1:81/'),
    expected: { outcome: 'refused', cause: 'refused-by-remote', ...at },
  },
  {
    name: 'refused-by-remote: its firewall resets',
    spec: behind('-j REJECT --reject-with tcp-reset'),
    beyond,
    command: curl('host', '203.0.113.1/'),
    expected: { outcome: 'refused', cause: 'refused-by-remote', ...at },
  },
  {
    name: 'refused-by-remote: a machine behind a port of the bridge, asked for the first time',
    spec: containerHost(),
    beyond: ['web'],
    command: curl('box', '10.88.0.20:81/'),
    expected: { outcome: 'refused', cause: 'refused-by-remote', ...at },
  },
  {
    name: 'rejected-by-remote',
    spec: behind('-j REJECT --reject-with icmp-host-prohibited'),
    beyond,
    command: curl('host', '203.0.113.1/'),
    expected: { outcome: 'unreachable', cause: 'rejected-by-remote', ...at },
  },
  {
    name: 'no-reply-from-remote',
    spec: behind('-j DROP'),
    beyond,
    command: curl('host', '203.0.113.1/'),
    expected: { outcome: 'timeout', cause: 'no-reply-from-remote', ...at },
  },
  {
    name: 'no-reply-from-remote: of a machine behind a port of the bridge, asked for the first time',
    spec: containerHost({ web: { iptables: '*filter\n-A INPUT -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n' } }),
    beyond: ['web'],
    command: curl('box', '10.88.0.20/'),
    expected: { outcome: 'timeout', cause: 'no-reply-from-remote', ...at },
  },
  {
    name: 'reset-by-middlebox: a router resets what is asked',
    spec: {
      hosts: {
        host: { addresses: { eth0: ['10.1.0.2/24'] }, routes: ['default via 10.1.0.1'] },
        router: {
          addresses: { a0: ['10.1.0.1/24'], b0: ['10.2.0.1/24'] },
          sysctls: { 'net.ipv4.ip_forward': '1' },
          // The handshake passes: the first segment with words in it does not.
          iptables:
            '*filter\n-A FORWARD -i a0 -p tcp -m tcp --dport 80 -m length --length 61:1500 -j REJECT --reject-with tcp-reset\nCOMMIT\n',
        },
        outside: {
          addresses: { eth0: ['10.2.0.2/24'] },
          routes: ['default via 10.2.0.1'],
          services: { web: webServer('0.0.0.0', 80) },
        },
      },
      veths: [
        ['host:eth0', 'router:a0'],
        ['router:b0', 'outside:eth0'],
      ],
    },
    beyond: ['router', 'outside'],
    command: curl('host', '10.2.0.2/'),
    expected: { outcome: 'reset', cause: 'reset-by-middlebox', ...at },
  },
];
