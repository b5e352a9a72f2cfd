import { describe, expect, it } from 'vitest';
import type { Fix } from '../../src/diagnose/diagnosis.ts';
import { listenerFixes } from '../../src/diagnose/listener-fix.ts';
import { parseSnapshot } from '../../src/host/parse/parse-snapshot.ts';
import type { Listener } from '../../src/host/state.ts';
import { listeners, snapshotWith } from './cases.ts';

interface Wanted {
  readonly device?: string;
  readonly v6Only?: boolean;
  readonly argv: readonly string[];
  readonly name?: string;
  readonly pid?: number;
  readonly address?: string;
  readonly family?: 4 | 6;
  readonly destination?: string;
}

/** The fixes for a program that listens on port 19001, and is asked for at another address. */
function fixesFor(wanted: Wanted): Fix[] {
  const {
    argv,
    name = 'ssh',
    pid = 812,
    address = '127.0.0.1',
    family = 4,
    destination = '10.88.0.1',
    device = null,
    v6Only = false,
  } = wanted;
  const host = parseSnapshot(snapshotWith('', null, [{ pid, argv }]));
  const listener: Listener = {
    protocol: 'tcp',
    family,
    address,
    port: 19001,
    v6Only,
    device,
    queue: { waiting: 0, limit: 128 },
    process: { name, pid },
    source: { netns: 'host', command: 'ss -HOtlnpe', text: listeners.loopback },
  };
  const six = destination.includes(':');
  const packet = {
    protocol: 'tcp',
    family: six ? 6 : 4,
    source: six ? 'fd00:88::10' : '10.88.0.10',
    destination,
    destinationPort: 19001,
  } as const;
  return listenerFixes({ host, packet, address: destination, start: 'portainer', netns: 'host', listener });
}

function commandFor(wanted: Wanted): string | null {
  return fixesFor(wanted)[0]?.commands[0] ?? null;
}

describe('an ssh tunnel', () => {
  it.each([
    ['-L 19001:h:1', ['ssh', '-L', '19001:h:1', 's'], 'ssh -L 10.88.0.1:19001:h:1 s'],
    ['-L19001:h:1', ['ssh', '-L19001:h:1', 's'], 'ssh -L10.88.0.1:19001:h:1 s'],
    ['-L127.0.0.1:19001:h:1', ['ssh', '-L127.0.0.1:19001:h:1', 's'], 'ssh -L10.88.0.1:19001:h:1 s'],
    ['-L localhost:19001:h:1', ['ssh', '-L', 'localhost:19001:h:1', 's'], 'ssh -L 10.88.0.1:19001:h:1 s'],
    ['-L :19001:h:1', ['ssh', '-L', ':19001:h:1', 's'], 'ssh -L 10.88.0.1:19001:h:1 s'],
    ['-L [::1]:19001:h:1', ['ssh', '-L', '[::1]:19001:h:1', 's'], 'ssh -L 10.88.0.1:19001:h:1 s'],
    ['an IPv6 target', ['ssh', '-L', '19001:[fd00::2]:1', 's'], "ssh -L '10.88.0.1:19001:[fd00::2]:1' s"],
    ['a unix socket as target', ['ssh', '-L', '19001:/run/x.sock', 's'], 'ssh -L 10.88.0.1:19001:/run/x.sock s'],
    ['-fNL 19001:h:1', ['ssh', '-fNL', '19001:h:1', 's'], 'ssh -fNL 10.88.0.1:19001:h:1 s'],
    ['-NL19001:h:1', ['ssh', '-NL19001:h:1', 's'], 'ssh -NL10.88.0.1:19001:h:1 s'],
    [
      'beside another tunnel',
      ['ssh', '-L', '5432:127.0.0.1:5432', '-L', '19001:127.0.0.1:80', 's'],
      'ssh -L 5432:127.0.0.1:5432 -L 10.88.0.1:19001:127.0.0.1:80 s',
    ],
  ])('%s', (_name, argv, command) => {
    expect(commandFor({ argv })).toBe(command);
  });

  it('bound to an IPv6 address stands in brackets', () => {
    const argv = ['ssh', '-L', '19001:h:1', 's'];
    expect(commandFor({ argv, destination: 'fd00:88::1' })).toBe("ssh -L '[fd00:88::1]:19001:h:1' s");
  });

  it.each([
    ['of another port', ['ssh', '-L', '19002:h:1', 's']],
    ['that forwards a unix socket', ['ssh', '-L', '/run/local.sock:h:1', 's']],
    [
      'opened otherwise (-D): the target of another tunnel is no address to move',
      ['ssh', '-D', '19001', '-L', '1:127.0.0.1:2', 's'],
    ],
  ])('there is no command for one %s', (_name, argv) => {
    expect(commandFor({ argv })).toBeNull();
  });

  it('may stay beside the new one', () => {
    const [fix] = fixesFor({ argv: ['ssh', '-L', '19001:h:1', 's'] });
    expect(fix?.summary).toMatch(
      /^Open the tunnel on 10\.88\.0\.1:19001 as well; the one on 127\.0\.0\.1:19001 may stay\./,
    );
  });
});

