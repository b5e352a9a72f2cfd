/** What doctor finds on a real host, and that it leaves nothing there. */
import { existsSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { describeLab } from './available.ts';

/** Modules that are loaded; none on a kernel without modules. */
function modules(): string[] {
  if (!existsSync('/proc/modules')) return [];
  return readFileSync('/proc/modules', 'utf8')
    .split('\n')
    .map((line) => line.split(' ', 1).join(''));
}

describeLab('doctor', () => {
  test('names what a lab host has, and leaves the host as it was', async () => {
    const before = modules();
    const child = execa('bin/nettrace', ['doctor', '--json'], { reject: false });
    const { stdout } = await child;
    const report: { schema: string; findings: { name: string; state: string }[] } = JSON.parse(stdout);
    expect(report.schema).toBe('nettrace.doctor/1');
    for (const name of ['root', 'ip', 'nsenter']) {
      expect(report.findings.find((finding) => finding.name === name)).toMatchObject({ state: 'ok' });
    }
    expect(modules()).toEqual(before);
    expect(existsSync(`/run/nettrace-${child.pid}`)).toBe(false);
    // Others may trace meanwhile, at places of their own; doctor mounts over /run, out of everybody's sight.
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(' /run tracefs ');
  });
});
