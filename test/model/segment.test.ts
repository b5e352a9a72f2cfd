import { describe, expect, test } from 'vitest';
import type { ForwardingEntry } from '../../src/host/state.ts';
import { journey, replyJourney } from '../../src/model/journey.ts';
import type { ModelPacket } from '../../src/model/step.ts';
import { forwardingEntry, host, link, loopback, namespace, neighbour, packetTo, port, told } from './hosts.ts';
import { box, bridge, bridgeHost, forwarding, type Told, uplink, veth0, veth1, web } from './two-boxes.ts';

const webMac = '02:00:00:00:00:20';
const bridgeMac = '02:00:00:00:00:01';
const webLink = link('eth0', { addresses: ['10.88.0.20'], mac: webMac, peer: 'host:6' });
const knowsWeb = { neighbours: [neighbour('10.88.0.20', 'eth0', webMac)] };
const learnt = (device: string, told: Partial<ForwardingEntry> = {}): ForwardingEntry =>
  forwardingEntry(webMac, device, { bridge: 'br0', ...told });

/** The last lines of the way from `box` to `web`, and the words of its step on the bridge. */
function asked(boxTold: Told, hostTold: Told, packet: Partial<ModelPacket> = {}) {
  const boxes = host(box(boxTold), web({ links: [loopback(), webLink] }), bridgeHost(hostTold));
  const result = journey(boxes, { ...packetTo('10.88.0.20'), ...packet }, 'box');
  const { end } = result;
  const onBridge = result.steps.filter(({ stage, netns }) => stage === 'bridge' && netns === 'host');
  return {
    end: told(result).at(-1),
    bridge: onBridge.map(({ detail }) => detail),
    errno: 'answer' in end ? (end.answer?.errno ?? null) : undefined,
  };
}

const accepted = 'accepted by tcp 0.0.0.0:80';

/** A VLAN of a port, or of the bridge itself. */
const member = (device: string, vlan: number, flags: { pvid?: boolean; untagged?: boolean } = {}) => ({
  device,
  vlan,
  pvid: true,
  untagged: true,
  source: { netns: '', command: '', text: `${device} ${vlan}` },
  ...flags,
});

describe('a bridge says why a frame goes where it goes', () => {
  test('the sender has just asked, and it has learnt from the answer', () => {
    expect(asked({}, {})).toMatchObject({
      end: accepted,
      bridge: ['veth0 is a port of br0, which has learnt from the answer where the frame goes'],
    });
  });

  test('the sender knows the address, and the bridge has an entry', () => {
    expect(asked(knowsWeb, { forwardingEntries: [learnt('veth1')] })).toMatchObject({
      end: accepted,
      bridge: [`veth0 is a port of br0: ${webMac} is behind veth1 by its table`],
    });
  });

  test('when it heard the address there, where the table tells', () => {
    expect(asked(knowsWeb, { forwardingEntries: [learnt('veth1', { heardAgo: 2 })] })).toMatchObject({
      bridge: [`veth0 is a port of br0: ${webMac} is behind veth1 by its table (heard there 2 s before it was read)`],
    });
  });

  test('the sender knows the address, the bridge does not: to all ports', () => {
    expect(asked(knowsWeb, {})).toMatchObject({
      end: accepted,
      bridge: [`veth0 is a port of br0: ${webMac} is not in its table, so the frame goes to all ports`],
    });
  });

  test('nobody has answered: the question went to everyone', () => {
    const result = journey(host(box(), bridgeHost()), packetTo('10.88.0.99'), 'box');
    expect(result.steps.find(({ stage }) => stage === 'bridge')?.detail).toBe(
      'veth0 is a port of br0: the frame is for everyone',
    );
  });
});

