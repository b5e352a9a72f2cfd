import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ConnectionDiagnosis } from '../../../src/diagnose/diagnosis.ts';
import { bindings } from '../../../src/ui/keymap.ts';
import { textOf } from '../../../src/ui/line.ts';
import { headerLine, hintLine, ruleLine, tooSmallText } from '../../../src/ui/rows/bars.ts';
import { evidenceLines } from '../../../src/ui/rows/evidence.ts';
import { helpLines } from '../../../src/ui/rows/help.ts';
import { bytesEach, hexRows } from '../../../src/ui/rows/hex.ts';
import { whyLines } from '../../../src/ui/rows/why.ts';
import { initialState } from '../../../src/ui/state.ts';
import { refused, sample, sampleDiagnosis } from '../sample.ts';

describe('why', () => {
  const draw = (connection: ConnectionDiagnosis | null, width = 90): string =>
    whyLines(sampleDiagnosis, connection, width).map(textOf).join('\n');

  it('says what happened, what mends it, why, and how it is known', () => {
    expect(draw(refused)).toBe(
      [
        'The host refused the connection: ssh listens on 127.0.0.1:19001, and 10.88.0.1:19001 is',
        'another address.',
        '',
        'What mends it',
        '1. Let ssh listen on the address of the bridge (checked on a model of this host)',
        '   in host:',
        '   $ ssh -N -L 10.88.0.1:19001:127.0.0.1:9001 admin@10.20.0.5',
        '',
        'The packet left the container, crossed the bridge podman0 and reached the host. There the',
        'kernel looked for a program that listens on 10.88.0.1, port 19001, and found none, so it',
        'answered with a reset.',
        '',
        'A program listens on that port (ssh, process 4711), but on 127.0.0.1 only. That address',
        'can be reached from the host itself and from nowhere else.',
        '',
        'Evidence that is missing',
        '- Firewall rules were not traced: no nft table was added.',
        '',
        'REFUSED ! proven: the kernel said so, and frames or state agree. Cause:',
        'listener-on-other-address. The program met ECONNREFUSED.',
      ].join('\n'),
    );
  });

  it('says of a fix that it was not confirmed, and names alternatives', () => {
    const [fix] = refused.fixes;
    const text = draw({
      ...refused,
      fixes: fix ? [{ ...fix, verified: false }] : [],
      alternatives: [{ cause: 'firewall-reject', tellApart: 'nft list ruleset' }],
    });
    expect(text).toContain('(not confirmed on the model)');
    expect(text).toContain('- firewall-reject. This tells them apart:\n  $ nft list ruleset');
  });

  it('says of a fix that only shows something that it changes nothing', () => {
    const [fix] = refused.fixes;
    const text = draw({ ...refused, fixes: fix ? [{ ...fix, verified: false, onlyShows: true }] : [] });
    expect(text).toContain('(this changes nothing)');
    expect(text).not.toContain('not confirmed');
  });

  it('names what is missing when there is no connection', () => {
    expect(draw(null)).toContain('- Firewall rules were not traced');
  });
});

describe('evidence', () => {
  it('quotes by kind, what proves most first', () => {
    const drawn = evidenceLines(refused.hops.at(-1) ?? null, 120).map(textOf);
    expect(drawn).toEqual([
      'host:podman0, socket: refused. nothing listens on 10.88.0.1:19001; ssh listens on 127.0.0.1:19001 only',
      'The kernel said',
      '  tcp:tcp_send_reset',
      '    <idle>-0 [001] ..s.. 81.204117: tcp_send_reset: src=10.88.0.1:19001 dest=10.88.0.10:53620 state=UNKNOWN',
      '      reason=NO_SOCKET',
      'Frames show',
      '  frame 5: RST 10.88.0.1:19001 → 10.88.0.10:53620',
      'The state of the host says',
      '  in host: ss -HOtlnpe',
      '    LISTEN 0      128        127.0.0.1:19001      0.0.0.0:*    users:(("ssh",pid=4711,fd=4)) ino:38121 sk:5',
      'The model says',
      '  a look-up for 10.88.0.1:19001 finds no socket, so the kernel answers with RST',
    ]);
  });

  it('says when there is none', () => {
    expect(evidenceLines(refused.hops[4] ?? null, 80).map(textOf)).toContain(
      'Nothing was collected that shows this hop.',
    );
  });
});

