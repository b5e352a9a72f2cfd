import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { predict, type Question } from '../../src/diagnose/predict.ts';
import { formatPath } from '../../src/report/path.ts';
import { host } from '../model/hosts.ts';
import { sometimes } from '../model/netfilter/tables.ts';
import { box, bridgeHost, type Told, web } from '../model/two-boxes.ts';
import { hostile } from './samples.ts';

function prediction(
  destination: string,
  changes: { web?: Told; host?: Told } = {},
  told: Partial<Question> = {},
): Diagnosis {
  return predict({
    snapshot: { takenNs: 0n, namespaces: [], processes: [], missing: [] },
    host: host(box(), web(changes.web), bridgeHost(changes.host)),
    netns: 'box',
    packet: { protocol: 'tcp', family: 4, source: '0.0.0.0', destination, destinationPort: 80 },
    name: null,
    kernelRoute: null,
    ...told,
  });
}

const kernel = { kind: 'route', type: 'unicast', device: 'tun0', gateway: null, source: null } as const;
const rules = { ruleTables: sometimes('INPUT', 'DROP') };
const kernelRoute = { command: 'ip -j -4 route get 10.88.0.20', answer: { ...kernel, text: '10.88.0.20 dev tun0' } };
const agreeing = { ...kernelRoute, answer: { ...kernelRoute.answer, device: 'eth0', text: '10.88.0.20 dev eth0' } };
const everythingHostile: Diagnosis = JSON.parse(
  JSON.stringify(prediction('10.88.0.20', { web: rules }, { name: 'web', kernelRoute })),
  (key, value: unknown) =>
    typeof value === 'string' && !['direction', 'outcome', 'verdict'].includes(key) ? `${value}${hostile}` : value,
);

describe('a prediction as text', () => {
  it.each<[string, Diagnosis]>([
    ['path-open', prediction('10.88.0.20', {}, { name: 'web', kernelRoute: agreeing })],
    ['path-refused', prediction('10.88.0.20', { web: { listeners: ['tcp 127.0.0.1:80'] } })],
    ['path-not-settled', prediction('10.88.0.20', { web: rules })],
    ['path-no-answer', prediction('10.88.0.20', { web: { routes: [] } })],
    ['path-kernel-disagrees', prediction('10.88.0.20', {}, { kernelRoute })],
    ['path-leaves', prediction('192.0.2.99')],
  ])('%s', async (name, diagnosis) => {
    await expect(formatPath(diagnosis)).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  it('is escaped', () => {
    // oxlint-disable-next-line no-control-regex -- that none is left is what is tested
    expect(formatPath(everythingHostile)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
  });

  it('is painted by what it means', () => {
    const paint = {
      strong: (text: string) => `*${text}*`,
      bad: (text: string) => `!${text}!`,
      good: (text: string) => `+${text}+`,
    };
    const verdict = (diagnosis: Diagnosis) =>
      formatPath(diagnosis, paint)
        .split('\n')
        .find((line) => /^[!*+][A-Z ]+[!*+]/.test(line));
    expect(verdict(prediction('10.88.0.20'))).toBe('+OK+');
    expect(verdict(prediction('10.88.0.20', { web: rules }))).toBe('*NOT SETTLED*');
    expect(verdict(prediction('10.88.0.20', { web: { listeners: [] } }))).toBe('!REFUSED!  *no-listener*  (inferred)');
  });
});