describe('a port keeps a frame back', () => {
  const ports = (one: Parameters<typeof port>[3], other: Parameters<typeof port>[3] = one) => [
    port('veth0', 'br0', 'forwarding', one),
    port('veth1', 'br0', 'forwarding', other),
  ];
  const isolated = 'dropped: veth0 and veth1 are both isolated ports of br0';

  test.each<[string, Told, Told, string, string | null | undefined]>([
    ['both are isolated', {}, { bridgePorts: ports({ isolated: true }) }, isolated, 'EHOSTUNREACH'],
    ['one is isolated', {}, { bridgePorts: ports({ isolated: true }, {}) }, accepted, undefined],
    [
      'broadcasts are not flooded, and somebody has to be asked for',
      {},
      { bridgePorts: ports({}, { broadcastFlood: false }) },
      'dropped: veth1 is not sent what br0 floods (bcast_flood off)',
      'EHOSTUNREACH',
    ],
    [
      'they are not, and nobody has to',
      knowsWeb,
      { bridgePorts: ports({}, { broadcastFlood: false }) },
      accepted,
      undefined,
    ],
    [
      'unknown addresses are not flooded, and this is one',
      knowsWeb,
      { bridgePorts: ports({}, { flood: false }) },
      'dropped: veth1 is not sent what br0 floods (flood off)',
      null,
    ],
    ['they are not, and it has been learnt', {}, { bridgePorts: ports({}, { flood: false }) }, accepted, undefined],
    [
      'the table says that it came in where it would go out',
      knowsWeb,
      { forwardingEntries: [learnt('veth0')] },
      'dropped: the frame would have to leave by veth0, where it came in, and hairpin is off there',
      null,
    ],
    [
      'an old entry counts no more once it has answered',
      {},
      { forwardingEntries: [learnt('veth0')] },
      accepted,
      undefined,
    ],
    [
      'a sticky entry of the administrator counts all the same',
      {},
      { forwardingEntries: [learnt('veth0', { fixed: true })] },
      'dropped: the frame would have to leave by veth0, where it came in, and hairpin is off there',
      null,
    ],
  ])('%s', (_name, boxTold, hostTold, end, errno) => {
    expect(asked(boxTold, hostTold)).toMatchObject({ end, errno });
  });

  const unlearnt = `veth0 is a port of br0: ${webMac} is not in its table, so the frame goes to all ports`;
  const floodOff = 'dropped: veth1 is not sent what br0 floods (flood off)';

  test.each<[string, Told, string, string[]]>([
    ['goes to all ports', { bridgePorts: ports({}, { learning: false }) }, accepted, [unlearnt]],
    [
      'and does not go to a port that gets no such frames',
      { bridgePorts: ports({}, { learning: false, flood: false }) },
      floodOff,
      [unlearnt, 'veth1 is not sent what br0 floods (flood off)'],
    ],
    [
      'goes where the table says that he is',
      { bridgePorts: ports({}, { learning: false, flood: false }), forwardingEntries: [learnt('veth1')] },
      accepted,
      [`veth0 is a port of br0: ${webMac} is behind veth1 by its table`],
    ],
    [
      'goes where the table says, though he is there no more',
      { bridgePorts: ports({}, { learning: false }), forwardingEntries: [learnt('veth0')] },
      'dropped: the frame would have to leave by veth0, where it came in, and hairpin is off there',
      [
        `veth0 is a port of br0: ${webMac} is behind veth0 by its table`,
        'the frame would have to leave by veth0, where it came in, and hairpin is off there',
      ],
    ],
  ])('what is for somebody behind a port where it does not learn: %s', (_name, hostTold, end, words) => {
    expect(asked({}, hostTold)).toMatchObject({ end, bridge: words });
  });

  test('the answer does not come to a port where it does not learn, and that gets no unknown frames', () => {
    const boxMac = '02:00:00:00:00:10';
    const links = [loopback(), link('eth0', { addresses: ['10.88.0.10'], mac: boxMac, peer: 'host:5' })];
    expect(asked({ links }, { bridgePorts: ports({ learning: false, flood: false }, {}) })).toMatchObject({
      end: 'dropped: web has the address 10.88.0.20, and its answer does not come to box:eth0: veth0 is not sent what br0 floods (flood off)',
      errno: 'EHOSTUNREACH',
    });
  });

  test("frames to a port's own address go up to the host", () => {
    const result = asked(knowsWeb, { forwardingEntries: [learnt('veth1', { permanent: true, fixed: true })] });
    expect(result.bridge).toEqual(["veth0 is a port of br0, and 10.88.0.20 is the host's own seat on it"]);
  });
});

