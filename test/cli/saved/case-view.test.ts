import { describe, expect, it } from 'vitest';
import { viewCase } from '../../../src/cli/saved/case-view.ts';
import { diagnose } from '../../../src/diagnose/diagnose.ts';
import { caseOf, packets } from '../../diagnose/cases.ts';
import { captureOf } from '../../flow/frames.ts';

describe('a case for the terminal UI', () => {
  const evidence = caseOf({
    sights: [
      { packet: packets.syn, at: 0, afterNs: 5_000n },
      { packet: packets.syn, at: 1, afterNs: 1_000_004_000n },
      { packet: packets.reset, at: 2, afterNs: 0n },
    ],
  });
  const view = viewCase('outage.pcapng', evidence, diagnose(evidence));

  it('gives frames by number, with the time since the first one and the place', () => {
    const rows = [1, 2, 3].map((number) => view.frame(number));
    expect(rows.map(({ relativeTime, interfaceName }) => `${relativeTime} ${interfaceName}`)).toEqual([
      '0.000000 portainer:eth0',
      '0.999999 host:veth0',
      '-0.000005 host:podman0',
    ]);
    expect(rows[2]?.info).toBe('RST, ACK 10.88.0.1:19001 > 10.88.0.10:51054');
    expect(rows[0]?.dissection.layers.map(({ protocol }) => protocol)).toEqual(['eth', 'ip', 'tcp']);
    expect(view.frameCount).toBe(3);
  });

  it('answers filters, the same text with the same object', () => {
    const answer = view.filter('tcp.flags.reset && verdict');
    expect(answer.ok && [answer.frames.length, answer.frames.at(0)]).toEqual([1, 3]);
    expect(view.filter('tcp.flags.reset && verdict')).toBe(answer);
    expect(view.filter('tcp && tpc')).toMatchObject({ ok: false, start: 7, end: 10 });
  });

  it.each([0, 4, -1, 1.5])('has no frame %d', (number) => {
    expect(() => view.frame(number)).toThrow(RangeError);
  });

  it('names the device alone in a capture of another tool', () => {
    const foreign = captureOf([packets.syn]);
    expect(viewCase('x', foreign, diagnose(foreign)).frame(1).interfaceName).toBe('eth0');
  });
});