describe('a program that holds the port for another', () => {
  it.each([
    ['docker-proxy', 812, 'publish it anew, on 10.88.0.1:19001 or on every address (-p 19001:…)'],
    ['systemd', 1, 'let its ListenStream or ListenDatagram name 10.88.0.1:19001 as well'],
  ])('%s is not to be started otherwise', (name, pid, words) => {
    const [fix] = fixesFor({ name, pid, argv: [name, '-host-ip', '127.0.0.1', '-host-port', '19001'] });
    expect(fix?.commands).toEqual([]);
    expect(fix?.summary).toContain(words);
  });
});

it('a program that is the first of a container, where nettrace runs in it, is a program as any other', () => {
  const argv = ['app', '--listen', '127.0.0.1:19001'];
  expect(commandFor({ name: 'app', pid: 1, argv })).toBe('app --listen 10.88.0.1:19001');
});

describe('any other program', () => {
  const name = 'app';
  it.each([
    ['--listen=127.0.0.1:19001', ['app', '--listen=127.0.0.1:19001'], 'app --listen=10.88.0.1:19001'],
    ['--bind 127.0.0.1', ['app', '--bind', '127.0.0.1', '19001'], 'app --bind 10.88.0.1 19001'],
    ['localhost:19001', ['app', 'localhost:19001'], 'app 10.88.0.1:19001'],
    ['a URL', ['app', 'http://127.0.0.1:19001/x'], 'app http://10.88.0.1:19001/x'],
    [
      'beside an address with another port',
      ['app', '--upstream', '127.0.0.1:9000', '--listen', '127.0.0.1:19001'],
      'app --upstream 127.0.0.1:9000 --listen 10.88.0.1:19001',
    ],
    [
      'beside another end without a port',
      ['app', '--port', '19001', '--host', '127.0.0.1', '--redis-host', '127.0.0.1'],
      'app --port 19001 --host 10.88.0.1 --redis-host 127.0.0.1',
    ],
    [
      'behind an option for another end, with its port',
      ['app', '--server=127.0.0.1:19001'],
      'app --server=10.88.0.1:19001',
    ],
    ['socat', ['socat', 'TCP-LISTEN:19001,bind=127.0.0.1', 'TCP:h:1'], 'socat TCP-LISTEN:19001,bind=10.88.0.1 TCP:h:1'],
  ])('that names its address once: %s', (_name, argv, command) => {
    expect(commandFor({ name, argv })).toBe(command);
  });

  it.each([
    ['twice', ['app', '--listen', '127.0.0.1:19001', '--also', '127.0.0.1']],
    ['twice in one argument', ['app', '127.0.0.1:19001,127.0.0.1:19001']],
    ['not at all', ['app', '--port', '19001']],
    ['for another end alone', ['app', '--port', '19001', '--upstream', '127.0.0.1']],
    ['for another end alone, in one argument', ['app', '--port', '19001', '--backend-addr=127.0.0.1']],
    ['as part of another', ['app', '1127.0.0.1:19001', '127.0.0.11']],
    ['with another port alone', ['app', '--upstream', '127.0.0.1:190019']],
    ['beside a masked secret', ['app', '--listen', '127.0.0.1:19001', '--password', '***']],
    ['beside a control character', ['app', '--listen', '127.0.0.1:19001', 'a\u001bb']],
  ])('that names its address %s gets no command', (_name, argv) => {
    expect(commandFor({ name, argv })).toBeNull();
  });

  it.each([
    ['to IPv6', '127.0.0.1', 4, 'fd00:88::1', '127.0.0.1:19001', "app '[fd00:88::1]:19001'"],
    ['to bare IPv6', '127.0.0.1', 4, 'fd00:88::1', '127.0.0.1', 'app fd00:88::1'],
    ['from IPv6', '::1', 6, '10.88.0.1', '[::1]:19001', 'app 10.88.0.1:19001'],
    ['from bare IPv6', '::1', 6, '10.88.0.1', '::1', 'app 10.88.0.1'],
  ] as const)('moves %s', (_name, address, family, destination, argument, command) => {
    expect(commandFor({ name, argv: ['app', argument], address, family, destination })).toBe(command);
  });

  it('that is not known gets the words alone', () => {
    const [fix] = fixesFor({ name, argv: [] });
    expect(fix).toMatchObject({ commands: [], netns: 'host', verified: true });
    expect(fix?.summary).toBe(
      'Stop app (pid 812) and start it bound to 10.88.0.1:19001; it is then no longer reached at 127.0.0.1:19001. Binding it to 0.0.0.0 keeps both, and opens the port on every address of the host.',
    );
  });
});

