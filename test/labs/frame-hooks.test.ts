/** Rules of bridges and devices, which judge frames: what `nettrace path` predicts, beside what connect() gives. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeLab } from './available.ts';
import { containerHost, webServer } from './causes/topology.ts';
import { buildLab, type Lab } from './lab.ts';
import { connectThere, hasten, predict } from './predicting.ts';

const [neighbour, neighbour6, host, outside] = ['10.88.0.20:80', '[fd00:88::20]:80', '10.88.0.1:80', '203.0.113.1:80'];

/** A chain of the host's bridge, and one of a device. */
const bridge = (hook: string, rules: string, policy = 'accept'): string =>
  `table bridge t { chain c { type filter hook ${hook} priority 0; policy ${policy}; ${rules}; }; }`;
const device = (hook: string, name: string, rules: string, family = 'netdev'): string =>
  `table ${family} t { chain c { type filter hook ${hook} device "${name}" priority 0; ${rules}; }; }`;

/** Rules, on which host, and who is asked for what: of the last one the rules are to stop it, in whatever way. */
const cases: readonly (readonly [rules: string, where: 'host' | 'box', from: 'box' | 'host', ...to: string[]])[] = [
  [bridge('forward', 'ip daddr 10.88.0.20 tcp dport 80 drop'), 'host', 'box', neighbour6, host, neighbour],
  [bridge('forward', 'tcp dport 80 drop'), 'host', 'box', host, outside, neighbour6],
  [bridge('forward', 'iifname "veth1" tcp sport 80 drop'), 'host', 'box', neighbour],
  [bridge('forward', 'ether type arp drop'), 'host', 'box', neighbour6, host, neighbour],
  [bridge('forward', 'iifname "veth1" ether type arp drop'), 'host', 'box', neighbour],
  [bridge('forward', 'meta protocol ip accept', 'drop'), 'host', 'box', neighbour],
  [bridge('forward', 'meta protocol { ip, arp } accept', 'drop'), 'host', 'box', neighbour, neighbour6],
  [bridge('forward', 'icmpv6 type nd-neighbor-solicit drop'), 'host', 'box', neighbour, neighbour6],
  [bridge('forward', 'icmpv6 type nd-neighbor-advert drop'), 'host', 'box', neighbour6],
  [bridge('prerouting', 'iifname "veth0" tcp dport 80 drop'), 'host', 'box', neighbour],
  [bridge('postrouting', 'oifname "veth1" tcp dport 80 drop'), 'host', 'box', host, neighbour],
  [bridge('input', 'tcp dport 80 drop'), 'host', 'box', neighbour, host],
  [bridge('input', 'meta protocol arp accept', 'drop'), 'host', 'box', neighbour, outside],
  [bridge('input', '', 'drop'), 'host', 'box', neighbour, host],
  [bridge('output', 'tcp dport 80 drop'), 'host', 'host', outside, neighbour],
  [bridge('output', '', 'drop'), 'host', 'host', outside, neighbour],
  [device('ingress', 'veth0', 'tcp dport 80 drop'), 'host', 'box', neighbour],
  [device('ingress', 'veth1', 'tcp sport 80 drop'), 'host', 'box', host, neighbour],
  [device('ingress', 'veth0', 'ether type arp drop'), 'host', 'box', neighbour],
  [device('ingress', 'br0', 'tcp dport 80 drop'), 'host', 'box', neighbour, host],
  [device('ingress', 'up0', 'tcp sport 80 drop'), 'host', 'box', neighbour, outside],
  [device('ingress', 'veth0', 'tcp dport 80 drop', 'inet'), 'host', 'box', neighbour],
  [device('ingress', 'eth0', 'tcp sport 80 drop'), 'box', 'box', neighbour],
  [device('egress', 'eth0', 'tcp dport 80 drop'), 'box', 'box', neighbour],
  [device('egress', 'eth0', 'ether type arp drop'), 'box', 'box', neighbour6, neighbour],
  [device('egress', 'veth1', 'tcp dport 80 drop'), 'host', 'box', host, neighbour],
  [device('egress', 'up0', 'ip daddr 203.0.113.1 drop'), 'host', 'host', neighbour, outside],
];

describeLab('rules for frames', () => {
  let lab: Lab;
  /** Each starts without what was learnt before. */
  const forget = async (): Promise<void> => {
    for (const name of ['box', 'host', 'web', 'outside']) await lab.must(name, ['ip', 'neigh', 'flush', 'all']);
  };
  beforeAll(async () => {
    const listening = { services: { web: webServer('::', 80) } };
    lab = await buildLab(
      containerHost({
        host: { sysctls: { 'net.ipv4.ip_forward': '1' }, services: { web: webServer('0.0.0.0', 80) } },
        web: listening,
        outside: { routes: ['10.88.0.0/16 via 203.0.113.2'], ...listening },
      }),
    );
    await hasten(lab, 'box', 'host', 'web', 'outside');
  });
  afterAll(() => lab?.close());

  test.each(cases)('%s (%s)', async (rules, where, from, ...destinations) => {
    await lab.must(where, ['nft', rules]);
    const met: string[] = [];
    try {
      await forget();
      const predicted = await Promise.all(destinations.map((to) => predict(lab, from, to)));
      for (const destination of destinations) {
        await forget();
        met.push(await connectThere(lab, from, destination, 'hastened'));
      }
      expect(predicted).toEqual(met);
    } finally {
      await lab.must(where, ['nft', 'flush ruleset']);
    }
    const fails = met.map((one) => !one.startsWith('ok'));
    expect(fails).toEqual(destinations.map((_, index) => index === destinations.length - 1));
  });
});
