import { describe, expect, it } from 'vitest';
import type { ConnectionDiagnosis, Hop } from '../../src/diagnose/diagnosis.ts';
import { formatPath } from '../../src/report/path.ts';
import { lessonsOf } from '../../src/report/teach.ts';
import { formatText, type Paint, plainPaint } from '../../src/report/text.ts';
import { judged, predicted } from '../diagnose/on-host.ts';
import { byIptables } from '../diagnose/published.ts';
import { host } from '../model/hosts.ts';
import { box, bridgeHost, web } from '../model/two-boxes.ts';
import { outage } from './samples.ts';

function first([connection]: readonly ConnectionDiagnosis[]): ConnectionDiagnosis {
  if (connection === undefined) throw new Error('the outage has a connection');
  return connection;
}

const refused = first(outage.connections);

function hop(place: string, stage: Hop['stage'], verdict: Hop['verdict'] = 'passed'): Hop {
  const [netns = '', device = ''] = place.split(':');
  return { index: 1, direction: 'request', netns, device, stage, verdict, detail: '', time: null, evidence: [] };
}

/** A connection of which nothing is known but this. */
function connection(more: Partial<ConnectionDiagnosis>): ConnectionDiagnosis {
  const nothing = { outcome: 'unknown', cause: null, where: null, translated: null, hops: [], fixes: [] } as const;
  return { ...refused, ...nothing, ...more };
}

const taught = (...connections: readonly ConnectionDiagnosis[]): string[] =>
  lessonsOf(connections).map(({ concept }) => concept);

const translation = ['address translation (NAT)', 'connection tracking (conntrack)'];

describe('what a report speaks of', () => {
  it.each<[string, Partial<ConnectionDiagnosis>, string[]]>([
    ['nothing', {}, []],
    ['a way within the host', { hops: [hop('host:lo', 'egress')] }, ['loopback']],
    ['a room that is not the host', { hops: [hop('web:eth0', 'egress')] }, ['network namespace']],
    [
      'a cable between two rooms',
      { hops: [hop('web:eth0', 'egress'), hop('host:veth0', 'ingress')] },
      ['network namespace', 'veth pair'],
    ],
    ['a port of a bridge', { hops: [hop('host:veth0', 'bridge')] }, ['bridge']],
    ['a look-up of a route', { hops: [hop('host:eth0', 'route')] }, ['address and route']],
    ['no way', { cause: 'no-route' }, ['default gateway']],
    ['what lies beyond', { hops: [hop('host:eth0', 'remote')] }, ['default gateway']],
    ['a router', { hops: [hop('host:eth0', 'forward')] }, ['default gateway', 'firewall hook and rule']],
    ['a neighbour', { hops: [hop('host:br0', 'neighbour', 'failed')] }, ['neighbour (ARP)']],
    ['a question that a bridge keeps back', { cause: 'bridge-flood-off' }, ['bridge', 'neighbour (ARP)']],
    ['a cable in no bridge', { cause: 'bridge-port-detached' }, ['veth pair', 'bridge', 'neighbour (ARP)']],
    [
      'a device that is down, and a neighbour behind it',
      { cause: 'interface-down', outcome: 'unreachable' },
      ['neighbour (ARP)'],
    ],
    ['a device that is down, and silence', { cause: 'interface-down', outcome: 'timeout' }, []],
    ['a socket', { hops: [hop('host:br0', 'socket', 'refused')] }, ['port and socket']],
    ['a socket at another address', { cause: 'listener-on-other-address' }, ['loopback']],
    ['a rule', { cause: 'firewall-drop' }, ['firewall hook and rule']],
    [
      'a rule that stops answers',
      { cause: 'firewall-drop-reply' },
      ['firewall hook and rule', 'connection tracking (conntrack)'],
    ],
    ['a masquerade that is missing', { cause: 'missing-masquerade' }, ['address translation (NAT)']],
    [
      'a source that was translated',
      { hops: [hop('host:eth0', 'postrouting', 'translated')] },
      ['firewall hook and rule', ...translation],
    ],
    [
      'a destination that was translated',
      { hops: [hop('host:eth0', 'prerouting', 'translated')] },
      ['firewall hook and rule', ...translation, 'published port'],
    ],
    ['a published port', { cause: 'hairpin-nat-missing' }, [...translation, 'published port']],
    ['a name', { cause: 'dns-nxdomain', outcome: 'dns-failed' }, ['name resolution (DNS)']],
    [
      'a resolver',
      { destination: { address: '10.88.0.1', port: 53, netns: null, name: null } },
      ['name resolution (DNS)'],
    ],
    ['an envelope', { cause: 'tls-to-plaintext' }, ['TLS']],
  ])('%s', (_name, parts, concepts) => {
    expect(taught(connection(parts))).toEqual(concepts);
  });

  it('is taught once, from the ground up, whichever connection speaks of it', () => {
    const name = connection({ cause: 'dns-timeout' });
    const crossing = connection({ hops: [hop('web:eth0', 'egress'), hop('host:veth0', 'bridge')] });
    const expected = ['network namespace', 'veth pair', 'bridge', 'name resolution (DNS)'];
    expect(taught(name, crossing, crossing)).toEqual(expected);
    expect(taught(crossing, name)).toEqual(expected);
  });

  it('is the whole way of a real refusal', () => {
    expect(taught(refused)).toEqual([
      'network namespace',
      'veth pair',
      'bridge',
      'address and route',
      'port and socket',
      'loopback',
      'firewall hook and rule',
    ]);
  });
});

describe('the paragraphs', () => {
  it('stand below the report', async () => {
    const text = formatText(outage, plainPaint, lessonsOf(outage.connections));
    expect(text.startsWith(formatText(outage))).toBe(true);
    await expect(text.slice(formatText(outage).length)).toMatchFileSnapshot('golden/teach-outage.txt');
  });

  it('stand below a prediction', async () => {
    const published = host(box(), web(), bridgeHost({ ruleTables: byIptables }));
    const connections = [predicted(published, '192.0.2.7', { destinationPort: 8080 })];
    const text = formatPath({ ...outage, connections }, plainPaint, lessonsOf(connections));
    await expect(text).toMatchFileSnapshot('golden/teach-path.txt');
  });

  it('are not there without being asked for', () => {
    expect(formatText(outage)).not.toContain('What these words mean');
    expect(formatText(outage, plainPaint, [])).toBe(formatText(outage));
  });

  it('are of nettrace: no text of the evidence gets into them', () => {
    const dropped = judged(host(box(), web(), bridgeHost()), { at: ['box:eth0'] });
    for (const { concept, text } of lessonsOf([dropped, refused])) {
      expect(`${concept} ${text}`).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  it('are painted by their concepts alone', () => {
    const paint: Paint = { ...plainPaint, strong: (text) => `<s>${text}</s>` };
    const painted = formatText(outage, paint, lessonsOf(outage.connections));
    expect(painted).toContain('  <s>veth pair</s>\n');
    expect(painted.replaceAll(/<\/?s>/g, '')).toBe(formatText(outage, plainPaint, lessonsOf(outage.connections)));
  });
});