describe('a locked port', () => {
  const boxMac = '02:00:00:00:00:10';
  const boxLink = link('eth0', { addresses: ['10.88.0.10'], mac: boxMac, peer: 'host:5' });
  const locked = (device: 'veth0' | 'veth1', ...forwardingEntries: readonly ForwardingEntry[]): Told => ({
    bridgePorts: ['veth0', 'veth1'].map((name) => port(name, 'br0', 'forwarding', { locked: name === device })),
    forwardingEntries,
  });
  const at = (device: string, told: Partial<ForwardingEntry> = {}) =>
    forwardingEntry(boxMac, device, { bridge: 'br0', ...told });
  const shut = `dropped: veth0 is locked, and lets nothing in from ${boxMac}`;
  const unheard = `dropped: web has the address 10.88.0.20, and its answer does not come to box:eth0: veth1 is locked, and lets nothing in from ${webMac}`;

  test.each<[string, Told, Told, string, string | null | undefined]>([
    ['nothing from whom the table does not have', {}, locked('veth0'), shut, 'EHOSTUNREACH'],
    ['whether somebody has to be asked or not', knowsWeb, locked('veth0'), shut, null],
    ['whom it has there', {}, locked('veth0', at('veth0')), accepted, undefined],
    ['whom somebody put there to stay', {}, locked('veth0', at('veth0', { fixed: true })), accepted, undefined],
    ['not whom it has at another port', {}, locked('veth0', at('veth1')), shut, 'EHOSTUNREACH'],
    ['not whom it has of another bridge', {}, locked('veth0', at('veth0', { bridge: 'br1' })), shut, 'EHOSTUNREACH'],
    ['not whom it has in a VLAN', {}, locked('veth0', at('veth0', { vlan: 1 })), shut, 'EHOSTUNREACH'],
    ['not who asked to be let in', {}, locked('veth0', at('veth0', { locked: true })), shut, 'EHOSTUNREACH'],
    [
      "not its own address: that is the host's",
      {},
      locked('veth0', at('veth0', { permanent: true, fixed: true })),
      shut,
      'EHOSTUNREACH',
    ],
    ['no answer from whom it does not have', {}, locked('veth1'), unheard, 'EHOSTUNREACH'],
    ['the answer of whom it has', {}, locked('veth1', learnt('veth1')), accepted, undefined],
    ['what goes out by it', knowsWeb, locked('veth1'), accepted, undefined],
  ])('lets in: %s', (_name, boxTold, hostTold, end, errno) => {
    expect(asked({ links: [loopback(), boxLink], ...boxTold }, hostTold)).toMatchObject({ end, errno });
  });

  test('that filters by VLAN looks in the VLAN of the frame', () => {
    const portVlans = ['veth0', 'veth1'].map((device) => member(device, 10));
    const links = [uplink, { ...bridge, vlanFiltering: true }, veth0, veth1];
    const end = (vlan: number | null) =>
      asked({ links: [loopback(), boxLink] }, { ...locked('veth0', at('veth0', { vlan })), links, portVlans }).end;
    expect([10, 20, null].map(end)).toEqual([accepted, shut, shut]);
  });

  test('the answer to a known neighbour does not come back', () => {
    const boxes = host(
      box({ links: [loopback(), boxLink], ...knowsWeb }),
      web({ links: [loopback(), webLink] }),
      bridgeHost(locked('veth1')),
    );
    const back = replyJourney(boxes, journey(boxes, packetTo('10.88.0.20'), 'box'));
    expect(back?.end).toMatchObject({ reason: `veth1 is locked, and lets nothing in from ${webMac}` });
  });
});

