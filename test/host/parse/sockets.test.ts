import { expect, test } from 'vitest';
import { Sections } from '../../../src/host/parse/section.ts';
import { parseListeners } from '../../../src/host/parse/sockets.ts';
import { printed, snapshotOf } from '../sample.ts';

function listen(tcp: string, udp = '') {
  const [namespace] = snapshotOf([printed('ss -HOtlnpe', tcp), printed('ss -HOulnpe', udp)]).namespaces;
  if (namespace === undefined) throw new Error('no namespace');
  const sections = new Sections(namespace);
  return { ...parseListeners(sections), problems: sections.problems };
}

const rest = 'ino:65819 sk:c cgroup:/ <->';

test.each([
  ['127.0.0.1:19001', { family: 4, address: '127.0.0.1', port: 19_001, v6Only: false, device: null }],
  ['127.0.0.53%lo:53', { family: 4, address: '127.0.0.53', port: 53, v6Only: false, device: 'lo' }],
  ['0.0.0.0%br-a]b:67', { family: 4, address: '0.0.0.0', port: 67, v6Only: false, device: 'br-a]b' }],
  ['*:8080', { family: 6, address: '::', port: 8080, v6Only: false, device: null }],
  ['[::]:9090', { family: 6, address: '::', port: 9090, v6Only: true, device: null }],
  ['[::1]:631', { family: 6, address: '::1', port: 631, v6Only: false, device: null }],
  ['[fe80::1]%eth0:546', { family: 6, address: 'fe80::1', port: 546, v6Only: false, device: 'eth0' }],
])('%s', (local, expected) => {
  const line = `LISTEN 0      128    ${local} 0.0.0.0:* users:(("ssh",pid=690,fd=3),("ssh",pid=691,fd=3)) ${rest}`;
  const { listeners, known, problems } = listen(`${line}\n`);
  expect(listeners).toEqual([
    {
      protocol: 'tcp',
      ...expected,
      queue: { waiting: 0, limit: 128 },
      process: { name: 'ssh', pid: 690 },
      source: { netns: 'host', command: 'ss -HOtlnpe', text: line },
    },
  ]);
  expect({ known, problems }).toEqual({ known: true, problems: [] });
});

test.each([
  ['no process', '', null],
  ['a name with quotes and parentheses', 'users:(("a "),(b",pid=5,fd=3))', { name: 'a "),(b', pid: 5 }],
])('%s', (_title, users, process) => {
  expect(listen('', `UNCONN 0 0 0.0.0.0:53 0.0.0.0:* ${users} ${rest}\n`).listeners).toEqual([
    expect.objectContaining({ protocol: 'udp', port: 53, process }),
  ]);
});

test('a process whose name holds a line feed invents no socket', () => {
  const { listeners, known } = listen(
    `LISTEN 0 5 127.0.0.1:80 0.0.0.0:* users:(("a\nUNCONN 0 1 *:2",pid=12,fd=3)) ${rest}\n`,
  );
  expect(listeners).toEqual([expect.objectContaining({ port: 80, process: null })]);
  expect(known).toBe(false);
});

test('a list that could not be had leaves the sockets unknown', () => {
  const [namespace] = snapshotOf([printed('ss -HOtlnpe', '')]).namespaces;
  const sections = new Sections(namespace ?? { name: '', inode: 0, container: null, outputs: [] });
  expect(parseListeners(sections)).toEqual({ listeners: [], known: false });
  expect(sections.problems).toEqual([{ netns: 'host', clause: '`ss -HOulnpe` was not collected' }]);
});
