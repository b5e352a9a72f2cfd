import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ConnectionDiagnosis } from '../../../src/diagnose/diagnosis.ts';
import type { CaseView } from '../../../src/ui/case-view.ts';
import type { Rows } from '../../../src/ui/line.ts';
import { textOf } from '../../../src/ui/line.ts';
import { connectionRows } from '../../../src/ui/rows/connections.ts';
import { frameRows } from '../../../src/ui/rows/frames.ts';
import { layerRows } from '../../../src/ui/rows/layers.ts';
import { healthLines, interfaceRows } from '../../../src/ui/rows/live.ts';
import { pathRows } from '../../../src/ui/rows/path.ts';
import { placeText } from '../../../src/ui/rows/words.ts';
import { nameConnections } from '../../../src/ui/selection.ts';
import { cells } from '../../../src/ui/text.ts';
import { treeNodes } from '../../../src/ui/tree.ts';
import { interfaces, liveSample } from '../live-sample.ts';
import { hostile, refused, sample, well } from '../sample.ts';

const texts = ({ lines }: Rows): string[] => lines.map(textOf);

describe('connections', () => {
  const rows = (width: number, height: number, ...connections: ConnectionDiagnosis[]): string[] =>
    texts(connectionRows(sample, nameConnections(connections), 0, width, height));

  it('shows a verdict in words, its certainty, both ends and where it ended', () => {
    expect(rows(130, 2, refused, well)).toEqual([
      '> REFUSED ! tcp  portainer 10.88.0.10:53620 > host.containers.internal 10.88.0.1:19001  at host:podman0 socket',
      '  OK      ~ tcp  portainer 10.88.0.10:40112 > host.containers.internal 10.88.0.1:9000',
    ]);
  });

  it('shortens names where there is no room, then drops them', () => {
    expect(rows(70, 1, refused)).toEqual(['> REFUSED ! tcp  portain~ 10.88.0.10:53620 > host.con~ 10.88.0.1:19001']);
    expect(rows(60, 1, refused)).toEqual(['> REFUSED ! tcp  10.88.0.10:53620 > host.co~ 10.88.0.1:19001']);
    expect(rows(52, 1, refused)).toEqual(['> REFUSED ! tcp  10.88.0.10:53620 > 10.88.0.1:19001']);
  });

  const address = (last: string): string => `2001:db8:aaaa:bbbb:cccc:dddd:eeee:${last}`;
  const long = (outcome: ConnectionDiagnosis['outcome']): ConnectionDiagnosis => ({
    ...refused,
    outcome,
    source: { ...refused.source, address: address('1111') },
    destination: { ...refused.destination, address: address('2222') },
  });

  it('takes two rows for long addresses', () => {
    expect(rows(80, 4, long('refused'))).toEqual([
      '> REFUSED ! tcp  portainer [2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111]:53620',
      '               > host.containers~ [2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222]:19001',
    ]);
  });

  it('takes three where even one end does not fit beside the verdict', () => {
    expect(rows(60, 4, long('unreachable'))).toEqual([
      '> UNREACHABLE ! tcp  at host:podman0 socket',
      '    portainer [2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111]:53620',
      '  > host.con~ [2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222]:19001',
    ]);
  });

  it('never cuts an address and never outgrows its pane', () => {
    const end = fc.record({
      address: fc.oneof(fc.ipV4(), fc.ipV6()),
      port: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 65535 })),
      netns: fc.oneof(fc.constant(null), fc.string({ unit: 'binary', maxLength: 30 })),
      name: fc.oneof(fc.constant(null), fc.string({ unit: 'binary', maxLength: 30 })),
    });
    const connection = fc
      .tuple(fc.constantFrom(refused, well, { ...hostile, outcome: 'unreachable' as const }), end, end)
      .map(([base, source, destination]) => ({ ...base, source, destination }));
    fc.assert(
      fc.property(
        fc.array(connection, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 60, max: 220 }),
        (all, width) => {
          const drawn = rows(width, 12, ...all);
          for (const row of drawn) expect(cells(row)).toBeLessThanOrEqual(width);
          for (const { source, destination } of all) {
            expect(drawn.join('\n')).toContain(source.address);
            expect(drawn.join('\n')).toContain(destination.address);
          }
        },
      ),
    );
  });

  it('shows the selected one among many', () => {
    const many = Array.from({ length: 50 }, (_, index) => ({
      ...refused,
      source: { ...refused.source, port: 1000 + index },
    }));
    const shown = connectionRows(sample, nameConnections(many), 30, 80, 5);
    expect(texts(shown)[30 - shown.offset]).toMatch(/^> .*:1030 /);
    expect([shown.length, shown.lines.length]).toEqual([50, 5]);
  });
});

