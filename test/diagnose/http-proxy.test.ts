import { describe, expect, it } from 'vitest';
import type { ProxyVariable } from '../../src/case/evidence.ts';
import { diagnoseConnection } from '../../src/diagnose/connection-diagnosis.ts';
import { gatherContext } from '../../src/diagnose/context.ts';
import type { ConnectionDiagnosis } from '../../src/diagnose/diagnosis.ts';
import { evidenceOf } from '../../src/diagnose/evidence.ts';
import { findConnections } from '../../src/flow/connection.ts';
import type { HostState } from '../../src/host/state.ts';
import { reverse, tcp } from '../flow/frames.ts';
import { host } from '../model/hosts.ts';
import { box, bridgeHost, web } from '../model/two-boxes.ts';
import { caseOf } from './cases.ts';
import { fixesOf, verdictOf } from './on-host.ts';

const ends = { from: '10.88.0.10:51054', to: '10.88.0.1:3128' };
const refused = [
  tcp(ends, { flags: 'SYN', sequence: 100 }),
  tcp(reverse(ends), { flags: 'RST ACK', acknowledgement: 101 }),
];
const proxy = (more: Partial<ProxyVariable> = {}): ProxyVariable => ({
  variable: 'http_proxy',
  host: '10.88.0.1',
  port: 3128,
  ...more,
});
const all = (): HostState => host(box(), web(), bridgeHost());

interface Asked {
  readonly url?: string;
  readonly proxies?: readonly ProxyVariable[] | null;
  readonly state?: HostState | null;
}

/** What is said of a connection to port 3128 of the host, which is refused. */
function judged({ url = 'http://10.88.0.20/', proxies = [proxy()], state = all() }: Asked = {}): ConnectionDiagnosis {
  const sights = refused.map((packet, index) => ({ packet, at: 0, afterNs: BigInt(index) * 10_000n }));
  const made = caseOf({ sights, netns: 'box', argv: ['curl', url] });
  const { session } = made;
  if (session === null || session.command === null) throw new Error('a case of a command is needed');
  const command = { ...session.command, proxies };
  const evidence = {
    ...made,
    session: { ...session, command },
    interfaces: [{ netns: 'box', device: 'eth0', linkType: 1 }],
  };
  const [connection] = findConnections(evidence);
  if (connection === undefined) throw new Error('the connection was not found');
  return diagnoseConnection(gatherContext(evidenceOf(evidence), connection, state, [], null));
}

describe('http-proxy-in-the-way', () => {
  it('a variable sends to a proxy what would be answered directly', () => {
    const connection = judged();
    expect(verdictOf(connection)).toBe('http-proxy-in-the-way observed, box:null send');
    expect(connection.summary).toBe(
      '10.88.0.20:80 was not asked: the variable http_proxy sent the request to the proxy 10.88.0.1:3128, and that failed.',
    );
    expect(connection.hops.at(-1)?.evidence.map(({ kind }) => kind)).toEqual(['frame']);
    expect(fixesOf(connection)).toEqual(['box# export no_proxy="${no_proxy:-$NO_PROXY},10.88.0.20"', 'verified']);
  });

  it.each<[string, Asked]>([
    ['by a name that only a resolver knows', { proxies: [proxy({ host: 'proxy.example' })] }],
    ['without a port', { proxies: [proxy({ port: null })] }],
    ['by the second variable', { proxies: [proxy({ host: '10.9.9.9' }), proxy({ variable: 'all_proxy' })] }],
  ])('the proxy is named %s', (_how, asked) => {
    expect(judged(asked).cause).toBe('http-proxy-in-the-way');
  });

  it.each<[string, Asked]>([
    ['no variable is set', { proxies: [] }],
    ['the case was recorded before variables were kept', { proxies: null }],
    ['the variable names another proxy', { proxies: [proxy({ host: '10.9.9.9' })] }],
    ['the variable names another port', { proxies: [proxy({ port: 8080 })] }],
    [
      'nothing but a name that nobody here knows says that it is the proxy',
      { proxies: [proxy({ host: 'proxy.example', port: null })] },
    ],
    ['the command asks for the proxy itself', { url: 'http://10.88.0.1:3128/' }],
    ['what it asks for would not be answered either', { url: 'http://10.88.0.20:81/' }],
    ['nobody here knows where what it asks for is', { url: 'http://shop.example/' }],
  ])('is not said where %s', (_why, asked) => {
    expect(judged(asked).cause).toBe('no-listener');
  });

  it('is not said without the state of the host', () => {
    expect(judged({ state: null }).cause).toBe('refused-by-remote');
  });

  it('is inferred where the proxy is a name that only a resolver knows', () => {
    expect(judged().certainty).toBe('observed');
    expect(judged({ proxies: [proxy({ host: 'proxy.example' })] }).certainty).toBe('inferred');
  });

  it('names every variable that names the proxy', () => {
    const { summary } = judged({
      proxies: [proxy(), proxy({ variable: 'https_proxy' }), proxy({ variable: 'all_proxy', port: 1 })],
    });
    expect(summary).toContain('the variable http_proxy or https_proxy sent');
  });
});