describe('bytes', () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, index) => index + 0x30);
  const draw = (offset: number, length: number, width = 74, height = 5): string[] =>
    hexRows(bytes, { offset, length }, null, width, height).lines.map(textOf);

  it('brackets the bytes of a field inside a row', () => {
    expect(draw(2, 2)[0]).toBe('0000  30 31[32 33]34 35 36 37  38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?');
  });

  it('brackets over the gap, to the end of a row, and over rows', () => {
    expect(draw(6, 4)[0]).toBe('0000  30 31 32 33 34 35[36 37  38 39]3a 3b 3c 3d 3e 3f  0123456789:;<=>?');
    expect(draw(14, 2)[0]).toBe('0000  30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d[3e 3f] 0123456789:;<=>?');
    expect(draw(15, 2).slice(0, 2)).toEqual([
      '0000  30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e[3f  0123456789:;<=>?',
      '0010  40]41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO',
    ]);
    expect(draw(38, 2)[2]).toBe('0020  50 51 52 53 54 55[56 57]                          PQRSTUVW');
  });

  it('shows eight bytes a row where there is no room for sixteen', () => {
    expect(draw(0, 1, 60)[0]).toBe('0000 [30]31 32 33 34 35 36 37  01234567');
    expect([bytesEach(72, 1514), bytesEach(71, 1514), bytesEach(72, 70_000)]).toEqual([16, 8, 8]);
  });

  it('brings the field into view, and scrolls where it is told', () => {
    const long = new Uint8Array(1600);
    const offsetOf = (field: { offset: number; length: number }, scroll: number | null): number =>
      hexRows(long, field, scroll, 74, 4).offset;
    expect(offsetOf({ offset: 20, length: 4 }, null)).toBe(0);
    expect(offsetOf({ offset: 800, length: 32 }, null)).toBe(48);
    expect(offsetOf({ offset: 800, length: 400 }, null)).toBe(50);
    expect(offsetOf({ offset: 800, length: 4 }, 7)).toBe(7);
    expect(offsetOf({ offset: 800, length: 4 }, 700)).toBe(96);
  });

  it('marks exactly the bytes of the field, whatever the frame', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(220),
        fc.nat(60),
        fc.constantFrom(60, 74),
        (frame, offset, length, width) => {
          const rows = hexRows(frame, { offset, length }, 0, width, 40);
          const each = bytesEach(width, frame.length);
          const marked = rows.lines.flatMap((row) =>
            row.spans
              .filter(({ emphasis }) => emphasis === 'marked')
              .map(({ text }) => text.replaceAll(/[^0-9a-f]/g, '').length / 2),
          );
          const expected = Math.max(0, Math.min(offset + length, frame.length) - offset);
          const hexOf = (row: string): string => row.slice(5, 5 + each * 3 + 2).replaceAll(/[^0-9a-f]/g, '');
          expect(rows.lines.map(textOf).map(hexOf).join('')).toBe(Buffer.from(frame).toString('hex'));
          expect(marked.length > 0).toBe(expected > 0);
          for (const row of rows.lines) expect(textOf(row).length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe('bars', () => {
  it('lets the counts give way to the title', () => {
    expect(textOf(headerLine(sample, initialState, null, 90))).toContain('2 failed, 12 frames');
    expect(textOf(headerLine(sample, initialState, null, 80))).toMatch(/refused\.pcapng .*3 connections, 2 failed$/);
    expect(textOf(headerLine(sample, { ...initialState, view: 'packets' }, null, 60))).toMatch(
      /refused\.pcapng +1 Path \[2 Packets\]$/,
    );
  });

  it('counts as failed what has failed, not what is unknown', () => {
    const [first, ...others] = sample.diagnosis.connections;
    const unknown = first === undefined ? [] : [{ ...first, outcome: 'unknown' as const }];
    const view = { ...sample, diagnosis: { ...sample.diagnosis, connections: [...unknown, ...others] } };
    expect(textOf(headerLine(view, initialState, null, 90))).toContain('3 connections, 1 failed');
  });

  test.each([60, 80, 160])('always hints at help and quit, at %i columns', (width) => {
    for (const pane of ['connections', 'layers', 'help'] as const) {
      const hints = textOf(hintLine(pane, false, width));
      expect(hints).toHaveLength(width);
      expect(hints).toMatch(/\? help {2}q quit $/);
    }
  });

  it('shows a rule with = where keys act, and never half an address', () => {
    const abouts = ['of tcp 10.88.0.10:53620 > 10.88.0.1:19001', 'to 10.88.0.1:19001'];
    expect(textOf(ruleLine('path', abouts, 'REFUSED !', 74, true))).toBe(
      '== Path of tcp 10.88.0.10:53620 > 10.88.0.1:19001 =========== REFUSED ! ==',
    );
    expect(textOf(ruleLine('path', abouts, 'REFUSED !', 50, false))).toBe(
      '-- Path to 10.88.0.1:19001 ---------- REFUSED ! --',
    );
    expect(textOf(ruleLine('path', abouts, '', 20, false))).toBe('-- Path ------------');
  });

  it('says what a small terminal lacks', () => {
    expect(tooSmallText(50, 10).trim()).toBe('nettrace needs 60x16, this is 50x10. Ctrl-C quits');
    expect(tooSmallText(30, 10).trim()).toBe('60x16 needed, Ctrl-C quits');
    expect(tooSmallText(4, 2)).toBe('60x~');
  });
});

describe('help', () => {
  it('explains every binding and every sign', () => {
    const text = helpLines(100).map(textOf).join('\n');
    for (const { help } of bindings) expect(text).toContain(help);
    for (const sign of ['proven', 'observed', 'inferred', 'where the connection ended']) expect(text).toContain(sign);
  });
});
