import { describe, expect, test } from 'vitest';
import { collectScript, splitSections } from '../../src/host/script.ts';

const token = 'f00d';
const bytes = (text: string): Buffer => Buffer.from(text);

describe('splitSections', () => {
  test('cuts verbatim texts, with or without a last line feed', () => {
    const output = bytes(`[]\n${token} 0 ip -j addr\nno feed${token} 2 ss -x\n${token} none conntrack -L\n`);
    const error = bytes(`warning\n${token}\ncannot do\n${token}\n${token}\n`);
    expect(splitSections(output, error, token)).toEqual([
      { command: 'ip -j addr', exitCode: 0, text: '[]\n', error: '' },
      { command: 'ss -x', exitCode: 2, text: 'no feed', error: 'cannot do' },
      { command: 'conntrack -L', exitCode: null, text: '', error: '' },
    ]);
  });

  test.each([
    ['no mark yet', '[{"ifname"'],
    ['half a mark', `[]\n${token.slice(0, 2)}`],
    ['a mark without its line feed', `[]\n${token} 0 ip -j ad`],
    ['a mark that is longer than any of ours', `${token} 0 ${'x'.repeat(1000)}\n`],
  ])('leaves out what is not finished: %s', (_title, output) => {
    expect(splitSections(bytes(output), bytes(''), token)).toEqual([]);
  });
});

test('the script lists legacy tables by save alone, for only that creates nothing', () => {
  expect(collectScript).not.toMatch(/legacy -[SL]|iptables -[SL]/);
  expect(collectScript).toContain('iptables-legacy-save');
});