test('a list without connections says why', () => {
  const why = (view: CaseView) => texts(connectionRows(view, [], -1, 90, 10))[0]?.trim();
  const deaf = interfaces.map((one) => ({ ...one, captured: false }));
  const live = (changes: object) => ({ ...liveSample, live: liveSample.live && { ...liveSample.live, ...changes } });
  expect(why(sample)).toBe('No connections. Press 2 to look at the frames.');
  expect(why(liveSample)).toBe('No connections yet.');
  expect(why(live({ interfaces: [] }))).toBe('No connections yet.');
  expect(why(live({ interfaces: deaf }))).toBe('Nothing is captured. Press 3 to choose an interface.');
});

test('a list without interfaces says whether the host was looked at', () => {
  const why = (isKnown: boolean) => texts(interfaceRows(isKnown, [], -1, 90, 10))[0]?.trim();
  expect([why(false), why(true)]).toEqual([
    'Looking for the interfaces of this host.',
    'No interface of this host is known.',
  ]);
});

describe('path', () => {
  it('marks the hop where it ended, and the selected one', () => {
    expect(texts(pathRows(sample, refused, 0, 90, 10)).filter((row) => /^(>| X)/.test(row))).toEqual([
      '>  1 portainer:eth0  route    passed             10.88.0.0/16 is on eth0',
      ' X 7 host:podman0    socket   refused            nothing listens on 10.88.0.1:19001; ssh ~',
    ]);
  });

  it('tells how long after the hop before frames show the packet', () => {
    expect(texts(pathRows(sample, refused, 0, 90, 10)).slice(1, 4)).toEqual([
      '   2 portainer:eth0  egress   passed             the frame left the container',
      '   3 host:veth0      bridge   passed     +11 µs  podman0 took it for itself: the MAC is ~',
      '   4 host:podman0    ingress  passed      +1 µs  the host received it',
    ]);
  });

  it('leaves them out where why it went on would have no room', () => {
    expect(texts(pathRows(sample, refused, 0, 72, 10)).slice(1, 3)).toEqual([
      '   2 portainer:eth0  egress   passed     the frame left the container',
      '   3 host:veth0      bridge   passed     podman0 took it for itself: ~',
    ]);
  });

  it('has no room for times where there are none', () => {
    const untimed = { ...refused, hops: refused.hops.map((hop) => ({ ...hop, time: null })) };
    expect(texts(pathRows(sample, untimed, 0, 90, 10))[0]).toBe(
      '>  1 portainer:eth0  route    passed     10.88.0.0/16 is on eth0',
    );
  });

  it('tells the request from the reply', () => {
    const drawn = texts(pathRows(sample, well, 0, 90, 10));
    expect(drawn.slice(-2)).toEqual([
      '   7 -> host:podman0    socket   delivered          portainer listens on 0.0.0.0:9000',
      '   8 <- host:podman0    egress   passed             the answer left by podman0',
    ]);
  });

  it('says why there is none', () => {
    const without = { ...refused, hops: [] };
    const live = (isDone: boolean) => ({
      ...liveSample,
      live: liveSample.live && { ...liveSample.live, isDone: () => isDone },
    });
    const { evidence } = sample.diagnosis;
    const framesAlone = { ...sample, diagnosis: { ...sample.diagnosis, evidence: { ...evidence, snapshot: false } } };
    const why = (view: CaseView) => texts(pathRows(view, without, -1, 90, 10))[0]?.trim();
    expect(why(framesAlone)).toBe('No path: without a snapshot of the host, frames alone do not tell it.');
    expect(why(sample)).toBe('No path: the state of the host does not tell it.');
    expect(why(live(false))).toBe('No path yet: it is worked out while you look at the connection.');
    expect(why(live(true))).toBe('No path: the state of the host does not tell it.');
  });

  test.each([
    ['a-very-long-namespace-name', 'eth0', 14, 'a-very-l~:eth0'],
    ['host', 'podman0', 14, 'host:podman0'],
    ['host', null, 14, 'host'],
    [null, 'eth0', 14, 'eth0'],
    [null, null, 14, '?'],
    ['host', 'a-device-that-is-long', 14, 'host:a-device~'],
  ])('%s and %s in %i cells: %s', (netns, device, width, expected) => {
    expect(placeText(netns, device, width)).toBe(expected);
  });
});