describe('VLAN filtering', () => {
  const links = [uplink, { ...bridge, vlanFiltering: true, mac: bridgeMac }, veth0, veth1];

  test.each<[string, Told['portVlans'], string]>([
    ['one VLAN for both', [member('veth0', 10), member('veth1', 10)], accepted],
    ['two', [member('veth0', 10), member('veth1', 20)], 'dropped: veth1 is not in VLAN 10 without a tag'],
    [
      'it leaves with a tag',
      [member('veth0', 10), member('veth1', 10, { untagged: false })],
      'dropped: veth1 is not in VLAN 10 without a tag',
    ],
    [
      'none for what comes in',
      [member('veth0', 10, { pvid: false }), member('veth1', 10)],
      'dropped: veth0 belongs to no VLAN that takes frames without a tag',
    ],
  ])('%s', (_name, portVlans, end) => {
    expect(asked({}, { links, portVlans: portVlans ?? [] }).end).toBe(end);
  });

  const ofHost = { links, listeners: ['tcp 0.0.0.0:80'] };
  const toHost = (portVlans: Told['portVlans'], boxTold: Told = {}, more: Told = {}) =>
    journey(
      host(box(boxTold), bridgeHost({ ...ofHost, portVlans: portVlans ?? [], ...more })),
      packetTo('10.88.0.1'),
      'box',
    );
  const knowsHost = { neighbours: [neighbour('10.88.0.1', 'eth0', bridgeMac)] };
  const notIn = 'dropped: br0 itself is not in VLAN 10, so that its host does not get the frame';
  const nobodyTakes = 'dropped: br0 gets frames of VLAN 10 with their tag, and there is no VLAN device to take them';
  const taggedUp =
    'undetermined: host:br0 gets frames of VLAN 10 with their tag, for a VLAN device on it, and the model does not follow that';
  const vlanDevice = link('br0.10', { index: 9, kind: 'vlan', addresses: ['10.88.0.1'] });

  test.each<[string, Told['portVlans'], Told, Told, string, string | null | undefined]>([
    ['the host is in the VLAN', [member('veth0', 10), member('br0', 10)], {}, {}, accepted, undefined],
    ['it is not, and is asked', [member('veth0', 10), member('br0', 1)], {}, {}, notIn, 'EHOSTUNREACH'],
    ['it is not, and its address is known', [member('veth0', 10), member('br0', 1)], knowsHost, {}, notIn, null],
    [
      'it is in it with a tag, and nothing takes that',
      [member('veth0', 10), member('br0', 10, { pvid: false, untagged: false })],
      {},
      {},
      nobodyTakes,
      'EHOSTUNREACH',
    ],
    [
      'with a tag, and there is a VLAN device',
      [member('veth0', 10), member('br0', 10, { pvid: false, untagged: false })],
      {},
      { links: [...links, vlanDevice] },
      taggedUp,
      null,
    ],
    [
      'with a tag, and there is a VLAN device, and nobody has to be asked',
      [member('veth0', 10), member('br0', 10, { pvid: false, untagged: false })],
      knowsHost,
      { links: [...links, vlanDevice] },
      taggedUp,
      null,
    ],
    [
      'with a tag, and the VLAN device is down',
      [member('veth0', 10), member('br0', 10, { pvid: false, untagged: false })],
      knowsHost,
      { links: [...links, { ...vlanDevice, up: false }] },
      nobodyTakes,
      null,
    ],
    [
      'it hears the question, and its answer goes to another VLAN',
      [member('veth0', 10), member('br0', 10, { pvid: false }), member('br0', 1)],
      {},
      {},
      'dropped: host has the address 10.88.0.1, and its answer does not come to box:eth0: veth0 is not in VLAN 1 without a tag',
      'EHOSTUNREACH',
    ],
  ])('to the host: %s', (_name, portVlans, boxTold, more, end, errno) => {
    const result = toHost(portVlans, boxTold, more);
    expect(told(result).at(-1)).toBe(end);
    expect('answer' in result.end ? (result.end.answer?.errno ?? null) : undefined).toBe(errno);
  });

  test('what is for the host goes to no port, whether the host gets it or not', () => {
    const { steps } = toHost([member('veth0', 10), member('veth1', 10), member('br0', 1)], knowsHost);
    expect(steps.at(-1)).toMatchObject({ device: 'br0', stage: 'bridge', fault: { kind: 'bridge-vlan-filtered' } });
    expect(steps.map(({ device }) => device)).not.toContain('veth1');
  });

  test('somebody else answers, while the host has the VLAN with a tag', () => {
    const portVlans = [member('veth0', 10), member('veth1', 10), member('br0', 10, { untagged: false })];
    expect(asked({}, { links: [...links, vlanDevice], portVlans }).end).toBe(accepted);
  });

  const nowhere = 'dropped: br0 belongs to no VLAN that takes frames without a tag';

  test.each<[string, Told['portVlans'], string]>([
    ['in one VLAN with the port', [member('veth1', 10), member('br0', 10)], accepted],
    ['in no VLAN', [member('veth1', 10)], nowhere],
    ['in one without a PVID', [member('veth1', 10), member('br0', 10, { pvid: false })], nowhere],
    [
      'in another than the port',
      [member('veth1', 10), member('br0', 1)],
      'dropped: veth1 is not in VLAN 1 without a tag',
    ],
  ])('from the host: %s', (_name, portVlans, end) => {
    const boxes = host(web({ links: [loopback(), webLink] }), bridgeHost({ ...ofHost, portVlans: portVlans ?? [] }));
    const result = journey(boxes, { ...packetTo('10.88.0.20'), source: '10.88.0.1' }, 'host');
    expect(told(result).at(-1)).toBe(end);
  });

  test('from the host, towards a port whose other end is out of sight', () => {
    const boxes = host(bridgeHost({ ...ofHost, links: [...links], portVlans: [member('veth1', 10)] }));
    const result = journey(boxes, { ...packetTo('10.88.0.20'), source: '10.88.0.1' }, 'host');
    expect(told(result).at(-1)).toBe(nowhere);
  });
});

