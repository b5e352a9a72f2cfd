import { describe, expect, it } from 'vitest';
import { captureOf, icmpError, reverse, udp } from '../flow/frames.ts';
import { printed } from '../host/sample.ts';
import { domainName, join, number } from '../wire/payloads.ts';
import { at, caseOf, onlyConnection, seen, snapshotWith, told } from './cases.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.1:53' };
const name = 'www.example.org';

function message(id: string, flags: string, asked = name): Uint8Array {
  return join(id, flags, number(1, 2), '0000 0000 0000', domainName(asked), '0001 0001');
}

const query = udp(ends, message('1a2b', '0100'));
const second = udp(ends, message('1a2c', '0100', `${name}.local`), 1);
const answer = (flags: string, id = '1a2b', asked = name) => udp(reverse(ends), message(id, flags, asked));

describe('a name look-up', () => {
  it.each([
    ['the name is not known', [query, answer('8183')], 'dns-failed - dns-nxdomain observed'],
    ['the resolver fails', [query, answer('8182')], 'dns-failed - dns-servfail observed'],
    ['the resolver refuses', [query, answer('8185')], 'dns-failed - dns-refused observed'],
    ['the resolver says nothing', [query, query], 'dns-failed - dns-timeout observed'],
    ['the name has an answer', [query, answer('8180')], 'ok - - observed'],
    ['one of two names is known', [query, second, answer('8183'), answer('8180', '1a2c')], 'ok - - observed'],
    ['another error', [query, answer('8181')], 'ok - - observed'],
  ])('%s', (_name, packets, what) => {
    expect(told(onlyConnection(captureOf(packets))).what).toBe(what);
  });

  it('names the resolver and what it was asked for', () => {
    const { summary, hops } = onlyConnection(captureOf([query, answer('8183')]));
    expect(summary).toBe(
      'The resolver 10.88.0.1:53, asked for www.example.org, said that there is no such name (NXDOMAIN).',
    );
    expect(hops.at(-1)?.evidence).toEqual([
      { kind: 'frame', frame: 2, text: expect.stringContaining('NXDOMAIN www.example.org') },
    ]);
  });

  it('that met no socket is told by that cause, not as silence', () => {
    const refused = icmpError('10.88.0.1', '10.88.0.10', 3, 3, query);
    const sights = [...seen(query, [at.container]), ...seen(refused, [at.container], 60_000n)];
    expect(onlyConnection(caseOf({ sights, snapshot: snapshotWith('') })).cause).toBe('no-listener');
  });

  it('that a resolver of this host was seen to get is not told as lost', () => {
    const resolver =
      'UNCONN 0 0 10.88.0.1:53 0.0.0.0:* users:(("dnsmasq",pid=813,fd=6)) ino:176563 sk:2f cgroup:/ <->\n';
    const whole = snapshotWith('');
    const namespaces = whole.namespaces.map((one) =>
      one.name === 'host'
        ? {
            ...one,
            outputs: [
              ...one.outputs.filter(({ command }) => command !== 'ss -HOulnpe'),
              printed('ss -HOulnpe', resolver),
            ],
          }
        : one,
    );
    const fate = (points: readonly number[]): string | undefined => {
      const sights = [...seen(query, points), ...seen(query, points, 900_000n)];
      const connection = onlyConnection(caseOf({ sights, snapshot: { ...whole, namespaces } }));
      expect(connection.cause).toBe('dns-timeout');
      return connection.explanation.at(-1);
    };
    expect(fate([at.container, at.bridge])).toContain('seen at host:podman0, and dnsmasq (pid 813) listens there');
    expect(fate([at.container])).toContain('was lost on the way, or no resolver serves that address');
  });

  it('names those names alone of which the resolver said so', () => {
    const { summary } = onlyConnection(
      captureOf([query, second, answer('8183'), answer('8182', '1a2c', 'other.example')]),
    );
    expect(summary).toContain('asked for www.example.org, said that there is no such name');
  });
});