describe('frames', () => {
  const unmarked = { marks: new Set<number>(), answer: null };
  const list = (numbers: readonly number[]) => ({
    length: numbers.length,
    at: (index: number) => numbers[index] ?? 1,
    indexOf: (number: number) => numbers.indexOf(number),
  });

  it('shows number, time, interface, length and what it says; marks evidence', () => {
    expect(
      texts(frameRows(sample, { frames: list(refused.frames), connection: refused, frameIndex: 1 }, unmarked, 110, 4)),
    ).toEqual([
      ' *   2   0.000112 portainer:eth0     74 SYN 10.88.0.10:53620 > 10.88.0.1:19001 win 64240 mss 1460',
      '>*   3   0.000118 host:veth0         74 SYN 10.88.0.10:53620 > 10.88.0.1:19001 win 64240 mss 1460',
      ' *   4   0.000121 host:podman0       74 SYN 10.88.0.10:53620 > 10.88.0.1:19001 win 64240 mss 1460',
      ' *   5   0.000164 host:podman0       54 RST, ACK 10.88.0.1:19001 > 10.88.0.10:53620',
    ]);
  });

  it('asks for the visible frames only', () => {
    const asked: number[] = [];
    const view = {
      ...sample,
      frameCount: 5_000_000,
      frame: (number: number) => {
        asked.push(number);
        return sample.frame(2);
      },
    };
    const all = { length: 5_000_000, at: (index: number) => index + 1, indexOf: (number: number) => number - 1 };
    frameRows(view, { frames: all, connection: null, frameIndex: 4_000_000 }, unmarked, 80, 5);
    expect(asked).toEqual([3_999_999, 4_000_000, 4_000_001, 4_000_002, 4_000_003]);
  });

  it('escapes what a capture point is called', () => {
    expect(
      texts(frameRows(sample, { frames: list([12]), connection: null, frameIndex: 0 }, unmarked, 110, 1))[0],
    ).toContain(String.raw`evil\x1b[2J\u202ename:eth0`);
  });
});

describe('layers', () => {
  const { dissection } = sample.frame(2);

  it('shows closed layers with their ends', () => {
    expect(texts(layerRows(treeNodes(dissection, new Set()), 1, 80, 9))).toEqual([
      '  + Ethernet, 0a:58:00:00:00:0a > 0a:58:00:00:00:01',
      '> + Internet Protocol Version 4, 10.88.0.10 > 10.88.0.1',
      '  + Transmission Control Protocol, 53620 > 19001',
    ]);
  });

  it('shows the fields of an open layer, with names where there is room', () => {
    const nodes = treeNodes(dissection, new Set(['tcp']));
    const at = nodes.findIndex(({ id }) => id === 'tcp/tcp.dstport');
    const row = (width: number) => texts(layerRows(nodes, at, width, 50))[at];
    expect(row(80)).toMatch(/^> {5}Destination port: 19001 {10,}tcp\.dstport$/);
    expect(row(50)).toBe('>     Destination port: 19001');
  });

  it('gives equal names distinct ids', () => {
    const twice = { ...dissection, layers: [...dissection.layers, ...dissection.layers] };
    const ids = treeNodes(twice, new Set(['tcp', 'tcp#2'])).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('tcp#2/tcp.dstport');
  });

  it('says what is malformed, and what the capture cut', () => {
    const cut = { ...sample.frame(12).dissection, truncated: true };
    expect(cut.error).not.toBeNull();
    const drawn = texts(layerRows(treeNodes(cut, new Set()), 0, 100, 20));
    expect(drawn.at(-2)).toMatch(/malformed \w+ at byte \d+/);
    expect(drawn.at(-1)).toContain('The capture cut this frame short');
  });
});

test.each([
  [75.3, '1:15'],
  [3599, '59:59'],
  [3600, '1:00:00'],
  [90_061, '25:01:01'],
])('%d seconds of a capture are told as %s', (seconds, told) => {
  const live = liveSample.live && { ...liveSample.live, seconds };
  expect(healthLines(live, null, 90).map(textOf)[0]).toContain(`Captured for ${told} at`);
});