describe('a packet that is too large', () => {
  const large = { length: 1450 };

  test.each<[string, Told, string]>([
    ['fits', {}, accepted],
    [
      'for the port that it leaves by',
      { links: [uplink, bridge, veth0, { ...veth1, mtu: 1400 }] },
      'dropped: veth1 takes 1400 bytes, and the packet has 1450',
    ],
    [
      'for the port that it comes in by',
      { links: [uplink, bridge, { ...veth0, mtu: 1400 }, veth1] },
      'dropped: veth0 takes 1400 bytes, and the packet has 1450',
    ],
    // As much as a frame with a VLAN's tag has (`__is_skb_forwardable`).
    [
      'by four bytes, for the port that it leaves by',
      { links: [uplink, bridge, veth0, { ...veth1, mtu: 1446 }] },
      accepted,
    ],
    [
      'by five bytes, for the port that it leaves by',
      { links: [uplink, bridge, veth0, { ...veth1, mtu: 1445 }] },
      'dropped: veth1 takes 1445 bytes, and the packet has 1450',
    ],
    [
      'by four bytes, for the port that it comes in by',
      { links: [uplink, bridge, { ...veth0, mtu: 1446 }, veth1] },
      accepted,
    ],
    [
      'by five bytes, for the port that it comes in by',
      { links: [uplink, bridge, { ...veth0, mtu: 1445 }, veth1] },
      'dropped: veth0 takes 1445 bytes, and the packet has 1450',
    ],
    [
      'by a byte, for the port that it leaves by, where br_netfilter has shown it to the hooks of IP',
      {
        links: [uplink, bridge, veth0, { ...veth1, mtu: 1449 }],
        sysctls: { 'net.bridge.bridge-nf-call-iptables': '1' },
      },
      'dropped: veth1 takes 1449 bytes, and the packet has 1450',
    ],
  ])('%s', (_name, hostTold, end) => {
    expect(asked({}, hostTold, large).end).toBe(end);
  });

  test('by a byte, for the device that IP sends it by', () => {
    const links = [loopback(), link('eth0', { addresses: ['10.88.0.10'], peer: 'host:5', mtu: 1449 })];
    expect(asked({ links }, {}, large)).toMatchObject({
      end: 'dropped: eth0 takes 1449 bytes, and the packet has 1450',
      errno: 'EMSGSIZE',
    });
  });
});

