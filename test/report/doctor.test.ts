import { describe, expect, it } from 'vitest';
import { examine } from '../../src/doctor/findings.ts';
import { formatDoctor } from '../../src/report/doctor.ts';
import { factsWith, toolsWithout } from '../doctor/facts.ts';

const bare = factsWith({
  root: false,
  tools: toolsWithout('tcpdump', 'nft', 'conntrack'),
  capBuilt: false,
  tracefs: { unavailable: 'only root may read it', mounted: false, formats: new Map() },
  ownerTables: undefined,
  containers: null,
});

describe('what a host gives, as text', () => {
  it.each([
    ['doctor-everything', factsWith()],
    ['doctor-little', bare],
  ])('%s', async (name, facts) => {
    const text = formatDoctor(examine(facts));
    await expect(text).toMatchFileSnapshot(`golden/${name}.txt`);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('is escaped', () => {
    expect(formatDoctor(examine(factsWith({ kernelRelease: '6\u001b[2J' })))).toContain('6\\x1b[2J');
  });
});
