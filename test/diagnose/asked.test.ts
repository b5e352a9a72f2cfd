import { describe, expect, it, test } from 'vitest';
import { askedConnections, namedDestinations } from '../../src/diagnose/asked.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { readKernelLines } from '../../src/diagnose/kernel-reading.ts';
import { host } from '../model/hosts.ts';
import { box, bridgeHost, web } from '../model/two-boxes.ts';
import { caseOf, kernelLine } from './cases.ts';

describe('what arguments name', () => {
  test.each<[argv: string, named: string[]]>([
    ['curl http://web/', ['web 80']],
    ['curl https://10.88.0.1/ping?x=1', ['10.88.0.1 443']],
    ['curl https://10.88.0.1:19001/ping', ['10.88.0.1 19001']],
    ['curl http://[fd00:88::1]:8080/', ['fd00:88::1 8080']],
    ['curl HTTP://web#top', ['web 80']],
    ['psql postgres://me:secret@db/shop', ['db 5432']],
    ['nc -z 10.88.0.1 80', ['10.88.0.1 80']],
    ['nc -z db 5432', ['db 5432']],
    ['openssl s_client -connect web:443', ['web 443']],
    ['openssl s_client -connect [fd00:88::1]:443', ['fd00:88::1 443']],
    ['curl http://one/ http://two:81/', ['one 80', 'two 81']],
    ['curl gopher://web/', []],
    ['http://web/', []],
    ['nc web 0', []],
    ['nc web 65536', []],
    ['curl http://web:99999/', []],
    ['cat /etc/hosts', []],
    ['git clone me@host:path', []],
    ['ping -c 1 -W2 10.88.0.99', ['1 0', '10.88.0.99 0']],
    ['/bin/ping6 -I fd00:88::10 web', ['web 0']],
    ['pinger web', []],
  ])('%s', (argv, named) => {
    expect(namedDestinations(argv.split(' ')).map((one) => `${one.host} ${one.port}`)).toEqual(named);
  });
});

describe('what a command asked for, where nobody saw it ask', () => {
  const noWay = ['10.88.0.0/16 dev eth0'];
  const hosts = new Map([['203.0.113.9', ['db', 'db.example']]]);
  const state = host(box({ routes: noWay, hosts }), web(), bridgeHost());

  /** What is told of a command of `box`: ends, outcome and errno. */
  function told(argv: string, kernelErrors: readonly number[] | null = null, exitCode = 7, on = state): string[] {
    const lines = kernelErrors?.map((error, index) =>
      kernelLine(
        BigInt(index),
        `sys_connect -> 0x${BigInt.asUintN(64, BigInt(-error)).toString(16)}`,
        'command',
        '.....',
      ),
    );
    const evidence = caseOf({ sights: [], netns: 'box', argv: argv.split(' '), kernel: lines ?? null });
    const { session } = evidence;
    if (session === null || session.command === null) throw new Error('a case of a run has a command');
    const ended = { ...evidence, session: { ...session, command: { ...session.command, exitCode } } };
    return askedConnections(evidenceOf(ended), on, readKernelLines(evidence.kernelLines)).map(
      ({ client, server, outcome, errno, frames }) =>
        `${client.address} > ${server.address}:${server.port} ${outcome} ${errno} ${frames.length}`,
    );
  }

  it('is told by the state of the host, with the errno that it means', () => {
    expect(told('curl http://203.0.113.9/')).toEqual(['0.0.0.0 > 203.0.113.9:80 unreachable ENETUNREACH 0']);
  });

  it('knows the names of the hosts file', () => {
    expect(told('psql postgres://db/shop')).toEqual(['0.0.0.0 > 203.0.113.9:5432 unreachable ENETUNREACH 0']);
  });

  it('is told once, however often it is named', () => {
    expect(told('curl http://203.0.113.9/a http://203.0.113.9/b')).toHaveLength(1);
  });

  it.each<[string, string, number[] | null, number | undefined]>([
    ['nothing is in its way', 'curl http://10.88.0.20/', null, undefined],
    ['a name is one that no file has', 'curl http://elsewhere/', null, undefined],
    ['the command says that it went well', 'curl http://203.0.113.9/', null, 0],
    ['the kernel told of another error', 'curl http://203.0.113.9/', [111], undefined],
    ['the kernel was heard and told of none', 'curl http://203.0.113.9/', [], undefined],
  ])('says nothing where %s', (_name, argv, errors, exitCode) => {
    expect(told(argv, errors, exitCode)).toEqual([]);
  });

  describe('by a name that no file has', () => {
    const resolvers = ['203.0.113.53', '10.88.0.20', 'fd00:9::53'];
    const serving = web({ listeners: ['udp 0.0.0.0:53'] });
    const asking = host(box({ routes: noWay, hosts, resolvers }), serving, bridgeHost());
    const of = (argv: string, errors: readonly number[] | null = null) => told(argv, errors, 6, asking);
    const lost = ['0.0.0.0 > 203.0.113.53:53 unreachable ENETUNREACH 0'];
    const lost6 = ['fd00:88::10 > fd00:9::53:53 unreachable ENETUNREACH 0'];

    it('is told by the resolvers that cannot be asked', () => {
      expect(of('curl http://elsewhere/')).toEqual([...lost, ...lost6]);
    });

    it('is not told by those of which the kernel would have told', () => {
      expect(of('curl http://elsewhere/', [])).toEqual(lost6);
    });

    it.each(['curl -u me:123 http://10.88.0.20/', 'curl http://db/', 'ping -c1 -W1 10.88.0.20', 'ls /etc'])(
      'is not what %s asks for',
      (argv) => {
        expect(of(argv).filter((one) => one.includes(':53 '))).toEqual([]);
      },
    );
  });

  it('is told where the kernel told of that very error', () => {
    expect(told('curl http://203.0.113.9/', [101])).toHaveLength(1);
  });

  it('is of a ping told whatever the kernel said, as silence where it gave up before its kernel did', () => {
    expect(told('ping -c1 203.0.113.9', [])).toEqual(['0.0.0.0 > 203.0.113.9:0 unreachable ENETUNREACH 0']);
    expect(told('ping -c1 -W1 10.88.0.99', [])).toEqual(['10.88.0.10 > 10.88.0.99:0 timeout null 0']);
  });

  it('is nothing without a command, a host, or its namespace', () => {
    const evidence = caseOf({ sights: [], netns: 'gone', argv: ['curl', 'http://203.0.113.9/'] });
    expect(askedConnections(evidenceOf(evidence), state, [])).toEqual([]);
    expect(askedConnections(evidenceOf(evidence), null, [])).toEqual([]);
    expect(askedConnections({ ...evidenceOf(evidence), session: null }, state, [])).toEqual([]);
  });
});