describe('who answers', () => {
  const from = (more: Told, other: Told = {}) => {
    const boxes = host(box(), web({ links: [loopback(), webLink], ...more }), bridgeHost(other));
    return told(journey(boxes, packetTo('10.88.0.20'), 'box')).at(-1);
  };
  const silent = (why: string) => `unanswered: web has the address 10.88.0.20 and does not answer: ${why}`;
  const sysctl = (name: string, value: string) => ({ [`net.ipv4.conf.eth0.${name}`]: value });
  const onLo = [
    link('lo', { index: 1, kind: 'loopback', addresses: ['10.88.0.20/32'] }),
    link('eth0', { addresses: ['10.88.0.21'], mac: webMac, peer: 'host:6' }),
  ];

  test.each<[string, Told, string]>([
    ['an address of another device', { links: onLo }, accepted],
    ['not with arp_ignore 1', { links: onLo, sysctls: sysctl('arp_ignore', '1') }, silent('its arp_ignore is 1')],
    ['arp_ignore 1 and its own device', { sysctls: sysctl('arp_ignore', '1') }, accepted],
    ['arp_ignore 3 and an address of the link', { sysctls: sysctl('arp_ignore', '3') }, accepted],
    ['arp_ignore 8', { sysctls: sysctl('arp_ignore', '8') }, silent('its arp_ignore is 8')],
    ['arp_filter, and the way back is by this device', { sysctls: sysctl('arp_filter', '1') }, accepted],
    [
      'arp_filter, and there is no way back',
      { sysctls: sysctl('arp_filter', '1'), routes: [] },
      silent('its way back to 10.88.0.10 is not by eth0 (arp_filter)'),
    ],
    [
      'arp_filter, and the asker has an address of its own',
      {
        links: [loopback(), link('eth0', { addresses: ['10.88.0.20', '10.88.0.10'], mac: webMac, peer: 'host:6' })],
        sysctls: { ...sysctl('arp_filter', '1'), ...sysctl('accept_local', '1') },
      },
      silent('its way back to 10.88.0.10 is not by eth0 (arp_filter)'),
    ],
    // The request is judged like a packet (seen on Linux 6.18).
    [
      'rp_filter, and there is no way back',
      { sysctls: sysctl('rp_filter', '1'), routes: [] },
      silent('there is no way back to 10.88.0.10, and eth0 filters by the reverse path (rp_filter 1)'),
    ],
  ])('%s', (_name, more, end) => {
    expect(from(more)).toBe(end);
  });

  const noArp = { links: [loopback(), { ...webLink, arp: false }] };
  const hostMac = { ...bridge, mac: bridgeMac };
  test.each<[string, Told, Told, string]>([
    ['not by a device without ARP', noArp, {}, silent('eth0 neither asks nor answers for addresses (NOARP)')],
    [
      'not even for an address of another device',
      { links: [onLo[0] ?? loopback(), { ...webLink, addresses: [], arp: false }] },
      {},
      silent('eth0 neither asks nor answers for addresses (NOARP)'),
    ],
    [
      'a port without ARP passes what others ask',
      {},
      { links: [uplink, hostMac, veth0, { ...veth1, arp: false }] },
      accepted,
    ],
  ])('%s', (_name, more, other, end) => {
    expect(from(more, other)).toBe(end);
  });

  test('two that have one address: the model does not guess which is heard first', () => {
    const twin = namespace('twin', {
      links: [loopback(), link('eth0', { addresses: ['10.88.0.20'], peer: 'host:7' })],
      routes: ['10.88.0.0/16 dev eth0'],
    });
    const veth2 = link('veth2', { index: 7, master: 'br0', peer: 'twin:2' });
    const links = [uplink, bridge, veth0, veth1, veth2];
    const boxes = host(box(), web({ links: [loopback(), webLink] }), twin, bridgeHost({ links }));
    expect(told(journey(boxes, packetTo('10.88.0.20'), 'box')).slice(1)).toEqual([
      'box:- route unknown',
      'undetermined: it takes one of 2 ways (several hosts answer for one address), and they end differently: accepted in web; or refused in twin',
    ]);
  });

  test('IPv6 asks the very device that has the address', () => {
    const links = (onDevice: readonly string[], onLoopback: readonly string[]) => [
      link('lo', { index: 1, kind: 'loopback', addresses: ['::1', ...onLoopback] }),
      link('eth0', { addresses: onDevice, mac: webMac, peer: 'host:6' }),
    ];
    const listeners = ['tcp *:80'];
    const routes = ['fd00:88::/64 dev eth0'];
    const end = (own: ReturnType<typeof links>) =>
      told(
        journey(
          host(box({ routes }), web({ links: own, listeners, routes }), bridgeHost()),
          packetTo('fd00:88::20'),
          'box',
        ),
      ).at(-1);
    expect(end(links(['fd00:88::20'], []))).toBe('accepted by tcp *:80');
    expect(end(links(['fd00:88::21'], ['fd00:88::20']))).toContain(
      'does not answer: its address is on lo, not on eth0',
    );
    expect(end(links(['fd00:88::20 tentative'], []))).toContain('does not answer: its address is tentative');
  });

  test("IPv6 answers for a subnet's routers at the device where it is one (RFC 4291, section 2.6.1)", () => {
    const end = (anycast: string) => {
      const routes = ['fd00:88::/64 dev br0', 'default via fd00:2::1 dev eth0', `anycast ${anycast}`];
      const boxRoutes = ['fd00:88::/64 dev eth0', 'default via fd00:88:: dev eth0'];
      const links = [
        loopback(),
        { ...uplink, addresses: [...uplink.addresses, ...link('', { addresses: ['2001:db8::1'] }).addresses] },
        bridge,
        veth0,
        veth1,
      ];
      const boxes = host(box({ routes: boxRoutes }), web(), bridgeHost({ links, routes, listeners: ['tcp *:80'] }));
      return told(journey(boxes, packetTo('2001:db8::1'), 'box')).at(-1);
    };
    expect(end('fd00:88:: dev br0')).toBe('accepted by tcp *:80');
    expect(end('fd00:88:: dev eth0')).toBe('unanswered: nobody on br0 has the address fd00:88::');
  });

  const isolated = ['veth0', 'veth1'].map((name) => port(name, 'br0', 'forwarding', { isolated: true }));
  const pvlan = (more: Readonly<Record<string, string>> = {}) => ({
    ...forwarding,
    'net.ipv4.conf.br0.proxy_arp_pvlan': '1',
    ...more,
  });
  test.each<[string, Record<string, string>, string]>([
    ['the host answers for those who may not answer each other', pvlan(), accepted],
    ['not without the switch', forwarding, 'dropped: veth0 and veth1 are both isolated ports of br0'],
    [
      'not without forwarding',
      pvlan({ 'net.ipv4.conf.br0.forwarding': '0' }),
      'dropped: veth0 and veth1 are both isolated ports of br0',
    ],
  ])('proxy_arp_pvlan: %s', (_name, sysctls, end) => {
    expect(
      asked({}, { links: [uplink, { ...bridge, mac: bridgeMac }, veth0, veth1], bridgePorts: isolated, sysctls }).end,
    ).toBe(end);
  });

  test('without a loopback device up, nobody tells the program', () => {
    const links = [loopback({ up: false }), link('eth0', { addresses: ['10.88.0.10'], peer: 'host:5' })];
    expect(journey(host(box({ links }), web(), bridgeHost()), packetTo('10.88.0.99'), 'box').end).toMatchObject({
      answer: null,
    });
    expect(journey(host(box(), web(), bridgeHost()), packetTo('10.88.0.99'), 'box').end).toMatchObject({
      answer: { errno: 'EHOSTUNREACH', netns: 'box', icmp: { type: 3, code: 1 } },
    });
  });
});