describe('a listener that is bound to a device', () => {
  it('is unbound, and keeps its address', () => {
    const [fix] = fixesFor({ name: 'app', argv: ['app', '0.0.0.0:19001'], address: '0.0.0.0', device: 'lo' });
    expect(fix).toMatchObject({ commands: [], verified: true });
    expect(fix?.summary).toContain('start it without its binding to the device lo.');
  });
});

describe('a listener of the other family', () => {
  it('is told how to take both', () => {
    const [fix] = fixesFor({ name: 'app', argv: ['app'], address: '::', family: 6, v6Only: true });
    expect(fix?.summary).toContain('Binding it to :: (for both families) keeps both');
  });
});

describe('checked on the model', () => {
  it('is said when the changed host takes the packet', () => {
    expect(fixesFor({ argv: ['ssh', '-L', '19001:h:1', 's'] })[0]?.verified).toBe(true);
  });

  it('is not said when the packet does not come there', () => {
    // An address that the host does not have: the packet is not delivered there, whoever listens.
    const argv = ['ssh', '-L', '19001:h:1', 's'];
    expect(fixesFor({ argv, destination: '10.88.0.77' })[0]?.verified).toBe(false);
  });
});

describe('a command that means the same only where it was started', () => {
  const advice = 'run it in the directory where the program was started';
  const forward = ['-L', '19001:h:1', 's'];

  it.each([
    ['ssh -F ./config', ['ssh', '-F', './config', ...forward]],
    ['ssh -F config', ['ssh', '-F', 'config', ...forward]],
    ['ssh -ikey', ['ssh', '-ikey', ...forward]],
    ['a program of that directory', ['./ssh', ...forward]],
    ['ssh -o with a path', ['ssh', '-o', 'UserKnownHostsFile=keys/known', ...forward]],
  ])('%s', (_name, argv) => {
    expect(fixesFor({ argv })[0]?.summary).toContain(advice);
  });

  it.each([
    ['ssh -F /etc/config', ['ssh', '-F', '/etc/config', ...forward]],
    ['ssh -F none', ['ssh', '-F', 'none', ...forward]],
    ['ssh -i of the home directory', ['ssh', '-i', '~/.ssh/id', ...forward]],
    ['a program by its path', ['/usr/bin/ssh', ...forward]],
  ])('not: %s', (_name, argv) => {
    expect(fixesFor({ argv })[0]?.summary).not.toContain(advice);
  });

  it.each([
    ['a URL', 'http://h/x', false],
    ['a network', '10.0.0.0/8', false],
    ['a path behind an option', '--config=etc/x', true],
    ['a path upward', '../x', true],
  ])('of another program, %s: %s', (_name, argument, depends) => {
    const [fix] = fixesFor({ name: 'python3', argv: ['python3', '--bind', '127.0.0.1', argument] });
    expect(fix?.commands).toHaveLength(1);
    expect(fix?.summary.includes(advice)).toBe(depends);
  });
});
