import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
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

/** What the script collects where there are these programs alone, shell scripts by their names. */
function collectedWith(programs: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'nettrace-script-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const shell = ['-c', collectScript, 'sh', token, 'no'];
  const { stdout, stderr } = spawnSync('/bin/sh', shell, { input: '\n', env: { PATH: folder } });
  return splitSections(stdout, stderr, token);
}

describe('tracked connections', () => {
  const conntrack = (version: string) => `
echo "asked $*"
echo "conntrack v${version} (conntrack-tools): 1 flow entries have been shown." >&2`;
  const listed = (count: number, script: string) =>
    collectedWith({ cat: `case $1 in *_count) echo ${count} ;; esac`, conntrack: script }).filter(({ command }) =>
      command.startsWith('conntrack'),
    );
  const all = { command: 'conntrack -L -o extended,id', exitCode: 0, text: 'asked -L -o extended,id\n', error: '' };

  test.each(['1.4.7', '1.4.10'])('are listed once by conntrack %s, which lists both IP versions', (version) => {
    expect(listed(1, conntrack(version))).toEqual([all]);
  });

  test('are listed again for IPv6 by one that lists IPv4 alone', () => {
    const six = { command: 'conntrack -L -f ipv6 -o extended,id', text: 'asked -L -f ipv6 -o extended,id\n' };
    expect(listed(1, conntrack('1.4.6'))).toEqual([all, { ...all, ...six }]);
  });

  test('are not asked for where there are none, or too many', () => {
    expect(listed(0, conntrack('1.4.6'))).toEqual([{ ...all, text: '' }]);
    expect(listed(1_000_000, conntrack('1.4.6'))).toEqual([]);
  });

  test('that cannot be listed are said to be so, with the reason', () => {
    const error = 'conntrack v1.4.7 (conntrack-tools): Operation failed: sorry, you must be root or get CAP_NET_ADMIN';
    expect(listed(1, `echo '${error}' >&2; exit 1`)).toEqual([{ ...all, exitCode: 1, text: '', error }]);
  });
});