describe('who does not ask (NOARP)', () => {
  const boxMac = '02:00:00:00:00:10';
  const boxLink = link('eth0', { addresses: ['10.88.0.10', 'fd00:88::10'], mac: boxMac, peer: 'host:5', arp: false });
  const routes = ['10.88.0.0/16 dev eth0', 'fd00:88::/64 dev eth0'];
  const webLink6 = link('eth0', { addresses: ['10.88.0.20', 'fd00:88::20'], mac: webMac, peer: 'host:6' });
  const sent = (to: string, boxTold: Told = {}) =>
    journey(
      host(
        box({ links: [loopback(), boxLink], routes, ...boxTold }),
        web({ links: [loopback(), webLink6], listeners: ['tcp *:80'], routes }),
        bridgeHost(),
      ),
      packetTo(to),
      'box',
    );
  const toItself = (to: string) =>
    `dropped: eth0 asks for no addresses (NOARP), and the neighbour table has none for ${to}: the frame is for the address of eth0 itself, ${boxMac}, and nobody else takes it`;

  test.each(['10.88.0.20', 'fd00:88::20'])('sends to its own address, and nobody tells the program: %s', (to) => {
    const result = sent(to);
    expect(told(result).at(-1)).toBe(toItself(to));
    expect(result.end).toMatchObject({ answer: null });
    expect(result.steps.find(({ stage }) => stage === 'bridge')?.detail).toBe(
      `veth0 is a port of br0: the frame is for ${boxMac}, from which it comes, and goes to no other port`,
    );
  });

  test('hears nothing of a cable that is plugged in nowhere', () => {
    const result = sent('10.88.0.20', { links: [loopback(), { ...boxLink, carrier: false }] });
    expect(result.end).toMatchObject({ kind: 'dropped', reason: 'box:eth0 is down', answer: null });
  });

  test('uses what somebody has put in the neighbour table', () => {
    expect(told(sent('10.88.0.20', knowsWeb)).at(-1)).toBe('accepted by tcp *:80');
  });

  test('in the answer as well', () => {
    const boxes = host(
      box({ ...knowsWeb }),
      web({ links: [loopback(), { ...webLink6, arp: false }], listeners: ['tcp *:80'], routes }),
      bridgeHost(),
    );
    const there = journey(boxes, packetTo('10.88.0.20'), 'box');
    expect(told(there).at(-1)).toBe('accepted by tcp *:80');
    expect(replyJourney(boxes, there)?.end).toMatchObject({ kind: 'dropped' });
  });

  test('of IPv6 it is not known whether who has the address hears the question, if he knows the asker', () => {
    const end = (neighbours: Told['neighbours']) => {
      const links = [loopback(), { ...webLink6, arp: false }];
      const boxes = host(box({ routes }), web({ links, routes, neighbours: neighbours ?? [] }), bridgeHost());
      return told(journey(boxes, packetTo('fd00:88::20'), 'box')).at(-1);
    };
    expect(end([])).toContain('unanswered: web has the address fd00:88::20 and does not answer: eth0 neither');
    expect(end([neighbour('fd00:88::10', 'eth0', boxMac)])).toContain(
      'undetermined: web has the address fd00:88::20 and may not answer: ',
    );
  });

  test('a port that sends back what came in by it returns the frame to the sender', () => {
    const result = journey(
      host(
        box({ links: [loopback(), boxLink], routes }),
        bridgeHost({ bridgePorts: [port('veth0', 'br0', 'forwarding', { hairpin: true }), port('veth1', 'br0')] }),
      ),
      packetTo('10.88.0.20'),
      'box',
    );
    expect(told(result).at(-1)).toBe(
      'dropped: its source 10.88.0.10 is an address of this host itself (accept_local is 0)',
    );
  });

  test('a device that has no link-layer addresses asks as it always did: its other end is out of sight', () => {
    const links = [loopback(), link('tun0', { kind: 'tun', mac: boxMac, arp: false, addresses: ['10.88.0.10'] })];
    expect(told(sent('10.88.0.20', { links, routes: ['10.88.0.0/16 dev tun0'] })).at(-1)).toBe(
      'leaves-view: it leaves by box:tun0, a TUN or TAP device: the program that holds it goes on',
    );
  });
});
