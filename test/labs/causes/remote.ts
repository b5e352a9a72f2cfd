/** Labs of what lies beyond this host's view: the server is a machine that nettrace cannot look into. */
import type { CauseLab } from './cause-lab.ts';
import { containerHost, curl } from './topology.ts';

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
];
