import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { escapeText } from '../../src/report/escape.ts';
import { formatText, type Paint } from '../../src/report/text.ts';
import { caseOf, listeners, packets, rejectingRule, snapshotWith } from '../diagnose/cases.ts';
import { captureOf } from '../flow/frames.ts';
import { hostileOutage, outage } from './samples.ts';

describe('the plain report', () => {
  it.each<[string, Diagnosis]>([
    ['outage', outage],
    ['hostile', hostileOutage],
    ['foreign-capture', diagnose(captureOf([packets.syn, packets.reset]))],
    ['nothing-captured', diagnose(captureOf([]))],
    ['no-connection', diagnose(caseOf({ sights: [] }))],
    [
      'timeout',
      diagnose(
        caseOf({ sights: [packets.syn], snapshot: snapshotWith(listeners.bridge, rejectingRule), kernel: null }),
      ),
    ],
    [
      'firewall-inferred',
      diagnose(
        caseOf({ sights: [packets.syn, packets.reset], snapshot: snapshotWith(listeners.bridge, rejectingRule) }),
      ),
    ],
  ])('%s', async (name, diagnosis) => {
    await expect(formatText(diagnosis)).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  it('has no control character but its line feeds, whatever the evidence holds', () => {
    expect(formatText(hostileOutage).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('does not let evidence begin a line of its own', () => {
    // It holds a line feed, and behind that this.
    const begin = '\u009b31m';
    const lines = formatText(hostileOutage).split('\n');
    expect(lines.filter((line) => line.startsWith(begin) || line.startsWith(escapeText(begin)))).toEqual([]);
  });

  it('quotes each kind of evidence with where it comes from', () => {
    const text = formatText(outage);
    expect(text).toContain('  kernel tcp:tcp_send_reset: skbaddr=');
    expect(text).toContain('  ss -HOtlnpe (in host): LISTEN 0');
    expect(text).toContain('  frame 2: RST, ACK 10.88.0.1:19001 > 10.88.0.10:51054');
  });

  it('tells when a link was down', () => {
    const linkOutages = [
      { netns: 'host', device: 'podman0', from: '1795252471.012870935', to: null },
      { netns: 'host', device: 'veth0', from: '1795252471.000000000', to: '1795252472.500000000' },
    ];
    const text = formatText({ ...outage, evidence: { ...outage.evidence, linkOutages } }).replaceAll(/\s+/g, ' ');
    expect(text).toContain(
      'host:podman0 was down from 2026-11-21 09:14:31.012 UTC on, and had not come back by the end.',
    );
    expect(text).toContain('host:veth0 was down from 2026-11-21 09:14:31.000 UTC to 2026-11-21 09:14:32.500 UTC.');
  });

  it('paints what stands out, and changes nothing else', () => {
    const paint: Paint = {
      strong: (text) => `<s>${text}</s>`,
      bad: (text) => `<b>${text}</b>`,
      good: (text) => `<g>${text}</g>`,
    };
    const painted = formatText(outage, paint);
    expect(painted.split('\n')[0]).toBe('<b>REFUSED</b>  <s>listener-on-other-address</s>  (proven)');
    expect(painted.replaceAll(/<\/?[sbg]>/g, '')).toBe(formatText(outage));
  });
});
